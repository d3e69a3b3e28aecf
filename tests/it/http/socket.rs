//! `graphql-transport-ws`: every message and every close code.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use slategate::http::BODY_LIMIT;
use tokio_tungstenite::tungstenite::Message;

use super::toy::{Options, TOKEN, Toy};
use crate::support::Socket;
use crate::support::socket::PATIENCE;

const OURS: Option<&str> = Some("graphql-transport-ws");

async fn silent(toy: &Toy) -> Socket {
    Socket::open(toy.address, OURS, None).await
}

async fn known(toy: &Toy) -> Socket {
    Socket::connect(toy.address, TOKEN).await
}

fn closing(code: u16, reason: &str) -> (u16, String) {
    (code, reason.to_owned())
}

#[tokio::test]
async fn a_subscription_tells_everything_and_completes() {
    let toy = Toy::start().await;
    let mut socket = known(&toy).await;
    socket.subscribe("a", "subscription($to: Int!) { count(to: $to) }", json!({ "to": 2 })).await;
    for count in 1..=2 {
        let payload = json!({ "data": { "count": count } });
        assert_eq!(socket.hear().await, json!({ "id": "a", "type": "next", "payload": payload }));
    }
    assert_eq!(socket.hear().await, json!({ "id": "a", "type": "complete" }));
    socket.subscribe("a", "{ hello }", json!({})).await;
    let payload = json!({ "data": { "hello": "world" } });
    assert_eq!(socket.hear().await, json!({ "id": "a", "type": "next", "payload": payload }), "the id is free again");
}

#[tokio::test]
async fn queries_and_mutations_are_answered_and_complete() {
    let toy = Toy::start().await;
    let mut socket = known(&toy).await;
    for (query, data) in [("{ hello }", json!({ "hello": "world" })), ("mutation { touch }", json!({ "touch": 0 }))] {
        socket.subscribe("1", query, json!({})).await;
        assert_eq!(socket.hear().await, json!({ "id": "1", "type": "next", "payload": { "data": data } }));
        assert_eq!(socket.hear().await, json!({ "id": "1", "type": "complete" }));
    }
    assert_eq!(toy.touched(), 1);
}

#[tokio::test]
async fn the_token_may_come_in_three_ways() {
    let toy = Toy::start().await;
    for payload in [json!({ "authorization": format!("bearer {TOKEN}") }), json!({ "token": TOKEN })] {
        let mut socket = silent(&toy).await;
        socket.say(&json!({ "type": "connection_init", "payload": payload })).await;
        assert_eq!(socket.hear().await, json!({ "type": "connection_ack" }));
    }
    let mut socket = Socket::open(toy.address, OURS, Some(TOKEN)).await;
    socket.say(&json!({ "type": "connection_init" })).await;
    assert_eq!(socket.hear().await, json!({ "type": "connection_ack" }));
}

#[tokio::test]
async fn without_the_right_token_nobody_is_let_in() {
    let toy = Toy::start().await;
    for payload in [Value::Null, json!({}), json!({ "token": "x" }), json!({ "Authorization": TOKEN })] {
        let mut socket = silent(&toy).await;
        socket.say(&json!({ "type": "connection_init", "payload": payload })).await;
        assert_eq!(socket.closed().await, closing(4403, "Forbidden"), "{payload}");
    }
    let toy = Toy::with(Options { tokens_gone: true, ..Options::default() }).await;
    let mut socket = silent(&toy).await;
    socket.say(&json!({ "type": "connection_init", "payload": { "token": TOKEN } })).await;
    assert_eq!(socket.closed().await.0, 1013);
}

#[tokio::test]
async fn another_subprotocol_is_not_acceptable() {
    let toy = Toy::start().await;
    let mut socket = Socket::open(toy.address, None, None).await;
    assert_eq!(socket.closed().await, closing(4406, "Subprotocol not acceptable"));
}

