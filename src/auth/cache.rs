//! Callers that were told apart a moment ago.

use std::collections::HashMap;

use chrono::TimeDelta;

use crate::domain::Instant;
use crate::store::views::Caller;

/// A revoked token is refused within this time.
pub const REMEMBERED_FOR: TimeDelta = TimeDelta::seconds(5);
/// A caller who stays connected is confirmed so often, so that rights end within five seconds there too.
pub const CONFIRMED_FOR: TimeDelta = TimeDelta::seconds(2);
const LARGEST: usize = 1024;

#[derive(Debug, Default)]
pub struct Cache(HashMap<String, Entry>);

#[derive(Debug)]
struct Entry {
    caller: Caller,
    since: Instant,
    until: Instant,
}

impl Entry {
    /// A clock that was set back must not make an entry live longer.
    fn holds(&self, now: Instant) -> bool {
        self.since <= now && now < self.until
    }
}

impl Cache {
    /// A caller that was told apart within `age`.
    pub fn get(&self, hash: &str, now: Instant, age: TimeDelta) -> Option<Caller> {
        let entry = self.0.get(hash).filter(|entry| entry.holds(now) && now - entry.since < age);
        entry.map(|entry| entry.caller.clone())
    }

    /// Remembers a caller, but not beyond the token's own end. When full of live entries, forgets them all.
    pub fn insert(&mut self, hash: String, caller: Caller, now: Instant, expires_at: Instant) {
        if self.0.len() >= LARGEST {
            self.0.retain(|_, entry| entry.holds(now));
        }
        if self.0.len() >= LARGEST {
            self.0.clear();
        }
        self.0.insert(hash, Entry { caller, since: now, until: expires_at.min(now + REMEMBERED_FOR) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Instant {
        Instant::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    #[test]
    fn a_caller_is_remembered_for_five_seconds_and_never_beyond_expiry() {
        let mut cache = Cache::default();
        cache.insert("long".to_owned(), Caller::viewer(), at(100), at(1000));
        cache.insert("short".to_owned(), Caller::viewer(), at(100), at(102));
        assert!(cache.get("long", at(104), REMEMBERED_FOR).is_some());
        assert!(cache.get("long", at(105), REMEMBERED_FOR).is_none());
        assert!(cache.get("short", at(101), REMEMBERED_FOR).is_some());
        assert!(cache.get("short", at(102), REMEMBERED_FOR).is_none());
        assert!(cache.get("long", at(99), REMEMBERED_FOR).is_none(), "the clock was set back");
        assert!(cache.get("long", at(101), CONFIRMED_FOR).is_some());
        assert!(cache.get("long", at(102), CONFIRMED_FOR).is_none());
    }

    #[test]
    fn the_cache_stays_bounded() {
        let mut cache = Cache::default();
        for index in 0..3 * LARGEST {
            cache.insert(index.to_string(), Caller::viewer(), at(100), at(1000));
            assert!(cache.0.len() <= LARGEST);
        }
    }
}
