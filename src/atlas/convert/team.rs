//! Teams, and the roles that they hand to their members.

use std::collections::BTreeMap;

use serde_json::Value;

use super::account::{UserRow, settle};
use crate::atlas::dto::{OddRow, Row};
use crate::domain::{Account, Grant, GrantPath, GrantScope};

const MAX_ROLES: usize = 1_000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Team {
    /// Atlas's 24-hex id.
    pub id: String,
    pub name: String,
}

/// What a team may do in one project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TeamRoles {
    /// Atlas's 24-hex id.
    pub team_id: String,
    /// Distinct, sorted.
    pub roles: Vec<String>,
}

/// One row of `/orgs/{orgId}/teams`.
pub fn team(row: &Value) -> Result<Team, OddRow> {
    let row = Row::of(row, "team")?;
    Ok(Team { id: row.id("id", "id")?, name: row.needed_text("name", "name")? })
}

/// One row of `/groups/{groupId}/teams`.
pub fn team_roles(row: &Value) -> Result<TeamRoles, OddRow> {
    let row = Row::of(row, "team")?;
    let roles = row.words("roleNames", "roleNames", MAX_ROLES)?;
    Ok(TeamRoles { team_id: row.id("teamId", "teamId")?, roles })
}

/// The user's account with the grants that its teams bring. A team that is not in `teams` goes without a name.
pub fn with_team_grants(
    user: UserRow,
    teams: &BTreeMap<String, String>,
    team_roles: &[(String, TeamRoles)],
) -> Account {
    let UserRow { mut account, team_ids } = user;
    for (project, granted) in team_roles.iter().filter(|(_, granted)| team_ids.contains(&granted.team_id)) {
        let team = teams.get(&granted.team_id);
        account.grants.extend(granted.roles.iter().map(|role| Grant {
            role: role.clone(),
            scope: GrantScope::Project,
            project: Some(project.clone()),
            via: GrantPath::Team,
            team: team.cloned(),
        }));
    }
    settle(&mut account.grants);
    account
}
