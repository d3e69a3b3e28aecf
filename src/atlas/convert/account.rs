//! Users, API keys, service accounts and the key itself, with the roles that they hold.
//!
//! Private keys, secrets, telephone numbers and countries are never looked at.

use serde_json::Value;

use crate::atlas::dto::{Child, OddRow, Row, clean_text, object_id, words};
use crate::domain::{Account, AccountKind, AccountStatus, Grant, GrantPath, GrantScope, KeyProfile};

const MAX_ROLES: usize = 1_000;
const MAX_ASSIGNMENTS: usize = 10_000;
const MAX_TEAMS: usize = 1_000;
/// Organization roles that reach every project.
const REACHES_ALL: [&str; 2] = ["ORG_OWNER", "ORG_READ_ONLY"];

/// A user as listed, before teams are looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRow {
    /// With direct and implied grants only.
    pub account: Account,
    /// 24-hex ids; distinct, sorted.
    pub team_ids: Vec<String>,
}

/// One row of `/orgs/{orgId}/users`. None for an invitation that expired or was rejected.
pub fn user(row: &Value) -> Result<Option<UserRow>, OddRow> {
    let row = Row::of(row, "user")?;
    let status = match row.get("orgMembershipStatus").and_then(Value::as_str) {
        Some("INVITATION_EXPIRED" | "INVITATION_REJECTED") => return Ok(None),
        Some("PENDING") => AccountStatus::Pending,
        _ => AccountStatus::Active,
    };
    let login = row.needed_text("username", "username")?;
    let account = Account {
        kind: AccountKind::User,
        atlas_id: row.id("id", "id")?,
        email: login.contains('@').then(|| login.to_lowercase()),
        login,
        display_name: full_name(row),
        status,
        created_at: row.instant("createdAt"),
        last_authenticated_at: row.instant("lastAuth"),
        invited_at: row.instant("invitationCreatedAt"),
        grants: user_grants(row)?,
    };
    Ok(Some(UserRow { account, team_ids: team_ids(row)? }))
}

/// One row of `/orgs/{orgId}/apiKeys`.
pub fn api_key(row: &Value) -> Result<Account, OddRow> {
    let row = Row::of(row, "apiKey")?;
    let login = row.needed_text("publicKey", "publicKey")?;
    let display_name = filled(row.text("desc"));
    machine(AccountKind::ApiKey, row.id("id", "id")?, login, display_name, row)
}

/// One row of `/orgs/{orgId}/serviceAccounts`.
pub fn service_account(row: &Value) -> Result<Account, OddRow> {
    let row = Row::of(row, "serviceAccount")?;
    let id = client_id(row)?;
    machine(AccountKind::ServiceAccount, id.clone(), id, filled(row.text("name")), row)
}

/// One row of `/groups/{groupId}/serviceAccounts`: the client id and its distinct, sorted roles in that project.
pub fn service_account_project_roles(row: &Value) -> Result<(String, Vec<String>), OddRow> {
    let row = Row::of(row, "serviceAccount")?;
    let entries = row.needed_list("roles", "roles", MAX_ROLES)?;
    let names = entries.into_iter().map(role_name).collect::<Result<Vec<_>, _>>()?;
    Ok((client_id(row)?, words(names.into_iter().flatten())))
}

/// The account with direct roles in projects added; `granted` pairs a project's 24-hex id with roles in it.
pub fn with_project_grants(mut account: Account, granted: &[(String, Vec<String>)]) -> Account {
    for (project, roles) in granted {
        account.grants.extend(roles.iter().map(|role| direct(role.clone(), Some(project.clone()))));
    }
    settle(&mut account.grants);
    account
}

/// The body of `GET /`, asked with the key `own_public_key`.
pub fn key_profile(root_body: &Value, own_public_key: &str) -> Result<KeyProfile, OddRow> {
    let body = Row::of(root_body, "root")?;
    let key = match body.child("apiKey") {
        Child::Object(key) => key,
        Child::Missing => return Err(OddRow { field: "apiKey", problem: "is missing" }),
        Child::Odd => return Err(OddRow { field: "apiKey", problem: "is not a JSON object" }),
    };
    let mut profile = KeyProfile {
        public_key: own_public_key.to_owned(),
        organization: None,
        organization_roles: Vec::new(),
        project_roles: Vec::new(),
        access_listed: matches!(key.get("accessList"), Some(Value::Array(entries)) if !entries.is_empty()),
    };
    for entry in key.needed_list("roles", "apiKey.roles", MAX_ASSIGNMENTS)? {
        let Some(held) = held_role(entry)? else { continue };
        match held.place {
            Place::Project(_) => profile.project_roles.push(held.role),
            Place::Organization(id) => {
                profile.organization_roles.push(held.role);
                profile.organization = profile.organization.into_iter().chain(id).min();
            }
        }
    }
    for roles in [&mut profile.organization_roles, &mut profile.project_roles] {
        roles.sort_unstable();
        roles.dedup();
    }
    Ok(profile)
}

/// Makes grants distinct and sorted, and adds what organization roles imply.
pub(super) fn settle(grants: &mut Vec<Grant>) {
    let implied: Vec<Grant> = grants
        .iter()
        .filter(|grant| grant.scope == GrantScope::Organization && REACHES_ALL.contains(&grant.role.as_str()))
        .map(|grant| Grant { via: GrantPath::Implied, ..grant.clone() })
        .collect();
    grants.extend(implied);
    grants.sort_unstable();
    grants.dedup();
}

