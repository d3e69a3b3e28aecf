//! Trusted documents in a server of its own: the manifest is read at start, and roles are held to it.

use std::time::Duration;

use serde_json::json;
use slategate::vault::KeyRing;

use crate::support::process::slategate;
use crate::support::{Database, Process};

fn settings(database: &Database, manifest: &str) -> Vec<(&'static str, String)> {
    let (key_file, file) = (database.folder().join("master.key"), database.folder().join("manifest.json"));
    KeyRing::create(&key_file).unwrap();
    std::fs::write(&file, manifest).unwrap();
    vec![
        ("SLATEGATE_DATABASE_URL", database.url.clone()),
        ("SLATEGATE_MASTER_KEY_FILE", key_file.display().to_string()),
        ("SLATEGATE_TRUSTED_DOCUMENTS", file.display().to_string()),
        ("SLATEGATE_TRUSTED_DOCUMENTS_ONLY", "viewer, Analyst".to_owned()),
    ]
}

#[tokio::test]
async fn named_roles_are_held_to_the_manifest_and_others_are_not() {
    let database = Database::sqlite();
    let manifest = json!({
        "format": "apollo-persisted-query-manifest", "version": 1,
        "operations": [{ "id": "who", "name": "Who", "type": "query", "body": "query Who { viewer { role } }" }],
    });
    let settings = settings(&database, &manifest.to_string());
    let server = Process::serve(&settings).await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    for (role, is_held) in [("viewer", true), ("analyst", true), ("admin", false)] {
        let token = Process::token(&settings, role).await;
        let request = client.post(server.url("/graphql")).bearer_auth(&token);
        let answer = request.json(&json!({ "documentId": "who" })).send().await.unwrap();
        let answer: serde_json::Value = answer.json().await.unwrap();
        assert_eq!(answer, json!({ "data": { "viewer": { "role": role.to_uppercase() } } }));
        let (status, answer) = server.post(&client, &token, "{ viewer { name } }", json!({})).await.unwrap();
        assert_eq!(status, if is_held { 403 } else { 200 }, "{answer}");
        let (_, answer) = server.post(&client, &token, "{ __schema { queryType { name } } }", json!({})).await.unwrap();
        assert_eq!(answer.get("data").is_none(), is_held, "{answer}");
        // What an export asks is fixed, like a trusted document.
        let export = client.get(server.url("/exports/accounts.csv")).bearer_auth(&token).send().await.unwrap();
        assert_eq!(export.status(), 200);
    }
}

#[tokio::test]
async fn a_bad_manifest_refuses_to_start_with_one_sentence() {
    let database = Database::sqlite();
    let settings = settings(&database, r#"{"list":"{ a"}"#);
    let run = slategate(&["serve"], &settings).output();
    let output = tokio::time::timeout(Duration::from_mins(1), run).await.unwrap().unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said.matches("manifest.json").count(), 1, "{said}");
    assert!(said.contains("the document `list` cannot be trusted: "), "{said}");
}
