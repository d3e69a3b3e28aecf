//! Clients that take their time.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::settings;
use crate::support::process::client;
use crate::support::{Database, Process};

async fn open(server: &Process, begun: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(begun).await.unwrap();
    stream
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_that_does_not_arrive_ends_its_connection_and_no_other() {
    let database = Database::sqlite();
    let server = Process::serve(&settings(&database)).await;
    let begun = Instant::now();
    let mut streams = vec![open(&server, b"GET /readyz HTTP/1.1\r\nhost:").await, open(&server, b"").await];
    assert_eq!(server.ready(&client()).await, Some(200), "{}", server.log());
    for stream in &mut streams {
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(Duration::from_secs(12), stream.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "still open after {:?}", begun.elapsed());
    }
    assert!(begun.elapsed() > Duration::from_secs(8), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endless_head_is_refused() {
    let database = Database::sqlite();
    let server = Process::serve(&settings(&database)).await;
    let mut stream = open(&server, b"GET /readyz HTTP/1.1\r\nx: ").await;
    let mut sent = 0;
    while stream.write_all(&[b'a'; 8_192]).await.is_ok() {
        sent += 8_192;
        assert!(sent < 16 << 20, "it is read for ever");
    }
    assert_eq!(server.ready(&client()).await, Some(200), "{}", server.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_with_no_place_left_says_so() {
    let database = Database::sqlite();
    let server = Process::serve(&settings(&database)).await;
    let mut idle = Vec::new();
    for _ in 0..2_048 {
        idle.push(open(&server, b"").await);
    }
    let refused = client().get(server.url("/healthz")).send().await.unwrap();
    assert_eq!((refused.status().as_u16(), refused.headers()["retry-after"].as_bytes()), (503, &b"1"[..]));
    drop(idle);
    server.becomes(&client(), 200, Duration::from_secs(5)).await;
}
