//! Projects, organizations, their tags and customer-managed keys.

use serde_json::Value;

use crate::atlas::dto::{Child, OddRow, Row, clean_text};
use crate::domain::{EncryptionAtRest, KeyState, Organization, Project, Tag};

/// Tags beyond these are left out: Atlas allows 50.
const MAX_TAGS: usize = 200;

/// One row of `/orgs/{orgId}/groups`, or `/groups/{groupId}`.
pub fn project(row: &Value) -> Result<Project, OddRow> {
    let row = Row::of(row, "project")?;
    Ok(Project {
        atlas_id: row.id("id", "id")?,
        name: row.needed_text("name", "name")?,
        created_at: row.instant("created"),
        tags: tags(row),
    })
}

/// One row of `/orgs`, or `/orgs/{orgId}`.
pub fn organization(row: &Value) -> Result<Organization, OddRow> {
    let row = Row::of(row, "organization")?;
    Ok(Organization { atlas_id: row.id("id", "id")?, name: row.needed_text("name", "name")? })
}

/// The body of `/groups/{groupId}/encryptionAtRest`. Key identifiers are not looked at.
pub fn encryption_at_rest(body: &Value) -> Result<EncryptionAtRest, OddRow> {
    let body = Row::of(body, "encryptionAtRest")?;
    let key = |field| match body.child(field) {
        Child::Object(block) => KeyState { enabled: block.flag("enabled"), valid: block.flag("valid") },
        Child::Missing | Child::Odd => KeyState::default(),
    };
    Ok(EncryptionAtRest { aws: key("awsKms"), azure: key("azureKeyVault"), gcp: key("googleCloudKms") })
}

/// The row's tags, distinct and sorted. A tag without a key or a value is none.
pub(super) fn tags(row: Row<'_>) -> Vec<Tag> {
    let Some(Value::Array(entries)) = row.get("tags") else { return Vec::new() };
    let mut tags: Vec<Tag> = entries.iter().take(MAX_TAGS).filter_map(tag).collect();
    tags.sort_unstable();
    tags.dedup();
    tags
}

fn tag(entry: &Value) -> Option<Tag> {
    let row = Row::of(entry, "tags[]").ok()?;
    let key = row.needed_text("key", "tags[].key").ok()?;
    let value = row.get("value").and_then(clean_text)?;
    Some(Tag { key, value })
}
