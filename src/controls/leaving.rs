//! When somebody has left: days of employment turned into instants.

use chrono::{Days, MappedLocalTime, NaiveTime, TimeZone, Utc};
use chrono_tz::{GapInfo, Tz};

use super::Policy;
use crate::domain::{EmploymentStatus, Instant, Person};

/// The instant from which a day, in the zone that employment is judged in, is over.
pub fn day_over(day: chrono::NaiveDate, policy: &Policy) -> Option<Instant> {
    start_of(day.succ_opt()?.and_time(NaiveTime::MIN), policy.time_zone)
}

/// The instant from which the person's last day, and `grace_days` more, are over. None without a last day.
pub(super) fn last_day_over(person: &Person, policy: &Policy, grace_days: u32) -> Option<Instant> {
    let first_day_after = Days::new(u64::from(grace_days) + 1);
    let midnight = person.ends_on?.checked_add_days(first_day_after)?.and_time(NaiveTime::MIN);
    start_of(midnight, policy.time_zone)
}

/// Whether the last day is over. Somebody who LEFT without a last day has left at once.
pub(super) fn person_left(person: &Person, policy: &Policy, grace_days: u32, now: Instant) -> bool {
    match person.ends_on {
        Some(_) => last_day_over(person, policy, grace_days).is_some_and(|over| over <= now),
        None => person.status == EmploymentStatus::Left,
    }
}

/// The instant from which a person counts as having left; the beginning of time for somebody who LEFT undated.
pub fn leaves_at(person: &Person, policy: &Policy) -> Option<Instant> {
    match person.ends_on {
        Some(_) => last_day_over(person, policy, 0),
        None => (person.status == EmploymentStatus::Left).then_some(Instant::UNIX_EPOCH),
    }
}

/// The first instant that reads `local` or later: clocks may skip a midnight, or show it twice.
fn start_of(local: chrono::NaiveDateTime, zone: Tz) -> Option<Instant> {
    let start = match zone.from_local_datetime(&local) {
        MappedLocalTime::Single(at) => Some(at),
        MappedLocalTime::Ambiguous(first, second) => Some(first.min(second)),
        MappedLocalTime::None => GapInfo::new(&local, &zone).and_then(|gap| gap.end),
    };
    start.map(|at| at.with_timezone(&Utc))
}