fn machine(
    kind: AccountKind,
    atlas_id: String,
    login: String,
    display_name: Option<String>,
    row: Row<'_>,
) -> Result<Account, OddRow> {
    let mut grants = Vec::new();
    for entry in row.needed_list("roles", "roles", MAX_ASSIGNMENTS)? {
        if let Some(held) = held_role(entry)? {
            let project = match held.place {
                Place::Project(id) => Some(id),
                Place::Organization(_) => None,
            };
            grants.push(direct(held.role, project));
        }
    }
    settle(&mut grants);
    Ok(Account {
        kind,
        atlas_id,
        login,
        display_name,
        email: None,
        status: AccountStatus::Active,
        created_at: row.instant("createdAt"),
        last_authenticated_at: None,
        invited_at: None,
        grants,
    })
}

fn user_grants(row: Row<'_>) -> Result<Vec<Grant>, OddRow> {
    let roles = match row.child("roles") {
        Child::Object(roles) => roles,
        Child::Missing => return Ok(Vec::new()),
        Child::Odd => return Err(OddRow { field: "roles", problem: "is not a JSON object" }),
    };
    let in_organization = roles.words("orgRoles", "roles.orgRoles", MAX_ROLES)?;
    let mut grants: Vec<Grant> = in_organization.into_iter().map(|role| direct(role, None)).collect();
    let path = "roles.groupRoleAssignments";
    let assignments = roles.needed_list("groupRoleAssignments", path, MAX_ASSIGNMENTS)?;
    for assignment in assignments.into_iter().filter(|assignment| !assignment.is_null()) {
        let assignment = Row::of(assignment, "roles.groupRoleAssignments[]")?;
        let project = assignment.id("groupId", "roles.groupRoleAssignments[].groupId")?;
        let held = assignment.words("groupRoles", "roles.groupRoleAssignments[].groupRoles", MAX_ROLES)?;
        grants.extend(held.into_iter().map(|role| direct(role, Some(project.clone()))));
    }
    settle(&mut grants);
    Ok(grants)
}

fn team_ids(row: Row<'_>) -> Result<Vec<String>, OddRow> {
    let listed = row.needed_list("teamIds", "teamIds", MAX_TEAMS)?;
    let listed = listed.into_iter().filter(|id| !id.is_null());
    let mut ids = listed.map(|id| object_id(id, "teamIds[]")).collect::<Result<Vec<_>, _>>()?;
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

fn direct(role: String, project: Option<String>) -> Grant {
    let scope = if project.is_some() { GrantScope::Project } else { GrantScope::Organization };
    Grant { role, scope, project, via: GrantPath::Direct, team: None }
}

struct HeldRole {
    role: String,
    place: Place,
}

enum Place {
    /// The id is absent where the row only names the role.
    Organization(Option<String>),
    Project(String),
}

/// One entry of a key's `roles`: an object, or a bare organization role. None when it names no role.
fn held_role(entry: &Value) -> Result<Option<HeldRole>, OddRow> {
    let Some(role) = role_name(entry)?.and_then(clean_text).map(|role| role.trim().to_owned()) else { return Ok(None) };
    if role.is_empty() {
        return Ok(None);
    }
    let Ok(row) = Row::of(entry, "roles[]") else {
        return Ok(Some(HeldRole { role, place: Place::Organization(None) }));
    };
    let place = if row.get("groupId").is_some() {
        Place::Project(row.id("groupId", "roles[].groupId")?)
    } else if row.get("orgId").is_some() {
        Place::Organization(Some(row.id("orgId", "roles[].orgId")?))
    } else if role.starts_with("ORG_") {
        Place::Organization(None)
    } else {
        return Err(OddRow { field: "roles[]", problem: "names neither an organization nor a project" });
    };
    Ok(Some(HeldRole { role, place }))
}

/// The text that names the role. Nulls name none; what a row may do hangs on the rest, so anything else is odd.
fn role_name(entry: &Value) -> Result<Option<&Value>, OddRow> {
    let name = match entry {
        Value::Object(fields) => fields.get("roleName").unwrap_or(&Value::Null),
        bare => bare,
    };
    match name {
        Value::Null => Ok(None),
        Value::String(_) => Ok(Some(name)),
        _ => Err(OddRow { field: "roles[]", problem: "names no role" }),
    }
}

fn client_id(row: Row<'_>) -> Result<String, OddRow> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    row.get("clientId")
        .ok_or(OddRow { field: "clientId", problem: "is missing" })?
        .as_str()
        .filter(|id| (1..=64).contains(&id.len()) && id.bytes().all(is_allowed))
        .map(str::to_owned)
        .ok_or(OddRow { field: "clientId", problem: "is not 1 to 64 letters, digits, `_` or `-`" })
}

fn full_name(row: Row<'_>) -> Option<String> {
    let parts: Vec<String> =
        ["firstName", "lastName"].into_iter().filter_map(|field| filled(row.text(field))).collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

/// The text trimmed; None when nothing is left.
fn filled(text: Option<String>) -> Option<String> {
    text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}
