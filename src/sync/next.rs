//! When an integration is due again. Pure.

use std::time::Duration;

use chrono::TimeDelta;

use super::schedule::Schedule;
use crate::atlas::{AtlasCategory, AtlasError};
use crate::domain::Instant;
use crate::store::write::NextRun;

/// After a refusal that only a person can mend, Atlas is asked again no sooner than this.
const PROBE_AFTER: TimeDelta = TimeDelta::minutes(15);
/// The least pause after a refusal by rate.
const LEAST_REST: TimeDelta = TimeDelta::minutes(1);
/// No answer of Atlas stops the syncs for longer.
const LONGEST_REST: TimeDelta = TimeDelta::days(1);

/// The first tick after `at` whose slot no run stands for yet, but no sooner than `rest` after `at`.
pub fn next_run(schedule: &Schedule, at: Instant, last_slot: Option<Instant>, rest: Option<TimeDelta>) -> NextRun {
    let from = last_slot.map_or(at, |slot| slot.max(at));
    // A calendar that has no more ticks leaves a daily one.
    let slot_at = schedule.next_after(from).unwrap_or(from + TimeDelta::days(1));
    let not_before = rest.map(|rest| at + rest);
    NextRun { slot_at, due_at: not_before.map_or(slot_at, |instant| instant.max(slot_at)), not_before }
}

/// How long Atlas is to be left alone after this failure.
pub fn rest_after(error: &AtlasError) -> Option<TimeDelta> {
    let asked = |wait: Duration| TimeDelta::from_std(wait).unwrap_or(LONGEST_REST).min(LONGEST_REST);
    match (error, error.category()) {
        (AtlasError::RateLimited { retry_after, .. }, _) => Some(retry_after.map_or(LEAST_REST, asked).max(LEAST_REST)),
        (AtlasError::Unavailable { retry_after, .. }, _) => retry_after.map(asked),
        (
            _,
            AtlasCategory::CredentialsRejected
            | AtlasCategory::IpNotAllowed
            | AtlasCategory::RoleTooSmall
            | AtlasCategory::OrganizationSuspended,
        ) => Some(PROBE_AFTER),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Instant {
        format!("2026-03-01T{text}Z").parse().unwrap()
    }

    #[test]
    fn the_next_slot_is_new_and_a_rest_only_delays_it() {
        let minutes = TimeDelta::minutes;
        // schedule, end, last slot, rest; next slot, due
        let cases = [
            ("0 0 * * * *", "10:20:00", Some("10:00:00"), None, "11:00:00", "11:00:00"),
            ("0 0 * * * *", "10:20:00", None, Some(minutes(15)), "11:00:00", "11:00:00"),
            ("0 0 * * * *", "10:50:00", None, Some(minutes(15)), "11:00:00", "11:05:00"),
            ("*/2 * * * * *", "10:50:01", None, Some(minutes(15)), "10:50:02", "11:05:01"),
            // The clock was set back: ten o'clock has had its run.
            ("0 0 * * * *", "09:59:58", Some("10:00:00"), None, "11:00:00", "11:00:00"),
        ];
        for (schedule, end, last, rest, slot, due) in cases {
            let next = next_run(&schedule.parse().unwrap(), at(end), last.map(at), rest);
            let expected = NextRun { slot_at: at(slot), due_at: at(due), not_before: rest.map(|rest| at(end) + rest) };
            assert_eq!(next, expected, "{schedule} {end}");
        }
    }

    #[test]
    fn atlas_is_left_alone_for_as_long_as_it_asks_up_to_a_day() {
        let limited = |seconds: Option<u64>| AtlasError::RateLimited {
            code: None,
            retry_after: seconds.map(Duration::from_secs),
        };
        let cases = [
            (limited(None), Some(TimeDelta::minutes(1))),
            (limited(Some(5)), Some(TimeDelta::minutes(1))),
            (limited(Some(7_200)), Some(TimeDelta::hours(2))),
            (limited(Some(u64::MAX)), Some(TimeDelta::days(1))),
            (AtlasError::CredentialsRejected, Some(TimeDelta::minutes(15))),
            (AtlasError::Suspended { code: None }, Some(TimeDelta::minutes(15))),
            (AtlasError::Unavailable { status: None, code: None, retry_after: None, cause: None }, None),
            (AtlasError::UnexpectedResponse { what: "x" }, None),
        ];
        for (error, rest) in cases {
            assert_eq!(rest_after(&error), rest, "{error:?}");
        }
    }
}
