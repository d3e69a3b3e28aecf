//! Names that somebody chose in Atlas, or sends along, to be more than names: they stay data in answers and in the log.

use std::time::Duration;

use serde_json::{Value, json};
use slategate::demo::keys::READER;
use slategate::demo::{self, Simulator, SimulatorOptions};

use crate::processes::settings;
use crate::support::process::{client, eventually, slategate};
use crate::support::{Database, Process};

/// A line of its own, colours, a turn of direction, markup, and what a spreadsheet runs.
const HOSTILE: &str =
    "=cmd|' /C calc'!A0\r\n2026-01-01T00:00:00Z ERROR forged\u{1b}[31m\u{202e}\u{0}<script>alert(1)</script>";
/// How it is kept: without what is no text.
const KEPT: &str = "=cmd|' /C calc'!A0\u{fffd}\u{fffd}2026-01-01T00:00:00Z ERROR forged\u{fffd}[31m\u{202e}\u{fffd}<script>alert(1)</script>";

const EVERYTHING: &str = "{ integrations { nodes { organizationName } } \
    assets(first: 500) { nodes { name description project { name } } } \
    accounts(first: 500) { nodes { login displayName grants { team role } } } \
    controlResults(first: 500, filter: { outcome: [FAIL] }) { nodes { message evidence { name observed expected } } } \
    syncRuns { nodes { summary } } }";

async fn estate() -> Simulator {
    let simulator = Simulator::start(demo::organizations(), SimulatorOptions::default()).await.unwrap();
    simulator.edit(|estate| {
        let own = estate.iter_mut().find(|own| own.name == READER.organization).unwrap();
        HOSTILE.clone_into(&mut own.name);
        for user in &mut own.users {
            for field in ["firstName", "lastName", "username"] {
                user[field] = json!(format!("{} {HOSTILE}", user[field].as_str().unwrap_or_default()));
            }
        }
        for team in &mut own.teams {
            team["name"] = json!(HOSTILE);
        }
        for project in &mut own.projects {
            HOSTILE.clone_into(&mut project.name);
            project.tags = json!([{ "key": HOSTILE, "value": HOSTILE }]);
            for (number, cluster) in project.clusters.iter_mut().chain(&mut project.flex).enumerate() {
                cluster["name"] = json!(format!("{number} {HOSTILE}"));
                cluster["tags"] =
                    json!([{ "key": "description", "value": HOSTILE }, { "key": "owner", "value": HOSTILE }]);
            }
        }
    });
    simulator
}

/// Runs a server with this log through a sync of hostile names and hostile requests; what it answered and logged.
async fn lived_through(format: &str) -> (String, String) {
    let database = Database::sqlite();
    let simulator = estate().await;
    let mut settings = settings(&database);
    settings.push(("SLATEGATE_ATLAS_BASE_URL", simulator.base_url().to_string()));
    settings.push(("SLATEGATE_LOG", "info,slategate=trace,sqlx=debug".to_owned()));
    settings.push(("SLATEGATE_LOG_FORMAT", format.to_owned()));
    let mut server = Process::spawn(slategate(&["serve"], &settings));
    server.listening().await;
    let admin = Process::token(&settings, "admin").await;
    let http = client();
    let ask = async |query: &str, variables: Value| server.post(&http, &admin, query, variables).await.unwrap();

    let connect = "mutation($input: ConnectMongoDbAtlasInput!) { connectMongoDbAtlas(input: $input) { \
                   integration { organizationName } userErrors { code message } } }";
    let key = json!({ "input": { "publicKey": READER.public, "privateKey": READER.private } });
    let (_, answer) = ask(connect, key).await;
    assert_eq!(answer["data"]["connectMongoDbAtlas"]["userErrors"], json!([]), "{answer}");
    let synced = || async {
        let (_, answer) = ask("{ syncRuns { nodes { status } } }", json!({})).await;
        !["QUEUED", "RUNNING"].map(Value::from).contains(&answer["data"]["syncRuns"]["nodes"][0]["status"])
    };
    assert!(eventually(Duration::from_mins(1), synced).await.is_ok(), "{}", server.log());

    let person = "mutation($input: UpsertPersonInput!) { upsertPerson(input: $input) { userErrors { message } } }";
    let _ = ask(person, json!({ "input": { "email": HOSTILE, "fullName": HOSTILE } })).await;
    let csv = json!({ "csv": format!("{HOSTILE},email\n{HOSTILE}") });
    let _ = ask("mutation($csv: String!) { importPeople(input: { csv: $csv }) { userErrors { message } } }", csv).await;
    let token =
        "mutation($name: String!) { createApiToken(input: { name: $name, role: VIEWER }) { userErrors { message } } }";
    let _ = ask(token, json!({ "name": HOSTILE })).await;
    let _ = ask(HOSTILE, json!({})).await;
    let path = server.url("/%0D%0A2026-01-01T00:00:00Z%20ERROR%20forged%1B%5B31m%E2%80%AE");
    assert_eq!(http.get(path).send().await.unwrap().status(), 404);

    let body = json!({ "query": EVERYTHING });
    let answer = http.post(server.url("/graphql")).bearer_auth(&admin).json(&body).send().await.unwrap();
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("application/json"));
    (answer.text().await.unwrap(), server.log())
}

fn names_are_kept_as_text(answer: &str) {
    assert!(!answer.chars().any(char::is_control), "a control character, even escaped by JSON's rules, is none");
    let answer: Value = serde_json::from_str(answer).unwrap();
    assert_eq!(answer.get("errors"), None, "{answer}");
    let data = &answer["data"];
    assert_eq!(data["integrations"]["nodes"][0]["organizationName"], KEPT);
    assert_eq!(data["assets"]["nodes"][0]["project"]["name"], KEPT);
    assert_eq!(data["assets"]["nodes"][0]["description"], KEPT);
    let mut texts = vec![data];
    while let Some(value) = texts.pop() {
        match value {
            Value::String(text) => assert!(!text.chars().any(char::is_control), "{text:?}"),
            Value::Array(items) => texts.extend(items),
            Value::Object(fields) => texts.extend(fields.values()),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_names_are_text_in_answers_and_in_a_log_of_json() {
    let (answer, log) = lived_through("json").await;
    names_are_kept_as_text(&answer);
    assert!(!log.contains(['\u{1b}', '\u{202e}', '\r']), "{log}");
    for line in log.lines() {
        assert!(serde_json::from_str::<Value>(line).is_ok_and(|event| event["level"].is_string()), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_names_are_text_in_answers_and_in_a_log_of_text() {
    let (answer, log) = lived_through("text").await;
    names_are_kept_as_text(&answer);
    assert!(!log.contains(['\u{1b}', '\u{202e}', '\r']), "{log}");
    for line in log.lines() {
        let (at, rest) = line.split_once("Z ").unwrap_or_else(|| panic!("no line of ours: {line}"));
        let level =
            ["ERROR", "WARN", "INFO", "DEBUG", "TRACE"].iter().any(|level| rest.trim_start().starts_with(level));
        assert!(at.len() == 26 && level, "no line of ours: {line}");
    }
}
