//! Between columns and domain values. A row that does not fit is `StoreError::Corrupt`.

use chrono::{DateTime, NaiveDate};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::StoreError;
use crate::domain::Instant;
use crate::store::views::IntegrationFault;

/// The stored instant of what Atlas does not date; sorts before every real one.
pub const UNDATED: i64 = i64::MIN;

pub fn micros(instant: Instant) -> i64 {
    instant.timestamp_micros()
}

pub fn instant(micros: i64) -> Instant {
    DateTime::from_timestamp_micros(micros).unwrap_or(DateTime::UNIX_EPOCH)
}

pub fn date(text: Option<&str>) -> Option<NaiveDate> {
    text.and_then(|text| text.parse().ok())
}

pub fn to_json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("domain values have string keys and no foreign serializers")
}

pub fn from_json<T: DeserializeOwned>(text: &str, table: &'static str, column: &'static str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|_| StoreError::Corrupt { table, column })
}

pub fn word<T>(
    text: &str,
    parse: impl Fn(&str) -> Option<T>,
    table: &'static str,
    column: &'static str,
) -> Result<T, StoreError> {
    parse(text).ok_or(StoreError::Corrupt { table, column })
}

/// A stored fault; None where there is no code.
pub(super) fn fault(
    code: Option<String>,
    message: Option<String>,
    remedy: Option<String>,
    at: Option<i64>,
) -> Option<IntegrationFault> {
    code.map(|code| IntegrationFault {
        code,
        message: message.unwrap_or_default(),
        remedy: remedy.unwrap_or_default(),
        occurred_at: instant(at.unwrap_or_default()),
    })
}
