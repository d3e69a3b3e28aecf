//! When syncs are due: cron text of five or six fields, in UTC.

use std::fmt;
use std::str::FromStr;

use chrono::TimeDelta;
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};

use crate::domain::Instant;

/// A schedule that fires again and again.
#[derive(Debug, Clone)]
pub struct Schedule {
    text: String,
    cron: Cron,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    #[error("has a number of fields other than five or six ({0})")]
    FieldCount(usize),
    #[error("is not understood: {0}")]
    Syntax(String),
    #[error("never comes round")]
    Never,
}

impl Schedule {
    /// The first tick after `instant`; None when the calendar has no more.
    pub fn next_after(&self, instant: Instant) -> Option<Instant> {
        self.cron.find_next_occurrence(&instant, false).ok()
    }

    /// The longest pause between two ticks, as far as five weeks (and at least ten ticks) show.
    pub fn interval(&self) -> TimeDelta {
        let Some(mut tick) = self.next_after(Instant::UNIX_EPOCH) else { return TimeDelta::MAX };
        let end = tick + TimeDelta::weeks(5);
        let mut longest = TimeDelta::zero();
        let mut seen = 0;
        while tick < end || seen < 10 {
            let Some(next) = self.next_after(tick) else { break };
            longest = longest.max(next - tick);
            tick = self.last_within_an_hour_of(next);
            seen += 1;
        }
        longest
    }

    /// Skips a dense stretch: no pause above an hour lies between `tick` and the answer.
    fn last_within_an_hour_of(&self, tick: Instant) -> Instant {
        self.cron.find_previous_occurrence(&(tick + TimeDelta::hours(1)), true).unwrap_or(tick)
    }
}

impl FromStr for Schedule {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Self, ScheduleError> {
        let fields = text.split_whitespace().count();
        if !(5..=6).contains(&fields) {
            return Err(ScheduleError::FieldCount(fields));
        }
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let text = if fields == 5 { format!("0 {text}") } else { text };
        let parser = CronParser::builder().seconds(Seconds::Required).year(Year::Disallowed).build();
        let cron = parser.parse(&text).map_err(|error| ScheduleError::Syntax(error.to_string()))?;
        let schedule = Self { text, cron };
        match schedule.next_after(Instant::UNIX_EPOCH) {
            Some(_) => Ok(schedule),
            None => Err(ScheduleError::Never),
        }
    }
}

/// The six-field text.
impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(text: &str) -> Schedule {
        text.parse().unwrap()
    }

    fn at(text: &str) -> Instant {
        text.parse().unwrap()
    }

    #[test]
    fn the_next_tick_is_strictly_later_and_whole() {
        let hourly = schedule("0 0 * * * *");
        assert_eq!(hourly.next_after(at("2026-03-01T10:00:00Z")), Some(at("2026-03-01T11:00:00Z")));
        assert_eq!(hourly.next_after(at("2026-03-01T10:59:59.999999Z")), Some(at("2026-03-01T11:00:00Z")));
        assert_eq!(hourly.next_after(at("2026-12-31T23:30:00.5Z")), Some(at("2027-01-01T00:00:00Z")));
    }

    #[test]
    fn five_fields_mean_second_zero() {
        assert_eq!(schedule("30 6 * * 1-5").to_string(), "0 30 6 * * 1-5");
        assert_eq!(schedule("*/15 * * * *").next_after(at("2026-03-01T10:00:01Z")), Some(at("2026-03-01T10:15:00Z")));
    }

    #[test]
    fn the_interval_is_the_longest_pause() {
        let cases = [
            ("0 0 * * * *", TimeDelta::hours(1)),
            ("* * * * * *", TimeDelta::seconds(1)),
            ("*/10 * * * *", TimeDelta::minutes(10)),
            ("0 9 * * *", TimeDelta::days(1)),
            ("0 9 * * 1-5", TimeDelta::days(3)),
            ("* 9-17 * * 1-5", TimeDelta::minutes(2 * 24 * 60 + 15 * 60 + 1)),
            ("0 0 1 * *", TimeDelta::days(31)),
        ];
        for (text, expected) in cases {
            assert_eq!(schedule(text).interval(), expected, "{text}");
        }
    }

    #[test]
    fn text_that_is_no_schedule_is_refused() {
        let refusal = |text: &str| text.parse::<Schedule>().unwrap_err();
        assert_eq!(refusal("@hourly"), ScheduleError::FieldCount(1));
        assert_eq!(refusal("0 0 * * * * 2026"), ScheduleError::FieldCount(7));
        assert_eq!(refusal("0 0 30 2 *"), ScheduleError::Never);
        assert!(matches!(refusal("61 * * * *"), ScheduleError::Syntax(_)));
        assert!(matches!(refusal("x * * * *"), ScheduleError::Syntax(_)));
    }
}
