//! Bodies with everything Atlas puts into them, for estates and for tests.
//!
//! A builder starts from something healthy; each call makes one thing different. Ids are made from names, so the same words
//! always give the same estate.

mod cluster;
mod flex;
mod member;
mod region;
mod service_account;

use md5::{Digest, Md5};
use serde_json::{Value, json};

pub use cluster::{Cluster, cluster, tenant};
pub use flex::{Flex, flex};
pub use member::{Member, invitation, user};
pub use region::{Region, region};
pub use service_account::service_account;

use super::model::{Key, KeyRole};

/// The 24-hex id that belongs to this name.
pub fn id(name: &str) -> String {
    let digest = u128::from_be_bytes(Md5::digest(name.as_bytes()).into());
    format!("{:024x}", digest >> 32)
}

/// Tags as Atlas lists them.
pub fn tags(pairs: &[(&str, &str)]) -> Value {
    pairs.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect()
}

/// A team of an organization.
pub fn team(name: &str) -> Value {
    json!({ "id": id(&format!("team/{name}")), "links": [], "name": name })
}

/// A team's roles in a project.
pub fn team_roles(name: &str, roles: &[&str]) -> Value {
    json!({ "links": [], "roleNames": roles, "teamId": id(&format!("team/{name}")) })
}

/// A key with roles in the organization only.
pub fn key(public: &str, private: &str, description: &str, roles: &[&str]) -> Key {
    Key {
        id: id(&format!("key/{public}")),
        public: public.to_owned(),
        private: private.into(),
        description: description.to_owned(),
        roles: roles.iter().map(|role| KeyRole::Organization((*role).to_owned())).collect(),
        access_list: Vec::new(),
    }
}

/// One cloud's block of `/encryptionAtRest`.
pub fn customer_key(enabled: bool, valid: bool) -> Value {
    json!({ "enabled": enabled, "requirePrivateNetworking": false, "valid": valid })
}
