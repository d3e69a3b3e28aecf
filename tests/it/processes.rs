//! The program as a process: how it starts, stops, and lives through what goes wrong around it.

use std::time::Duration;

use serde_json::json;

use crate::on_both_databases;
use crate::support::{Database, Process, Signal, Socket};

/// What every server of these tests is told.
fn settings(database: &Database) -> Vec<(&'static str, String)> {
    let key_file = database.folder().join("master.key");
    if !key_file.exists() {
        slategate::vault::KeyRing::create(&key_file).unwrap();
    }
    vec![
        ("SLATEGATE_DATABASE_URL", database.url.clone()),
        ("SLATEGATE_MASTER_KEY_FILE", key_file.display().to_string()),
    ]
}

on_both_databases! {
    async fn a_server_that_is_told_to_stop_ends_cleanly(database) {
        let settings = settings(&database);
        let mut server = Process::serve(&settings).await;
        let token = Process::token(&settings, "viewer").await;
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let (status, answer) = server.post(&client, &token, "{ viewer { role } }", json!({})).await.unwrap();
        assert_eq!((status, answer), (200, json!({ "data": { "viewer": { "role": "VIEWER" } } })));
        server.signal(Signal::Terminate).await;
        assert_eq!(server.exit(Duration::from_secs(15)).await, 0, "{}", server.log());
    }

    async fn open_subscriptions_do_not_hold_a_server_that_is_told_to_stop(database) {
        let settings = settings(&database);
        let mut server = Process::serve(&settings).await;
        let token = Process::token(&settings, "viewer").await;
        let query = "subscription { controlChanged { at } }";
        let mut socket = Socket::connect(server.address, &token).await;
        socket.subscribe("1", query, json!({})).await;
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = client.post(server.url("/graphql/stream")).bearer_auth(&token).header("accept", "text/event-stream");
        let mut stream = request.json(&json!({ "query": query })).send().await.unwrap();
        assert_eq!(stream.status(), 200);
        server.signal(Signal::Terminate).await;
        assert_eq!(socket.closed().await, (1001, "The server is stopping".to_owned()));
        while stream.chunk().await.unwrap().is_some() {}
        drop((socket, stream));
        assert_eq!(server.exit(Duration::from_secs(8)).await, 0, "{}", server.log());
        assert!(!server.log().contains("cut off"), "{}", server.log());
    }

    async fn a_killed_server_leaves_a_database_that_the_next_one_serves(database) {
        let settings = settings(&database);
        let mut server = Process::serve(&settings).await;
        let token = Process::token(&settings, "viewer").await;
        server.signal(Signal::Kill).await;
        assert_eq!(server.exit(Duration::from_secs(5)).await, -9);
        let server = Process::serve(&settings).await;
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let (status, _) = server.post(&client, &token, "{ viewer { role } }", json!({})).await.unwrap();
        assert_eq!(status, 200, "{}", server.log());
    }
}
