//! How a server ends.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{atlas, connect, peek, rounds, settings};
use crate::on_both_databases;
use crate::support::process::{client, eventually};
use crate::support::{Chance, Fault, Process, Signal, Socket};

const END: Duration = Duration::from_secs(15);

on_both_databases! {
    async fn open_subscriptions_do_not_hold_a_server_that_is_told_to_stop(database) {
        let settings = settings(&database);
        let mut server = Process::serve(&settings).await;
        let token = Process::token(&settings, "viewer").await;
        let query = "subscription { controlChanged { at } }";
        let mut socket = Socket::connect(server.address(), &token).await;
        socket.subscribe("1", query, json!({})).await;
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = client.post(server.url("/graphql/stream")).bearer_auth(&token).header("accept", "text/event-stream");
        let mut stream = request.json(&json!({ "query": query })).send().await.unwrap();
        assert_eq!(stream.status(), 200);
        server.signal(Signal::Terminate).await;
        assert_eq!(socket.closed().await, (1001, "The server is stopping".to_owned()));
        while stream.chunk().await.unwrap().is_some() {}
        drop((socket, stream));
        assert_eq!(server.exit(Duration::from_secs(8)).await, 0, "{}", server.log());
        assert!(!server.log().contains("cut off"), "{}", server.log());
    }

    async fn a_server_that_is_told_to_stop_ends_cleanly(database) {
        let settings = settings(&database);
        let mut server = Process::serve(&settings).await;
        let token = Process::token(&settings, "viewer").await;
        let (status, answer) = server.post(&client(), &token, "{ viewer { role } }", json!({})).await.unwrap();
        assert_eq!((status, answer), (200, json!({ "data": { "viewer": { "role": "VIEWER" } } })));
        server.signal(Signal::Terminate).await;
        server.becomes(&client(), 503, Duration::from_secs(1)).await;
        assert_eq!(server.exit(END).await, 0, "{}", server.log());
    }

    async fn a_request_in_flight_is_answered(database) {
        let (simulator, atlas, base_url) = atlas().await;
        let mut settings = settings(&database);
        settings.push(base_url);
        let mut server = Process::serve(&settings).await;
        let admin = Process::token(&settings, "admin").await;
        atlas.set(Fault::Latency(Duration::from_millis(300)));
        tokio::join!(connect(&server, &admin), async {
            eventually(Duration::from_secs(10), async || simulator.requests() > 0).await.unwrap();
            server.signal(Signal::Terminate).await;
            server.becomes(&client(), 503, Duration::from_secs(1)).await;
        });
        assert_eq!(server.exit(END).await, 0, "{}", server.log());
        assert!(!server.log().contains("cut off"), "{}", server.log());
    }

    async fn a_killed_server_leaves_a_database_that_the_next_one_serves(database) {
        let settings = settings(&database);
        let mut server = Process::serve(&settings).await;
        let token = Process::token(&settings, "viewer").await;
        server.signal(Signal::Kill).await;
        assert_eq!(server.exit(Duration::from_secs(5)).await, -9);
        let server = Process::serve(&settings).await;
        let (status, _) = server.post(&client(), &token, "{ viewer { role } }", json!({})).await.unwrap();
        assert_eq!(status, 200, "{}", server.log());
    }

    async fn a_run_under_way_is_given_back(database) {
        let (_simulator, atlas, base_url) = atlas().await;
        let mut settings = settings(&database);
        settings.push(base_url);
        let mut server = Process::serve(&settings).await;
        let admin = Process::token(&settings, "admin").await;
        atlas.set(Fault::Latency(Duration::from_millis(100)));
        connect(&server, &admin).await;
        atlas.set(Fault::BlackHole);
        let held = "SELECT lease_owner FROM integration";
        eventually(Duration::from_secs(10), || async { peek(&database, held).await.is_some() }).await.unwrap();
        server.signal(Signal::Terminate).await;
        assert_eq!(server.exit(END).await, 0, "{}", server.log());
        assert_eq!(peek(&database, held).await, None, "{}", server.log());
        assert_eq!(peek(&database, "SELECT status FROM sync_run").await.as_deref(), Some("QUEUED"));
        // The next server takes it up at once, long before a lease would have run out.
        atlas.set(Fault::None);
        let _next = Process::serve(&settings).await;
        let done = "SELECT status FROM sync_run WHERE status = 'SUCCEEDED'";
        eventually(Duration::from_secs(15), || async { peek(&database, done).await.is_some() }).await.unwrap();
    }

    async fn a_paused_server_goes_on(database) {
        let server = Process::serve(&settings(&database)).await;
        server.signal(Signal::Stop).await;
        let asking = client();
        let asked = asking.get(server.url("/readyz")).timeout(Duration::from_millis(300)).send().await;
        assert!(asked.unwrap_err().is_timeout());
        server.signal(Signal::Continue).await;
        server.becomes(&asking, 200, Duration::from_secs(5)).await;
    }

    async fn a_second_signal_ends_it_at_once(database) {
        let mut server = Process::serve(&settings(&database)).await;
        let mut half = TcpStream::connect(server.address()).await.unwrap();
        half.write_all(b"POST /graphql HTTP/1.1\r\nhost: x\r\n").await.unwrap();
        server.signal(Signal::Terminate).await;
        server.becomes(&client(), 503, Duration::from_secs(1)).await;
        server.signal(Signal::Interrupt).await;
        assert_eq!(server.exit(Duration::from_secs(1)).await, 130, "{}", server.log());
    }
}

on_both_databases! {
    async fn idle_and_half_open_connections_do_not_hold_it(database) {
        let settings = settings(&database);
        let mut server = Process::serve(&settings).await;
        let mut open = Vec::new();
        for begun in ["", "GET /readyz HTTP/1.1\r\nhost:", "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"] {
            let mut stream = TcpStream::connect(server.address()).await.unwrap();
            stream.write_all(begun.as_bytes()).await.unwrap();
            open.push(stream);
        }
        let mut answer = [0; 15];
        open[2].read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200 OK");
        let told = Instant::now();
        server.signal(Signal::Terminate).await;
        assert_eq!(server.exit(END).await, 0, "{}", server.log());
        assert!(told.elapsed() < Duration::from_secs(6), "{:?}\n{}", told.elapsed(), server.log());
    }

    async fn it_ends_whenever_it_is_told(database) {
        let settings = settings(&database);
        drop(Process::serve(&settings).await);
        let mut chance = Chance::new();
        for _ in 0..rounds() {
            let mut server = Process::start(&settings);
            tokio::time::sleep(Duration::from_millis(chance.below(400))).await;
            server.signal(Signal::Terminate).await;
            // Before it listens to signals the system ends it.
            let code = server.exit(END).await;
            assert!(matches!(code, 0 | -15), "{code}\n{}", server.log());
        }
        let server = Process::serve(&settings).await;
        assert_eq!(server.ready(&client()).await, Some(200));
    }
}
