//! The simulator over real sockets, asked by a plain client.

mod estate;
mod gates;
mod login;

use chrono::DateTime;
use diqwest::{DigestAuthSession, WithDigestAuth};
use reqwest::header::{ACCEPT, HeaderMap};
use serde_json::Value;

use super::{Simulator, SimulatorOptions};
use crate::clock::Clock;
use crate::demo::build::{self, cluster, flex, invitation, key, team, team_roles, tenant, user};
use crate::demo::model::{Key, KeyRole, Organization, ProjectEstate};

const PUBLIC: &str = "abcdefgh";
const PRIVATE: &str = "5b1f0a3c-8c1e-4c52-9d6b-0a1b2c3d4e5f";
const ORGANIZATION: &str = "0123456789abcdef01234567";
const FLEET: &str = "aaaaaaaaaaaaaaaaaaaaaaaa";
const LAB: &str = "bbbbbbbbbbbbbbbbbbbbbbbb";

/// An organization with two projects, one other, and a key for each kind of role.
fn estate() -> Vec<Organization> {
    let mut fleet = ProjectEstate::new(FLEET, "Fleet");
    fleet.clusters = ["core", "maps", "orders"].iter().map(|name| cluster(FLEET, name).body()).collect();
    fleet.flex = vec![flex(FLEET, "scratch").body()];
    fleet.teams = vec![team_roles("Platform", &["GROUP_READ_ONLY"])];
    fleet.encryption["awsKms"] = build::customer_key(true, true);
    let mut lab = ProjectEstate::new(LAB, "Lab");
    lab.clusters = vec![tenant(LAB, "notebook", "M0", "M0").body()];
    let mut own = Organization::new(ORGANIZATION, "Own");
    own.projects = vec![fleet, lab];
    own.teams = vec![team("Platform")];
    own.users = vec![
        user("ada@own.example", "Ada", "One").roles(&["ORG_OWNER"]).body(),
        user("bo@own.example", "Bo", "Two").team("Platform").body(),
        user("cy@own.example", "Cy", "Three").project_roles(FLEET, &["GROUP_OWNER"]).body(),
        invitation("di@own.example", "PENDING").body(),
        invitation("ed@own.example", "INVITATION_EXPIRED").body(),
        invitation("flo@own.example", "INVITATION_REJECTED").body(),
    ];
    own.service_accounts = vec![build::service_account("exporter", "", &["ORG_READ_ONLY"])];
    own.keys = vec![
        key(PUBLIC, PRIVATE, "reader", &["ORG_READ_ONLY"]),
        key("membersx", PRIVATE, "member only", &["ORG_MEMBER"]),
        with_project_role(key("partlyxx", PRIVATE, "member of one project", &["ORG_MEMBER"])),
        with_project_role(key("noorgxxx", PRIVATE, "of one project", &[])),
    ];
    let mut other = Organization::new(&build::id("other"), "Other");
    other.projects = vec![ProjectEstate::new(&build::id("other project"), "Foreign")];
    vec![own, other]
}

fn with_project_role(mut key: Key) -> Key {
    key.roles.push(KeyRole::Project { project: FLEET.to_owned(), role: "GROUP_READ_ONLY".to_owned() });
    key
}

/// A clock that stands still, and its options.
fn options() -> SimulatorOptions {
    SimulatorOptions { clock: Clock::manual(DateTime::UNIX_EPOCH), ..SimulatorOptions::default() }
}

async fn start() -> Simulator {
    start_with(options()).await
}

async fn start_with(options: SimulatorOptions) -> Simulator {
    Simulator::start(estate(), options).await.unwrap()
}

fn plain_client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// A caller with one digest session, which keeps its nonce.
struct Caller {
    client: reqwest::Client,
    session: DigestAuthSession,
    base: String,
}

struct Got {
    status: u16,
    headers: HeaderMap,
    body: Value,
}

impl Caller {
    fn new(simulator: &Simulator, public: &str) -> Self {
        Self::with_private(simulator, public, PRIVATE)
    }

    fn with_private(simulator: &Simulator, public: &str, private: &str) -> Self {
        let base = simulator.base_url().join("api/atlas/v2").unwrap().to_string();
        Self { client: plain_client(), session: DigestAuthSession::new(public, private), base }
    }

    async fn get(&self, path: &str) -> Got {
        self.get_accepting(path, Some("application/vnd.atlas.2025-02-19+json")).await
    }

    async fn get_accepting(&self, path: &str, accept: Option<&str>) -> Got {
        let mut request = self.client.get(format!("{}{path}", self.base));
        if let Some(accept) = accept {
            request = request.header(ACCEPT, accept);
        }
        Got::of(request.send_digest_auth(&self.session).await.unwrap()).await
    }
}

impl Got {
    async fn of(response: reqwest::Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self { status, headers, body: response.json().await.unwrap() }
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Status and error code, which the header repeats.
    fn refusal(&self) -> (u16, &str) {
        assert_eq!(self.header("x-error-code"), self.body["errorCode"].as_str().unwrap());
        assert_eq!(self.body["error"], self.status);
        (self.status, self.body["errorCode"].as_str().unwrap())
    }

    fn names(&self, field: &str) -> Vec<&str> {
        self.body["results"].as_array().unwrap().iter().map(|row| row[field].as_str().unwrap()).collect()
    }

    fn relations(&self) -> Vec<&str> {
        self.body["links"].as_array().unwrap().iter().map(|link| link["rel"].as_str().unwrap()).collect()
    }
}
