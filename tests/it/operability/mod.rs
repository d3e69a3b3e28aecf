//! What operators see: metrics, readiness, the log, traces.

mod logs;
mod metrics;
mod ready;
mod traces;

use std::net::SocketAddr;

use crate::support::{Exposition, Process, Served};

/// Status and body of `/metrics`.
async fn scraped(client: &reqwest::Client, address: SocketAddr, token: Option<&str>) -> (u16, String) {
    let request = client.get(format!("http://{address}/metrics"));
    let request = match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    };
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

async fn metrics(served: &Served, token: &str) -> Exposition {
    let (status, text) = scraped(&served.client, served.address, Some(token)).await;
    assert_eq!(status, 200, "{text}");
    Exposition::parse(&text)
}

/// The events of this message in a server's log.
fn events(server: &Process, message: &str) -> Vec<serde_json::Value> {
    let log = server.log();
    let events = log.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    events.filter(|event| event["message"] == message).collect()
}
