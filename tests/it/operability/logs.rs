use std::time::Duration;

use serde_json::{Value, json};

use super::events;
use crate::processes::{atlas, connect, settings};
use crate::support::process::{client, eventually, run};
use crate::support::{Database, Process};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";

/// The line of the request with this id.
async fn line_of(server: &Process, id: &str) -> Value {
    let find = || events(server, "request answered").into_iter().find(|event| event["request_id"] == id);
    eventually(Duration::from_secs(5), async || find().is_some()).await.unwrap_or_else(|()| panic!("{}", server.log()));
    find().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_leaves_one_line_that_names_it_and_its_trace() {
    let database = Database::sqlite();
    let settings = settings(&database);
    let server = Process::serve(&settings).await;
    let token = Process::token(&settings, "viewer").await;
    let ask = async |id: &str, parents: &[String]| {
        let mut request = client().post(server.url("/graphql")).bearer_auth(&token).header("x-request-id", id);
        for parent in parents {
            request = request.header("traceparent", parent);
        }
        let query =
            json!({ "query": "query Secretive($s: String) { viewer { role } }", "variables": { "s": "hidden" } });
        assert_eq!(request.json(&query).send().await.unwrap().status(), 200);
        line_of(&server, id).await
    };
    let good = format!("00-{TRACE}-{SPAN}-01");
    let line = ask("told", std::slice::from_ref(&good)).await;
    assert_eq!((&line["trace_id"], &line["span_id"]), (&json!(TRACE), &json!(SPAN)), "{line}");
    assert_eq!(
        (&line["http.method"], &line["http.status"], &line["level"]),
        (&json!("POST"), &json!(200), &json!("INFO"))
    );
    assert!(line["duration_ms"].is_u64());
    for (id, parents) in [
        ("none", vec![]),
        ("twice", vec![good.clone(), good.clone()]),
        ("capitals", vec![good.to_uppercase()]),
        ("long", vec![format!("{good}-more")]),
        ("zero", vec![format!("00-{}-{SPAN}-01", "0".repeat(32))]),
    ] {
        let line = ask(id, &parents).await;
        assert_eq!((line.get("trace_id"), line.get("span_id")), (None, None), "{id}: {line}");
    }
    assert_eq!(events(&server, "request answered").iter().filter(|event| event["request_id"] == "told").count(), 1);
    assert!(!server.log().contains("Secretive") && !server.log().contains("hidden"), "{}", server.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sync_leaves_one_line_when_it_ends() {
    let database = Database::sqlite();
    let (_simulator, _relay, base_url) = atlas().await;
    let mut settings = settings(&database);
    settings.push(base_url);
    let server = Process::serve(&settings).await;
    connect(&server, &Process::token(&settings, "admin").await).await;
    let ended = || events(&server, "sync run ended");
    eventually(Duration::from_secs(20), async || !ended().is_empty()).await.unwrap();
    let [line] = ended().try_into().unwrap();
    assert_eq!(line["status"], "SUCCEEDED", "{line}");
    for field in ["sync.run_id", "integration.id", "requests", "changes"] {
        assert!(line[field].as_i64().unwrap() > 0, "{field} of {line}");
    }
    assert!(line["duration_ms"].is_u64() && line.get("trace_id").is_none(), "{line}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_cannot_be_one_is_named() {
    let mut settings = settings(&Database::sqlite());
    settings.push(("SLATEGATE_OTLP_ENDPOINT", "http://user:hunter2@collector:4318".to_owned()));
    settings.push(("SLATEGATE_TRACE_SAMPLE_RATIO", "1.5".to_owned()));
    let refused = run(&["serve"], &settings).await;
    assert_eq!(refused.code, 78, "{refused:?}");
    assert!(refused.err.contains("SLATEGATE_OTLP_ENDPOINT carries a user name"), "{refused:?}");
    assert!(refused.err.contains("SLATEGATE_TRACE_SAMPLE_RATIO is out of range"), "{refused:?}");
    assert!(!refused.err.contains("hunter2"), "{refused:?}");
}
