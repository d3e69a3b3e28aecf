//! How many operations run at a time, how many wait, and how much of both one token may have.
//!
//! There are fewer turns than connections to the database, so that syncs always find one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Of all tokens together, for each operation that may run.
const WAITING_FOR_EACH: usize = 32;
/// Whoever waits longer is told to come back.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Clone)]
pub struct Turns(Arc<Shared>);

struct Shared {
    all: Lane,
    /// How much one token may have.
    share: (usize, usize),
    tokens: Mutex<HashMap<String, Arc<Lane>>>,
}

/// Places to run in, and places to wait in.
struct Lane {
    running: Arc<Semaphore>,
    /// Running and waiting together.
    present: Arc<Semaphore>,
}

/// A place among the operations that run, until it is dropped.
pub struct Turn {
    _all: Place,
    _own: Place,
    _holder: Holder,
}

struct Place {
    _running: OwnedSemaphorePermit,
    _present: OwnedSemaphorePermit,
}

/// Why an operation does not run now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Busy {
    #[error("too many operations at a time with this token: try again in a moment")]
    Token,
    #[error("too many operations at a time: try again in a moment")]
    Server,
}

impl Lane {
    fn new(running: usize, waiting: usize) -> Self {
        Self { running: Arc::new(Semaphore::new(running)), present: Arc::new(Semaphore::new(running + waiting)) }
    }

    /// None when too many wait, or nobody makes room in time.
    async fn enter(&self) -> Option<Place> {
        let present = Arc::clone(&self.present).try_acquire_owned().ok()?;
        let running = timeout(PATIENCE, Arc::clone(&self.running).acquire_owned()).await.ok()?.ok()?;
        Some(Place { _running: running, _present: present })
    }
}

impl Turns {
    pub fn new(running: usize) -> Self {
        let waiting = running * WAITING_FOR_EACH;
        let share = (running.div_ceil(2), waiting / 2);
        Self(Arc::new(Shared { all: Lane::new(running, waiting), share, tokens: Mutex::default() }))
    }

    pub async fn take(&self, holder: &str) -> Result<Turn, Busy> {
        let holder = self.holder(holder);
        let own = holder.lane.enter().await.ok_or(Busy::Token)?;
        let all = self.0.all.enter().await.ok_or(Busy::Server)?;
        Ok(Turn { _all: all, _own: own, _holder: holder })
    }

    fn holder(&self, token: &str) -> Holder {
        let (running, waiting) = self.0.share;
        let mut tokens = self.tokens();
        let lane = tokens.entry(token.to_owned()).or_insert_with(|| Arc::new(Lane::new(running, waiting)));
        Holder { turns: self.clone(), token: token.to_owned(), lane: Arc::clone(lane) }
    }

    fn tokens(&self) -> MutexGuard<'_, HashMap<String, Arc<Lane>>> {
        self.0.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A token that has something here. The last one forgets it.
struct Holder {
    turns: Turns,
    token: String,
    lane: Arc<Lane>,
}

impl Drop for Holder {
    fn drop(&mut self) {
        let mut tokens = self.turns.tokens();
        // The map's own and this one.
        if Arc::strong_count(&self.lane) == 2 {
            tokens.remove(&self.token);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_token_leaves_half_to_the_others() {
        let turns = Turns::new(4);
        let flood = [turns.take("a").await.unwrap(), turns.take("a").await.unwrap()];
        assert!(turns.take("a").now_or_never().is_none(), "waits");
        assert!(turns.take("b").now_or_never().is_some_and(|turn| turn.is_ok()));
        drop(flood);
        assert!(turns.take("a").now_or_never().is_some_and(|turn| turn.is_ok()));
        assert!(turns.tokens().is_empty(), "nothing stays behind");
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_in_vain_is_told_whose_fault_it_is() {
        let turns = Turns::new(2);
        let _own = turns.take("a").await.unwrap();
        assert_eq!(turns.take("a").await.err(), Some(Busy::Token));
        let _other = turns.take("b").await.unwrap();
        assert_eq!(turns.take("c").await.err(), Some(Busy::Server));
    }

    #[tokio::test(start_paused = true)]
    async fn the_queue_is_bounded_and_moves_on() {
        let turns = Turns::new(2);
        let held = turns.take("a").await.unwrap();
        let mut waiting: Vec<_> = (0..WAITING_FOR_EACH).map(|_| Box::pin(turns.take("a"))).collect();
        assert!(waiting.iter_mut().all(|turn| turn.now_or_never().is_none()));
        assert_eq!(turns.take("a").now_or_never().and_then(Result::err), Some(Busy::Token));
        drop(held);
        assert!(waiting.remove(0).await.is_ok());
    }
}
