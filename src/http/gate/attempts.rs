//! Failed attempts by address: ten in a minute, then none for as long as those ten stay within one.

use std::collections::{HashMap, VecDeque};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::TimeDelta;
use lru::LruCache;
use tokio::sync::OwnedMutexGuard;

use super::Source;
use crate::clock::Clock;
use crate::domain::Instant;

/// So many failures in one [`WINDOW`] lock an address out.
const MOST: usize = 10;
const WINDOW: TimeDelta = TimeDelta::minutes(1);
/// Of the addresses that failed, those that did so last.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(8_192).unwrap();

#[derive(Clone)]
pub struct Attempts(Arc<Shared>);

struct Shared {
    clock: Clock,
    failures: Mutex<LruCache<Source, VecDeque<Instant>>>,
    turns: Mutex<HashMap<Source, Arc<tokio::sync::Mutex<()>>>>,
}

/// Held while an attempt is judged: the next one of its address waits.
pub struct AttemptTurn {
    attempts: Attempts,
    source: Source,
    held: Option<OwnedMutexGuard<()>>,
}

impl Attempts {
    pub fn new(clock: Clock) -> Self {
        let failures = Mutex::new(LruCache::new(REMEMBERED));
        Self(Arc::new(Shared { clock, failures, turns: Mutex::default() }))
    }

    /// Waits until no other attempt of this address is being judged.
    pub async fn turn(&self, source: Source) -> AttemptTurn {
        let turn = Arc::clone(self.turns().entry(source).or_default());
        // Made before the wait: whoever gives up waiting tidies up too.
        let mut own = AttemptTurn { attempts: self.clone(), source, held: None };
        own.held = Some(turn.lock_owned().await);
        own
    }

    /// For how many more seconds the address is locked out, if it is.
    pub fn locked_for(&self, source: Source) -> Option<u32> {
        let now = self.0.clock.now();
        let mut all = self.failures();
        let failures = all.peek_mut(&source)?;
        forget(failures, now);
        let oldest = failures.len().checked_sub(MOST).map(|index| failures[index])?;
        let left = (oldest + WINDOW - now).num_milliseconds();
        Some(u32::try_from(left.max(1).unsigned_abs().div_ceil(1_000)).unwrap_or(u32::MAX))
    }

    pub fn note_failure(&self, source: Source) {
        let now = self.0.clock.now();
        let mut all = self.failures();
        let failures = all.get_or_insert_mut(source, VecDeque::new);
        forget(failures, now);
        if failures.len() >= MOST {
            failures.pop_front();
        } else if failures.len() + 1 == MOST {
            tracing::warn!(%source, "an address is locked out after too many failed attempts");
        }
        failures.push_back(now);
    }

    fn failures(&self) -> MutexGuard<'_, LruCache<Source, VecDeque<Instant>>> {
        self.0.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn turns(&self) -> MutexGuard<'_, HashMap<Source, Arc<tokio::sync::Mutex<()>>>> {
        self.0.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Drops what is a minute old, and what a clock that was set back has put into the future.
fn forget(failures: &mut VecDeque<Instant>, now: Instant) {
    failures.retain(|at| *at <= now && now - *at < WINDOW);
}

impl Drop for AttemptTurn {
    fn drop(&mut self) {
        self.held = None;
        let mut turns = self.attempts.turns();
        // What is left is the map's own: nobody holds it, nobody waits.
        if turns.get(&self.source).is_some_and(|turn| Arc::strong_count(turn) == 1) {
            turns.remove(&self.source);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use futures_util::FutureExt as _;

    use super::*;

    fn attempts() -> (Attempts, Clock) {
        let clock = Clock::manual(Instant::UNIX_EPOCH + TimeDelta::days(1));
        (Attempts::new(clock.clone()), clock)
    }

    fn source(number: u32) -> Source {
        IpAddr::V4(Ipv4Addr::from_bits(number)).into()
    }

    #[test]
    fn ten_failures_within_any_minute_lock_out_until_the_first_is_a_minute_old() {
        let (attempts, clock) = attempts();
        for _ in 0..MOST {
            assert_eq!(attempts.locked_for(source(1)), None);
            attempts.note_failure(source(1));
            clock.advance(TimeDelta::seconds(2));
        }
        assert_eq!(attempts.locked_for(source(1)), Some(40));
        assert_eq!(attempts.locked_for(source(2)), None);
        clock.advance(TimeDelta::milliseconds(39_999));
        assert_eq!(attempts.locked_for(source(1)), Some(1));
        clock.advance(TimeDelta::milliseconds(1));
        assert_eq!(attempts.locked_for(source(1)), None);
        attempts.note_failure(source(1));
        assert_eq!(attempts.locked_for(source(1)), Some(2), "the second oldest counts now");
    }

    #[test]
    fn a_clock_that_is_set_back_locks_nobody_out() {
        let (attempts, clock) = attempts();
        (0..MOST).for_each(|_| attempts.note_failure(source(1)));
        clock.advance(TimeDelta::hours(-1));
        assert_eq!(attempts.locked_for(source(1)), None);
    }

    #[test]
    fn memory_is_bounded_for_addresses_and_for_each() {
        let (attempts, _) = attempts();
        for number in 0..20_000 {
            attempts.note_failure(source(number));
        }
        (0..1_000).for_each(|_| attempts.note_failure(source(19_999)));
        assert_eq!(attempts.failures().len(), REMEMBERED.get());
        assert_eq!(attempts.failures().peek(&source(19_999)).unwrap().len(), MOST);
    }

    #[tokio::test]
    async fn attempts_of_one_address_are_judged_one_after_the_other() {
        let (attempts, _) = attempts();
        let first = attempts.turn(source(1)).await;
        assert!(attempts.turn(source(1)).now_or_never().is_none());
        assert!(attempts.turn(source(2)).now_or_never().is_some());
        drop(first);
        assert!(attempts.turn(source(1)).now_or_never().is_some());
        assert!(attempts.turns().is_empty(), "nothing stays behind");
    }
}
