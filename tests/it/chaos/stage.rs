//! The servers, their database, and the Atlas that they read.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};

use super::atlas::Atlas;
use super::estate::{Organization, generation_in};
use super::history::History;
use super::{LEASE, now};
use crate::support::process::{client, eventually, run};
use crate::support::{Database, Process, Signal, text};

/// A server that is told to stop ends within so long.
const STOPS_WITHIN: Duration = Duration::from_secs(15);

/// A time in which something was away, in microseconds since 1970.
#[derive(Debug, Clone, Copy)]
pub struct Away {
    pub from: u64,
    pub to: u64,
}

pub struct Stage {
    pub database: Database,
    pub atlas: Atlas,
    pub servers: Vec<Server>,
    pub organizations: Vec<Organization>,
    pub admin: String,
    pub history: History,
}

/// One place for a server, with one server after the other in it.
pub struct Server {
    pub door: usize,
    settings: Vec<(&'static str, String)>,
    process: tokio::sync::Mutex<Process>,
    address: Mutex<Option<SocketAddr>>,
    away: Mutex<Vec<Away>>,
    /// What the servers said that were here before.
    before: Mutex<String>,
}

impl Server {
    async fn start(door: usize, settings: Vec<(&'static str, String)>) -> Self {
        let process = Process::serve(&settings).await;
        let address = Mutex::new(Some(process.address()));
        Self { door, settings, process: process.into(), address, away: Mutex::default(), before: Mutex::default() }
    }

    /// Where it listens; None while it is dead.
    pub fn address(&self) -> Option<SocketAddr> {
        *self.address.lock().unwrap()
    }

    /// When it was dead or paused.
    pub fn away(&self) -> Vec<Away> {
        self.away.lock().unwrap().clone()
    }

    /// Kills it, and starts another in its place after a while.
    pub async fn kill(&self, down: Duration) {
        let mut process = self.process.lock().await;
        let from = now();
        *self.address.lock().unwrap() = None;
        process.signal(Signal::Kill).await;
        assert_eq!(process.exit(Duration::from_secs(5)).await, -9, "{}", process.log());
        tokio::time::sleep(down).await;
        self.start_another(&mut process).await;
        self.away.lock().unwrap().push(Away { from, to: now() });
    }

    /// Tells it to stop, which it does in time and cleanly, and starts another in its place.
    pub async fn replace(&self) {
        let mut process = self.process.lock().await;
        let from = now();
        process.signal(Signal::Terminate).await;
        assert_eq!(process.exit(STOPS_WITHIN).await, 0, "{}", process.log());
        self.start_another(&mut process).await;
        self.away.lock().unwrap().push(Away { from, to: now() });
    }

    async fn start_another(&self, process: &mut Process) {
        self.before.lock().unwrap().push_str(&process.log());
        *process = Process::start(&self.settings);
        // A server that finds no database ends, and whoever looks after it starts another.
        while !process.listens().await {
            tokio::time::sleep(Duration::from_millis(200)).await;
            *process = Process::start(&self.settings);
        }
        *self.address.lock().unwrap() = Some(process.address());
    }

    /// Stops it in its tracks for so long.
    pub async fn pause(&self, pause: Duration) {
        let from = now();
        self.freeze().await;
        tokio::time::sleep(pause).await;
        self.thaw().await;
        self.away.lock().unwrap().push(Away { from, to: now() });
    }

    pub async fn freeze(&self) {
        self.process.lock().await.signal(Signal::Stop).await;
    }

    pub async fn thaw(&self) {
        self.process.lock().await.signal(Signal::Continue).await;
    }

    /// Tells it to stop, which it does.
    pub async fn end(&self) {
        let mut process = self.process.lock().await;
        process.signal(Signal::Terminate).await;
        assert_eq!(process.exit(STOPS_WITHIN).await, 0, "{}", process.log());
    }

    pub async fn pid(&self) -> u32 {
        self.process.lock().await.pid()
    }

    pub async fn log(&self) -> String {
        self.process.lock().await.log()
    }

    /// The warnings and errors of all servers that were here, and when it was away.
    pub async fn troubles(&self) -> String {
        let before = self.before.lock().unwrap().clone();
        let log = before + &self.log().await;
        let lines = log.lines().filter(|line| !line.contains("\"level\":\"INFO\""));
        let mut told = format!("server {}, away {:?}\n", self.door, self.away());
        lines.for_each(|line| told.extend([line, "\n"]));
        told
    }

    /// The data of an answer without errors.
    pub async fn ask(&self, token: &str, query: &str, variables: Value) -> Value {
        let mut answer = self.post(token, query, variables).await;
        assert_eq!(answer.get("errors"), None, "{}", self.log().await);
        answer["data"].take()
    }

    pub async fn post(&self, token: &str, query: &str, variables: Value) -> Value {
        self.process.lock().await.post(&client(), token, query, variables).await.unwrap().1
    }
}

impl Stage {
    /// That many servers, and organizations that were each synced once. The schedule is cron text.
    pub async fn set(database: Database, servers: usize, organizations: u64, schedule: &str) -> Self {
        Self::of(database, &vec![Vec::new(); servers], organizations, schedule).await
    }

