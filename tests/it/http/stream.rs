//! `graphql-sse`: both modes, and everything that is refused.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Value, json};

use super::toy::{Answer, JSON, Options, Toy, read};
use crate::support::socket::PATIENCE;

const PATH: &str = "/graphql/stream";
const EVENTS: &str = "text/event-stream";
const STREAM_TOKEN: &str = "x-graphql-event-stream-token";

/// An open stream of events.
struct Events {
    response: reqwest::Response,
    unread: String,
}

impl Events {
    async fn open(request: reqwest::RequestBuilder) -> Self {
        let response = request.header("accept", EVENTS).send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream; charset=utf-8");
        Self { response, unread: String::new() }
    }

    /// The next event and its data. None: the end.
    async fn next(&mut self) -> Option<(String, String)> {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            while let Some((event, rest)) = self.unread.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.unread = rest;
                if event == ":" {
                    continue;
                }
                let (name, data) = event.split_once('\n').unwrap();
                let (name, data) = (name.strip_prefix("event: ").unwrap(), data.strip_prefix("data: ").unwrap());
                return Some((name.to_owned(), data.to_owned()));
            }
            let chunk = tokio::time::timeout_at(deadline, self.response.chunk()).await.expect("the stream is silent");
            self.unread.push_str(std::str::from_utf8(&chunk.unwrap()?).unwrap());
        }
    }

    async fn next_json(&mut self) -> (String, Value) {
        let (name, data) = self.next().await.expect("the stream has ended");
        (name, serde_json::from_str(&data).unwrap())
    }
}

fn operation(toy: &Toy, query: &str) -> reqwest::RequestBuilder {
    toy.request("POST", PATH).json(&json!({ "query": query }))
}

/// A reserved stream's token.
async fn reserve(toy: &Toy) -> String {
    let answer = read(toy.request("PUT", PATH)).await;
    assert_eq!((answer.status, answer.header("content-type")), (201, Some("text/plain; charset=utf-8")));
    let token = String::from_utf8(answer.bytes).unwrap();
    assert_eq!(token.len(), 32);
    token
}

async fn enqueue(toy: &Toy, token: &str, id: &str, query: &str) -> Answer {
    let body = json!({ "query": query, "extensions": { "operationId": id } });
    read(toy.request("POST", PATH).header(STREAM_TOKEN, token).json(&body)).await
}

#[tokio::test]
async fn a_distinct_connection_is_one_operation() {
    let toy = Toy::start().await;
    let mut events = Events::open(operation(&toy, "subscription { count(to: 2) }")).await;
    for count in 1..=2 {
        assert_eq!(events.next_json().await, ("next".to_owned(), json!({ "data": { "count": count } })));
    }
    assert_eq!(events.next().await, Some(("complete".to_owned(), String::new())));
    assert_eq!(events.next().await, None);
    for (request, data) in [
        (toy.request("GET", "/graphql/stream?query=%7B%20hello%20%7D"), json!({ "hello": "world" })),
        (operation(&toy, "mutation { touch }"), json!({ "touch": 0 })),
        (toy.request("GET", "/graphql/stream?query=subscription%20%7B%20count(to:%201)%20%7D"), json!({ "count": 1 })),
    ] {
        let mut events = Events::open(request).await;
        assert_eq!(events.next_json().await, ("next".to_owned(), json!({ "data": data })));
        assert_eq!(events.next().await, Some(("complete".to_owned(), String::new())));
    }
}

#[tokio::test]
async fn a_document_that_the_schema_refuses_is_told_in_the_stream() {
    let toy = Toy::start().await;
    let mut events = Events::open(operation(&toy, "{ nothing }")).await;
    let (name, data) = events.next_json().await;
    assert_eq!((name.as_str(), data.get("data")), ("next", None));
    assert_eq!(data["errors"][0]["extensions"]["code"], "BAD_INPUT");
    assert_eq!(events.next().await, Some(("complete".to_owned(), String::new())));
}

