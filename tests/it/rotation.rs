//! `slategate key` on real processes: master keys are rotated beside a running server, cut off and gone on with.

use serde_json::json;
use slategate::demo;

use crate::on_both_databases;
use crate::support::process::slategate;
use crate::support::{Database, Process, World};

fn settings(database: &Database, atlas: &str) -> Vec<(&'static str, String)> {
    vec![
        ("SLATEGATE_DATABASE_URL", database.url.clone()),
        ("SLATEGATE_MASTER_KEY_FILE", database.folder().join("master.key").display().to_string()),
        ("SLATEGATE_ATLAS_BASE_URL", atlas.to_owned()),
    ]
}

async fn key(settings: &[(&str, String)], arguments: &[&str]) -> String {
    let output = slategate(&[&["key"], arguments].concat(), settings).output().await.unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Asks the server for a sync of the only integration, and waits until it has succeeded.
async fn sync(server: &Process, token: &str, client: &reqwest::Client) {
    let ask = async |query: &str| server.post(client, token, query, json!({})).await.unwrap().1;
    let id = ask("{ integrations { nodes { id } } }").await["data"]["integrations"]["nodes"][0]["id"].clone();
    let mutation = "mutation($id: ID!) { syncIntegration(input: { integrationId: $id }) { syncRun { id } userErrors { message } } }";
    let started = server.post(client, token, mutation, json!({ "id": id })).await.unwrap().1;
    let run = started["data"]["syncIntegration"]["syncRun"]["id"].clone();
    assert!(run.is_string(), "{started}");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    loop {
        let query = "query($id: ID!) { node(id: $id) { ... on SyncRun { status } } }";
        let answer = server.post(client, token, query, json!({ "id": run })).await.unwrap().1;
        match answer["data"]["node"]["status"].as_str() {
            Some("QUEUED" | "RUNNING") if std::time::Instant::now() < deadline => {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
            status => return assert_eq!(status, Some("SUCCEEDED"), "{answer}\n{}", server.log()),
        }
    }
}

on_both_databases! {
    async fn keys_are_rotated_beside_a_running_server(database) {
        let world = World::new(&database).await;
        world.connect(demo::keys::READER.public).await.unwrap();
        let settings = settings(&database, world.simulator.base_url().as_str());
        let server = Process::serve(&settings).await;
        let token = Process::token(&settings, "admin").await;
        let client = reqwest::Client::builder().no_proxy().build().unwrap();

        let first = key(&settings, &["list"]).await;
        let printed = key(&settings, &["rotate"]).await;
        assert!(printed.ends_with("data keys wrapped again: 1\n"), "{printed}");
        assert_eq!(key(&settings, &["list"]).await.lines().count(), 2);
        sync(&server, &token, &client).await;

        assert!(key(&settings, &["prune"]).await.starts_with("master keys removed: 1; left: 1"));
        let second = key(&settings, &["list"]).await;
        assert_ne!(first, second);
        sync(&server, &token, &client).await;
        drop(server);
        let server = Process::serve(&settings).await;
        sync(&server, &token, &client).await;
    }

    async fn a_rotation_that_was_cut_off_goes_on_with_the_key_it_made(database) {
        let world = World::new(&database).await;
        world.connect(demo::keys::READER.public).await.unwrap();
        let settings = settings(&database, world.simulator.base_url().as_str());
        // Cut off after the file was written: what `--prepare` leaves.
        key(&settings, &["rotate", "--prepare"]).await;
        let prepared = key(&settings, &["list"]).await;
        let newest = prepared.lines().last().unwrap()[..8].to_owned();
        let refused = slategate(&["key", "rotate", "--prepare"], &settings).output().await.unwrap();
        assert!(!refused.status.success());
        let printed = key(&settings, &["rotate"]).await;
        assert_eq!(printed, format!("master key {newest} is in use; data keys wrapped again: 1\n"));
        assert_eq!(key(&settings, &["list"]).await.lines().count(), 2, "no third key was made");
    }

    async fn a_server_without_the_key_in_use_refuses_to_start_and_writes_nothing(database) {
        let world = World::new(&database).await;
        world.connect(demo::keys::READER.public).await.unwrap();
        let mut settings = settings(&database, world.simulator.base_url().as_str());
        let stranger = database.folder().join("stranger.key");
        slategate::vault::KeyRing::create(&stranger).unwrap();
        settings[1].1 = stranger.display().to_string();
        let before = std::fs::read(&stranger).unwrap();
        for arguments in [&["serve"][..], &["key", "rotate"], &["key", "prune"]] {
            let refused = slategate(arguments, &settings).output().await.unwrap();
            let said = String::from_utf8_lossy(&refused.stderr).into_owned();
            assert!(!refused.status.success() && said.contains("nothing was written"), "{arguments:?}: {said}");
        }
        assert_eq!(std::fs::read(&stranger).unwrap(), before);
    }
}
