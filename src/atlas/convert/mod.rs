//! Rows of the Atlas Administration API turned into domain values, one pure function per row.
//!
//! Here "group" becomes project, and an effective reading of a body ends. Must not know the network.

mod account;
mod cluster;
mod project;
mod team;

#[cfg(test)]
mod tests;

pub use super::dto::OddRow;
pub use account::{
    UserRow, api_key, key_profile, service_account, service_account_project_roles, user, with_project_grants,
};
pub use cluster::{cluster, flex_cluster};
pub use project::{encryption_at_rest, organization, project};
pub use team::{Team, TeamRoles, team, team_roles, with_team_grants};
