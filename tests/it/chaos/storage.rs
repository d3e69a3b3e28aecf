//! A disk that fails under SQLite: while a person edits, and while a sync is written.

use std::time::Duration;

use serde_json::{Value, json};

use super::estate::Organization;
use super::stage::Stage;
use super::{LATEST, LEASE, now};
use crate::support::Database;
use crate::support::process::eventually;
use crate::support::tools::FailingCalls;

/// How long a run is put off that broke off.
const PUT_OFF: Duration = Duration::from_secs(30);
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
        // A disk that takes no word of it either leaves the run to its lease; else the run is put off.
        let told = if is_written { "sync run broke off" } else { "syncs cannot be taken up" };
        let tells = async || stage.servers[0].log().await.matches(told).count() > broken;
        let broke_off = eventually(Duration::from_secs(15), tells).await;
        assert!(broke_off.is_ok(), "{failing}\n{}", stage.servers[0].log().await);
        assert_eq!(stage.shown(0, organization).await, before, "{failing}: reads go on, and nothing is half done");
        assert_eq!(stage.history.last_run_was_read().await, is_written, "{failing}");
        if is_written {
            let waits = async || stage.last_story().await.starts_with("Waits to be tried again at ");
            assert!(eventually(LATEST, waits).await.is_ok(), "{}", stage.last_story().await);
        }
        fault.lift().await;
        let within = if is_written { PUT_OFF + LATEST } else { LEASE + LATEST };
        stage.synced_since(since, within).await;
        let end = "Its process died or lost its lease or the database once, and it was begun again.";
        assert!(stage.last_story().await.ends_with(end), "{failing}: {}", stage.last_story().await);
        assert!(stage.shown(0, organization).await >= held.0, "{failing}");
    }
    let changes = stage.history.changes().await;
    let written = changes.iter().filter(|change| change.is_commit());
    assert_eq!(written.count(), 1 + cases.len(), "each run is written once: {changes:#?}");
    stage.servers[0].end().await;
    assert_eq!(stage.history.damage().await, Vec::<String>::new());
}
