//! Lists that are no pages, by the names of their fields.

use super::DEFAULT_PAGE;

/// Every list of objects in the schema that is no page.
pub(super) const PLAIN: [&str; 22] = [
    "addedGrants",
    "changes",
    "controlResults",
    "controls",
    "decisions",
    "evidence",
    "frameworks",
    "grants",
    "history",
    "integrations",
    "providers",
    "regions",
    "removals",
    "removedGrants",
    "reviewers",
    "scopes",
    "sources",
    "suggestedPeople",
    "tags",
    "topology",
    "userErrors",
    "warnings",
];

/// How long introspection's lists are, about; the others are short.
const INTROSPECTION: [(&str, u64); 2] = [("types", 150), ("fields", 3)];

/// How many items a list of this name counts as. None: it is no list, or a short one.
pub fn length(name: &str) -> Option<u64> {
    let described = || INTROSPECTION.iter().find(|(list, _)| *list == name).map(|(_, length)| *length);
    if PLAIN.contains(&name) { Some(DEFAULT_PAGE) } else { described() }
}

/// Whether introspection can go round in circles through this list.
pub fn lead_back(name: &str) -> bool {
    matches!(name, "fields" | "inputFields" | "interfaces" | "possibleTypes")
}
