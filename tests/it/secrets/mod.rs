//! Private keys: they open where they belong and nowhere else, and no trace of them is left anywhere.

mod canary;
mod damage;
mod needles;
mod rotating;

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::process::{client, eventually};
use crate::support::{Database, Process};

fn settings(database: &Database, atlas: &str) -> Vec<(&'static str, String)> {
    vec![
        ("SLATEGATE_DATABASE_URL", database.url.clone()),
        ("SLATEGATE_MASTER_KEY_FILE", database.folder().join("master.key").display().to_string()),
        ("SLATEGATE_ATLAS_BASE_URL", atlas.to_owned()),
    ]
}

/// Waits until no sync is under way; the status of the last one.
async fn settled(server: &Process, token: &str) -> String {
    let query = "{ integrations { nodes { currentSync { id } lastSync { status } } } }";
    let nodes = async || {
        let (_, mut answer) = server.post(&client(), token, query, json!({})).await.unwrap();
        answer["data"]["integrations"]["nodes"].take()
    };
    let idle = async || {
        let nodes = nodes().await;
        let nodes = nodes.as_array().unwrap();
        !nodes.is_empty() && nodes.iter().all(|node| node["currentSync"].is_null() && !node["lastSync"].is_null())
    };
    let waited = eventually(Duration::from_mins(1), idle).await;
    assert!(waited.is_ok(), "the sync does not end:\n{}", server.log());
    nodes().await[0]["lastSync"]["status"].as_str().unwrap_or_default().to_owned()
}

/// No refusal and no error.
fn assert_done(answer: &Value) {
    assert_eq!(answer.get("errors"), None, "{answer}");
    for (_, payload) in answer["data"].as_object().unwrap() {
        assert_eq!(payload["userErrors"], json!([]), "{answer}");
    }
}
