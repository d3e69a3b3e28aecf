//! Failed attempts: ten a minute from one address, on every transport together.

use std::sync::atomic::Ordering;

use chrono::TimeDelta;
use serde_json::json;
use slategate::auth::Token;
use slategate::http::GateSettings;
use slategate::store::views::Role;
use tokio::task::JoinSet;

use crate::on_both_databases;
use crate::support::{Served, Socket, World};

const HELLO: &str = "{ viewer { role } }";

/// A token that is spelled right and that nobody was given.
fn guess() -> String {
    Token::generate().unwrap().expose().to_owned()
}

async fn status(served: &Served, token: &str) -> u16 {
    served.post(Some(token), HELLO, json!({})).await.0
}

/// The answer to a guess that a client beyond these proxies makes.
async fn forwarded(served: &Served, from: &str) -> u16 {
    let request = served.client.post(format!("http://{}/graphql", served.address)).bearer_auth(guess());
    request.header("x-forwarded-for", from).json(&json!({ "query": HELLO })).send().await.unwrap().status().as_u16()
}

/// Code and reason that a guess over WebSocket ends with.
async fn guess_by_socket(served: &Served) -> (u16, String) {
    let mut socket = Socket::open(served.address, Some("graphql-transport-ws"), None).await;
    socket.say(&json!({ "type": "connection_init", "payload": { "token": guess() } })).await;
    socket.closed().await
}

async fn guess_by_stream(served: &Served) -> reqwest::Response {
    let request = served.client.post(format!("http://{}/graphql/stream", served.address)).bearer_auth(guess());
    request.header("accept", "text/event-stream").json(&json!({ "query": HELLO })).send().await.unwrap()
}

on_both_databases! {
    async fn ten_failures_lock_an_address_out_but_no_token_that_was_good_before(database) {
        let world = World::new(&database).await;
        let served = world.serve().await;
        let (used, unused) = (world.token(world.workspace, Role::Viewer).await, world.token(world.workspace, Role::Viewer).await);
        assert_eq!(status(&served, &used).await, 200);
        for attempt in 0..8 {
            let token = if attempt % 2 == 0 { guess() } else { "slg_nonsense".to_owned() };
            assert_eq!(status(&served, &token).await, 401, "{attempt}");
            assert_eq!(served.post(None, HELLO, json!({})).await.0, 401, "nothing was attempted");
        }
        assert_eq!(guess_by_socket(&served).await, (4403, "Forbidden".to_owned()));
        assert_eq!(guess_by_stream(&served).await.status(), 401);

        let statements = world.statements.load(Ordering::SeqCst);
        let url = format!("http://{}/graphql", served.address);
        let refused = served.client.post(url).bearer_auth(guess()).json(&json!({ "query": HELLO })).send().await.unwrap();
        assert_eq!((refused.status().as_u16(), &refused.headers()["retry-after"]), (429, &"60".parse().unwrap()));
        let answer: serde_json::Value = refused.json().await.unwrap();
        assert_eq!(answer["errors"][0]["extensions"]["code"], "RATE_LIMITED");
        assert_eq!(answer["errors"][0]["message"], "too many failed attempts from this address: try again in 60 seconds");
        assert_eq!(status(&served, &unused).await, 429, "it could be a guess");
        assert_eq!(guess_by_stream(&served).await.status(), 429);
        assert_eq!(guess_by_socket(&served).await, (1013, "Too many failed attempts, try again in 60 seconds".to_owned()));
        assert_eq!(world.statements.load(Ordering::SeqCst), statements, "the database is not asked");

        assert_eq!(served.post(None, HELLO, json!({})).await.0, 401);
        assert_eq!(status(&served, &used).await, 200);
        world.clock.advance(TimeDelta::seconds(59));
        assert_eq!(status(&served, &used).await, 200, "also when it has to be looked up again");
        assert_eq!(status(&served, &unused).await, 429);
        world.clock.advance(TimeDelta::seconds(1));
        assert_eq!(status(&served, &unused).await, 200);
    }

    async fn guesses_at_the_same_time_count_one_by_one(database) {
        let world = World::new(&database).await;
        let served = world.serve().await;
        let good = world.token(world.workspace, Role::Viewer).await;
        let mut asking = JoinSet::new();
        let url = format!("http://{}/graphql", served.address);
        let mut ask = |token: String| {
            let request = served.client.post(&url).bearer_auth(token).json(&json!({ "query": HELLO }));
            asking.spawn(async move { request.send().await.unwrap().status().as_u16() });
        };
        (0..40).for_each(|_| ask(good.clone()));
        let mut first = asking.join_all().await;
        first.dedup();
        assert_eq!(first, [200], "a new client may begin with as many requests as it likes");

        let mut asking = JoinSet::new();
        for _ in 0..40 {
            let request = served.client.post(&url).bearer_auth(guess()).json(&json!({ "query": HELLO }));
            asking.spawn(async move { request.send().await.unwrap().status().as_u16() });
        }
        let answers = asking.join_all().await;
        let count = |status| answers.iter().filter(|answer| **answer == status).count();
        assert_eq!((count(401), count(429)), (10, 30));
    }

    async fn a_proxy_is_believed_only_when_it_is_named(database) {
        let world = World::new(&database).await;
        let plain = world.serve().await;
        for attempt in 0..10 {
            assert_eq!(forwarded(&plain, &format!("203.0.113.{attempt}")).await, 401);
        }
        assert_eq!(forwarded(&plain, "203.0.113.99").await, 429, "the header is the client's own");

        let proxies = "127.0.0.0/8".parse().unwrap();
        let behind = world.serve_behind(GateSettings { proxies, ..GateSettings::default() }).await;
        for _ in 0..10 {
            assert_eq!(forwarded(&behind, "198.51.100.7, 203.0.113.1").await, 401);
        }
        assert_eq!(forwarded(&behind, "203.0.113.1").await, 429);
        assert_eq!(forwarded(&behind, "203.0.113.1, 203.0.113.2").await, 401);
        for attempt in 0..10 {
            assert_eq!(forwarded(&behind, &format!("2001:db8:1:2::{attempt}")).await, 401);
        }
        assert_eq!(forwarded(&behind, "2001:db8:1:2:ffff::1").await, 429, "a network of 64 bits is one address");
        assert_eq!(forwarded(&behind, "2001:db8:1:3::1").await, 401);
    }
}
