//! Doors for the fuzz targets: users, filters and patches as clients make them up.

use serde_json::{Value, json};

use super::document::Document;
use super::filter::{Filter, Narrowed};
use super::patch::Patch;
use super::user::User;
use super::value::{MOST, is_primary};
use crate::domain::Instant;

/// A filter: what it says of somebody is the opposite of what its negation says, and its index leads to them.
pub fn filter(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let Ok(filter) = Filter::parse(&text) else { return };
    let user = user(somebody());
    let (fits, narrowed) = (filter.fits(&user), filter.narrowed());
    assert_ne!(fits, Filter::Not(Box::new(filter)).fits(&user), "{text}");
    let document = &user.document;
    let is_found = match &narrowed {
        None => true,
        Some(Narrowed::Id(id)) => *id == user.id,
        Some(Narrowed::UserName(name)) => document.user_name().to_lowercase() == *name,
        Some(Narrowed::ExternalId(id)) => document.external_id() == Some(id),
        Some(Narrowed::Address(address)) => document.addresses().any(|own| own.to_lowercase() == *address),
    };
    assert!(is_found || !fits, "{text}: {narrowed:?}");
}

/// A patch of somebody: what comes of it is a user like any other.
pub fn patch(input: &[u8]) {
    let Ok(body) = serde_json::from_slice::<Value>(input) else { return };
    if let Ok(after) = Patch::from_body(body).and_then(|patch| patch.apply(&somebody())) {
        check(&after);
    }
}

/// A user: what is kept of it reads the same again.
pub fn document(input: &[u8]) {
    let Ok(body) = serde_json::from_slice::<Value>(input) else { return };
    if let Ok(document) = Document::from_body(body) {
        check(&document);
    }
}

fn check(document: &Document) {
    let kept = document.kept();
    assert_eq!(Document::from_kept(&kept).as_ref(), Some(document), "{kept}");
    let written = Value::Object(user(document.clone()).written());
    assert_eq!(Document::from_body(written).as_ref(), Ok(document), "{kept}");
    assert!(document.emails().len() <= MOST && !document.user_name().trim().is_empty(), "{kept}");
    assert!(document.emails().iter().filter(|email| is_primary(email)).count() <= 1, "{kept}");
    if let Ok(person) = document.person() {
        assert!(!person.aliases.contains(&person.email) && !person.full_name.trim().is_empty(), "{kept}");
        assert!(!person.full_name.chars().any(char::is_control), "{kept}");
    }
}

fn user(document: Document) -> User {
    let at = Instant::UNIX_EPOCH;
    User { id: "0".repeat(32), document, created_at: at, changed_at: at }
}

fn somebody() -> Document {
    let body = json!({
        "userName": "Ada@x.org", "externalId": "7", "name": { "givenName": "Ada", "familyName": "King" }, "active": true,
        "emails": [
            { "value": "ada@x.org", "type": "work", "primary": true },
            { "value": "ada@home.example", "type": "home" },
        ],
        "urn:ietf:params:scim:schemas:extension:slategate:2.0:User": { "startsOn": "2024-02-29" },
    });
    Document::from_body(body).unwrap_or_else(|error| panic!("{error}"))
}