#[tokio::test]
async fn who_does_not_begin_in_time_is_sent_away() {
    let toy = Toy::with(Options { init: Duration::from_millis(50), ..Options::default() }).await;
    let mut socket = silent(&toy).await;
    assert_eq!(socket.closed().await, closing(4408, "Connection initialisation timeout"));
}

#[tokio::test]
async fn who_has_begun_in_time_stays() {
    let toy = Toy::with(Options { init: Duration::from_millis(200), ..Options::default() }).await;
    let mut socket = known(&toy).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    socket.say(&json!({ "type": "ping" })).await;
    assert_eq!(socket.hear().await, json!({ "type": "pong" }));
}

#[tokio::test]
async fn to_begin_twice_is_once_too_often() {
    let toy = Toy::start().await;
    let mut socket = known(&toy).await;
    socket.say(&json!({ "type": "connection_init", "payload": { "token": TOKEN } })).await;
    assert_eq!(socket.closed().await, closing(4429, "Too many initialisation requests"));
}

#[tokio::test]
async fn nothing_is_run_before_the_acknowledgement() {
    let toy = Toy::start().await;
    let mut socket = silent(&toy).await;
    socket.subscribe("1", "mutation { touch }", json!({})).await;
    assert_eq!(socket.closed().await, closing(4401, "Unauthorized"));
    assert_eq!(toy.touched(), 0);
}

#[tokio::test]
async fn an_id_in_use_is_refused() {
    let toy = Toy::start().await;
    let mut socket = known(&toy).await;
    socket.subscribe("7", "subscription { never }", json!({})).await;
    socket.subscribe("7", "subscription { never }", json!({})).await;
    assert_eq!(socket.closed().await, closing(4409, "Subscriber for 7 already exists"));
}

