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
            if let Poll::Ready(done) = work.as_mut().poll(&mut Context::from_waker(&waker)) {
                return Poll::Ready(done);
            }
            if signal.is_woken.load(Ordering::Acquire) {
                // It goes on in this task's next turn. Asked again at once it could wake itself for ever: what tokio
                // lets a task do in one turn may be used up.
                return Poll::Pending;
            }
            while let Poll::Ready(Some(batch)) = self.0.poll_recv(cx) {
                running.push(batch);
            }
            match running.poll_next_unpin(cx) {
                Poll::Ready(Some(())) => {
                    cx.waker().wake_by_ref();
                    Poll::Pending
                }
                Poll::Ready(None) | Poll::Pending => Poll::Pending,
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
    use super::*;

    #[tokio::test]
    async fn a_batch_runs_even_when_nobody_drives_it() {
        let (batches, queued) = Batches::queued();
        drop(queued);
        let (sender, done) = tokio::sync::oneshot::channel();

        batches.run(Box::pin(async move { sender.send(7).expect("somebody waits") }));

        assert_eq!(done.await, Ok(7));
    }

    #[test]
    fn work_that_uses_up_its_turn_goes_on_in_the_next() {
        let (sender, done) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            let (_batches, queued) = Batches::queued();
            runtime.block_on(queued.drive(async {
                let lock = tokio::sync::Mutex::new(());
                for _ in 0..1_000 {
                    drop(lock.lock().await);
                }
            }));
            sender.send(())
        });
        assert_eq!(done.recv_timeout(std::time::Duration::from_secs(20)), Ok(()), "it wakes itself for ever");
    }
}
