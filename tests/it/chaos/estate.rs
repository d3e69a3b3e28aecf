//! What an organization holds in each generation. Every row says which generation it is of.

use serde_json::{Value, json};

/// Clusters of each project that are there in every generation.
const CLUSTERS: u64 = 2;
const PROJECTS: u64 = 2;
const USERS: u64 = 3;

/// An organization of the scripted Atlas, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Organization(pub u64);

impl Organization {
    pub fn id(self) -> String {
        format!("{:024x}", 0x0a00_0000 + self.0)
    }

    pub fn public_key(self) -> String {
        format!("key{:05}", self.0)
    }

    pub fn of_key(public_key: &str) -> Option<Self> {
        Some(Self(public_key.strip_prefix("key")?.parse().ok()?))
    }

    pub fn of_id(id: &str) -> Option<Self> {
        Some(Self(u64::from_str_radix(id, 16).ok()?.checked_sub(0x0a00_0000)?))
    }

    /// How many assets it has in this generation: each third one has one more per project.
    pub fn assets(generation: u64) -> usize {
        usize::try_from(PROJECTS * (CLUSTERS + extra(generation))).unwrap()
    }

    pub fn projects() -> usize {
        usize::try_from(PROJECTS).unwrap()
    }

    /// Its users and its key.
    pub fn accounts() -> usize {
        usize::try_from(USERS + 1).unwrap()
    }

    /// Backups are off in odd generations.
    pub const fn is_backed_up(generation: u64) -> bool {
        generation.is_multiple_of(2)
    }

    /// The body below the API's root, in this generation.
    pub fn body(self, below: &str, generation: u64) -> Value {
        let path: Vec<&str> = below.split('/').filter(|part| !part.is_empty()).collect();
        match path[..] {
            [] => json!({ "apiKey": { "publicKey": self.public_key(), "roles": self.key_roles(), "accessList": [] } }),
            ["orgs", id] => json!({ "id": id, "name": format!("Organization {} g{generation}", self.0) }),
            ["orgs", _, "users"] => list((0..USERS).map(|user| self.user(user, generation))),
            ["orgs", _, "apiKeys"] => list([json!({
                "id": self.row(0xf, 0),
                "publicKey": self.public_key(),
                "desc": format!("g{generation}"),
                "roles": self.key_roles(),
            })]),
            ["orgs", _, "groups"] => list((0..PROJECTS).map(|project| {
                json!({
                    "id": self.row(0xb, project), "name": format!("project {project} g{generation}"),
                    "orgId": self.id(), "tags": [],
                })
            })),
            ["groups", project, "clusters"] => {
                list((0..CLUSTERS + extra(generation)).map(|cluster| Self::cluster(project, cluster, generation)))
            }
            ["groups", _, "encryptionAtRest"] => json!({}),
            _ => list([]),
        }
    }

    fn key_roles(self) -> Value {
        json!([{ "orgId": self.id(), "roleName": "ORG_READ_ONLY" }])
    }

    /// The id of a row: what it is, whose it is, and which.
    fn row(self, kind: u64, number: u64) -> String {
        format!("{kind:02x}{:014x}{number:08x}", self.0)
    }

    fn user(self, number: u64, generation: u64) -> Value {
        json!({
            "id": self.row(0xe, number),
            "username": format!("user{number}@org{}.example.com", self.0),
            "firstName": format!("g{generation}"),
            "orgMembershipStatus": "ACTIVE",
            "roles": { "orgRoles": ["ORG_MEMBER"], "groupRoleAssignments": [] },
            "teamIds": [],
        })
    }

    fn cluster(project: &str, number: u64, generation: u64) -> Value {
        let specs = json!({ "instanceSize": "M30", "nodeCount": 3 });
        json!({
            "id": format!("0c{}{number:02x}", &project[4..]),
            "name": format!("cluster-{number}-of-{}", &project[22..]),
            "groupId": project,
            "clusterType": "REPLICASET",
            "stateName": "IDLE",
            "backupEnabled": Self::is_backed_up(generation),
            "tags": [{ "key": "generation", "value": format!("g{generation}") }],
            "replicationSpecs": [{ "regionConfigs": [{
                "providerName": "AWS", "regionName": "EU_WEST_1", "priority": 7, "electableSpecs": specs,
            }] }],
        })
    }
}

const fn extra(generation: u64) -> u64 {
    if generation.is_multiple_of(3) { 1 } else { 0 }
}

/// The generation that a text of these bodies ends in.
pub fn generation_in(text: &str) -> Option<u64> {
    text.rsplit_once('g')?.1.parse().ok()
}

fn list(rows: impl IntoIterator<Item = Value>) -> Value {
    let rows: Vec<Value> = rows.into_iter().collect();
    json!({ "results": rows, "links": [] })
}
