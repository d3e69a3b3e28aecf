//! Known documents over the wire, as Apollo's, Relay's and other clients ask for them.

use serde_json::{Value, json};

use super::toy::{Answer, GRAPHQL, JSON, Options, Toy, read};

/// SHA-256 of `{ hello }` and of `mutation { touch }`.
const HELLO: &str = "001c3174e099bd72b729d0c0a529ba9f5a740c446e2a6e1d71b283cb84ec3065";
const TOUCH: &str = "c38ec8e1ebab5561c7e1f9c55abd8c6af041c082aaa18c5d44e553513f23e71d";

/// What one error says to a client.
fn refusal(answer: &Answer) -> (u16, String, String) {
    let body = answer.json();
    let errors = body["errors"].as_array().unwrap();
    assert_eq!((errors.len(), body.get("data")), (1, None), "{body}");
    assert!(errors[0]["extensions"]["requestId"].is_string());
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    (answer.status, word(&errors[0]["message"]), word(&errors[0]["extensions"]["code"]))
}

fn refused(status: u16, message: &str, code: &str) -> (u16, String, String) {
    (status, message.to_owned(), code.to_owned())
}

fn hello() -> Value {
    json!({ "data": { "hello": "world" } })
}

fn registered(query: Option<&str>, hash: &str) -> String {
    let mut body = json!({ "extensions": { "persistedQuery": { "version": 1, "sha256Hash": hash } } });
    if let Some(query) = query {
        body["query"] = json!(query);
    }
    body.to_string()
}

async fn get(toy: &Toy, parameters: &[(&str, &str)]) -> Answer {
    let query: String = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    read(toy.request("GET", &format!("/graphql?{query}")).header("accept", GRAPHQL)).await
}

#[tokio::test]
async fn an_apollo_client_registers_a_query_and_then_sends_its_hash() {
    let toy = Toy::start().await;
    for accept in [GRAPHQL, JSON] {
        let unknown = toy.post(accept, registered(None, TOUCH)).await;
        assert_eq!(refusal(&unknown), refused(200, "PersistedQueryNotFound", "PERSISTED_QUERY_NOT_FOUND"));
    }
    assert_eq!(toy.post(GRAPHQL, registered(Some("{ hello }"), HELLO)).await.json(), hello());
    assert_eq!(toy.post(GRAPHQL, registered(None, HELLO)).await.json(), hello());
    let extensions = json!({ "persistedQuery": { "version": 1, "sha256Hash": HELLO } }).to_string();
    assert_eq!(get(&toy, &[("extensions", &extensions)]).await.json(), hello());
    let id = format!("sha256:{HELLO}");
    assert_eq!(get(&toy, &[("documentId", &id)]).await.json(), hello());
}

#[tokio::test]
async fn a_get_registers_queries_and_never_runs_a_registered_mutation() {
    let toy = Toy::start().await;
    let extensions = |hash: &str| json!({ "persistedQuery": { "version": 1, "sha256Hash": hash } }).to_string();
    assert_eq!(get(&toy, &[("query", "{ hello }"), ("extensions", &extensions(HELLO))]).await.json(), hello());
    assert_eq!(get(&toy, &[("extensions", &extensions(HELLO))]).await.json(), hello());

    assert_eq!(toy.post(GRAPHQL, registered(Some("mutation { touch }"), TOUCH)).await.status, 200);
    let by_get = get(&toy, &[("extensions", &extensions(TOUCH))]).await;
    assert_eq!((by_get.status, by_get.header("allow"), toy.touched()), (405, Some("POST"), 1));
    assert_eq!(toy.post(GRAPHQL, registered(None, TOUCH)).await.status, 200);
    assert_eq!(toy.touched(), 2);
}

#[tokio::test]
async fn a_wrong_hash_or_version_is_the_clients_mistake() {
    let toy = Toy::start().await;
    let wrong = toy.post(GRAPHQL, registered(Some("{ hello }"), TOUCH)).await;
    assert_eq!(refusal(&wrong), refused(400, "provided sha does not match query", "BAD_INPUT"));
    let version = json!({ "extensions": { "persistedQuery": { "version": 2, "sha256Hash": HELLO } } });
    let version = toy.post(GRAPHQL, version.to_string()).await;
    assert_eq!(refusal(&version), refused(400, "Unsupported persisted query version", "BAD_INPUT"));
    let both = json!({ "query": "{ hello }", "documentId": "x" });
    assert_eq!(toy.post(GRAPHQL, both.to_string()).await.status, 400);
    let kind = json!({ "documentId": 7 });
    assert_eq!(toy.post(GRAPHQL, kind.to_string()).await.status, 400);
}

#[tokio::test]
async fn a_caller_held_to_trusted_documents_runs_nothing_else() {
    let manifest = Some(r#"{ "5d41402abc4b2a76b9719d911017c592": "{ hello }" }"#);
    let toy = Toy::with(Options { manifest, ..Options::default() }).await;
    let id = "5d41402abc4b2a76b9719d911017c592";
    for body in [
        json!({ "documentId": id }).to_string(),
        json!({ "doc_id": id }).to_string(),
        json!({ "query": "{ hello }" }).to_string(),
        registered(None, id),
        registered(None, HELLO),
    ] {
        assert_eq!(toy.post(GRAPHQL, body.clone()).await.json(), hello(), "{body}");
    }
    for (accept, status) in [(GRAPHQL, 400), (JSON, 200)] {
        let unknown = toy.post(accept, r#"{"documentId":"other"}"#).await;
        let expected = refused(status, "no trusted document has this `documentId`", "PERSISTED_QUERY_NOT_FOUND");
        assert_eq!(refusal(&unknown), expected);
    }
    let own = toy.post(GRAPHQL, r#"{"query":"mutation { touch }"}"#).await;
    assert_eq!(refusal(&own), refused(403, "this role may only send trusted documents", "FORBIDDEN"));
    let own = toy.post(GRAPHQL, registered(None, TOUCH)).await;
    assert_eq!(refusal(&own), refused(200, "PersistedQueryNotSupported", "PERSISTED_QUERY_NOT_SUPPORTED"));
    assert_eq!(toy.touched(), 0);
}

#[tokio::test]
async fn a_refusal_by_the_guard_says_which_limit_and_by_how_much() {
    let toy = Toy::start().await;
    let aliases: String = (0..51).map(|number| format!("a{number}: hello")).collect::<Vec<_>>().join(" ");
    let answer = toy.post(GRAPHQL, json!({ "query": format!("{{ {aliases} }}") }).to_string()).await;
    let extensions = &answer.json()["errors"][0]["extensions"];
    let told = ["code", "limit", "allowed", "actual"].map(|name| extensions[name].clone());
    assert_eq!(told, [json!("BAD_INPUT"), json!("ALIASES"), json!(50), json!(51)]);
}