#[tokio::test]
async fn what_cannot_be_run_is_refused_before_the_stream() {
    let toy = Toy::start().await;
    let bad = |body: Value| toy.request("POST", PATH).header("accept", EVENTS).json(&body);
    for (request, status, code) in [
        (bad(json!({ "query": "{" })), 400, "BAD_INPUT"),
        (bad(json!({})), 400, "BAD_INPUT"),
        (bad(json!({ "query": "{ hello }".replace("hello", &"hello ".repeat(21)) })), 400, "BAD_INPUT"),
        (toy.request("POST", PATH).header("accept", EVENTS).body("{}"), 415, "BAD_INPUT"),
        (toy.request("GET", "/graphql/stream?query=mutation%7Btouch%7D").header("accept", EVENTS), 405, "BAD_INPUT"),
        (operation(&toy, "{ hello }").header("accept", JSON), 406, "BAD_INPUT"),
        (
            toy.anonymous("POST", PATH).header("accept", EVENTS).json(&json!({ "query": "{ hello }" })),
            401,
            "UNAUTHENTICATED",
        ),
        (toy.anonymous("PUT", PATH), 401, "UNAUTHENTICATED"),
        (toy.request("PATCH", PATH), 405, "BAD_INPUT"),
    ] {
        let answer = read(request).await;
        assert_eq!((answer.status, answer.code()), (status, json!(code)), "{answer:?}");
    }
    assert_eq!(toy.touched(), 0);
}

#[tokio::test]
async fn a_single_connection_carries_many_operations() {
    let toy = Toy::start().await;
    let token = reserve(&toy).await;
    assert_eq!(enqueue(&toy, &token, "early", "{ hello }").await.status, 202);
    let mut events = Events::open(toy.request("GET", PATH).header(STREAM_TOKEN, &token)).await;
    let payload = json!({ "data": { "hello": "world" } });
    assert_eq!(events.next_json().await, ("next".to_owned(), json!({ "id": "early", "payload": payload })));
    assert_eq!(events.next_json().await, ("complete".to_owned(), json!({ "id": "early" })));

    assert_eq!(enqueue(&toy, &token, "never", "subscription { never }").await.status, 202);
    let again = enqueue(&toy, &token, "never", "{ hello }").await;
    assert_eq!((again.status, again.code()), (409, json!("CONFLICT")));
    assert_eq!(enqueue(&toy, &token, "count", "subscription { count(to: 1) }").await.status, 202);
    let payload = json!({ "data": { "count": 1 } });
    assert_eq!(events.next_json().await, ("next".to_owned(), json!({ "id": "count", "payload": payload })));
    assert_eq!(events.next_json().await, ("complete".to_owned(), json!({ "id": "count" })));

    let stop = toy.request("DELETE", &format!("{PATH}?operationId=never")).header(STREAM_TOKEN, &token);
    assert_eq!(read(stop).await.status, 200);
    assert_eq!(enqueue(&toy, &token, "never", "{ hello }").await.status, 202, "the id is free again");
    assert_eq!(events.next_json().await.1["id"], "never");
}

#[tokio::test]
async fn a_reserved_stream_is_opened_once() {
    let toy = Toy::start().await;
    let token = reserve(&toy).await;
    let address = format!("{PATH}?token={token}");
    let _events = Events::open(toy.request("GET", &address)).await;
    let again = read(toy.request("GET", &address).header("accept", EVENTS)).await;
    assert_eq!((again.status, again.code()), (409, json!("CONFLICT")));
}

#[tokio::test]
async fn an_unknown_stream_is_not_found() {
    let toy = Toy::start().await;
    for request in [
        toy.request("GET", PATH).header("accept", EVENTS),
        toy.request("POST", PATH).json(&json!({ "query": "{ hello }", "extensions": { "operationId": "1" } })),
        toy.request("DELETE", &format!("{PATH}?operationId=1")),
    ] {
        let answer = read(request.header(STREAM_TOKEN, "0".repeat(32))).await;
        assert_eq!((answer.status, answer.code()), (404, json!("NOT_FOUND")));
    }
}

#[tokio::test]
async fn operations_of_a_reserved_stream_need_an_id() {
    let toy = Toy::start().await;
    let token = reserve(&toy).await;
    for request in [toy.request("POST", PATH).json(&json!({ "query": "{ hello }" })), toy.request("DELETE", PATH)] {
        let answer = read(request.header(STREAM_TOKEN, &token)).await;
        assert_eq!((answer.status, answer.code()), (400, json!("BAD_INPUT")));
    }
}

