//! Readers and writers that ask any server which lives, and write down what they asked, when, and what they got.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::estate::{Organization, generation_in};
use super::now;
use super::stage::Stage;
use crate::support::{Chance, text};

const FACTS: &str = "{ \
    integrations(first: 50) { nodes { organizationId organizationName } } \
    projects(first: 100) { nodes { name integration { organizationId } } } \
    assets(first: 200) { nodes { id description tags { key value } project { name } \
        integration { organizationId organizationName } } } \
    accounts(first: 200) { nodes { displayName integration { organizationId } } } \
    posture { assets accounts } \
    control(key: \"clusters-backed-up\") { coverage { inScope passed failed } } }";
const DESCRIBE: &str = "mutation($input: UpdateAssetInput!) { updateAsset(input: $input) { userErrors { code } } }";
const HIRE: &str = "mutation($input: UpsertPersonInput!) { upsertPerson(input: $input) { userErrors { code } } }";

/// A reader's question and its answer.
#[derive(Debug, Clone)]
pub struct Answer {
    pub asked: u64,
    pub ended: u64,
    pub generations: BTreeMap<Organization, u64>,
    /// By the asset's id: the number in its description.
    pub descriptions: BTreeMap<String, u64>,
    /// What does not fit together in it.
    pub torn: Vec<String>,
}

/// A mutation that was confirmed: the number that it wrote into an asset's description.
#[derive(Debug, Clone)]
pub struct Described {
    pub asset: String,
    pub number: u64,
    pub ended: u64,
}

/// What the clients wrote down.
#[derive(Debug, Default)]
pub struct Notes {
    pub answers: Vec<Answer>,
    pub described: Vec<Described>,
    /// E-mail addresses of people whose creation was confirmed.
    pub hired: Vec<String>,
    /// Requests without an answer, or with an error.
    pub unanswered: u32,
}

pub struct Clients<'a> {
    stage: &'a Stage,
    http: reqwest::Client,
    pub notes: Mutex<Notes>,
}

impl<'a> Clients<'a> {
    pub fn of(stage: &'a Stage) -> Self {
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(2)).build().unwrap();
        Self { stage, http, notes: Mutex::default() }
    }

    /// Reads everything again and again.
    pub async fn read(&self, mut chance: Chance, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            let asked = now();
            if let Some(data) = self.ask(&mut chance, FACTS, json!({})).await {
                let answer = seen(&data, asked, now());
                self.notes.lock().unwrap().answers.push(answer);
            }
            tokio::time::sleep(Duration::from_millis(20 + chance.below(60))).await;
        }
    }

    /// Writes rising numbers into the description of one asset, which nobody else edits, and hires people.
    pub async fn write(&self, writer: usize, mut chance: Chance, stop: &CancellationToken) {
        let answer = self.stage.servers[0].ask(&self.stage.admin, "{ assets(first: 200) { nodes { id } } }", json!({}));
        let asset = text(&answer.await["assets"]["nodes"][writer]["id"]);
        for number in 1.. {
            if stop.is_cancelled() {
                return;
            }
            let input = json!({ "input": { "assetId": asset, "description": number.to_string() } });
            if self.is_done(&mut chance, DESCRIBE, input).await {
                let described = Described { asset: asset.clone(), number, ended: now() };
                self.notes.lock().unwrap().described.push(described);
            }
            let email = format!("{writer}.{number}@example.com");
            if self.is_done(&mut chance, HIRE, json!({ "input": { "email": email, "fullName": "Ada" } })).await {
                self.notes.lock().unwrap().hired.push(email);
            }
            tokio::time::sleep(Duration::from_millis(50 + chance.below(150))).await;
        }
    }

    async fn is_done(&self, chance: &mut Chance, query: &str, input: Value) -> bool {
        let Some(data) = self.ask(chance, query, input).await else { return false };
        let payload = data.as_object().unwrap().values().next().unwrap();
        assert_eq!(payload["userErrors"], json!([]), "{data}");
        true
    }

    /// The data of an answer without errors, from any server.
    async fn ask(&self, chance: &mut Chance, query: &str, variables: Value) -> Option<Value> {
        let living: Vec<_> = self.stage.servers.iter().filter_map(super::stage::Server::address).collect();
        if living.is_empty() {
            return None;
        }
        let one = usize::try_from(chance.below(living.len() as u64)).unwrap();
        let request = self.http.post(format!("http://{}/graphql", living[one])).bearer_auth(&self.stage.admin);
        let asking = async {
            let answer = request.json(&json!({ "query": query, "variables": variables })).send().await?;
            answer.json::<Value>().await
        };
        match asking.await {
            Ok(mut answer) if answer.get("errors").is_none() => return Some(answer["data"].take()),
            Ok(answer) => {
                let code = answer["errors"][0]["extensions"]["code"].as_str();
                assert_eq!(code, Some("UNAVAILABLE"), "a refusal of another kind: {answer}");
            }
            Err(_) => {}
        }
        self.notes.lock().unwrap().unanswered += 1;
        None
    }
}

