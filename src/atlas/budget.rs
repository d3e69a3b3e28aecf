//! Token buckets: how many calls each endpoint set still allows, and which are to be left alone, and until when.
//!
//! Shared by every client made from one [`AtlasConfig`](super::AtlasConfig), so that runs side by side spend one
//! budget. Knows nothing of HTTP.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::endpoint_set::{EndpointSet, Limit};

/// Tokens come back all at once. Whoever counts them as a stream never waits longer for it.
const REFILL_EVERY: Duration = Duration::from_mins(1);

/// No bucket stays closed for longer.
const LONGEST_CLOSED: Duration = Duration::from_hours(24);

/// Full buckets are forgotten when there are this many buckets, and again whenever they have doubled.
const MANY_BUCKETS: usize = 4096;

/// An endpoint set, and the key, organization or project whose calls it counts.
pub(super) type BucketKey = (EndpointSet, String);

/// What an answer said of its bucket.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// `RateLimit-Limit`.
    pub capacity: Option<u32>,
    /// `RateLimit-Remaining`.
    pub remaining: Option<u32>,
}

/// The buckets of one process. Clones are the same budgets.
#[derive(Debug, Clone, Default)]
pub struct Budgets(Arc<Mutex<Shelf>>);

#[derive(Debug)]
struct Shelf {
    buckets: HashMap<BucketKey, Bucket>,
    tidy_at: usize,
}

impl Default for Shelf {
    fn default() -> Self {
        Self { buckets: HashMap::new(), tidy_at: MANY_BUCKETS }
    }
}

impl Shelf {
    fn bucket(&mut self, key: &BucketKey, now: Instant) -> &mut Bucket {
        if self.buckets.len() >= self.tidy_at && !self.buckets.contains_key(key) {
            self.buckets.retain(|_, bucket| !bucket.is_idle(now));
            self.tidy_at = MANY_BUCKETS.max(self.buckets.len() * 2);
        }
        self.buckets.entry(key.clone()).or_insert_with(|| Bucket::full(key.0.limit(), now))
    }
}

#[derive(Debug)]
struct Bucket {
    limit: Limit,
    tokens: u32,
    refilled_at: Instant,
    closed_until: Instant,
}

impl Budgets {
    /// Takes a token, or says how long to wait before asking again.
    pub(super) fn take(&self, key: &BucketKey, now: Instant) -> Result<(), Duration> {
        self.shelf().bucket(key, now).take(now)
    }

    /// Corrects a bucket downward. What an answer says is never more than a hint.
    pub(super) fn learn(&self, key: &BucketKey, told: Told) {
        if let Some(bucket) = self.shelf().buckets.get_mut(key) {
            bucket.learn(told);
        }
    }

    /// Empties the bucket and leaves it alone for `pause`; a longer pause that is already on stays.
    pub(super) fn close(&self, key: &BucketKey, now: Instant, pause: Duration) {
        self.shelf().bucket(key, now).close(now + pause.min(LONGEST_CLOSED));
    }

