//! When the database fails: clients learn a code and nothing else, operators the cause, once.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use serde_json::{Value, json};
use slategate::clock::Clock;
use slategate::store::{Store, StoreOptions};

use crate::on_both_databases;
use crate::processes::peek;
use crate::support::process::eventually;
use crate::support::{Database, Fault, FaultProxy, Kind, Process, World};

/// What only this program's insides say.
const INSIDES: [&str; 10] =
    ["select", "sql", "cluster_fact", "account_fact", "relation", "no such", "table", "column", "pool", "src/"];

fn assert_tells_nothing(answer: &Value) {
    for error in answer["errors"].as_array().unwrap() {
        let message = error["message"].as_str().unwrap().to_lowercase();
        assert!(INSIDES.iter().all(|word| !message.contains(word)), "{message}");
        assert!(error["extensions"]["requestId"].is_string());
    }
    let extensions = answer["errors"].to_string().to_lowercase();
    assert!(INSIDES[..4].iter().all(|word| !extensions.contains(word)), "{extensions}");
}

fn settings(database: &Database) -> Vec<(&'static str, String)> {
    let key_file = database.folder().join("process.key");
    slategate::vault::KeyRing::create(&key_file).unwrap();
    vec![
        ("SLATEGATE_DATABASE_URL", database.url.clone()),
        ("SLATEGATE_MASTER_KEY_FILE", key_file.display().to_string()),
    ]
}

on_both_databases! {
    async fn a_table_that_is_gone_is_an_internal_error_logged_once_under_the_request_id(database) {
        let settings = settings(&database);
        let server = Process::serve(&settings).await;
        let token = Process::token(&settings, "viewer").await;
        let raw = sea_orm::Database::connect(&database.raw_url).await.unwrap();
        sea_orm::ConnectionTrait::execute_unprepared(&raw, "DROP TABLE cluster_fact").await.unwrap();
        raw.close().await.unwrap();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let body = json!({ "query": "{ viewer { role } assets { totalCount nodes { name } } }" });
        let request = client.post(server.url("/graphql")).bearer_auth(&token).header("x-request-id", "lost-table");
        let answer = request.json(&body).send().await.unwrap();
        assert_eq!(answer.headers()["x-request-id"], "lost-table");
        let answer: Value = answer.json().await.unwrap();
        let expected = json!([{
            "message": "internal error", "path": ["assets"], "locations": [{ "line": 1, "column": 19 }],
            "extensions": { "code": "INTERNAL", "requestId": "lost-table" },
        }]);
        assert_eq!(answer["errors"], expected);
        assert_tells_nothing(&answer);
        let log = server.log();
        let causes: Vec<_> = log.lines().filter(|line| line.contains("cluster_fact")).collect();
        assert_eq!(causes.len(), 1, "{log}");
        assert!(causes[0].contains("lost-table"), "{}", causes[0]);
    }

    async fn a_database_that_went_away_is_unavailable(database) {
        let world = World::new(&database).await;
        let served = world.serve().await;
        let token = world.token(world.workspace, slategate::store::views::Role::Admin).await;
        let query = "{ assets { nodes { name } } }";
        assert_eq!(served.post(Some(&token), query, json!({})).await.0, 200);
        world.store.close().await.unwrap();
        let (_, answer) = served.post(Some(&token), query, json!({})).await;
        assert_eq!(answer["errors"][0]["extensions"]["code"], "UNAVAILABLE", "{answer}");
        assert_tells_nothing(&answer);
    }

    async fn who_stops_waiting_for_a_transaction_leaves_none_behind(database) {
        let world = World::new(&database).await;
        // What SQLite is told is told inside the process: there is no answer to hold back.
        if database.kind == Kind::Sqlite {
            return;
        }
        let (proxy, url) = FaultProxy::before(&database.url).await;
        let store = Store::connect(StoreOptions {
            url,
            freshness: TimeDelta::hours(24),
            dormant_after: TimeDelta::days(90),
            clock: Clock::System,
            connections: 1,
            lease: Duration::from_secs(30),
        });
        let store = store.await.unwrap();
        proxy.set(Fault::HoldAnswersTo(b"BEGIN"));
        tokio::select! {
            _ = store.writer(world.workspace) => panic!("nothing is answered"),
            () = proxy.becomes(Fault::HoldAnswers) => {}
        }
        proxy.set(Fault::None);
        let open = "SELECT CAST(COUNT(*) AS TEXT) FROM pg_stat_activity WHERE datname = current_database() \
                    AND state LIKE 'idle in transaction%'";
        let none = eventually(Duration::from_secs(5), || async { peek(&database, open).await.as_deref() == Some("0") });
        none.await.unwrap();
        store.close().await.unwrap();
    }

    async fn a_query_behind_a_lock_is_stopped_in_time(database) {
        // Readers of SQLite wait for nobody.
        if database.kind == Kind::Sqlite {
            return;
        }
        let world = World::new(&database).await;
        let served = world.serve_within(Duration::from_millis(300)).await;
        let token = world.token(world.workspace, slategate::store::views::Role::Admin).await;
        let query = "{ assets { nodes { name } } }";
        assert_eq!(served.post(Some(&token), query, json!({})).await.0, 200);
        let raw = sea_orm::Database::connect(&database.raw_url).await.unwrap();
        let lock = sea_orm::TransactionTrait::begin(&raw).await.unwrap();
        sea_orm::ConnectionTrait::execute_unprepared(&lock, "LOCK TABLE cluster_fact IN ACCESS EXCLUSIVE MODE").await.unwrap();
        // Not what was just answered, which stands in memory.
        let query = "{ assets(first: 7) { nodes { name } } }";
        let started = Instant::now();
        let (status, answer) = served.post(Some(&token), query, json!({})).await;
        assert_eq!((status, &answer["errors"][0]["extensions"]["code"]), (503, &json!("UNAVAILABLE")), "{answer}");
        assert_eq!(answer["errors"][0]["message"], "the operation was stopped: it took longer than 0.3 seconds");
        assert!(started.elapsed() < Duration::from_secs(10));
        lock.rollback().await.unwrap();
        let (status, answer) = served.post(Some(&token), query, json!({})).await;
        assert_eq!((status, answer), (200, json!({ "data": { "assets": { "nodes": [] } } })));
    }
}
