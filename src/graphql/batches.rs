//! Where batches run: beside the request that waits for them, in the same task.
//!
//! A batch is looked at only once the request itself can go no further, so it holds every key of its level however many
//! threads there are. Spawned elsewhere it would run early and split.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

pub type Batch = BoxFuture<'static, ()>;

/// Takes batches in. Without a request that drives them they run as tasks of their own.
#[derive(Clone, Default)]
pub struct Batches(Option<UnboundedSender<Batch>>);

/// The batches of one request that are still to be driven.
pub struct Queued(UnboundedReceiver<Batch>);

impl Batches {
    pub fn queued() -> (Self, Queued) {
        let (sender, receiver) = unbounded_channel();
        (Self(Some(sender)), Queued(receiver))
    }

    pub fn run(&self, batch: Batch) {
        let left = match &self.0 {
            Some(queue) => queue.send(batch).err().map(|unsent| unsent.0),
            None => Some(batch),
        };
        if let Some(batch) = left {
            #[expect(clippy::disallowed_methods, reason = "a batch lives no longer than what waits for it")]
            tokio::spawn(batch);
        }
    }
}

impl Queued {
    /// Does `work`, and its batches whenever it waits.
    pub async fn drive<T>(mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        let mut running = FuturesUnordered::new();
        poll_fn(|cx| {
            let signal = Arc::new(Signal { is_woken: AtomicBool::new(false), task: cx.waker().clone() });
            let waker = Waker::from(Arc::clone(&signal));
            loop {
                if let Poll::Ready(done) = work.as_mut().poll(&mut Context::from_waker(&waker)) {
                    return Poll::Ready(done);
                }
                if signal.is_woken.swap(false, Ordering::AcqRel) {
                    continue;
                }
                while let Poll::Ready(Some(batch)) = self.0.poll_recv(cx) {
                    running.push(batch);
                }
                match running.poll_next_unpin(cx) {
                    Poll::Ready(Some(())) => {}
                    Poll::Ready(None) | Poll::Pending => return Poll::Pending,
                }
            }
        })
        .await
    }
}

/// Wakes the task, and remembers it: joined futures wake themselves when they stop before all of them were looked at.
struct Signal {
    is_woken: AtomicBool,
    task: Waker,
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.is_woken.store(true, Ordering::Release);
        self.task.wake_by_ref();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::convert::Infallible;
    use std::sync::atomic::AtomicUsize;
    use std::time::Duration;

    use async_graphql::dataloader::{DataLoader, Loader};
    use futures_util::future::join_all;

    use super::*;

    struct Counting(Arc<AtomicUsize>);

    impl Loader<usize> for Counting {
        type Value = usize;
        type Error = Infallible;

        async fn load(&self, keys: &[usize]) -> Result<HashMap<usize, usize>, Infallible> {
            self.0.fetch_add(1, Ordering::SeqCst);
            Ok(keys.iter().map(|key| (*key, *key)).collect())
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn five_hundred_waiting_fields_make_one_batch() {
        let loads = Arc::new(AtomicUsize::new(0));
        let (batches, queued) = Batches::queued();
        let loader = DataLoader::new(Counting(Arc::clone(&loads)), move |batch| batches.run(batch));
        let loader = loader.delay(Duration::ZERO);

        let answers = queued.drive(join_all((0..500).map(|key| loader.load_one(key)))).await;

        assert_eq!(answers, (0..500).map(|key| Ok(Some(key))).collect::<Vec<_>>());
        assert_eq!(loads.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_batch_runs_even_when_nobody_drives_it() {
        let (batches, queued) = Batches::queued();
        drop(queued);
        let (sender, done) = tokio::sync::oneshot::channel();

        batches.run(Box::pin(async move { sender.send(7).expect("somebody waits") }));

        assert_eq!(done.await, Ok(7));
    }
}
