//! What every answer says about itself, and which pages of other origins may read it.

use slategate::http::GateSettings;

use super::toy::{Answer, JSON, Options, TOKEN, Toy, read};

const HELLO: &str = r#"{"query":"{ hello }"}"#;
const APP: &str = "https://app.example.com";

/// One answer of each kind.
async fn answers(toy: &Toy) -> Vec<Answer> {
    let big = toy.request("POST", "/graphql").header("content-type", JSON).body(" ".repeat(300 * 1024));
    let requests = vec![
        toy.request("POST", "/graphql").header("content-type", JSON).body(HELLO),
        toy.request("POST", "/graphql").header("content-type", "text/plain").body(HELLO),
        toy.request("POST", "/graphql").header("content-type", JSON).body(r#"{"query":"{ panics }"}"#),
        toy.request("POST", "/graphql").header("content-type", JSON).body("{"),
        big,
        toy.request("GET", "/graphql?query=mutation%7Btouch%7D"),
        toy.request("TRACE", "/graphql"),
        toy.request("OPTIONS", "/graphql"),
        toy.anonymous("GET", "/graphql"),
        toy.anonymous("GET", "/nowhere"),
        toy.anonymous("GET", "/healthz"),
        toy.anonymous("GET", "/readyz"),
        toy.anonymous("GET", "/graphql/ws"),
        toy.anonymous("POST", "/graphql/ws"),
        toy.request("PUT", "/graphql/stream"),
        toy.request("PATCH", "/graphql/stream"),
        toy.anonymous("GET", "/graphql/stream"),
        toy.request("GET", "/graphql/stream?query=%7Bhello%7D").header("accept", "text/event-stream"),
        toy.anonymous("GET", "/graphiql/nothing.js"),
        toy.anonymous("POST", "/graphiql"),
        toy.anonymous("GET", "/scim/v2/Users"),
        toy.request("GET", "/scim/v2/Users"),
        toy.request("POST", "/scim/v2/nothing"),
    ];
    let mut answers = Vec::new();
    for request in requests {
        answers.push(read(request).await);
    }
    answers
}

#[tokio::test]
async fn every_answer_wears_the_protective_headers_and_is_kept_nowhere() {
    let toy = Toy::start().await;
    for answer in answers(&toy).await {
        let told = String::from_utf8_lossy(&answer.bytes).into_owned();
        let told = format!("{} {told}", answer.status);
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{told}");
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{told}");
        assert_eq!(answer.header("x-frame-options"), Some("DENY"), "{told}");
        assert_eq!(
            answer.header("content-security-policy"),
            Some("default-src 'none'; frame-ancestors 'none'"),
            "{told}"
        );
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{told}");
        assert_eq!(answer.header("access-control-allow-origin"), None, "{told}");
        assert_eq!(answer.header("strict-transport-security"), None, "{told}");
        assert!(answer.header("x-request-id").is_some(), "{told}");
    }
    let page = read(toy.anonymous("GET", "/graphiql")).await;
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'self';") && policy.ends_with("frame-ancestors 'none'"));
    assert_eq!(
        (page.header("x-frame-options"), page.header("x-content-type-options")),
        (Some("DENY"), Some("nosniff"))
    );
}

/// What a browser asks before it sends a page's POST.
fn preflight(toy: &Toy, path: &str, origin: &str) -> reqwest::RequestBuilder {
    let asked = toy.anonymous("OPTIONS", path).header("origin", origin);
    asked
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,content-type")
}

fn allowed(answer: &Answer) -> Vec<(&str, &str)> {
    let named = answer.headers.iter().filter(|(name, _)| name.as_str().starts_with("access-control-allow"));
    named.map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect()
}

#[tokio::test]
async fn without_a_list_no_page_of_another_origin_is_let_in() {
    let toy = Toy::start().await;
    for origin in [APP, "null", "http://127.0.0.1"] {
        let asked = read(preflight(&toy, "/graphql", origin)).await;
        assert_eq!((asked.status, allowed(&asked)), (405, vec![]), "{origin}");
        let sent =
            read(toy.request("POST", "/graphql").header("origin", origin).header("content-type", JSON).body(HELLO));
        assert_eq!(allowed(&sent.await), [], "{origin}");
    }
}

#[tokio::test]
async fn the_pages_of_the_list_are_let_in_and_no_others() {
    let gate = GateSettings { origins: vec![APP.parse().unwrap()], ..GateSettings::default() };
    let toy = Toy::with(Options { gate, ..Options::default() }).await;
    let sent = async |origin: &str| {
        read(toy.request("POST", "/graphql").header("origin", origin).header("content-type", JSON).body(HELLO)).await
    };
    for path in ["/graphql", "/graphql/stream"] {
        let asked = read(preflight(&toy, path, APP)).await;
        let expected = [
            ("access-control-allow-methods", "GET,POST,PUT,DELETE"),
            (
                "access-control-allow-headers",
                "accept,authorization,content-type,x-graphql-event-stream-token,x-request-id,traceparent",
            ),
            ("access-control-allow-origin", APP),
        ];
        let mut found = allowed(&asked);
        found.sort_by_key(|(name, _)| expected.iter().position(|(known, _)| known == name));
        assert_eq!((asked.status, found), (200, expected.to_vec()));
    }
    let answer = sent(APP).await;
    assert_eq!((answer.status, allowed(&answer)), (200, vec![("access-control-allow-origin", APP)]));
    assert!(answer.header("vary").unwrap().contains("origin"));
    let refused = read(toy.anonymous("POST", "/graphql").header("origin", APP).body("")).await;
    assert_eq!(
        (refused.status, refused.header("access-control-allow-origin")),
        (401, Some(APP)),
        "refusals can be read"
    );

    for origin in
        ["https://evil.example", "https://app.example.com.evil.example", "http://app.example.com", "null", "*"]
    {
        assert_eq!(allowed(&sent(origin).await), [], "{origin}");
        let asked = read(preflight(&toy, "/graphql", origin)).await;
        assert_eq!(asked.header("access-control-allow-origin"), None, "{origin}");
    }
    let credentials = read(preflight(&toy, "/graphql", APP).bearer_auth(TOKEN)).await;
    assert_eq!(credentials.header("access-control-allow-credentials"), None);
}
