//! Personnel: who the accounts and the inventory's owners are.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

crate::words! { EmploymentStatus { Active = "ACTIVE", Left = "LEFT" } }
crate::words! {
    /// Where a value of a person comes from.
    ValueSource { Manual = "MANUAL", Import = "IMPORT", Scim = "SCIM" }
}
crate::words! {
    /// A value of a person that has a source of its own.
    PersonField {
        FullName = "FULL_NAME",
        Aliases = "ALIASES",
        Status = "STATUS",
        StartsOn = "STARTS_ON",
        EndsOn = "ENDS_ON",
    }
}

/// Where a value comes from, and whether it gives way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    pub source: ValueSource,
    /// Somebody chose that imports and SCIM leave the value alone.
    #[serde(default)]
    pub kept: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    pub full_name: String,
    /// Lower-cased; unique in a workspace.
    pub email: String,
    /// Lower-cased, distinct, sorted, without `email`.
    pub aliases: Vec<String>,
    pub status: EmploymentStatus,
    pub starts_on: Option<NaiveDate>,
    /// The last day of employment, itself included.
    pub ends_on: Option<NaiveDate>,
    /// Of the values that were ever given; those of before sources were noted have none.
    pub sources: BTreeMap<PersonField, Provenance>,
}

impl Person {
    /// Whether imports and SCIM leave the value alone.
    pub fn keeps(&self, field: PersonField) -> bool {
        self.sources.get(&field).is_some_and(|provenance| provenance.kept)
    }
}

/// An e-mail address in the form in which addresses are compared: trimmed and lower-cased.
pub fn normal_address(address: &str) -> String {
    address.trim().to_lowercase()
}

/// Whether a text can be an e-mail address.
pub fn is_address(text: &str) -> bool {
    text.len() <= 320
        && !text.chars().any(|c| c.is_whitespace() || c.is_control() || c == ';' || c == ',')
        && text
            .split_once('@')
            .is_some_and(|(local, host)| !local.is_empty() && !host.is_empty() && !host.contains('@'))
}
