//! Liveness and readiness.

use std::time::Duration;

use serde_json::json;

use super::toy::{Answer, Checks, Options, Toy, read};

async fn ready(toy: &Toy) -> Answer {
    read(toy.anonymous("GET", "/readyz")).await
}

#[tokio::test]
async fn a_live_process_says_ok_to_anybody() {
    let toy = Toy::with(Options { checks: Checks::Fail("database"), ..Options::default() }).await;
    let answer = read(toy.anonymous("GET", "/healthz")).await;
    assert_eq!((answer.status, answer.bytes.as_slice()), (200, b"ok".as_slice()));
}

#[tokio::test]
async fn readiness_names_the_check_that_fails() {
    let toy = Toy::with(Options { checks: Checks::Fail("database"), ..Options::default() }).await;
    let answer = ready(&toy).await;
    assert_eq!((answer.status, answer.json()), (503, json!({ "status": "unready", "failing": "database" })));
}

#[tokio::test]
async fn a_check_that_hangs_is_a_check_that_fails() {
    let deadline = Duration::from_millis(50);
    let toy = Toy::with(Options { checks: Checks::Hang, deadline, ..Options::default() }).await;
    let answer = ready(&toy).await;
    assert_eq!((answer.status, answer.json()), (503, json!({ "status": "unready", "failing": "deadline" })));
}

#[tokio::test]
async fn a_process_that_shuts_down_is_no_longer_ready() {
    let toy = Toy::start().await;
    let before = ready(&toy).await;
    assert_eq!((before.status, before.json()), (200, json!({ "status": "ready" })));
    toy.draining.cancel();
    let after = ready(&toy).await;
    assert_eq!((after.status, after.json()), (503, json!({ "status": "unready", "failing": "draining" })));
}
