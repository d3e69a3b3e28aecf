//! One statement for all keys that a request waits for at the same time, and what it found for whoever asks later.
//!
//! In place of the library's own loader, which lets a timer go off before each batch: a millisecond at least, for each
//! level of a query.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_graphql::dataloader::Loader;
use tokio::sync::oneshot;

use crate::graphql::batches::Batches;
use crate::graphql::error::ApiError;

/// A loader whose keys are gathered.
pub struct Batched<K, L: Loader<K>>
where
    K: Send + Sync + Hash + Eq + Clone + 'static,
{
    inner: Arc<Inner<K, L>>,
    batches: Batches,
}

struct Inner<K, L: Loader<K>>
where
    K: Send + Sync + Hash + Eq + Clone + 'static,
{
    loader: L,
    state: Mutex<State<K, L::Value>>,
}

struct State<K, V> {
    /// None for what is not there.
    known: HashMap<K, Option<V>>,
    /// The batch that has not begun.
    next: Gathered<K>,
    /// Batches that are being read, by their numbers.
    under_way: HashMap<usize, Gathered<K>>,
    begun: usize,
}

/// The keys of one batch, and who waits for them.
struct Gathered<K> {
    keys: HashSet<K>,
    waiting: Vec<oneshot::Sender<Result<(), ApiError>>>,
}

impl<K> Gathered<K> {
    fn wait(&mut self) -> oneshot::Receiver<Result<(), ApiError>> {
        let (sender, receiver) = oneshot::channel();
        self.waiting.push(sender);
        receiver
    }
}

impl<K> Default for Gathered<K> {
    fn default() -> Self {
        Self { keys: HashSet::new(), waiting: Vec::new() }
    }
}

/// A batch that is being read. Given up, it takes its keys along, so that they may be read again, and whoever waits for
/// them goes on.
struct Reading<'a, K, L: Loader<K>>
where
    K: Send + Sync + Hash + Eq + Clone + 'static,
{
    inner: &'a Inner<K, L>,
    number: usize,
}

impl<K, L: Loader<K>> Drop for Reading<'_, K, L>
where
    K: Send + Sync + Hash + Eq + Clone + 'static,
{
    fn drop(&mut self) {
        self.inner.lock().under_way.remove(&self.number);
    }
}

impl<K, L> Batched<K, L>
where
    K: Send + Sync + Hash + Eq + Clone + 'static,
    L: Loader<K, Error = ApiError>,
{
    pub fn new(loader: L, batches: &Batches) -> Self {
        let (next, under_way) = (Gathered::default(), HashMap::new());
        let state = State { known: HashMap::new(), next, under_way, begun: 0 };
        Self { inner: Arc::new(Inner { loader, state: Mutex::new(state) }), batches: batches.clone() }
    }

    pub async fn load_one(&self, key: K) -> Result<Option<L::Value>, ApiError> {
        Ok(self.load_many([key.clone()]).await?.remove(&key))
    }

    /// What is there of these.
    pub async fn load_many(&self, keys: impl IntoIterator<Item = K>) -> Result<HashMap<K, L::Value>, ApiError> {
        let keys: HashSet<K> = keys.into_iter().collect();
        for loaded in self.want(&keys) {
            loaded.await.map_err(|_| ApiError::Internal)??;
        }
        let state = self.inner.lock();
        let found = keys.into_iter().filter_map(|key| {
            let value = state.known.get(&key)?.clone()?;
            Some((key, value))
        });
        Ok(found.collect())
    }

    /// Has what is neither known of these nor being read be read. What to wait for until all is known.
    fn want(&self, keys: &HashSet<K>) -> Vec<oneshot::Receiver<Result<(), ApiError>>> {
        let mut state = self.inner.lock();
        let mut unknown: Vec<&K> = keys.iter().filter(|key| !state.known.contains_key(key)).collect();
        let mut receivers = Vec::new();
        for batch in state.under_way.values_mut() {
            let before = unknown.len();
            unknown.retain(|key| !batch.keys.contains(key));
            if unknown.len() < before {
                receivers.push(batch.wait());
            }
        }
        if unknown.is_empty() {
            return receivers;
        }
        let is_first = state.next.waiting.is_empty();
        state.next.keys.extend(unknown.into_iter().cloned());
        receivers.push(state.next.wait());
        drop(state);
        if is_first {
            let inner = Arc::clone(&self.inner);
            self.batches.run(Box::pin(async move { inner.load().await }));
        }
        receivers
    }
}