    /// The same, with settings of its own for each server.
    pub async fn of(
        database: Database,
        servers: &[Vec<(&'static str, String)>],
        organizations: u64,
        schedule: &str,
    ) -> Self {
        let mut atlas = Atlas::new();
        let mut settings = crate::processes::settings(&database);
        settings.push(("SLATEGATE_SYNC_LEASE", LEASE.as_secs().to_string()));
        settings.push(("SLATEGATE_SYNC_SCHEDULE", schedule.to_owned()));
        settings.push(("SLATEGATE_ATLAS_LANES", "1".to_owned()));
        assert_eq!(run(&["migrate"], &settings).await.code, 0);
        let history = History::begin(&database).await;
        let admin = Process::token(&settings, "admin").await;
        let mut placed = Vec::new();
        for (door, own) in servers.iter().enumerate() {
            let mut settings = [settings.clone(), own.clone()].concat();
            settings.push(("SLATEGATE_ATLAS_BASE_URL", atlas.door(door).await));
            placed.push(Server::start(door, settings).await);
        }
        let organizations: Vec<_> = (0..organizations).map(Organization).collect();
        let stage = Self { database, atlas, servers: placed, organizations, admin, history };
        for organization in &stage.organizations {
            stage.connect(*organization).await;
        }
        stage.synced_since(0, Duration::from_mins(1)).await;
        stage
    }

    async fn connect(&self, organization: Organization) {
        let query = "mutation($input: ConnectMongoDbAtlasInput!) { connectMongoDbAtlas(input: $input) { \
                     userErrors { code message } } }";
        let input = json!({ "input": { "publicKey": organization.public_key(), "privateKey": "0c0ffee0-chaos" } });
        let answer = self.servers[0].ask(&self.admin, query, input).await;
        assert_eq!(answer, json!({ "connectMongoDbAtlas": { "userErrors": [] } }));
    }

    /// Asks a server to sync an organization: the code of the refusal, if any, and the id of the run.
    pub async fn wish(&self, server: usize, organization: Organization) -> (Value, Value) {
        let asking = &self.servers[server];
        let query = "{ integrations(first: 100) { nodes { id organizationId } } }";
        let known = asking.ask(&self.admin, query, json!({})).await;
        let mut nodes = known["integrations"]["nodes"].as_array().unwrap().iter();
        let id = &nodes.find(|node| node["organizationId"] == organization.id()).unwrap()["id"];
        let query = "mutation($input: SyncIntegrationInput!) { syncIntegration(input: $input) { \
                     syncRun { id } userErrors { code } } }";
        let answer = asking.ask(&self.admin, query, json!({ "input": { "integrationId": id } })).await;
        let payload = &answer["syncIntegration"];
        (payload["userErrors"][0]["code"].clone(), payload["syncRun"]["id"].clone())
    }

    /// What the last sync tells a person.
    pub async fn last_story(&self) -> String {
        let answer = self.servers[0].ask(&self.admin, "{ syncRuns(first: 1) { nodes { summary } } }", json!({})).await;
        text(&answer["syncRuns"]["nodes"][0]["summary"])
    }

    /// The generation of an organization that a server shows.
    pub async fn shown(&self, server: usize, organization: Organization) -> u64 {
        let query = "{ integrations(first: 100) { nodes { organizationId organizationName } } }";
        let known = self.servers[server].ask(&self.admin, query, json!({})).await;
        let mut nodes = known["integrations"]["nodes"].as_array().unwrap().iter();
        let node = nodes.find(|node| node["organizationId"] == organization.id()).unwrap();
        generation_in(node["organizationName"].as_str().unwrap()).unwrap()
    }

    /// Waits until every organization has a sync that was committed after this instant.
    pub async fn synced_since(&self, instant: u64, within: Duration) {
        let all = async || {
            let changes = self.history.changes().await;
            self.organizations.iter().all(|organization| {
                let mut commits = changes.iter().filter(|change| change.is_commit());
                commits.any(|change| change.organization == organization.id() && change.at.cast_unsigned() > instant)
            })
        };
        if eventually(within, all).await.is_err() {
            for server in &self.servers {
                println!("{}", server.troubles().await);
            }
            panic!("an organization is not synced within {within:?}");
        }
    }
}
