//! An account: somebody or something that can sign in to the organization, and every grant it holds.

use serde::{Deserialize, Serialize};

use super::Instant;

crate::words! { AccountKind { User = "USER", ApiKey = "API_KEY", ServiceAccount = "SERVICE_ACCOUNT" } }
crate::words! { AccountStatus { Active = "ACTIVE", Pending = "PENDING" } }
crate::words! { GrantScope { Organization = "ORGANIZATION", Project = "PROJECT" } }
crate::words! {
    /// How an account came by a role.
    GrantPath { Direct = "DIRECT", Team = "TEAM", Implied = "IMPLIED" }
}

/// One account as Atlas lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    pub kind: AccountKind,
    /// Atlas's id: 24 hex for users and API keys, `mdb_sa_id_...` for service accounts.
    /// A user's may change when an invitation is accepted; the lower-cased login then tells who it is.
    pub atlas_id: String,
    /// User name, public key or client id.
    pub login: String,
    pub display_name: Option<String>,
    /// Lower-cased. Only users have one.
    pub email: Option<String>,
    pub status: AccountStatus,
    pub created_at: Option<Instant>,
    pub last_authenticated_at: Option<Instant>,
    pub invited_at: Option<Instant>,
    /// Distinct, sorted.
    pub grants: Vec<Grant>,
}

/// One role held, where, and why.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Grant {
    pub role: String,
    pub scope: GrantScope,
    /// The project's 24-hex id; None for the organization.
    pub project: Option<String>,
    pub via: GrantPath,
    /// The team's name when `via` is TEAM, where it could be read.
    pub team: Option<String>,
}

impl Account {
    /// Holds a role that can change the organization or a project.
    pub fn is_privileged(&self) -> bool {
        self.grants.iter().any(|grant| is_privileged_role(&grant.role))
    }

    /// What tells a user apart when ids change: the lower-cased login for users, Atlas's id otherwise.
    pub fn natural_key(&self) -> String {
        match self.kind {
            AccountKind::User => self.login.to_lowercase(),
            AccountKind::ApiKey | AccountKind::ServiceAccount => self.atlas_id.clone(),
        }
    }
}

/// Whether a role can change the organization or a project.
///
/// Every role is, known or not, unless its name ends in `READ_ONLY` or `MEMBER`: Atlas adds roles, and silence must not hide one.
pub fn is_privileged_role(role: &str) -> bool {
    !(role.ends_with("READ_ONLY") || role.ends_with("MEMBER"))
}
