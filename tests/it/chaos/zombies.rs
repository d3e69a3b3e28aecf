//! A server that was paused in the middle of a read wakes up after its lease.

use std::time::Duration;

use serde_json::json;

use super::estate::{Organization, generation_in};
use super::stage::Stage;
use super::{EVERY_TWO_SECONDS, LATEST, LEASE, now};
use crate::on_both_databases;
use crate::support::process::eventually;
use crate::support::{Database, Kind};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_was_overtaken_is_turned_away_and_counted() {
    let Some(database) = Database::postgres().await else { return };
    let stage = Stage::set(database.clone(), 2, 1, EVERY_TWO_SECONDS).await;
    let organization = Organization(0);
    let (generation, door) = stage.atlas.hold(organization).await;
    let since = now();
    stage.servers[door].freeze().await;
    // The other one takes over and writes.
    stage.synced_since(since, LEASE + LATEST).await;
    assert!(stage.shown(1 - door, organization).await > generation);
    stage.atlas.release();
    stage.servers[door].thaw().await;
    let counted = eventually(Duration::from_secs(10), || async {
        stage.history.runs().await.iter().any(|run| run.turned_away == 1)
    });
    assert!(counted.await.is_ok(), "{}", stage.servers[door].log().await);
    assert_never_written(&stage, generation).await;
    let query = "{ syncRuns(first: 100) { nodes { summary turnedAway attempts status } } }";
    let runs = stage.servers[door].ask(&stage.admin, query, json!({})).await;
    let run = runs["syncRuns"]["nodes"].as_array().unwrap().iter().find(|run| run["turnedAway"] == 1).unwrap();
    let told = "Its process died or lost its lease or the database once, and it was begun again. A process that had \
                lost its lease was turned away once and wrote nothing.";
    assert!(run["summary"].as_str().unwrap().ends_with(told), "{run}");
    assert_eq!((&run["status"], &run["attempts"]), (&json!("SUCCEEDED"), &json!(2)));
    for server in &stage.servers {
        server.end().await;
    }
    database.drop_postgres().await;
}

on_both_databases! {
    async fn one_that_is_alone_begins_again(database) {
        let kind = database.kind;
        let stage = Stage::set(database, 1, 1, EVERY_TWO_SECONDS).await;
        let (generation, door) = stage.atlas.hold(Organization(0)).await;
        stage.servers[door].pause(LEASE + Duration::from_millis(500)).await;
        stage.atlas.release();
        stage.synced_since(now(), LATEST).await;
        assert_never_written(&stage, generation).await;
        let runs = stage.history.runs().await;
        let begun_again: i32 = runs.iter().map(|run| run.taken_over).sum();
        assert!(begun_again >= 1 && runs.iter().all(|run| run.broke_off == 0), "{kind:?} {runs:?}");
        assert!(kind == Kind::Sqlite || stage.atlas.generations().len() > 2);
        stage.servers[0].end().await;
    }
}

async fn assert_never_written(stage: &Stage, generation: u64) {
    let changes = stage.history.changes().await;
    let written = changes.iter().filter(|change| change.is_commit()).map(|change| generation_in(&change.name));
    assert!(!written.collect::<Vec<_>>().contains(&Some(generation)), "{changes:#?}");
}
