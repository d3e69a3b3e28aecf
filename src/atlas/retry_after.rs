//! How long a 429 asks to be left alone: the header, and what is added to it.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// A longer wait is not slept through: the call fails, and the next run tries again.
pub(super) const LONGEST_WAIT: Duration = Duration::from_mins(15);

/// What is waited where Atlas does not say how long.
const UNSAID: Duration = Duration::from_secs(10);

/// What is added after the second refusal, doubled with each further one.
const MORE: Duration = Duration::from_secs(10);

const MOST_MORE: Duration = Duration::from_mins(5);

/// Reads a `Retry-After`: seconds or an HTTP date. None for anything that asks for no wait or makes no sense.
pub(super) fn read(value: &str, now: DateTime<Utc>) -> Option<Duration> {
    let value = value.trim();
    let wait = if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        Duration::from_secs(value.parse().unwrap_or(u64::MAX))
    } else {
        let until = DateTime::parse_from_rfc2822(value).ok()?;
        until.signed_duration_since(now).to_std().ok()?
    };
    (!wait.is_zero()).then_some(wait)
}

/// The least wait after refusal number `attempt` (from 1), and how much chance may add to it.
pub(super) fn wait(told: Option<Duration>, attempt: u32) -> (Duration, Duration) {
    let more = match attempt.checked_sub(2) {
        None => Duration::ZERO,
        Some(doublings) => MORE.saturating_mul(2_u32.saturating_pow(doublings)).min(MOST_MORE),
    };
    (told.unwrap_or(UNSAID).saturating_add(more), more)
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
            assert_eq!(read(text, now), seconds.map(Duration::from_secs), "{text}");
        }
    }

    #[test]
    fn each_refusal_after_the_first_asks_for_clearly_longer() {
        let told = Some(Duration::from_secs(55));
        let waits: Vec<u64> = (1..=5).map(|attempt| wait(told, attempt).0.as_secs()).collect();
        assert_eq!(waits, [55, 65, 75, 95, 135]);
        assert_eq!(wait(None, 1), (Duration::from_secs(10), Duration::ZERO));
        assert_eq!(wait(None, u32::MAX), (Duration::from_secs(310), Duration::from_mins(5)));
        assert_eq!(wait(Some(Duration::MAX), 9).0, Duration::MAX);
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_reader(text in "\\PC{0,40}", seconds in any::<u64>(), attempt in any::<u32>()) {
            let now = DateTime::UNIX_EPOCH;
            prop_assert!(read(&text, now).is_none_or(|wait| !wait.is_zero()));
            let told = read(&seconds.to_string(), now);
            prop_assert_eq!(told, (seconds > 0).then(|| Duration::from_secs(seconds)));
            let (least, chance) = wait(told, attempt);
            prop_assert!(least >= told.unwrap_or_default() && chance <= MOST_MORE);
        }

        #[test]
        fn every_date_is_read_as_the_time_until_it(now in 0_i64..4_000_000_000, ahead in -9_000_i64..9_000_000) {
            let at = |seconds| DateTime::<Utc>::from_timestamp(seconds, 0).unwrap();
            let text = at(now.saturating_add(ahead)).format("%a, %d %b %Y %H:%M:%S GMT").to_string();
            let expected = u64::try_from(ahead).ok().filter(|ahead| *ahead > 0).map(Duration::from_secs);
            prop_assert_eq!(read(&text, at(now)), expected);
        }
    }
}
