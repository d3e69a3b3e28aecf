//! Personnel: who the accounts and the inventory's owners are.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

crate::words! { EmploymentStatus { Active = "ACTIVE", Left = "LEFT" } }

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
}
