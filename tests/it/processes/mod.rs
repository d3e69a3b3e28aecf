//! The program as a process: how it starts, stops, and lives through what goes wrong around it.
//!
//! Times in these tests are limits that the program promises, never pauses. `SLATEGATE_TEST_LONG=1` makes outages last
//! 30 s instead of 6 s (about two minutes in all), and loops take 50 rounds instead of 8 (about three minutes).

mod care;
mod clients;
mod locks;
mod outage;
mod overload;
mod starts;
mod stops;
mod upgrades;

use serde_json::json;
use slategate::demo::{self, Simulator, SimulatorOptions};

use crate::support::{Database, FaultProxy, Process, is_long, process};

/// What every server of these tests is told.
pub fn settings(database: &Database) -> Vec<(&'static str, String)> {
    settings_at(database, database.url.clone())
}

/// The same, with the database at another address.
pub fn settings_at(database: &Database, url: String) -> Vec<(&'static str, String)> {
    let key_file = database.folder().join("master.key");
    if !key_file.exists() {
        slategate::vault::KeyRing::create(&key_file).unwrap();
    }
    vec![("SLATEGATE_DATABASE_URL", url), ("SLATEGATE_MASTER_KEY_FILE", key_file.display().to_string())]
}

fn rounds() -> u32 {
    if is_long() { 50 } else { 8 }
}

/// The simulated Atlas behind a relay, and the setting that leads there.
pub async fn atlas() -> (Simulator, FaultProxy, (&'static str, String)) {
    let simulator = Simulator::start(demo::organizations(), SimulatorOptions::default()).await.unwrap();
    let (proxy, url) = FaultProxy::before(simulator.base_url().as_str()).await;
    (simulator, proxy, ("SLATEGATE_ATLAS_BASE_URL", url.trim_end_matches('/').to_owned()))
}

/// Connects the demonstration's first organization; its first sync is queued.
pub async fn connect(server: &Process, admin: &str) {
    let query = "mutation($input: ConnectMongoDbAtlasInput!) { connectMongoDbAtlas(input: $input) { \
                 userErrors { code message } } }";
    let key = demo::keys::READER;
    let input = json!({ "input": { "publicKey": key.public, "privateKey": key.private } });
    let (_, answer) = server.post(&process::client(), admin, query, input).await.unwrap();
    assert_eq!(answer, json!({ "data": { "connectMongoDbAtlas": { "userErrors": [] } } }), "{}", server.log());
}

/// One text of the first row that `sql` gives, behind the program's back.
pub async fn peek(database: &Database, sql: &str) -> Option<String> {
    use sea_orm::{ConnectionTrait, Statement};
    let raw = sea_orm::Database::connect(&database.raw_url).await.unwrap();
    let row = raw.query_one_raw(Statement::from_string(raw.get_database_backend(), sql)).await.unwrap();
    let text = row.and_then(|row| row.try_get_by_index::<Option<String>>(0).unwrap());
    raw.close().await.unwrap();
    text
}