    /// The endpoint sets that were asked, and the tokens that the emptiest bucket of each has now.
    pub(super) fn lowest(&self, now: Instant) -> Vec<(&'static str, u32)> {
        let mut lowest: HashMap<EndpointSet, u32> = HashMap::new();
        for ((set, _), bucket) in &mut self.shelf().buckets {
            let tokens = bucket.tokens_at(now);
            lowest.entry(*set).and_modify(|least| *least = tokens.min(*least)).or_insert(tokens);
        }
        lowest.into_iter().map(|(set, tokens)| (set.name(), tokens)).collect()
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bucket {
    fn full(limit: Limit, now: Instant) -> Self {
        Self { limit, tokens: limit.capacity, refilled_at: now, closed_until: now }
    }

    fn refill(&mut self, now: Instant) {
        let periods = now.saturating_duration_since(self.refilled_at).as_secs() / REFILL_EVERY.as_secs();
        let periods = u32::try_from(periods).unwrap_or(u32::MAX);
        let more = periods.saturating_mul(self.limit.refill);
        self.tokens = self.tokens.saturating_add(more).min(self.limit.capacity);
        self.refilled_at += REFILL_EVERY * periods;
    }

    /// None while it is closed.
    fn tokens_at(&mut self, now: Instant) -> u32 {
        if self.closed_until > now {
            return 0;
        }
        self.refill(now);
        self.tokens
    }

    fn take(&mut self, now: Instant) -> Result<(), Duration> {
        let closed = self.closed_until.saturating_duration_since(now);
        if !closed.is_zero() {
            return Err(closed);
        }
        self.refill(now);
        match self.tokens.checked_sub(1) {
            Some(left) => {
                self.tokens = left;
                Ok(())
            }
            None => Err((self.refilled_at + REFILL_EVERY).saturating_duration_since(now)),
        }
    }

    fn learn(&mut self, told: Told) {
        if let Some(capacity) = told.capacity {
            self.limit.capacity = self.limit.capacity.min(capacity.max(1));
            self.limit.refill = self.limit.refill.min(self.limit.capacity);
        }
        self.tokens = self.tokens.min(told.remaining.unwrap_or(u32::MAX)).min(self.limit.capacity);
    }

    /// The first tokens are there again when it opens.
    fn close(&mut self, until: Instant) {
        if until > self.closed_until {
            self.closed_until = until;
            self.refilled_at = until.checked_sub(REFILL_EVERY).unwrap_or(until);
        }
        self.tokens = 0;
    }

    /// Forgetting it changes nothing.
    fn is_idle(&mut self, now: Instant) -> bool {
        if self.closed_until > now {
            return false;
        }
        self.refill(now);
        self.tokens == self.limit.capacity
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const USERS: EndpointSet = EndpointSet::Users;

    fn key(set: EndpointSet) -> BucketKey {
        (set, "owner".to_owned())
    }

    fn taken(budgets: &Budgets, key: &BucketKey, now: Instant) -> u32 {
        (0..20_000).take_while(|_| budgets.take(key, now).is_ok()).map(|_| 1).sum()
    }

    #[test]
    fn a_bucket_gives_its_capacity_and_then_its_refill_each_minute() {
        let (budgets, start) = (Budgets::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(taken(&budgets, &key(USERS), start), 500);
        assert_eq!(budgets.take(&key(USERS), at(20)), Err(Duration::from_secs(40)));
        assert_eq!(taken(&budgets, &key(USERS), at(60)), 250);
        assert_eq!(taken(&budgets, &key(USERS), at(3_600)), 500, "never more than the capacity");
        assert_eq!(taken(&budgets, &(USERS, "another".to_owned()), at(60)), 500);
        assert_eq!(taken(&budgets, &key(EndpointSet::Teams), at(60)), 1200);
    }

    #[test]
    fn clones_spend_one_budget() {
        let (budgets, now) = (Budgets::default(), Instant::now());
        assert_eq!(taken(&budgets.clone(), &key(USERS), now), 500);
        assert_eq!(taken(&budgets, &key(USERS), now), 0);
    }

    #[test]
    fn answers_correct_downward_only() {
        let (budgets, start) = (Budgets::default(), Instant::now());
        budgets.take(&key(USERS), start).unwrap();
        budgets.learn(&key(USERS), Told { capacity: Some(9_999), remaining: Some(9_999) });
        assert_eq!(taken(&budgets, &key(USERS), start), 499);
        let later = start + Duration::from_hours(1);
        budgets.take(&key(USERS), later).unwrap();
        budgets.learn(&key(USERS), Told { capacity: Some(10), remaining: Some(3) });
        assert_eq!(taken(&budgets, &key(USERS), later), 3);
        assert_eq!(taken(&budgets, &key(USERS), later + Duration::from_hours(1)), 10);
    }

    #[test]
    fn a_bucket_that_is_said_to_hold_nothing_still_gives_a_call_a_minute() {
        let (budgets, start) = (Budgets::default(), Instant::now());
        budgets.take(&key(USERS), start).unwrap();
        budgets.learn(&key(USERS), Told { capacity: Some(0), remaining: Some(0) });
        assert_eq!(budgets.take(&key(USERS), start), Err(REFILL_EVERY));
        assert_eq!(taken(&budgets, &key(USERS), start + REFILL_EVERY), 1);
    }

    #[test]
    fn a_closed_bucket_opens_with_its_refill_and_a_shorter_pause_does_not_end_a_longer_one() {
        let (budgets, now) = (Budgets::default(), Instant::now());
        budgets.close(&key(USERS), now, Duration::from_secs(90));
        budgets.close(&key(USERS), now, Duration::from_secs(5));
        assert_eq!(budgets.take(&key(USERS), now), Err(Duration::from_secs(90)));
        assert_eq!(budgets.take(&key(EndpointSet::Teams), now), Ok(()));
        assert_eq!(taken(&budgets, &key(USERS), now + Duration::from_secs(90)), 250);
    }

    #[test]
    fn full_buckets_are_forgotten_when_there_are_many() {
        let (budgets, start) = (Budgets::default(), Instant::now());
        budgets.close(&key(USERS), start, Duration::from_hours(2));
        for number in 1..MANY_BUCKETS {
            budgets.take(&(EndpointSet::Clusters, number.to_string()), start).unwrap();
        }
        budgets.take(&(EndpointSet::Clusters, "one more".to_owned()), start + Duration::from_hours(1)).unwrap();
        assert_eq!(budgets.shelf().buckets.len(), 2);
    }

    #[test]
    fn the_emptiest_bucket_of_a_set_is_told() {
        let (budgets, now) = (Budgets::default(), Instant::now());
        budgets.take(&key(USERS), now).unwrap();
        budgets.take(&(USERS, "another".to_owned()), now).unwrap();
        budgets.take(&(USERS, "another".to_owned()), now).unwrap();
        assert_eq!(budgets.lowest(now), [("users", 498)]);
        budgets.close(&key(USERS), now, Duration::from_secs(90));
        assert_eq!(budgets.lowest(now), [("users", 0)]);
        assert_eq!(budgets.lowest(now + Duration::from_secs(90)), [("users", 250)]);
    }

    proptest! {
        #[test]
        fn no_bucket_overspends_or_stays_shut(
            steps in prop::collection::vec((0_u64..200, any::<Option<u32>>(), any::<Option<u32>>(), 0_u64..400), 1..60),
        ) {
            let (budgets, start) = (Budgets::default(), Instant::now());
            let (mut now, mut spent) = (start, 0_u64);
            for (later, capacity, remaining, pause) in steps {
                now += Duration::from_secs(later);
                spent += u64::from(taken(&budgets, &key(USERS), now));
                budgets.learn(&key(USERS), Told { capacity, remaining });
                if pause > 300 {
                    budgets.close(&key(USERS), now, Duration::from_secs(pause));
                }
                prop_assert!(spent <= 500 + 250 * (now - start).as_secs().div_ceil(60));
            }
            prop_assert!(budgets.take(&key(USERS), now + Duration::from_secs(460)).is_ok());
        }
    }
}
