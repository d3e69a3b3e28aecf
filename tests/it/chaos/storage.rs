//! A disk that fails under SQLite: while a person edits, and while a sync is written.

use std::time::Duration;

use serde_json::{Value, json};

use super::estate::Organization;
use super::stage::Stage;
use super::{LATEST, LEASE, now};
use crate::support::Database;
use crate::support::process::eventually;
use crate::support::tools::FailingCalls;

const NEVER: &str = "0 0 0 29 2 *";
const HIRE: &str = "mutation($email: String!) { upsertPerson(input: { email: $email, fullName: \"Ada\" }) { \
                    userErrors { code } } }";

async fn hire(stage: &Stage, email: &str) -> Value {
    stage.servers[0].post(&stage.admin, HIRE, json!({ "email": email })).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_that_cannot_be_stored_says_so_while_reads_go_on() {
    let stage = Stage::set(Database::sqlite(), 1, 1, NEVER).await;
    let before = stage.shown(0, Organization(0)).await;
    for (number, failing) in ["fsync:error=EIO", "pwrite64:error=EIO", "pwrite64:error=ENOSPC"].iter().enumerate() {
        let email = format!("{number}@example.com");
        let fault = FailingCalls::of(stage.servers[0].pid().await, failing).await;
        let refused = hire(&stage, &email).await;
        let error = &refused["errors"][0];
        assert_eq!(error["extensions"]["code"], "UNAVAILABLE", "{failing}: {refused}");
        assert!(error["message"].as_str().unwrap().ends_with("nothing was changed"), "{failing}: {refused}");
        assert_eq!(stage.shown(0, Organization(0)).await, before, "reads go on");
        assert_eq!(stage.history.people().await.len(), number, "{failing}");
        fault.lift().await;
        assert_eq!(hire(&stage, &email).await.get("errors"), None, "{failing}: it does not heal");
    }
    assert_eq!(stage.history.people().await.len(), 3);
    stage.servers[0].end().await;
    assert_eq!(stage.history.damage().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sync_that_cannot_be_stored_is_begun_again() {
    let stage = Stage::set(Database::sqlite(), 1, 1, NEVER).await;
    let organization = Organization(0);
    // What fails, from which call on, and whether its data is being written by then: notes of progress are small.
    let cases = [("fsync:error=EIO", false), ("pwrite64:error=ENOSPC", false), ("pwrite64:error=EIO:when=60+", true)];
    for (broken, (failing, is_written)) in cases.into_iter().enumerate() {
        let before = stage.shown(0, organization).await;
        let (held, (refused, _)) = tokio::join!(stage.atlas.hold(organization), stage.wish(0, organization));
        assert_eq!(refused, json!(null), "{failing}");
        let fault = FailingCalls::of(stage.servers[0].pid().await, failing).await;
        let since = now();
        stage.atlas.release();
        let breaks_off = async || stage.servers[0].log().await.matches("sync run broke off").count() > broken;
        let broke_off = eventually(Duration::from_secs(10), breaks_off).await;
        assert!(broke_off.is_ok(), "{failing}\n{}", stage.servers[0].log().await);
        assert_eq!(stage.shown(0, organization).await, before, "{failing}: reads go on, and nothing is half done");
        assert_eq!(stage.history.stage_of_last_run().await == "EVALUATION", is_written, "{failing}");
        fault.lift().await;
        stage.synced_since(since, LEASE + LATEST).await;
        assert!(stage.shown(0, organization).await >= held.0, "{failing}");
    }
    let changes = stage.history.changes().await;
    let written = changes.iter().filter(|change| change.is_commit());
    assert_eq!(written.count(), 1 + cases.len(), "each run is written once: {changes:#?}");
    stage.servers[0].end().await;
    assert_eq!(stage.history.damage().await, Vec::<String>::new());
}