impl<K, L> Inner<K, L>
where
    K: Send + Sync + Hash + Eq + Clone + 'static,
    L: Loader<K, Error = ApiError>,
{
    async fn load(&self) {
        let (reading, keys) = self.begin();
        let loaded = self.loader.load(&keys).await;
        let mut state = self.lock();
        let loaded = loaded.map(|mut found| {
            for key in keys {
                let value = found.remove(&key);
                state.known.insert(key, value);
            }
        });
        let waiting = state.under_way.remove(&reading.number).unwrap_or_default().waiting;
        drop(state);
        for waiter in waiting {
            // Whoever does not wait any more need not know.
            let _gone = waiter.send(loaded.clone());
        }
    }

    fn begin(&self) -> (Reading<'_, K, L>, Vec<K>) {
        let mut state = self.lock();
        let batch = std::mem::take(&mut state.next);
        let keys: Vec<K> = batch.keys.iter().cloned().collect();
        state.begun += 1;
        let number = state.begun;
        state.under_way.insert(number, batch);
        (Reading { inner: self, number }, keys)
    }
}

impl<K, L> Inner<K, L>
where
    K: Send + Sync + Hash + Eq + Clone + 'static,
    L: Loader<K>,
{
    fn lock(&self) -> MutexGuard<'_, State<K, L::Value>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;
    use tokio::sync::Semaphore;

    use super::*;

    struct Odd(Arc<AtomicUsize>);

    impl Loader<usize> for Odd {
        type Value = usize;
        type Error = ApiError;

        async fn load(&self, keys: &[usize]) -> Result<HashMap<usize, usize>, ApiError> {
            self.0.fetch_add(1, Ordering::SeqCst);
            if keys.contains(&10_000) {
                return Err(ApiError::Internal);
            }
            Ok(keys.iter().filter(|key| *key % 2 == 1).map(|key| (*key, *key)).collect())
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn waiting_fields_make_one_batch_and_what_is_known_is_not_asked_again() {
        let loads = Arc::new(AtomicUsize::new(0));
        let (batches, queued) = Batches::queued();
        let loader = Batched::new(Odd(Arc::clone(&loads)), &batches);
        let work = async {
            let first = join_all((0..5_000).map(|key| loader.load_one(key))).await;
            let again = join_all((0..5_000).map(|key| loader.load_one(key))).await;
            assert_eq!(loader.load_many([1, 2, 3]).await.unwrap().len(), 2);
            assert!(loader.load_one(10_000).await.is_err() && loader.load_one(5_001).await.unwrap() == Some(5_001));
            (first, again)
        };
        let (first, again) = queued.drive(work).await;
        let expected: Vec<_> = (0..5_000).map(|key| (key % 2 == 1).then_some(key)).collect();
        for answers in [first, again] {
            assert_eq!(answers.into_iter().map(Result::unwrap).collect::<Vec<_>>(), expected);
        }
        assert_eq!(loads.load(Ordering::SeqCst), 3);
    }

    /// Tells that it begins to read, and reads once it may.
    struct Slow {
        begun: Semaphore,
        may_read: Semaphore,
    }

    impl Slow {
        async fn pass(gate: &Semaphore) {
            gate.acquire().await.expect("it stays open").forget();
        }
    }

    impl Loader<usize> for Slow {
        type Value = Vec<usize>;
        type Error = ApiError;

        async fn load(&self, keys: &[usize]) -> Result<HashMap<usize, Vec<usize>>, ApiError> {
            self.begun.add_permits(1);
            Self::pass(&self.may_read).await;
            Ok(keys.iter().map(|key| (*key, keys.to_vec())).collect())
        }
    }

    #[tokio::test]
    async fn what_is_being_read_is_waited_for_and_not_asked_again() {
        let (batches, queued) = Batches::queued();
        let loader = Batched::new(Slow { begun: Semaphore::new(0), may_read: Semaphore::new(0) }, &batches);
        let Slow { begun, may_read } = &loader.inner.loader;
        let late = async {
            Slow::pass(begun).await;
            let reading = async {
                Slow::pass(begun).await;
                may_read.add_permits(2);
            };
            tokio::join!(loader.load_one(1), loader.load_many([1, 2, 3]), reading)
        };

        let (first, (one, all, ())) = queued.drive(async { tokio::join!(loader.load_many([1, 2]), late) }).await;

        let all = all.unwrap();
        assert_eq!((first.unwrap().len(), all.len()), (2, 3));
        assert_eq!(one.unwrap(), Some(all[&1].clone()));
        assert_eq!(all[&3], [3], "the second batch reads what the first does not");
    }
}
