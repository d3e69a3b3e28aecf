//! An unknown, an expired and a revoked token cannot be told apart, and cost next to nothing.

use std::sync::atomic::Ordering;

use chrono::TimeDelta;
use serde_json::json;
use slategate::auth::{self, NewToken, Token};
use slategate::store::audit::Actor;
use slategate::store::views::Role;

use crate::on_both_databases;
use crate::support::{Kind, Served, Socket, World};

const HELLO: &str = "{ viewer { role } }";

/// Status, headers and body of an answer, byte for byte but for the date.
async fn exact(request: reqwest::RequestBuilder) -> (u16, Vec<String>, String) {
    let answer = request.header("x-request-id", "same").send().await.unwrap();
    let headers = answer.headers().iter().filter(|(name, _)| *name != "date");
    let headers = headers.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    (answer.status().as_u16(), headers, answer.text().await.unwrap())
}

async fn by_socket(served: &Served, token: &str) -> (u16, String) {
    let mut socket = Socket::open(served.address, Some("graphql-transport-ws"), None).await;
    socket.say(&json!({ "type": "connection_init", "payload": { "token": token } })).await;
    socket.closed().await
}

/// A token that lives for a day, and its id.
async fn issued(world: &World) -> (i64, String) {
    let by = Actor { workspace: world.workspace, ..world.actor() };
    let new = NewToken { name: "test", role: Role::Admin, person: None, ttl_days: 1 };
    let (id, token) = auth::issue(&world.store, &by, new, world.clock.now()).await.unwrap();
    (id, token.expose().to_owned())
}

on_both_databases! {
    async fn whatever_is_wrong_with_a_token_the_answer_is_the_same(database) {
        let world = World::new(&database).await;
        let served = world.serve().await;
        let (_, expired) = issued(&world).await;
        world.clock.advance(TimeDelta::days(1));
        let (id, revoked) = issued(&world).await;
        assert!(auth::revoke(&world.store, &world.actor(), id, world.clock.now()).await.unwrap());
        let unknown = Token::generate().unwrap().expose().to_owned();
        let mut mistyped = unknown.clone();
        mistyped.replace_range(10..11, if &mistyped[10..11] == "a" { "b" } else { "a" });

        let mut seen = Vec::new();
        for token in [&expired, &revoked, &unknown, &mistyped] {
            let (post, stream) = (format!("http://{}/graphql", served.address), format!("http://{}/graphql/stream", served.address));
            let body = json!({ "query": HELLO });
            let posted = exact(served.client.post(&post).bearer_auth(token).json(&body)).await;
            let got = exact(served.client.get(format!("{post}?query=%7Bviewer%7Brole%7D%7D")).bearer_auth(token)).await;
            let streamed = served.client.post(&stream).header("accept", "text/event-stream").bearer_auth(token).json(&body);
            seen.push((posted, got, exact(streamed).await, by_socket(&served, token).await));
            world.clock.advance(TimeDelta::minutes(1));
        }
        assert_eq!((seen[0].0.0, seen[0].1.0, seen[0].2.0, seen[0].3.0), (401, 401, 401, 4403));
        seen.dedup();
        assert_eq!(seen.len(), 1, "{seen:#?}");
    }

    async fn a_failed_attempt_costs_one_statement_and_a_mistyped_token_none(database) {
        let world = World::new(&database).await;
        let served = world.serve().await;
        let (id, revoked) = issued(&world).await;
        assert!(auth::revoke(&world.store, &world.actor(), id, world.clock.now()).await.unwrap());
        let unknown = Token::generate().unwrap().expose().to_owned();
        let mut mistyped = unknown.clone();
        mistyped.replace_range(42.., if mistyped.ends_with('a') { "b" } else { "a" });
        // PostgreSQL is first told that the clerk looks.
        let look = if database.kind == Kind::Postgres { 2 } else { 1 };
        for (token, cost) in [(&unknown, look), (&revoked, look), (&mistyped, 0)] {
            let before = world.statements.load(Ordering::SeqCst);
            assert_eq!(served.post(Some(token), HELLO, json!({})).await.0, 401);
            assert_eq!(world.statements.load(Ordering::SeqCst) - before, cost, "{token}");
        }
    }

    async fn a_revoked_token_is_refused_by_every_replica_within_five_seconds(database) {
        let world = World::new(&database).await;
        let (one, other) = (world.serve().await, world.serve_replica().await);
        let (id, token) = issued(&world).await;
        let statuses = async || [&one, &other].map(|served| served.post(Some(&token), HELLO, json!({})));
        let answered = async || {
            let [one, other] = statuses().await;
            [one.await.0, other.await.0]
        };
        assert_eq!(answered().await, [200, 200]);
        assert!(auth::revoke(&world.store, &world.actor(), id, world.clock.now()).await.unwrap());
        world.clock.advance(TimeDelta::seconds(5));
        assert_eq!(answered().await, [401, 401]);
    }
}
