//! What a user says about a person.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use serde_json::Value;

use super::document::Document;
use super::error::{ScimError, Shown};
use super::value::is_primary;
use crate::domain::person::{is_address, normal_address};

/// A person as an identity provider describes one. What it does not say is None.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provisioned {
    pub full_name: String,
    /// Lower-cased.
    pub email: String,
    /// The other addresses, lower-cased.
    pub aliases: BTreeSet<String>,
    pub works_here: Option<bool>,
    pub starts_on: Option<NaiveDate>,
    pub ends_on: Option<NaiveDate>,
}

impl Document {
    pub fn person(&self) -> Result<Provisioned, ScimError> {
        let user_name = normal_address(self.user_name());
        let email = match self.main_address() {
            Some(address) => normal_address(address),
            None if is_address(&user_name) => user_name.clone(),
            None => {
                return Err(ScimError::value(
                    "A person needs an e-mail address: send one in `emails`, or as the `userName`.",
                ));
            }
        };
        let mut aliases: BTreeSet<String> = self.addresses().map(normal_address).collect();
        if let Some(wrong) = aliases.iter().find(|address| !is_address(address)) {
            return Err(ScimError::value(format!("{} in `emails` is not an e-mail address.", Shown(wrong))));
        }
        if is_address(&user_name) {
            aliases.insert(user_name);
        }
        aliases.remove(&email);
        Ok(Provisioned {
            full_name: self.full_name(),
            email,
            aliases,
            works_here: self.0.get("active").and_then(Value::as_bool),
            starts_on: self.date("startsOn")?,
            ends_on: self.date("endsOn")?,
        })
    }

    fn main_address(&self) -> Option<&str> {
        let emails = || self.emails().iter().filter(|email| email.get("value").is_some());
        let is_work = |email: &&Value| {
            email.get("type").and_then(Value::as_str).is_some_and(|of| of.eq_ignore_ascii_case("work"))
        };
        let main =
            emails().find(|email| is_primary(email)).or_else(|| emails().find(is_work)).or_else(|| emails().next());
        main?.get("value")?.as_str()
    }

    fn full_name(&self) -> String {
        let part = |name: &str| self.0.get("name").and_then(|parts| parts.get(name)?.as_str()).map(str::trim);
        let parts: Vec<&str> = [part("givenName"), part("familyName")].into_iter().flatten().collect();
        let parts = parts.join(" ");
        let names = [self.text("displayName"), part("formatted"), Some(parts.as_str()), Some(self.user_name())];
        let name = names.into_iter().flatten().map(str::trim).find(|name| !name.is_empty());
        name.unwrap_or_default().to_owned()
    }

    fn date(&self, name: &str) -> Result<Option<NaiveDate>, ScimError> {
        let Some(text) = self.employment(name).map(str::trim).filter(|text| !text.is_empty()) else { return Ok(None) };
        let date = text.split(['T', 't', ' ']).next().filter(|date| date.len() == 10);
        let date = date.and_then(|date| date.parse().ok());
        date.map(Some).ok_or_else(|| ScimError::value(format!("{} is a date such as 2026-03-31.", Shown(name))))
    }
}