/// What an answer shows of each organization, and what in it is not of one moment.
fn seen(data: &Value, asked: u64, ended: u64) -> Answer {
    let mut found: BTreeMap<Organization, Found> = BTreeMap::new();
    let mut descriptions = BTreeMap::new();
    for node in nodes(data, "integrations") {
        of(&mut found, node).note(&node["organizationName"]);
    }
    for node in nodes(data, "projects") {
        let organization = of(&mut found, &node["integration"]);
        organization.projects += 1;
        organization.note(&node["name"]);
    }
    for node in nodes(data, "assets") {
        let organization = of(&mut found, &node["integration"]);
        organization.assets += 1;
        let texts = [&node["tags"][0]["value"], &node["project"]["name"], &node["integration"]["organizationName"]];
        for told in texts {
            organization.note(told);
        }
        if let Some(number) = node["description"].as_str() {
            descriptions.insert(text(&node["id"]), number.parse().unwrap());
        }
    }
    for node in nodes(data, "accounts") {
        let organization = of(&mut found, &node["integration"]);
        organization.accounts += 1;
        organization.note(&node["displayName"]);
    }
    let mut torn: Vec<String> =
        found.iter().filter_map(|(organization, found)| Some(format!("{organization:?}: {}", found.torn()?))).collect();
    let generations: BTreeMap<_, _> =
        found.iter().filter_map(|(organization, found)| Some((*organization, *found.generations.first()?))).collect();
    // The verdicts and the sums are of the same moment as the facts.
    let assets = |backed_up: bool| -> usize {
        let these = generations.values().filter(|generation| Organization::is_backed_up(**generation) == backed_up);
        these.map(|generation| Organization::assets(*generation)).sum()
    };
    let expected = json!({
        "posture": {
            "assets": assets(true) + assets(false), "accounts": generations.len() * Organization::accounts(),
        },
        "control": { "coverage": {
            "inScope": assets(true) + assets(false), "passed": assets(true), "failed": assets(false),
        } },
    });
    for (field, expected) in expected.as_object().unwrap() {
        if &data[field] != expected {
            torn.push(format!("{field} is {}, of {generations:?}", data[field]));
        }
    }
    Answer { asked, ended, generations, descriptions, torn }
}

#[derive(Debug, Default)]
struct Found {
    generations: BTreeSet<u64>,
    projects: usize,
    assets: usize,
    accounts: usize,
    odd: Vec<String>,
}

impl Found {
    fn note(&mut self, told: &Value) {
        match told.as_str().and_then(generation_in) {
            Some(generation) => _ = self.generations.insert(generation),
            None => self.odd.push(told.to_string()),
        }
    }

    fn torn(&self) -> Option<String> {
        let generation = *self.generations.first()?;
        let counts = (self.projects, self.assets, self.accounts);
        let expected = (Organization::projects(), Organization::assets(generation), Organization::accounts());
        let is_whole = self.generations.len() == 1 && self.odd.is_empty() && counts == expected;
        (!is_whole).then(|| format!("{self:?}"))
    }
}

fn of<'a>(found: &'a mut BTreeMap<Organization, Found>, integration: &Value) -> &'a mut Found {
    found.entry(Organization::of_id(integration["organizationId"].as_str().unwrap()).unwrap()).or_default()
}

fn nodes<'a>(data: &'a Value, field: &str) -> &'a [Value] {
    data[field]["nodes"].as_array().unwrap()
}
