//! A small organization on a fake Atlas: two projects, a team, an API key and a service account.

use serde_json::{Value, json};
use wiremock::matchers::{any, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::{ORG, PUBLIC_KEY};

pub const ALPHA: &str = "aaaaaaaaaaaaaaaaaaaaaaa1";
pub const BETA: &str = "bbbbbbbbbbbbbbbbbbbbbbb2";
pub const TEAM: &str = "ccccccccccccccccccccccc3";
pub const SERVICE_ACCOUNT: &str = "mdb_sa_id_ddddddddddddddddddddddd4";

pub struct Estate {
    pub server: MockServer,
}

impl Estate {
    pub async fn start() -> Self {
        let server = MockServer::start().await;
        let estate = Self { server };
        let missing =
            ResponseTemplate::new(404).set_body_json(json!({ "error": 404, "errorCode": "RESOURCE_NOT_FOUND" }));
        Mock::given(any()).respond_with(missing).with_priority(200).mount(&estate.server).await;
        estate.has("", root(ORG)).await;
        estate.has(&format!("/orgs/{ORG}"), json!({ "id": ORG, "name": "Slate" })).await;
        for (list, rows) in [("users", users()), ("teams", teams()), ("apiKeys", api_keys()), ("groups", projects())] {
            estate.lists(&format!("/orgs/{ORG}/{list}"), rows).await;
        }
        estate.lists(&format!("/orgs/{ORG}/serviceAccounts"), service_accounts()).await;
        for project in [ALPHA, BETA] {
            let roles = json!([{ "teamId": TEAM, "roleNames": ["GROUP_READ_ONLY"] }]);
            let granted = json!([{ "clientId": SERVICE_ACCOUNT, "roles": ["GROUP_OWNER"] }]);
            for (list, rows) in [
                ("clusters", clusters(project)),
                ("flexClusters", json!([])),
                ("teams", roles),
                ("serviceAccounts", granted),
            ] {
                estate.lists(&format!("/groups/{project}/{list}"), rows).await;
            }
            let keys = json!({ "awsKms": { "enabled": true, "valid": false, "customerMasterKeyID": "secret" } });
            estate.has(&format!("/groups/{project}/encryptionAtRest"), keys).await;
        }
        estate
    }

    pub async fn has(&self, below: &str, body: Value) {
        self.answers(below, ResponseTemplate::new(200).set_body_json(body), 100).await;
    }

    pub async fn lists(&self, below: &str, rows: Value) {
        self.has(below, json!({ "results": rows, "links": [] })).await;
    }

    /// From now on this path is refused.
    pub async fn refuses(&self, below: &str, status: u16, code: &str) {
        let body = json!({ "error": status, "errorCode": code });
        self.answers(below, ResponseTemplate::new(status).set_body_json(body), 1).await;
    }

    /// From now on this list holds these rows.
    pub async fn lists_now(&self, below: &str, rows: Value) {
        let body = json!({ "results": rows, "links": [] });
        self.answers(below, ResponseTemplate::new(200).set_body_json(body), 1).await;
    }

    /// From now on this path has this body.
    pub async fn has_now(&self, below: &str, body: Value) {
        self.answers(below, ResponseTemplate::new(200).set_body_json(body), 1).await;
    }

    async fn answers(&self, below: &str, answer: ResponseTemplate, priority: u8) {
        let matching = Mock::given(method("GET")).and(path(format!("/api/atlas/v2{below}")));
        matching.respond_with(answer).with_priority(priority).mount(&self.server).await;
    }

    /// The paths that were asked for, below the API's root, sorted.
    pub async fn asked(&self) -> Vec<String> {
        let requests = self.server.received_requests().await.unwrap();
        let below = |path: &str| path.strip_prefix("/api/atlas/v2").unwrap().to_owned();
        let mut paths: Vec<String> = requests.iter().map(|request| below(request.url.path())).collect();
        paths.sort();
        paths
    }
}

pub fn root(organization: &str) -> Value {
    json!({ "apiKey": {
        "publicKey": PUBLIC_KEY,
        "roles": [{ "orgId": organization, "roleName": "ORG_READ_ONLY" }],
        "accessList": [],
    } })
}

fn users() -> Value {
    json!([{
        "id": "eeeeeeeeeeeeeeeeeeeeeee5",
        "username": "Ada@example.com",
        "orgMembershipStatus": "ACTIVE",
        "roles": { "orgRoles": ["ORG_MEMBER"], "groupRoleAssignments": [] },
        "teamIds": [TEAM],
    }])
}

fn teams() -> Value {
    json!([{ "id": TEAM, "name": "Readers" }])
}

fn api_keys() -> Value {
    json!([{
        "id": "fffffffffffffffffffffff6",
        "publicKey": PUBLIC_KEY,
        "desc": "gateway",
        "roles": [{ "orgId": ORG, "roleName": "ORG_READ_ONLY" }],
    }])
}

fn service_accounts() -> Value {
    json!([{ "clientId": SERVICE_ACCOUNT, "name": "robot", "roles": ["ORG_MEMBER"] }])
}

fn projects() -> Value {
    json!([
        { "id": ALPHA, "name": "Alpha", "orgId": ORG, "clusterCount": 1, "tags": [] },
        { "id": BETA, "name": "Beta", "orgId": ORG, "tags": [] },
    ])
}

/// One cluster, named after its project.
pub fn clusters(project: &str) -> Value {
    json!([cluster(project)])
}

pub fn cluster(project: &str) -> Value {
    let specs = json!({ "instanceSize": "M30", "nodeCount": 3 });
    json!({
        "id": format!("1{}", &project[1..]),
        "name": format!("of-{}", &project[..1]),
        "groupId": project,
        "clusterType": "REPLICASET",
        "stateName": "IDLE",
        "backupEnabled": true,
        "replicationSpecs": [{ "regionConfigs": [{
            "providerName": "AWS", "regionName": "EU_WEST_1", "priority": 7, "electableSpecs": specs,
        }] }],
    })
}
