//! How a server ends.

use std::time::Duration;

use serde_json::json;

use super::settings;
use crate::on_both_databases;
use crate::support::process::client;
use crate::support::{Process, Signal};

on_both_databases! {
    async fn a_server_that_is_told_to_stop_ends_cleanly(database) {
        let settings = settings(&database);
        let mut server = Process::serve(&settings).await;
        let token = Process::token(&settings, "viewer").await;
        let (status, answer) = server.post(&client(), &token, "{ viewer { role } }", json!({})).await.unwrap();
        assert_eq!((status, answer), (200, json!({ "data": { "viewer": { "role": "VIEWER" } } })));
        server.signal(Signal::Terminate).await;
        assert_eq!(server.exit(Duration::from_secs(15)).await, 0, "{}", server.log());
    }

    async fn a_killed_server_leaves_a_database_that_the_next_one_serves(database) {
        let settings = settings(&database);
        let mut server = Process::serve(&settings).await;
        let token = Process::token(&settings, "viewer").await;
        server.signal(Signal::Kill).await;
        assert_eq!(server.exit(Duration::from_secs(5)).await, -9);
        let server = Process::serve(&settings).await;
        let (status, _) = server.post(&client(), &token, "{ viewer { role } }", json!({})).await.unwrap();
        assert_eq!(status, 200, "{}", server.log());
    }
}
