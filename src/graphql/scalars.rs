//! Instants and dates as clients write and read them.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use chrono::{NaiveDate, SecondsFormat, Utc};

use crate::domain::Instant;

/// An instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DateTime(pub Instant);

/// An instant as RFC 3339 text, such as `2026-11-23T08:30:00Z`. Answers are always in UTC and end in `Z`; arguments may
/// carry any offset.
#[Scalar(name = "DateTime", specified_by_url = "https://datatracker.ietf.org/doc/html/rfc3339")]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else { return Err(InputValueError::expected_type(value)) };
        let instant = chrono::DateTime::parse_from_rfc3339(text)
            .map_err(|_| InputValueError::custom("an instant is RFC 3339 text, such as 2026-11-23T08:30:00Z"))?;
        Ok(Self(instant.with_timezone(&Utc)))
    }

    fn is_valid(value: &Value) -> bool {
        <Self as ScalarType>::parse(value.clone()).is_ok()
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

/// A calendar date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Date(pub NaiveDate);

/// A calendar date as ISO 8601 text, such as `2026-11-23`.
#[Scalar(name = "Date", specified_by_url = "https://scalars.graphql.org/andimarek/local-date")]
impl ScalarType for Date {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else { return Err(InputValueError::expected_type(value)) };
        NaiveDate::parse_from_str(text, "%Y-%m-%d")
            .map(Self)
            .map_err(|_| InputValueError::custom("a date is ISO 8601 text, such as 2026-11-23"))
    }

    fn is_valid(value: &Value) -> bool {
        <Self as ScalarType>::parse(value.clone()).is_ok()
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.format("%Y-%m-%d").to_string())
    }
}

/// A count as GraphQL's 32-bit Int; more than fits is shown as the largest.
pub fn int(count: impl TryInto<i32>) -> i32 {
    count.try_into().unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_with_an_offset_is_answered_in_utc() {
        let instant = <DateTime as ScalarType>::parse(Value::from("2026-11-23T10:30:00.5+02:00")).expect("is RFC 3339");

        assert_eq!(ScalarType::to_value(&instant), Value::from("2026-11-23T08:30:00.500Z"));
    }

    #[test]
    fn a_date_alone_is_no_instant() {
        assert!(<DateTime as ScalarType>::parse(Value::from("2026-11-23")).is_err());
        assert!(<Date as ScalarType>::parse(Value::from("2026-11-31")).is_err());
    }
}
