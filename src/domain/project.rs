//! A project (Atlas calls it a group) and what it says about customer-managed keys.

use serde::{Deserialize, Serialize};

use super::Instant;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Project {
    /// Atlas's 24-hex id.
    pub atlas_id: String,
    pub name: String,
    pub created_at: Option<Instant>,
    pub tags: Vec<Tag>,
}

/// A free-text label on a project or cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Tag {
    pub key: String,
    pub value: String,
}

/// The customer-managed keys of one project, by cloud. Key identifiers are never kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EncryptionAtRest {
    pub aws: KeyState,
    pub azure: KeyState,
    pub gcp: KeyState,
}

/// None: Atlas did not say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyState {
    pub enabled: Option<bool>,
    pub valid: Option<bool>,
}

impl EncryptionAtRest {
    /// The state of the key that a cluster with this setting uses. None without a customer key.
    pub fn key_for(&self, at_rest: super::AtRest) -> Option<KeyState> {
        use super::AtRest;
        match at_rest {
            AtRest::AwsCustomerKey => Some(self.aws),
            AtRest::AzureCustomerKey => Some(self.azure),
            AtRest::GcpCustomerKey => Some(self.gcp),
            AtRest::ProviderManagedKey | AtRest::Unrecognized => None,
        }
    }
}
