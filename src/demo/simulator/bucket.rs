//! Rate limits: one token bucket per endpoint set and scope, refilled in one go each minute.
//!
//! Knows nothing of what the tokens are spent on.

use std::collections::HashMap;

use crate::domain::Instant;

/// The sets of endpoints that share a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EndpointSet {
    Root,
    Organizations,
    Organization,
    OrganizationSettings,
    Users,
    Teams,
    Keys,
    Projects,
    Project,
    Clusters,
    EncryptionAtRest,
}

/// Whose calls a bucket counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BucketScope {
    User,
    Organization,
    Project,
}

/// Capacity, and what comes back every 60 seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    pub capacity: u32,
    pub refill: u32,
}

/// Seconds between two refills.
pub const REFILL_SECONDS: u32 = 60;

impl EndpointSet {
    pub fn scope(self) -> BucketScope {
        match self {
            Self::Root | Self::Organizations | Self::Projects => BucketScope::User,
            Self::Organization | Self::OrganizationSettings | Self::Users | Self::Teams | Self::Keys => {
                BucketScope::Organization
            }
            Self::Project | Self::Clusters | Self::EncryptionAtRest => BucketScope::Project,
        }
    }

    /// Atlas's published default.
    pub fn default_limit(self) -> Limit {
        let (capacity, refill) = match self {
            Self::Root | Self::Organizations => (300, 100),
            Self::Organization | Self::Users | Self::Keys => (500, 250),
            Self::OrganizationSettings => (10, 5),
            Self::Teams | Self::Projects | Self::Project => (1200, 500),
            Self::Clusters => (10_000, 5000),
            Self::EncryptionAtRest => (2000, 1000),
        };
        Limit { capacity, refill }
    }
}

/// What one call left in its bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    pub limit: Limit,
    pub remaining: u32,
    /// None: the call may go on. Else the seconds until the next refill.
    pub wait: Option<u32>,
}

/// Every bucket that was used so far.
#[derive(Debug, Default)]
pub struct Buckets {
    buckets: HashMap<(EndpointSet, String), Bucket>,
}

#[derive(Debug)]
struct Bucket {
    tokens: u32,
    refilled: Instant,
}

impl Buckets {
    /// Takes one token of the set's bucket for this key, organization or project.
    pub fn take(&mut self, set: EndpointSet, owner: &str, limit: Limit, now: Instant) -> Taken {
        let bucket = self
            .buckets
            .entry((set, owner.to_owned()))
            .or_insert_with(|| Bucket { tokens: limit.capacity, refilled: now });
        let elapsed = u32::try_from((now - bucket.refilled).num_seconds()).unwrap_or(0);
        let refills = elapsed / REFILL_SECONDS;
        bucket.tokens = bucket.tokens.saturating_add(refills.saturating_mul(limit.refill)).min(limit.capacity);
        bucket.refilled += chrono::TimeDelta::seconds(i64::from(refills * REFILL_SECONDS));
        match bucket.tokens.checked_sub(1) {
            Some(left) => {
                bucket.tokens = left;
                Taken { limit, remaining: left, wait: None }
            }
            None => Taken { limit, remaining: 0, wait: Some(REFILL_SECONDS - elapsed % REFILL_SECONDS) },
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};

    use super::*;

    #[test]
    fn an_empty_bucket_tells_the_seconds_to_its_refill_and_fills_again() {
        let start = DateTime::UNIX_EPOCH;
        let limit = Limit { capacity: 2, refill: 1 };
        let mut buckets = Buckets::default();
        let mut take = |owner: &str, at: i64| {
            let taken = buckets.take(EndpointSet::Root, owner, limit, start + TimeDelta::seconds(at));
            (taken.remaining, taken.wait)
        };
        assert_eq!(take("a", 0), (1, None));
        assert_eq!(take("a", 1), (0, None));
        assert_eq!(take("a", 5), (0, Some(55)));
        assert_eq!(take("b", 5), (1, None), "another scope has its own bucket");
        assert_eq!(take("a", 60), (0, None), "one token came back");
        assert_eq!(take("a", 61), (0, Some(59)));
        assert_eq!(take("a", 600), (1, None), "never more than the capacity");
    }
}
