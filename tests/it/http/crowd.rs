//! Many who want something at once, and those who take without end.

use std::time::Duration;

use serde_json::json;
use slategate::http::{GateSettings, Limits};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::toy::{ANOTHER_TOKEN, Answer, JSON, Options, TOKEN, Toy, read};
use crate::support::process::eventually;

const NEVER: &str = r#"{"query":"{ never }"}"#;
const HELLO: &str = r#"{"query":"{ hello }"}"#;

fn asked(toy: &Toy, token: &str, body: &'static str) -> reqwest::RequestBuilder {
    toy.anonymous("POST", "/graphql").bearer_auth(token).header("content-type", JSON).body(body)
}

/// A toy that runs two operations at a time, so one token runs one.
async fn narrow() -> Toy {
    let gate = GateSettings { operations: 2, ..GateSettings::default() };
    Toy::with(Options { gate, ..Options::default() }).await
}

/// Begins an operation that does not end, and waits until it runs.
async fn hang(toy: &Toy, hanging: &mut JoinSet<Answer>, token: &str, times: u32) {
    hanging.spawn(read(asked(toy, token, NEVER)));
    toy.hanging(times).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_token_cannot_starve_the_others() {
    let toy = narrow().await;
    let mut hanging = JoinSet::new();
    hang(&toy, &mut hanging, TOKEN, 1).await;
    let refused = read(asked(&toy, TOKEN, HELLO)).await;
    assert_eq!((refused.status, refused.code()), (429, json!("RATE_LIMITED")));
    assert_eq!(refused.header("retry-after"), Some("1"));
    let other = read(asked(&toy, ANOTHER_TOKEN, HELLO)).await;
    assert_eq!(other.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_server_says_so_and_recovers_as_soon_as_it_can() {
    let gate = GateSettings { operations: 1, ..GateSettings::default() };
    let toy = Toy::with(Options { gate, ..Options::default() }).await;
    let mut hanging = JoinSet::new();
    hang(&toy, &mut hanging, TOKEN, 1).await;
    let refused = read(asked(&toy, ANOTHER_TOKEN, HELLO)).await;
    assert_eq!((refused.status, refused.code()), (503, json!("UNAVAILABLE")));
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(read(toy.anonymous("GET", "/healthz")).await.status, 200);
    // Whoever hangs up gives the place back.
    hanging.shutdown().await;
    assert_eq!(read(asked(&toy, ANOTHER_TOKEN, HELLO)).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_is_short_and_what_is_beyond_it_is_refused_at_once() {
    let toy = narrow().await;
    let mut asking = JoinSet::new();
    hang(&toy, &mut asking, TOKEN, 1).await;
    for _ in 0..40 {
        asking.spawn(read(asked(&toy, TOKEN, HELLO)));
    }
    let begun = std::time::Instant::now();
    let first = asking.join_next().await.unwrap().unwrap();
    assert_eq!((first.status, first.code()), (429, json!("RATE_LIMITED")));
    assert!(begun.elapsed() < Duration::from_millis(1_500), "it waited with the others");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sockets_and_streams_wait_in_the_same_queue() {
    use crate::support::Socket;
    let toy = narrow().await;
    let mut hanging = JoinSet::new();
    hang(&toy, &mut hanging, TOKEN, 1).await;
    let stream =
        toy.request("POST", "/graphql/stream").header("accept", "text/event-stream").header("content-type", JSON);
    let told = read(stream.body(HELLO)).await;
    let told = String::from_utf8(told.bytes).unwrap();
    assert!(told.contains("RATE_LIMITED"), "{told}");
    let mut socket = Socket::connect(toy.address, TOKEN).await;
    socket.subscribe("1", "{ hello }", json!({})).await;
    let told = socket.hear().await;
    assert_eq!((&told["type"], &told["payload"][0]["extensions"]["code"]), (&json!("error"), &json!("RATE_LIMITED")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_does_not_read_is_sent_away_and_gives_its_place_back() {
    let limits = Limits { connections: 1, stall: Duration::from_millis(200), ..Limits::default() };
    let toy = Toy::with(Options { limits: Some(limits), ..Options::default() }).await;
    let page = read(Toy::start().await.anonymous("GET", "/graphiql")).await;
    let page = String::from_utf8(page.bytes).unwrap();
    let script = page.split('"').find(|part| part.starts_with("/graphiql/assets/index-")).unwrap();
    let mut stream = TcpStream::connect(toy.address).await.unwrap();
    // More than any socket buffers: the uncompressed script, many times.
    let request = format!("GET {script} HTTP/1.1\r\nhost: toy\r\n\r\n");
    stream.write_all(request.repeat(100).as_bytes()).await.unwrap();
    let mut first = [0; 12];
    stream.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    let full = async || read(toy.anonymous("GET", "/healthz").header("connection", "close")).await;
    let freed = eventually(Duration::from_secs(10), || async { full().await.status == 200 }).await;
    assert!(freed.is_ok(), "it keeps its place for ever");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_without_an_end_is_cut_off() {
    let toy = Toy::with(Options { limits: Some(Limits::default()), ..Options::default() }).await;
    let mut stream = TcpStream::connect(toy.address).await.unwrap();
    let head = format!(
        "POST /graphql HTTP/1.1\r\nhost: toy\r\nauthorization: Bearer {TOKEN}\r\ncontent-type: {JSON}\r\n\
         transfer-encoding: chunked\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = format!("2000\r\n{}\r\n", " ".repeat(0x2000));
    let mut sent = 0;
    while stream.write_all(chunk.as_bytes()).await.is_ok() {
        sent += chunk.len();
        assert!(sent < 32 << 20, "it is read for ever");
    }
    assert_eq!(read(toy.anonymous("GET", "/healthz")).await.status, 200);
}
