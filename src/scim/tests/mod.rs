//! The protocol by tables: documents, filters, patches, and what answers show.

mod documents;
mod filters;
mod lists;
mod patches;

use serde_json::{Value, json};

use super::{Document, User};
use crate::domain::Instant;

const EMPLOYMENT: &str = super::schema::EMPLOYMENT;

fn document(body: Value) -> Document {
    Document::from_body(body).unwrap_or_else(|error| panic!("{error}"))
}

/// Somebody with a value of everything.
fn ada() -> Document {
    document(json!({
        "schemas": [super::schema::USER, EMPLOYMENT],
        "userName": "Ada@Example.com",
        "externalId": "00uAda",
        "name": { "formatted": "Ada King", "givenName": "Ada", "familyName": "King" },
        "displayName": "Ada Lovelace",
        "emails": [
            { "value": "Ada@example.com", "type": "work", "primary": true },
            { "value": "ada@home.example", "type": "home", "display": "Ada at home" },
        ],
        "active": true,
        EMPLOYMENT: { "startsOn": "2024-02-29", "endsOn": "2026-12-31" },
    }))
}

fn user(document: Document) -> User {
    let at = |text: &str| text.parse::<Instant>().unwrap();
    User {
        id: "0123456789abcdef0123456789abcdef".to_owned(),
        document,
        created_at: at("2026-11-02T09:00:00Z"),
        changed_at: at("2026-11-03T09:00:00.5Z"),
    }
}

/// The document as JSON, without what only the server writes.
fn shown(document: &Document) -> Value {
    serde_json::from_str(&document.kept()).unwrap()
}
