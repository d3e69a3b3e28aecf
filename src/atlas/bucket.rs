//! Atlas's token buckets, as far as refusals tell of them: which are to be left alone, and until when.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::Instant;

use super::endpoint::Read;

/// A longer wait is not slept through: the call fails, and the next run tries again.
pub(super) const LONGEST_WAIT: Duration = Duration::from_mins(15);

/// What is waited where Atlas does not say how long, doubled with each refusal.
const UNSAID_WAIT: Duration = Duration::from_secs(10);

/// An endpoint set and the organization or project it counts for.
pub(super) type Bucket = (Read, String);

#[derive(Debug, Default)]
pub(super) struct Buckets(Mutex<HashMap<Bucket, Instant>>);

impl Buckets {
    /// How long this bucket is still to be left alone.
    pub fn pause_left(&self, bucket: &Bucket, now: Instant) -> Duration {
        let paused = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        paused.get(bucket).map_or(Duration::ZERO, |until| until.saturating_duration_since(now))
    }

    /// Leaves the bucket alone for `pause`; a longer pause that is already on stays.
    pub fn pause(&self, bucket: Bucket, now: Instant, pause: Duration) {
        let until = now + pause.min(Duration::from_hours(24));
        let mut paused = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = paused.entry(bucket).or_insert(until);
        *entry = until.max(*entry);
    }
}

/// The least wait after refusal number `attempt` (from 1).
pub(super) fn least_wait(retry_after: Option<Duration>, attempt: u32) -> Duration {
    let doubled = 2_u32.checked_pow(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
    retry_after.unwrap_or_else(|| UNSAID_WAIT.saturating_mul(doubled).min(LONGEST_WAIT))
}

/// Reads a `Retry-After`: seconds or an HTTP date. None for anything that asks for no wait or makes no sense.
pub(super) fn retry_after(value: &str, now: DateTime<Utc>) -> Option<Duration> {
    let value = value.trim();
    let wait = if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        Duration::from_secs(value.parse().unwrap_or(u64::MAX))
    } else {
        let until = DateTime::parse_from_rfc2822(value).ok()?;
        until.signed_duration_since(now).to_std().ok()?
    };
    (!wait.is_zero()).then_some(wait)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_form_of_retry_after_has_a_meaning() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let cases = [
            ("55", Some(55)),
            (" 7 ", Some(7)),
            ("0", None),
            ("-1", None),
            ("", None),
            ("soon", None),
            ("1e9", None),
            ("1.5", None),
            ("99999999999999999999999", Some(u64::MAX)),
            ("Fri, 15 Jan 2027 08:00:30 GMT", Some(30)),
            ("Fri, 15 Jan 2027 07:59:00 GMT", None),
        ];
        for (text, seconds) in cases {
            assert_eq!(retry_after(text, now), seconds.map(Duration::from_secs), "{text}");
        }
    }

    #[test]
    fn a_shorter_pause_does_not_end_a_longer_one() {
        let (buckets, now) = (Buckets::default(), Instant::now());
        let bucket = (Read::Users, "o".to_owned());
        buckets.pause(bucket.clone(), now, Duration::from_mins(1));
        buckets.pause(bucket.clone(), now, Duration::from_secs(5));
        assert_eq!(buckets.pause_left(&bucket, now), Duration::from_mins(1));
        assert_eq!(buckets.pause_left(&(Read::Teams, "o".to_owned()), now), Duration::ZERO);
        assert_eq!(buckets.pause_left(&bucket, now + Duration::from_secs(61)), Duration::ZERO);
    }

    proptest! {
        #[test]
        fn no_retry_after_breaks_the_reader(text in "\\PC{0,40}", seconds in any::<u64>()) {
            let wait = retry_after(&text, DateTime::UNIX_EPOCH).or(retry_after(&seconds.to_string(), DateTime::UNIX_EPOCH));
            let (buckets, now) = (Buckets::default(), Instant::now());
            buckets.pause((Read::Root, String::new()), now, least_wait(wait, 400));
            prop_assert!(buckets.pause_left(&(Read::Root, String::new()), now) <= Duration::from_hours(24));
        }
    }
}