#[tokio::test]
async fn what_the_protocol_does_not_know_ends_the_conversation() {
    let toy = Toy::start().await;
    let long = format!(r#"{{"type":"{}"}}"#, "x".repeat(500));
    for text in ["{", "[]", r#"{"type":"start","id":"1"}"#, r#"{"type":"subscribe","id":"1"}"#, long.as_str()] {
        let mut socket = known(&toy).await;
        socket.say_text(text).await;
        assert_eq!(socket.closed().await, closing(4400, "Invalid message received"), "{text}");
    }
    for params in [json!({}), json!({ "query": 1 }), json!({ "query": "{ hello }", "variables": [] })] {
        let mut socket = known(&toy).await;
        socket.say(&json!({ "type": "subscribe", "id": "1", "payload": params })).await;
        assert_eq!(socket.closed().await, closing(4400, "Invalid payload of a subscribe message"), "{params}");
    }
    let mut socket = known(&toy).await;
    socket.0.send(Message::binary(br#"{"type":"ping"}"#.to_vec())).await.unwrap();
    assert_eq!(socket.closed().await, closing(4400, "Messages are JSON text"));
}

#[tokio::test]
async fn a_message_beyond_the_limit_is_too_big() {
    let toy = Toy::start().await;
    for length in [BODY_LIMIT + 1, 3 * BODY_LIMIT] {
        let mut socket = known(&toy).await;
        socket.say_text(" ".repeat(length)).await;
        assert_eq!(socket.closed().await, closing(1009, "Message too big"));
    }
    let mut socket = known(&toy).await;
    let ping = r#"{"type":"ping"}"#;
    socket.say_text(format!("{ping}{}", " ".repeat(BODY_LIMIT - ping.len()))).await;
    assert_eq!(socket.hear().await, json!({ "type": "pong" }));
}

#[tokio::test]
async fn a_ping_is_answered_with_what_it_carried() {
    let toy = Toy::start().await;
    let mut socket = silent(&toy).await;
    socket.say(&json!({ "type": "ping", "payload": { "at": 1 } })).await;
    assert_eq!(socket.hear().await, json!({ "type": "pong", "payload": { "at": 1 } }));
    socket.say(&json!({ "type": "pong" })).await;
    socket.say(&json!({ "type": "ping" })).await;
    assert_eq!(socket.hear().await, json!({ "type": "pong" }));
}

#[tokio::test]
async fn a_refused_document_is_an_error_and_no_result() {
    let toy = Toy::start().await;
    let mut socket = known(&toy).await;
    let deep = format!("{{ {} }}", "a {".repeat(20) + "b" + &"}".repeat(20));
    let fields = "{ hello }".replace("hello", &"hello ".repeat(21));
    for query in [
        "{",
        "{ nothing }",
        "subscription { nothing }",
        "subscription { count }",
        "subscription { never, count(to: 1) }",
        "subscription { ... { never } }",
        "query A { hello } query B { hello }",
        deep.as_str(),
        fields.as_str(),
    ] {
        socket.subscribe("1", query, json!({})).await;
        let heard = socket.hear().await;
        assert_eq!((&heard["type"], &heard["id"]), (&json!("error"), &json!("1")), "{query}: {heard}");
        let error = &heard["payload"][0];
        assert_eq!(error["extensions"]["code"], "BAD_INPUT", "{query}: {heard}");
        assert!(error["extensions"]["requestId"].is_string(), "{heard}");
    }
    socket.say(&json!({ "type": "ping" })).await;
    assert_eq!(socket.hear().await, json!({ "type": "pong" }), "nothing follows an error");
}

#[tokio::test]
async fn an_error_of_one_field_is_a_result() {
    let toy = Toy::start().await;
    let mut socket = known(&toy).await;
    socket.subscribe("1", "{ broken }", json!({})).await;
    let heard = socket.hear().await;
    assert_eq!((&heard["type"], &heard["payload"]["data"]), (&json!("next"), &Value::Null));
    assert_eq!(heard["payload"]["errors"][0]["path"], json!(["broken"]));
    assert_eq!(socket.hear().await, json!({ "id": "1", "type": "complete" }));
}

#[tokio::test]
async fn a_panic_ends_one_operation_only() {
    let toy = Toy::start().await;
    let mut socket = known(&toy).await;
    for query in ["subscription { panics }", "{ panics }"] {
        socket.subscribe("1", query, json!({})).await;
        let heard = socket.hear().await;
        assert_eq!((&heard["type"], &heard["payload"][0]["message"]), (&json!("error"), &json!("internal error")));
        assert_eq!(heard["payload"][0]["extensions"]["code"], "INTERNAL");
    }
}

#[tokio::test]
async fn an_operation_that_takes_too_long_is_stopped() {
    let toy = Toy::with(Options { deadline: Duration::from_millis(50), ..Options::default() }).await;
    let mut socket = known(&toy).await;
    socket.subscribe("1", "{ never }", json!({})).await;
    let heard = socket.hear().await;
    assert_eq!((&heard["type"], &heard["payload"][0]["extensions"]["code"]), (&json!("error"), &json!("UNAVAILABLE")));
}

#[tokio::test]
async fn a_client_may_stop_an_operation_and_use_its_id_again() {
    let toy = Toy::start().await;
    let mut socket = known(&toy).await;
    socket.subscribe("1", "subscription { never }", json!({})).await;
    socket.say(&json!({ "id": "1", "type": "complete" })).await;
    socket.say(&json!({ "id": "unknown", "type": "complete" })).await;
    socket.subscribe("1", "{ hello }", json!({})).await;
    assert_eq!(socket.hear().await["payload"]["data"]["hello"], "world");
}

#[tokio::test]
async fn one_connection_has_a_limited_number_of_operations() {
    let toy = Toy::start().await;
    let mut socket = known(&toy).await;
    for id in 0..50 {
        socket.subscribe(&id.to_string(), "subscription { never }", json!({})).await;
    }
    socket.subscribe("more", "{ hello }", json!({})).await;
    let heard = socket.hear().await;
    assert_eq!((&heard["id"], &heard["type"]), (&json!("more"), &json!("error")));
    assert_eq!(heard["payload"][0]["extensions"]["code"], "RATE_LIMITED");
    socket.say(&json!({ "id": "0", "type": "complete" })).await;
    socket.subscribe("more", "{ hello }", json!({})).await;
    assert_eq!(socket.hear().await["type"], "next");
}

#[tokio::test]
async fn one_token_has_a_limited_number_of_connections() {
    let toy = Toy::start().await;
    let mut sockets = Vec::new();
    for _ in 0..100 {
        sockets.push(known(&toy).await);
    }
    let mut socket = silent(&toy).await;
    socket.say(&json!({ "type": "connection_init", "payload": { "token": TOKEN } })).await;
    assert_eq!(socket.closed().await, closing(1013, "Too many connections with this token"));
}

#[tokio::test]
async fn rights_that_end_close_the_connection() {
    let toy = Toy::start().await;
    let mut socket = known(&toy).await;
    socket.subscribe("1", "subscription { never }", json!({})).await;
    toy.is_current.store(false, Ordering::SeqCst);
    assert_eq!(socket.closed().await, closing(4403, "Forbidden"));
}

#[tokio::test]
async fn a_stopping_server_says_that_it_goes_away() {
    let toy = Toy::start().await;
    let mut socket = known(&toy).await;
    socket.subscribe("1", "subscription { never }", json!({})).await;
    let mut newcomer = silent(&toy).await;
    toy.draining.cancel();
    assert_eq!(socket.closed().await, closing(1001, "The server is stopping"));
    assert_eq!(newcomer.closed().await, closing(1001, "The server is stopping"));
    drop((socket, newcomer));
    toy.tasks.close();
    tokio::time::timeout(PATIENCE, toy.tasks.wait()).await.expect("a conversation goes on");
}

#[tokio::test]
async fn a_stopping_server_does_not_wait_for_a_client_that_hangs() {
    let toy = Toy::start().await;
    let mut socket = known(&toy).await;
    socket.subscribe("1", "subscription { flood }", json!({})).await;
    toy.draining.cancel();
    toy.tasks.close();
    tokio::time::timeout(Duration::from_secs(5), toy.tasks.wait()).await.expect("a conversation goes on");
}

#[tokio::test]
async fn who_does_not_read_is_sent_away() {
    let toy = Toy::start().await;
    let mut socket = known(&toy).await;
    socket.subscribe("1", "subscription { flood }", json!({})).await;
    toy.tasks.close();
    tokio::time::timeout(PATIENCE, toy.tasks.wait()).await.expect("the server waits for ever");
    let mut read = 0;
    while let Some(Ok(_)) = socket.0.next().await {
        read += 1;
    }
    assert!(read < 1000, "{read} messages were kept");
}

#[tokio::test]
async fn who_gives_no_sign_of_life_is_forgotten() {
    let toy = Toy::with(Options { keep_alive: Duration::from_millis(50), ..Options::default() }).await;
    // Nobody reads this socket, so nobody answers the server's pings.
    let _socket = known(&toy).await;
    let mut lively = known(&toy).await;
    let ping = tokio::time::timeout(PATIENCE, lively.0.next()).await.unwrap();
    assert!(matches!(ping, Some(Ok(Message::Ping(_)))));
    let waiting = async {
        while toy.tasks.len() > 1 {
            let next = tokio::time::timeout(PATIENCE, lively.0.next()).await.unwrap();
            assert!(matches!(next, Some(Ok(Message::Ping(_)))), "{next:?}");
        }
    };
    waiting.await;
}

#[tokio::test]
async fn a_plain_request_is_told_what_is_spoken_here() {
    let toy = Toy::start().await;
    let answer = super::toy::read(toy.request("GET", "/graphql/ws")).await;
    assert_eq!((answer.status, answer.code()), (400, json!("BAD_INPUT")));
    let answer = super::toy::read(toy.request("POST", "/graphql/ws")).await;
    assert_eq!((answer.status, answer.header("allow")), (405, Some("GET")));
}
