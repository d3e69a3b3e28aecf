//! The three lists of users: of an organization, of a team, of a project.
//!
//! All show active and pending people unless other statuses are asked for.

use serde_json::{Value, json};

use super::answer::Refused;
use super::page::Query;
use crate::demo::model::{Organization, ProjectEstate};

const STATUSES: &[&str] = &["ACTIVE", "PENDING", "INVITATION_EXPIRED", "INVITATION_REJECTED"];

pub fn of_organization(own: &Organization, query: &Query) -> Result<Vec<Value>, Refused> {
    select(own.users.iter(), query)
}

pub fn of_team(own: &Organization, team: &str, query: &Query) -> Result<Vec<Value>, Refused> {
    if !own.teams.iter().any(|known| known["id"] == team) {
        let detail = format!("No resource with ID {team} exists.");
        return Err(Refused::not_found("RESOURCE_NOT_FOUND", detail, json!([team])));
    }
    select(own.users.iter().filter(|user| in_team(user, team)), query)
}

/// Direct members; with `flattenTeams` those of its teams, with `includeOrgUsers` those who reach every project.
pub fn of_project(own: &Organization, project: &ProjectEstate, query: &Query) -> Result<Vec<Value>, Refused> {
    let flatten = query.flag("flattenTeams")?.unwrap_or(false);
    let implied = query.flag("includeOrgUsers")?.unwrap_or(false);
    let members: Vec<Value> = own
        .users
        .iter()
        .filter_map(|user| {
            let mut roles = direct_roles(user, &project.id);
            if flatten {
                let teams =
                    project.teams.iter().filter(|team| in_team(user, team["teamId"].as_str().unwrap_or_default()));
                roles.extend(teams.flat_map(|team| team["roleNames"].as_array().cloned().unwrap_or_default()));
            }
            let listed = !roles.is_empty() || (implied && reaches_everything(user));
            listed.then(|| project_member(user, roles))
        })
        .collect();
    select(members.iter(), query)
}

fn select<'a>(users: impl Iterator<Item = &'a Value>, query: &Query) -> Result<Vec<Value>, Refused> {
    let mut wanted: Vec<&str> = query.all("orgMembershipStatuses").chain(query.all("orgMembershipStatus")).collect();
    if let Some(unknown) = wanted.iter().find(|status| !STATUSES.contains(status)) {
        return Err(Refused::invalid("orgMembershipStatuses", format!("{unknown} is no membership status.")));
    }
    if wanted.is_empty() {
        wanted = vec!["ACTIVE", "PENDING"];
    }
    let name = query.all("username").next();
    let listed = users.filter(|user| {
        // A body without a status is a test's own; Atlas would have counted it as active.
        wanted.contains(&user["orgMembershipStatus"].as_str().unwrap_or("ACTIVE"))
            && name.is_none_or(|name| user["username"] == name)
    });
    Ok(listed.cloned().collect())
}

fn in_team(user: &Value, team: &str) -> bool {
    user["teamIds"].as_array().is_some_and(|teams| teams.iter().any(|known| known == team))
}

fn direct_roles(user: &Value, project: &str) -> Vec<Value> {
    let assignments = user["roles"]["groupRoleAssignments"].as_array();
    let here = assignments.into_iter().flatten().filter(|assignment| assignment["groupId"] == project);
    here.flat_map(|assignment| assignment["groupRoles"].as_array().cloned().unwrap_or_default()).collect()
}

fn reaches_everything(user: &Value) -> bool {
    let roles = user["roles"]["orgRoles"].as_array();
    roles.into_iter().flatten().any(|role| role == "ORG_OWNER" || role == "ORG_READ_ONLY")
}

/// As in the organization's list, with the project's roles as a flat array.
fn project_member(user: &Value, mut roles: Vec<Value>) -> Value {
    roles.sort_by_key(ToString::to_string);
    roles.dedup();
    let mut row = user.clone();
    if let Some(fields) = row.as_object_mut() {
        fields.remove("teamIds");
        fields.insert("roles".to_owned(), Value::Array(roles));
    }
    row
}
