//! Everything one sync saw, and which lists it could read to the end.

use serde::{Deserialize, Serialize};

use super::{Account, AccountKind, Cluster, EncryptionAtRest, KeyProfile, Project};

crate::words! {
    /// One kind of list that a sync reads.
    ScopeKind {
        Organization = "ORGANIZATION",
        Users = "USERS",
        Teams = "TEAMS",
        ApiKeys = "API_KEYS",
        ServiceAccounts = "SERVICE_ACCOUNTS",
        Projects = "PROJECTS",
        Clusters = "CLUSTERS",
        FlexClusters = "FLEX_CLUSTERS",
        EncryptionAtRest = "ENCRYPTION_AT_REST",
    }
}

impl ScopeKind {
    /// The list that accounts of a kind are in.
    pub const fn of_accounts(kind: AccountKind) -> Self {
        match kind {
            AccountKind::User => Self::Users,
            AccountKind::ApiKey => Self::ApiKeys,
            AccountKind::ServiceAccount => Self::ServiceAccounts,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organization {
    /// Atlas's 24-hex id.
    pub atlas_id: String,
    pub name: String,
}

/// One list that was to be read, and how that ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopeRead {
    pub kind: ScopeKind,
    /// The project's 24-hex id, for lists that are read per project.
    pub project: Option<String>,
    /// None when the list was read to the end.
    pub failure: Option<ScopeFailure>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopeFailure {
    /// Atlas's own error code where it gave one, else ours.
    pub code: String,
    /// A sentence for a person.
    pub message: String,
    /// The list was read to the end and its good rows are fresh; some of its rows were not understood.
    pub rows_were_read: bool,
}

/// What was read. Rows of a failed scope may be there in part: they update, but nothing is removed by their absence.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// None when it could not be read: the key may see its lists all the same.
    pub organization: Option<Organization>,
    pub key: KeyProfile,
    pub projects: Vec<Project>,
    pub clusters: Vec<Cluster>,
    pub accounts: Vec<Account>,
    /// By project (24-hex id); only projects whose read succeeded.
    pub encryption: Vec<(String, EncryptionAtRest)>,
    pub scopes: Vec<ScopeRead>,
}
