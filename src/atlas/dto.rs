//! A lenient reader over one JSON object that Atlas, or somebody in its place, sent.
//!
//! Absent fields, nulls and words of tomorrow are data. Only what a row cannot be kept without makes it odd.
//! Knows JSON and limits; must not know what any field means.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use crate::domain::Instant;

/// Longest text that is kept, in characters.
const MAX_TEXT: usize = 1_024;

/// A row that cannot be kept: which field, and what is wrong with it. Never the value itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{field} {problem}")]
pub struct OddRow {
    /// The field's path, such as `roles.groupRoleAssignments[].groupId`.
    pub field: &'static str,
    pub problem: &'static str,
}

/// One JSON object, not trusted.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a>(&'a Map<String, Value>);

/// What stands in a field that should hold an object.
#[derive(Debug, Clone, Copy)]
pub enum Child<'a> {
    /// Not there, or null.
    Missing,
    /// Something that is not an object.
    Odd,
    Object(Row<'a>),
}

impl<'a> Row<'a> {
    /// Reads a value that must be an object; `name` is what the error calls it.
    pub fn of(value: &'a Value, name: &'static str) -> Result<Self, OddRow> {
        value.as_object().map(Self).ok_or(OddRow { field: name, problem: "is not a JSON object" })
    }

    /// The field's value; null counts as absent.
    pub fn get(&self, field: &str) -> Option<&'a Value> {
        self.0.get(field).filter(|value| !value.is_null())
    }

    pub fn text(&self, field: &str) -> Option<String> {
        self.get(field).and_then(clean_text)
    }

    /// A text without which the row is nothing, trimmed. `path` is what the error calls the field.
    pub fn needed_text(&self, field: &str, path: &'static str) -> Result<String, OddRow> {
        let value = self.get(field).ok_or(OddRow { field: path, problem: "is missing" })?;
        let text = clean_text(value).ok_or(OddRow { field: path, problem: "is not text" })?;
        let trimmed = text.trim();
        if trimmed.is_empty() { Err(OddRow { field: path, problem: "is blank" }) } else { Ok(trimmed.to_owned()) }
    }

    /// An id that must be there: 24 lower-case hexadecimal digits.
    pub fn id(&self, field: &str, path: &'static str) -> Result<String, OddRow> {
        object_id(self.get(field).ok_or(OddRow { field: path, problem: "is missing" })?, path)
    }

    pub fn flag(&self, field: &str) -> Option<bool> {
        self.get(field).and_then(Value::as_bool)
    }

    /// A date in RFC 3339, in whole microseconds: what the databases can keep.
    pub fn instant(&self, field: &str) -> Option<Instant> {
        let parsed = DateTime::parse_from_rfc3339(self.get(field)?.as_str()?).ok()?;
        DateTime::<Utc>::from_timestamp_micros(parsed.timestamp_micros())
    }

    pub fn child(&self, field: &str) -> Child<'a> {
        match self.get(field) {
            None => Child::Missing,
            Some(Value::Object(map)) => Child::Object(Row(map)),
            Some(_) => Child::Odd,
        }
    }

    /// The distinct, sorted words of a list; none when it is absent. What a row may do hangs on them, so anything else
    /// than a list of texts makes the row odd.
    pub fn words(&self, field: &str, path: &'static str, most: usize) -> Result<Vec<String>, OddRow> {
        let entries = self.needed_list(field, path, most)?;
        if entries.iter().any(|entry| !entry.is_string() && !entry.is_null()) {
            return Err(OddRow { field: path, problem: "holds something else than text" });
        }
        Ok(words(entries))
    }

    /// The entries of a list; none when it is absent. Anything else than a list makes the row odd.
    pub fn needed_list(&self, field: &str, path: &'static str, most: usize) -> Result<Vec<&'a Value>, OddRow> {
        match self.get(field) {
            None | Some(Value::Array(_)) => self.list(field, path, most),
            Some(_) => Err(OddRow { field: path, problem: "is no list" }),
        }
    }

    /// The entries of a list; none when it is absent or no list. More than `most` is odd.
    pub fn list(&self, field: &str, path: &'static str, most: usize) -> Result<Vec<&'a Value>, OddRow> {
        let Some(Value::Array(entries)) = self.get(field) else { return Ok(Vec::new()) };
        if entries.len() > most {
            return Err(OddRow { field: path, problem: "has more entries than Atlas allows" });
        }
        Ok(entries.iter().collect())
    }
}

impl<'a> Child<'a> {
    pub fn row(self) -> Option<Row<'a>> {
        match self {
            Self::Object(row) => Some(row),
            Self::Missing | Self::Odd => None,
        }
    }
}

/// A text, cut to the longest that is kept, with U+FFFD for each control character.
pub fn clean_text(value: &Value) -> Option<String> {
    let text = value.as_str()?;
    Some(text.chars().take(MAX_TEXT).map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect())
}

/// 24 lower-case hexadecimal digits.
pub fn object_id(value: &Value, path: &'static str) -> Result<String, OddRow> {
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    value
        .as_str()
        .filter(|id| id.len() == 24 && id.bytes().all(is_hex))
        .map(str::to_owned)
        .ok_or(OddRow { field: path, problem: "is not 24 lower-case hexadecimal digits" })
}

/// The distinct, sorted texts that are not blank.
pub fn words<'a>(values: impl IntoIterator<Item = &'a Value>) -> Vec<String> {
    let mut words: Vec<String> = values
        .into_iter()
        .filter_map(clean_text)
        .map(|word| word.trim().to_owned())
        .filter(|word| !word.is_empty())
        .collect();
    words.sort_unstable();
    words.dedup();
    words
}
