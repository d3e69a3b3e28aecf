//! A user as clients are shown it.

use chrono::SecondsFormat;
use serde_json::{Map, Value, json};

use super::BASE;
use super::document::Document;
use super::schema::{EMPLOYMENT, USER};
use crate::domain::Instant;

#[derive(Debug, Clone, PartialEq)]
pub struct User {
    /// Made at random; tells nothing.
    pub id: String,
    pub document: Document,
    pub created_at: Instant,
    pub changed_at: Instant,
}

impl User {
    /// Relative, so that it is right behind every proxy.
    pub fn location(&self) -> String {
        format!("{BASE}/Users/{}", self.id)
    }

    /// Another after each change.
    pub fn version(&self) -> String {
        format!("W/\"{:x}\"", self.changed_at.timestamp_micros())
    }

    /// Everything that there is to show.
    pub fn written(&self) -> Map<String, Value> {
        let mut resource = self.document.0.clone();
        let mut schemas = vec![USER];
        if self.document.has_employment() {
            schemas.push(EMPLOYMENT);
        }
        resource.insert("schemas".to_owned(), json!(schemas));
        resource.insert("id".to_owned(), json!(self.id));
        let meta = json!({
            "resourceType": "User",
            "created": written(self.created_at),
            "lastModified": written(self.changed_at),
            "location": self.location(),
            "version": self.version(),
        });
        resource.insert("meta".to_owned(), meta);
        resource
    }
}

fn written(instant: Instant) -> String {
    instant.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}
