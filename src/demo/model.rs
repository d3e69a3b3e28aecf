//! The estate that the simulator serves, mostly as the raw JSON that Atlas would send.
//!
//! Bodies stay raw so that anything can be put in, well-formed or not. Only what decides access is typed.

use secrecy::SecretString;
use serde_json::{Value, json};

/// One organization with everything below it.
#[derive(Debug, Clone)]
pub struct Organization {
    pub id: String,
    pub name: String,
    /// An unpaid organization answers every read with 402.
    pub suspended: bool,
    /// Keys without an access list of their own are refused.
    pub access_list_required: bool,
    pub keys: Vec<Key>,
    /// As `/orgs/{id}/users` lists them; `teamIds` decides who is in a team.
    pub users: Vec<Value>,
    /// `{id, name}` each.
    pub teams: Vec<Value>,
    /// As `/orgs/{id}/serviceAccounts` lists them.
    pub service_accounts: Vec<Value>,
    pub projects: Vec<ProjectEstate>,
}

impl Organization {
    /// An organization with nothing in it.
    pub fn new(id: &str, name: &str) -> Self {
        Self {
            id: id.to_owned(),
            name: name.to_owned(),
            suspended: false,
            access_list_required: false,
            keys: Vec::new(),
            users: Vec::new(),
            teams: Vec::new(),
            service_accounts: Vec::new(),
            projects: Vec::new(),
        }
    }

    pub fn project(&self, id: &str) -> Option<&ProjectEstate> {
        self.projects.iter().find(|project| project.id == id)
    }

    pub fn project_mut(&mut self, id: &str) -> Option<&mut ProjectEstate> {
        self.projects.iter_mut().find(|project| project.id == id)
    }
}

/// One project (Atlas calls it a group).
#[derive(Debug, Clone)]
pub struct ProjectEstate {
    pub id: String,
    pub name: String,
    /// ISO instant.
    pub created: String,
    /// An array of `{key, value}`.
    pub tags: Value,
    /// As `/groups/{id}/clusters` lists them.
    pub clusters: Vec<Value>,
    /// As `/groups/{id}/flexClusters` lists them.
    pub flex: Vec<Value>,
    /// `{teamId, roleNames}` each.
    pub teams: Vec<Value>,
    /// As `/groups/{id}/serviceAccounts` lists them.
    pub service_accounts: Vec<Value>,
    /// As `/groups/{id}/encryptionAtRest` answers.
    pub encryption: Value,
}

impl ProjectEstate {
    /// A project without clusters, tags or customer keys.
    pub fn new(id: &str, name: &str) -> Self {
        Self {
            id: id.to_owned(),
            name: name.to_owned(),
            created: "2024-01-08T09:00:00Z".to_owned(),
            tags: json!([]),
            clusters: Vec::new(),
            flex: Vec::new(),
            teams: Vec::new(),
            service_accounts: Vec::new(),
            encryption: json!({}),
        }
    }

    /// The cluster or flex cluster of this name.
    pub fn cluster_mut(&mut self, name: &str) -> Option<&mut Value> {
        self.clusters.iter_mut().chain(&mut self.flex).find(|cluster| cluster["name"] == name)
    }
}

/// An API key of an organization.
#[derive(Debug, Clone)]
pub struct Key {
    pub id: String,
    pub public: String,
    pub private: SecretString,
    pub description: String,
    pub roles: Vec<KeyRole>,
    /// Addresses or CIDR blocks; empty means any address.
    pub access_list: Vec<String>,
}

/// One role of a key and where it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyRole {
    Organization(String),
    Project { project: String, role: String },
}

impl Key {
    /// Holds some role in the organization itself.
    pub fn is_member(&self) -> bool {
        self.roles.iter().any(|role| matches!(role, KeyRole::Organization(_)))
    }

    /// Holds one of these roles in the organization itself.
    pub fn holds(&self, words: &[&str]) -> bool {
        self.roles.iter().any(|role| matches!(role, KeyRole::Organization(word) if words.contains(&word.as_str())))
    }

    /// Reads the organization and all its projects.
    pub fn reads_everything(&self) -> bool {
        self.holds(&["ORG_READ_ONLY", "ORG_OWNER"])
    }

    /// Reads this project of its own organization.
    pub fn reads_project(&self, id: &str) -> bool {
        self.reads_everything()
            || self.roles.iter().any(|role| matches!(role, KeyRole::Project { project, .. } if project == id))
    }
}
