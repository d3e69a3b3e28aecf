//! The instant at which a last day is over.

use chrono::TimeDelta;
use chrono_tz::Tz;

use super::*;
use crate::controls::leaving::{last_day_over, person_left};

fn over(ends_on: NaiveDate, zone: Tz, grace_days: u32) -> Option<String> {
    let ada = Person { ends_on: Some(ends_on), ..person("Ada", "ada@example.com") };
    let policy = Policy { time_zone: zone, ..Policy::default() };
    last_day_over(&ada, &policy, grace_days).map(|at| at.format("%Y-%m-%dT%H:%M:%SZ").to_string())
}

#[test]
fn a_last_day_is_over_at_the_next_midnight_of_the_time_zone() {
    let table = [
        (day(2026, 3, 2), Tz::UTC, 0, "2026-03-03T00:00:00Z"),
        (day(2026, 3, 2), Tz::UTC, 2, "2026-03-05T00:00:00Z"),
        (day(2026, 12, 31), Tz::UTC, 0, "2027-01-01T00:00:00Z"),
        (day(2028, 2, 28), Tz::UTC, 0, "2028-02-29T00:00:00Z"),
        (day(2026, 3, 2), Tz::Asia__Tokyo, 0, "2026-03-02T15:00:00Z"),
        (day(2026, 3, 2), Tz::America__Los_Angeles, 0, "2026-03-03T08:00:00Z"),
        // Clocks go forward on 29 March 2026: the midnight before is winter's, the one after summer's.
        (day(2026, 3, 28), Tz::Europe__Berlin, 0, "2026-03-28T23:00:00Z"),
        (day(2026, 3, 29), Tz::Europe__Berlin, 0, "2026-03-29T22:00:00Z"),
        (day(2026, 3, 28), Tz::Europe__Berlin, 1, "2026-03-29T22:00:00Z"),
        // Lebanon skips the hour from midnight: its day starts at one.
        (day(2024, 3, 30), Tz::Asia__Beirut, 0, "2024-03-30T22:00:00Z"),
        // Cuba has that midnight twice: the first counts.
        (day(2024, 11, 2), Tz::America__Havana, 0, "2024-11-03T04:00:00Z"),
        // Samoa had no 30 December 2011.
        (day(2011, 12, 29), Tz::Pacific__Apia, 0, "2011-12-30T10:00:00Z"),
    ];
    for (ends_on, zone, grace, expected) in table {
        assert_eq!(over(ends_on, zone, grace).as_deref(), Some(expected), "{ends_on} {zone} {grace}");
    }
}

#[test]
fn a_day_beyond_the_calendar_never_ends() {
    assert_eq!(over(NaiveDate::MAX, Tz::UTC, 0), None);
    assert_eq!(over(day(2026, 3, 2), Tz::UTC, u32::MAX), None);
    let ada = Person { ends_on: Some(NaiveDate::MAX), ..person("Ada", "ada@example.com") };
    assert!(!person_left(&ada, &Policy::default(), 0, now()));
}

#[test]
fn the_last_microsecond_of_the_last_day_still_counts_as_here() {
    let ada = Person { ends_on: Some(day(2026, 3, 2)), ..person("Ada", "ada@example.com") };
    let policy = Policy::default();
    let over = last_day_over(&ada, &policy, 0).unwrap();
    assert!(!person_left(&ada, &policy, 0, over - TimeDelta::microseconds(1)));
    assert!(person_left(&ada, &policy, 0, over));
}

#[test]
fn somebody_who_left_without_a_last_day_left_at_once() {
    let ada = person("Ada", "ada@example.com");
    let left = Person { status: EmploymentStatus::Left, ..ada.clone() };
    let policy = Policy::default();
    assert!(!person_left(&ada, &policy, 0, now()));
    assert!(person_left(&left, &policy, 365, now()));
    assert_eq!(last_day_over(&left, &policy, 0), None);
}
