//! What `/graphql` reads, refuses and answers.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::toy::{Answer, GRAPHQL, JSON, Options, TOKEN, Toy, read};

const HELLO: &str = r#"{"query":"{ hello }"}"#;
const TOUCH: &str = r#"{"query":"mutation { touch }"}"#;

fn summary(answer: &Answer) -> (u16, String) {
    (answer.status, answer.header("content-type").unwrap_or_default().split(';').next().unwrap().to_owned())
}

#[tokio::test]
async fn each_form_of_answer_has_its_statuses() {
    let toy = Toy::start().await;
    for (body, as_graphql, as_json) in [
        (HELLO, 200, 200),
        (r#"{"query":"{ broken }"}"#, 200, 200),
        (r#"{"query":"{"}"#, 400, 200),
        (r#"{"query":"{ nothing }"}"#, 400, 200),
        (r#"{"query":"query Q($x: Int!) { hello }","variables":{"x":null}}"#, 400, 200),
        (r#"{"query":"query Q($x: Int!) { hello }"}"#, 400, 200),
        (r#"{"query":"{ hello }","operationName":"Other"}"#, 400, 200),
        (r#"{"query":"subscription { hello }"}"#, 400, 200),
        (r#"{"query":7}"#, 400, 400),
        (r#"{"query":"{ hello }","variables":[1]}"#, 400, 400),
        (r#"{"qeury":"{ hello }"}"#, 400, 400),
        (r#"[{"query":"{ hello }"}]"#, 400, 400),
        (r#""{ hello }""#, 400, 400),
        ("{ not json", 400, 400),
        ("", 400, 400),
    ] {
        assert_eq!(summary(&toy.post(GRAPHQL, body).await), (as_graphql, GRAPHQL.to_owned()), "{body}");
        assert_eq!(summary(&toy.post(JSON, body).await), (as_json, JSON.to_owned()), "{body}");
    }
}

#[tokio::test]
async fn data_stands_only_in_the_answer_of_an_execution() {
    let toy = Toy::start().await;
    assert_eq!(toy.post(JSON, HELLO).await.json(), json!({ "data": { "hello": "world" } }));

    let partial = toy.post(JSON, r#"{"query":"{ broken }"}"#).await.json();
    assert_eq!(partial.get("data"), Some(&json!(null)));
    assert_eq!(partial["errors"][0]["path"], json!(["broken"]));

    let refused = toy.post(JSON, r#"{"query":"{ hello"}"#).await.json();
    assert_eq!(refused.get("data"), None);
    assert_eq!(refused["errors"][0]["extensions"]["code"], "BAD_INPUT");
    assert_eq!(refused["errors"][0]["locations"][0]["line"], 1);
}

#[tokio::test]
async fn nothing_but_json_by_post_can_change_anything() {
    let toy = Toy::start().await;
    let forms = ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"];
    for form in forms {
        let answer = read(toy.request("POST", "/graphql").header("content-type", form).body(TOUCH)).await;
        assert_eq!((answer.status, answer.code()), (415, json!("BAD_INPUT")), "{form}");
    }
    let untyped = read(toy.request("POST", "/graphql").body(TOUCH)).await;
    assert_eq!(untyped.status, 415);
    for method in ["PUT", "PATCH", "DELETE", "OPTIONS"] {
        let answer = read(toy.request(method, "/graphql").header("content-type", JSON).body(TOUCH)).await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD, POST")), "{method}");
    }
    for query in ["query=mutation%7Btouch%7D", "query=query%20A%7Bhello%7Dmutation%20B%7Btouch%7D&operationName=B"] {
        let answer = read(toy.request("GET", &format!("/graphql?{query}"))).await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")), "{query}");
    }
    assert_eq!(toy.touched(), 0);

    assert_eq!(toy.post(JSON, TOUCH).await.status, 200);
    assert_eq!(toy.touched(), 1);
}

#[tokio::test]
async fn a_get_answers_queries() {
    let toy = Toy::start().await;
    let get = async |query: &str| read(toy.request("GET", &format!("/graphql?{query}"))).await;

    assert_eq!(get("query=%7Bhello%7D").await.json(), json!({ "data": { "hello": "world" } }));
    let named = "query=query%20A%7Bhello%7Dmutation%20B%7Btouch%7D&operationName=A";
    assert_eq!(get(named).await.json(), json!({ "data": { "hello": "world" } }));
    assert_eq!(get("").await.status, 400);
    assert_eq!(get("query=%7Bhello%7D&variables=nonsense").await.status, 400);
    assert_eq!(get("query=%7Bhello%7D&query=%7Bbroken%7D").await.status, 400);
    assert_eq!(toy.touched(), 0);
}

#[tokio::test]
async fn without_a_known_token_nothing_is_read() {
    let toy = Toy::start().await;
    let plain = toy.anonymous("POST", "/graphql").body("{ not json");
    let wrong = toy.anonymous("POST", "/graphql").bearer_auth("wrong").body("{ not json");
    let other_scheme = toy.anonymous("POST", "/graphql").header("authorization", format!("Basic {TOKEN}"));
    for request in [plain, wrong, other_scheme, toy.anonymous("GET", "/graphql?query=%7Bhello%7D")] {
        let answer = read(request).await;
        let id = answer.header("x-request-id").unwrap();
        let expected = json!({ "errors": [{
            "message": "a valid bearer token is required",
            "extensions": { "code": "UNAUTHENTICATED", "requestId": id },
        }] });
        assert_eq!((answer.status, answer.header("www-authenticate")), (401, Some("Bearer")));
        assert_eq!(answer.json(), expected);
    }
}

#[tokio::test]
async fn tokens_that_cannot_be_looked_up_are_a_fault_of_ours() {
    let toy = Toy::with(Options { tokens_gone: true, ..Options::default() }).await;
    let answer = toy.post(JSON, HELLO).await;
    assert_eq!((answer.status, answer.code()), (503, json!("UNAVAILABLE")));
    assert_eq!(answer.header("retry-after"), Some("5"));
}

#[tokio::test]
async fn an_answer_nobody_can_read_is_not_made() {
    let toy = Toy::start().await;
    let answer = toy.post("text/html", TOUCH).await;
    assert_eq!(summary(&answer), (406, JSON.to_owned()));
    assert_eq!(toy.touched(), 0);
}

#[tokio::test]
async fn too_much_is_refused_at_the_very_byte() {
    let toy = Toy::start().await;
    let body = |bytes: usize| format!("{HELLO}{}", " ".repeat(bytes - HELLO.len()));
    let query = |bytes: usize| json!({ "query": format!("{{ hello }}{}", " ".repeat(bytes - 9)) }).to_string();

    assert_eq!(toy.post(JSON, body(256 * 1024)).await.status, 200);
    assert_eq!(toy.post(JSON, body(256 * 1024 + 1)).await.status, 413);
    assert_eq!(toy.post(JSON, query(64 * 1024)).await.status, 200);
    let answer = toy.post(JSON, query(64 * 1024 + 1)).await;
    assert_eq!((answer.status, answer.code()), (413, json!("BAD_INPUT")));
}

#[tokio::test]
async fn a_body_without_a_stated_length_is_capped_too() {
    let toy = Toy::start().await;
    let chunks = (0..257).map(|_| Ok::<_, std::io::Error>(" ".repeat(1024)));
    let body = reqwest::Body::wrap_stream(futures_util::stream::iter(chunks));
    assert_eq!(toy.post(JSON, body).await.status, 413);
}

#[tokio::test]
async fn the_guard_stands_before_the_schema() {
    let toy = Toy::start().await;
    let bomb = (0..24).fold("{ ...f0 }".to_owned(), |text, level| {
        format!("{text} fragment f{level} on Query {{ ...f{0} ...f{0} }}", level + 1)
    });
    let body = json!({ "query": format!("{bomb} fragment f24 on Query {{ hello }}") }).to_string();
    let answer = toy.post(GRAPHQL, body).await;
    assert_eq!((answer.status, answer.code()), (400, json!("BAD_INPUT")));
}

#[tokio::test]
async fn only_the_first_mistakes_of_a_document_are_told() {
    let toy = Toy::start().await;
    let wrong = (0..15).map(|index| format!("wrong{index}")).collect::<Vec<_>>().join(" ");
    let document = format!("query A {{ {wrong} }} query B {{ {wrong} }}");
    let answer = toy.post(JSON, json!({ "query": document, "operationName": "A" }).to_string()).await;
    let errors = answer.json()["errors"].as_array().unwrap().clone();
    assert_eq!((answer.status, errors.len()), (200, 20));
    let id = answer.header("x-request-id").unwrap();
    assert!(errors.iter().all(|error| error["extensions"]["requestId"] == id));
}

#[tokio::test]
async fn a_plain_request_id_is_kept_and_any_other_replaced() {
    let toy = Toy::start().await;
    let answered = async |sent: &str| {
        let answer = read(toy.request("GET", "/healthz").header("x-request-id", sent)).await;
        answer.header("x-request-id").unwrap().to_owned()
    };
    assert_eq!(answered("edge-7.A_b").await, "edge-7.A_b");
    for unfit in ["two words", "", &"x".repeat(65), "a\"b"] {
        let id = answered(unfit).await;
        assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    }
}

#[tokio::test]
async fn a_panic_is_an_internal_error_and_the_service_lives_on() {
    let toy = Toy::start().await;
    let answer = toy.post(JSON, r#"{"query":"{ panics }"}"#).await;
    assert_eq!((answer.status, answer.code()), (500, json!("INTERNAL")));
    assert!(!String::from_utf8_lossy(&answer.bytes).contains("resolver"));
    assert_eq!(toy.post(JSON, HELLO).await.status, 200);
}

#[tokio::test]
async fn an_operation_that_takes_too_long_is_stopped() {
    let toy = Toy::with(Options { deadline: Duration::from_millis(50), ..Options::default() }).await;
    let answer = toy.post(GRAPHQL, r#"{"query":"{ never }"}"#).await;
    assert_eq!((answer.status, answer.code()), (503, json!("UNAVAILABLE")));
    assert_eq!(answer.json()["errors"][0]["message"], "the operation was stopped: it took longer than 0.05 seconds");
}

#[tokio::test]
async fn a_body_that_never_comes_is_not_waited_for() {
    let toy = Toy::with(Options { deadline: Duration::from_millis(50), ..Options::default() }).await;
    let mut stream = TcpStream::connect(toy.address).await.unwrap();
    let head = format!(
        "POST /graphql HTTP/1.1\r\nhost: toy\r\nauthorization: Bearer {TOKEN}\r\ncontent-type: {JSON}\r\n\
         content-length: 20\r\nconnection: close\r\n\r\n{{"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut start = [0; 12];
    stream.read_exact(&mut start).await.unwrap();
    assert_eq!(&start, b"HTTP/1.1 408");
}

#[tokio::test]
async fn every_answer_wears_the_protective_headers() {
    let toy = Toy::start().await;
    let answers = [toy.post(JSON, HELLO).await, read(toy.anonymous("GET", "/nowhere")).await];
    for answer in &answers {
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(answer.header("content-security-policy"), Some("default-src 'none'; frame-ancestors 'none'"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
    assert_eq!((answers[1].status, answers[1].code()), (404, json!("NOT_FOUND")));
}
