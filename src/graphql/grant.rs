//! A role that an account holds.

use std::sync::Arc;

use async_graphql::{Enum, Object};

use super::error::ApiError;
use super::project::Project;
use super::session::Moment;
use crate::domain;
use crate::store::views::GrantView;

/// What a role is held on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::GrantScope")]
pub enum GrantScope {
    /// The organization.
    Organization,
    /// One project.
    Project,
}

/// How an account came by a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::GrantPath")]
pub enum GrantPath {
    /// It was given to the account itself.
    Direct,
    /// It was given to a team that the account is in.
    Team,
    /// Another role brings it along.
    Implied,
}

pub struct RoleGrant {
    moment: Arc<Moment>,
    view: GrantView,
}

impl RoleGrant {
    pub fn new(moment: &Arc<Moment>, view: GrantView) -> Self {
        Self { moment: Arc::clone(moment), view }
    }
}

/// One role that an account holds, where, and why.
#[Object]
impl RoleGrant {
    /// The role as Atlas spells it, such as `ORG_READ_ONLY`.
    async fn role(&self) -> &str {
        &self.view.grant.role
    }

    /// What it is held on.
    async fn scope(&self) -> GrantScope {
        self.view.grant.scope.into()
    }

    /// The project that it is held on. Null for the organization, or when the project was not read.
    async fn project(&self) -> Result<Option<Project>, ApiError> {
        Project::find_some(&self.moment, self.view.project_id).await
    }

    /// How the account came by it.
    async fn via(&self) -> GrantPath {
        self.view.grant.via.into()
    }

    /// The name of the team that brings it. Null when none does.
    async fn team(&self) -> Option<&str> {
        self.view.grant.team.as_deref()
    }
}
