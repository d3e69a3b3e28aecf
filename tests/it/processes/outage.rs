//! PostgreSQL goes away and comes back, and Atlas falls silent.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{atlas, connect, peek, settings, settings_at};
use crate::on_both_databases;
use crate::support::process::{client, eventually};
use crate::support::{Database, Fault, FaultProxy, Process, is_long};

const VIEWER: &str = "{ viewer { role } controls { key } integrations { totalCount } }";
/// What a caller waits at most for an answer while the database is away, with room for a slow machine.
const ANSWERED_WITHIN: Duration = Duration::from_millis(3_500);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_lives_through_a_closed_port() {
    through(Fault::Refuse).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_lives_through_resets() {
    through(Fault::Reset).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_lives_through_a_black_hole() {
    through(Fault::BlackHole).await;
}

async fn through(fault: Fault) {
    let Some(database) = Database::postgres().await else { return };
    let (proxy, url) = FaultProxy::before(&database.url).await;
    let (_simulator, _atlas, base_url) = atlas().await;
    let mut settings = settings_at(&database, url);
    settings.push(base_url);
    settings.push(("SLATEGATE_SYNC_SCHEDULE", "*/3 * * * * *".to_owned()));
    let mut server = Process::serve(&settings).await;
    let (admin, http) = (Process::token(&settings, "admin").await, client());
    connect(&server, &admin).await;
    let synced = "SELECT status FROM sync_run WHERE status = 'SUCCEEDED'";
    eventually(Duration::from_secs(20), || async { peek(&database, synced).await.is_some() }).await.unwrap();

    let begun = Instant::now();
    proxy.set(fault);
    server.becomes(&http, 503, Duration::from_secs(2)).await;
    // More callers than connections: they wait side by side, not in a row.
    let asked = futures_util::future::join_all((0..30).map(|_| ask(&server, &http, &admin)));
    for (waited, status, answer) in asked.await {
        assert!(waited < ANSWERED_WITHIN, "an answer took {waited:?}: {answer}\n{}", server.log());
        let code = &answer["errors"][0]["extensions"]["code"];
        assert_eq!(code, "UNAVAILABLE", "{status} {answer}");
    }
    let lasts = Duration::from_secs(if is_long() { 30 } else { 6 });
    while begun.elapsed() < lasts {
        assert_eq!(server.ready(&http).await, Some(503));
        tokio::time::sleep(Duration::from_millis(200)).await;
    }

    let last = "SELECT CAST(MAX(id) AS TEXT) FROM sync_run WHERE status = 'SUCCEEDED'";
    let before = peek(&database, last).await;
    proxy.set(Fault::None);
    let back = Instant::now();
    server.becomes(&http, 200, Duration::from_secs(5)).await;
    let answered =
        eventually(Duration::from_secs(5), || async { ask(&server, &http, &admin).await.2.get("errors").is_none() });
    assert!(answered.await.is_ok() && back.elapsed() < Duration::from_secs(5), "{}", server.log());
    let again = futures_util::future::join_all((0..30).map(|_| ask(&server, &http, &admin))).await;
    for (_, _, answer) in again {
        assert_eq!(answer.get("errors"), None, "every connection is good again\n{}", server.log());
    }
    let synced = eventually(Duration::from_secs(45), || async { peek(&database, last).await != before });
    assert!(synced.await.is_ok(), "what fell due meanwhile is synced\n{}", server.log());
    let twice = "SELECT CAST(COUNT(*) AS TEXT) FROM sync_run WHERE finished_at IS NULL";
    assert!(peek(&database, twice).await.unwrap().parse::<u32>().unwrap() <= 1);
    assert!(server.lives());
    drop(server);
    database.drop_postgres().await;
}

async fn ask(server: &Process, http: &reqwest::Client, token: &str) -> (Duration, u16, Value) {
    let begun = Instant::now();
    let (status, answer) = server.post(http, token, VIEWER, json!({})).await.unwrap();
    (begun.elapsed(), status, answer)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_whose_commit_is_not_confirmed_takes_effect_once() {
    let Some(database) = Database::postgres().await else { return };
    let (proxy, url) = FaultProxy::before(&database.url).await;
    let settings = settings_at(&database, url);
    let server = Process::serve(&settings).await;
    let (admin, http) = (Process::token(&settings, "admin").await, client());
    let query = "mutation { upsertPerson(input: { email: \"ada@example.com\", fullName: \"Ada\" }) { \
                 userErrors { code } } }";
    // What the server commits by itself meanwhile does not speak of people.
    proxy.set(Fault::CutCommitOf(b"person_fact"));
    let (_, answer) = server.post(&http, &admin, query, json!({})).await.unwrap();
    assert_eq!(proxy.fault(), Fault::None, "no commit was said: {answer}");
    assert_eq!(answer["errors"][0]["extensions"]["code"], "UNAVAILABLE", "{answer}");
    let (_, answer) = server.post(&http, &admin, query, json!({})).await.unwrap();
    assert_eq!(answer, json!({ "data": { "upsertPerson": { "userErrors": [] } } }));
    let people = peek(&database, "SELECT CAST(COUNT(*) AS TEXT) FROM person_fact").await;
    assert_eq!(people.as_deref(), Some("1"), "the second try changed nothing");
    drop(server);
    database.drop_postgres().await;
}

on_both_databases! {
    async fn a_silent_atlas_delays_no_reader(database) {
        let (_simulator, atlas, base_url) = atlas().await;
        let mut settings = settings(&database);
        settings.push(base_url);
        let server = Process::serve(&settings).await;
        let (admin, http) = (Process::token(&settings, "admin").await, client());
        atlas.set(Fault::Latency(Duration::from_millis(50)));
        connect(&server, &admin).await;
        atlas.set(Fault::BlackHole);
        for _ in 0..20 {
            let (waited, status, answer) = ask(&server, &http, &admin).await;
            assert!(status == 200 && waited < Duration::from_secs(1), "{waited:?} {answer}");
        }
    }
}