#[tokio::test]
async fn a_stream_has_a_limited_number_of_operations() {
    let toy = Toy::start().await;
    let token = reserve(&toy).await;
    for id in 0..50 {
        assert_eq!(enqueue(&toy, &token, &id.to_string(), "subscription { never }").await.status, 202);
    }
    let more = enqueue(&toy, &token, "more", "{ hello }").await;
    assert_eq!((more.status, more.code()), (429, json!("RATE_LIMITED")));
}

#[tokio::test]
async fn a_stream_that_nobody_opens_is_forgotten() {
    let toy = Toy::with(Options { reservation: Duration::from_millis(20), ..Options::default() }).await;
    let token = reserve(&toy).await;
    toy.tasks.close();
    tokio::time::timeout(PATIENCE, toy.tasks.wait()).await.unwrap();
    assert_eq!(enqueue(&toy, &token, "1", "{ hello }").await.status, 404);
}

#[tokio::test]
async fn one_token_has_a_limited_number_of_streams() {
    let toy = Toy::start().await;
    let mut tokens = Vec::new();
    for _ in 0..100 {
        tokens.push(reserve(&toy).await);
    }
    for request in [toy.request("PUT", PATH), operation(&toy, "{ hello }").header("accept", EVENTS)] {
        let answer = read(request).await;
        assert_eq!((answer.status, answer.code()), (429, json!("RATE_LIMITED")));
    }
}

#[tokio::test]
async fn rights_that_end_are_told_to_every_operation() {
    let toy = Toy::start().await;
    let mut distinct = Events::open(operation(&toy, "subscription { never }")).await;
    let token = reserve(&toy).await;
    assert_eq!(enqueue(&toy, &token, "1", "subscription { never }").await.status, 202);
    let mut single = Events::open(toy.request("GET", PATH).header(STREAM_TOKEN, &token)).await;
    toy.is_current.store(false, Ordering::SeqCst);

    let (name, data) = distinct.next_json().await;
    assert_eq!((name.as_str(), &data["errors"][0]["extensions"]["code"]), ("next", &json!("UNAUTHENTICATED")));
    assert_eq!(distinct.next().await, Some(("complete".to_owned(), String::new())));
    assert_eq!(distinct.next().await, None);
    let (name, data) = single.next_json().await;
    assert_eq!((name.as_str(), &data["id"]), ("next", &json!("1")));
    assert_eq!(data["payload"]["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
    assert_eq!(single.next_json().await, ("complete".to_owned(), json!({ "id": "1" })));
    assert_eq!(single.next().await, None);
}

#[tokio::test]
async fn a_stopping_server_ends_streams_without_completing_them() {
    let toy = Toy::start().await;
    let mut events = Events::open(operation(&toy, "subscription { never }")).await;
    let _unopened = reserve(&toy).await;
    toy.draining.cancel();
    assert_eq!(events.next().await, None);
    toy.tasks.close();
    tokio::time::timeout(PATIENCE, toy.tasks.wait()).await.expect("a stream goes on");
}

#[tokio::test]
async fn who_does_not_read_or_leaves_is_forgotten() {
    let toy = Toy::start().await;
    let stalled = Events::open(operation(&toy, "subscription { flood }")).await;
    let leaving = Events::open(operation(&toy, "subscription { never }")).await;
    drop(leaving);
    toy.tasks.close();
    tokio::time::timeout(PATIENCE, toy.tasks.wait()).await.expect("the server waits for ever");
    drop(stalled);
}

#[tokio::test]
async fn a_silent_stream_shows_that_it_lives() {
    let toy = Toy::with(Options { keep_alive: Duration::from_millis(20), ..Options::default() }).await;
    let mut events = Events::open(operation(&toy, "subscription { never }")).await;
    let mut heard = String::new();
    while heard.matches(":\n\n").count() < 3 {
        let chunk = tokio::time::timeout(PATIENCE, events.response.chunk()).await.unwrap().unwrap().unwrap();
        heard.push_str(std::str::from_utf8(&chunk).unwrap());
    }
    assert_eq!(heard.replace(":\n\n", ""), "");
}
