//! How many exports there are at a time, and how long one may take.

use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;

use super::toy::{ANOTHER_TOKEN, Options, TOKEN, Toy, read};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_that_takes_too_long_is_stopped() {
    let toy = Toy::with(Options { deadline: Duration::from_millis(200), ..Options::default() }).await;
    let answer = read(toy.request("GET", "/exports/accounts.csv")).await;
    let message = "the export was stopped: it took longer than 0.2 seconds; narrow the filter";
    assert_eq!((answer.status, answer.code()), (503, json!("UNAVAILABLE")));
    assert_eq!(answer.json()["errors"][0]["message"], message);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exports_leave_room_and_whoever_hangs_up_gives_it_back() {
    let toy = Toy::start().await;
    let mut hanging = JoinSet::new();
    let asked = |token: &str| toy.anonymous("GET", "/exports/accounts.csv").bearer_auth(token);
    for times in 1..=2 {
        hanging.spawn(read(asked(TOKEN)));
        toy.hanging(times).await;
    }
    let refused = read(asked(TOKEN)).await;
    assert_eq!((refused.status, refused.code()), (429, json!("RATE_LIMITED")));
    assert_eq!(read(toy.request("GET", "/graphql?query=%7Bhello%7D")).await.status, 200);
    hanging.spawn(read(asked(ANOTHER_TOKEN)));
    toy.hanging(3).await;

    hanging.shutdown().await;
    let mut again = JoinSet::new();
    for times in 4..=5 {
        again.spawn(read(asked(TOKEN)));
        toy.hanging(times).await;
    }
}
