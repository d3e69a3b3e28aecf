//! What the audit ledger is told of a user's change: what became of the person, and what the provider wrote.

use std::collections::BTreeSet;

use crate::domain::Person;
use crate::scim::Document;
use crate::store::audit::{AuditAction, AuditEntry};
use crate::store::write::StoredPerson;
use crate::sync::edit::noted;

/// Of one value, in characters.
const LONGEST: usize = 500;

pub fn entry(
    action: AuditAction,
    before: Option<&StoredPerson>,
    after: &Person,
    previously: Option<&Document>,
    said: Option<&Document>,
) -> AuditEntry {
    let mut entry = noted(action, before.map(|stored| &stored.person), after);
    let names: BTreeSet<&str> = [previously, said].into_iter().flatten().flat_map(Document::names).collect();
    for name in names {
        let values = [previously, said].map(|document| document.and_then(|document| document.written(name)));
        if values[0] != values[1] {
            let [before, after] = values.map(|value| value.map(|text| text.chars().take(LONGEST).collect()));
            entry = entry.change(&format!("scim.{name}"), before, after);
        }
    }
    entry
}
