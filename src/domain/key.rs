//! What an Atlas API key may do, against what the product needs.

use serde::{Deserialize, Serialize};

use super::account::is_privileged_role;

crate::words! {
    KeyVerdict {
        /// Reads the whole organization and changes nothing.
        Fit = "FIT",
        /// Sees only some projects, or none.
        TooWeak = "TOO_WEAK",
        /// Can change something in Atlas.
        TooStrong = "TOO_STRONG",
    }
}

/// What `GET /` tells about the key itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyProfile {
    pub public_key: String,
    /// The one organization it belongs to; None when it holds no organization role.
    pub organization: Option<String>,
    /// Distinct, sorted: roles in the organization.
    pub organization_roles: Vec<String>,
    /// Distinct, sorted: roles in projects.
    pub project_roles: Vec<String>,
    /// The key has an API access list of its own.
    pub access_listed: bool,
}

/// The one role the product needs.
pub const NEEDED_ROLE: &str = "ORG_READ_ONLY";

impl KeyProfile {
    /// Every role, organization's first.
    pub fn roles(&self) -> Vec<String> {
        self.organization_roles.iter().chain(&self.project_roles).cloned().collect()
    }

    /// Roles that are more than reading needs.
    pub fn excess(&self) -> Vec<String> {
        self.roles().into_iter().filter(|role| is_privileged_role(role)).collect()
    }

    /// Roles that reading the whole organization needs and the key does not hold.
    pub fn missing(&self) -> Vec<String> {
        if self.sees_whole_organization() { Vec::new() } else { vec![NEEDED_ROLE.to_owned()] }
    }

    pub fn verdict(&self) -> KeyVerdict {
        if !self.excess().is_empty() {
            KeyVerdict::TooStrong
        } else if self.sees_whole_organization() {
            KeyVerdict::Fit
        } else {
            KeyVerdict::TooWeak
        }
    }

    /// May connect at all: belongs to the organization and sees at least one project of it.
    pub fn is_usable(&self) -> bool {
        let sees_something =
            self.sees_whole_organization() || !self.project_roles.is_empty() || !self.excess().is_empty();
        self.organization.is_some() && sees_something
    }

    /// `ORG_READ_ONLY` and `ORG_OWNER` reach every project; other organization roles only those granted.
    pub fn sees_whole_organization(&self) -> bool {
        self.organization_roles.iter().any(|role| role == NEEDED_ROLE || role == "ORG_OWNER")
    }
}
