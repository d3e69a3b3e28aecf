use std::collections::HashMap;
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use prost::Message as _;
use serde_json::json;
use slategate::demo::keys::READER;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::events;
use crate::on_both_databases;
use crate::processes::{atlas, connect, settings};
use crate::support::process::{client, eventually};
use crate::support::{Database, Process, Signal};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";
const END: Duration = Duration::from_secs(15);

async fn collector() -> MockServer {
    let collector = MockServer::start().await;
    let taken = ResponseTemplate::new(200).insert_header("content-type", "application/x-protobuf");
    Mock::given(method("POST")).and(path("/v1/traces")).respond_with(taken).mount(&collector).await;
    collector
}

/// Every span that a collector was sent.
struct Told(Vec<Span>);

impl Told {
    async fn to(collector: &MockServer) -> Self {
        let mut spans = Vec::new();
        for request in collector.received_requests().await.unwrap() {
            assert_eq!(request.headers["content-type"], "application/x-protobuf");
            for words in [READER.private, READER.public, "slg_", "hidden"] {
                let has = request.body.windows(words.len()).any(|window| window == words.as_bytes());
                assert!(!has, "an export holds {words}");
            }
            let export = ExportTraceServiceRequest::decode(request.body.as_slice()).unwrap();
            let scopes = export.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
            spans.extend(scopes.flat_map(|scope| scope.spans));
        }
        Self(spans)
    }

    fn named(&self, name: &str) -> Vec<&Span> {
        self.0.iter().filter(|span| span.name == name).collect()
    }

    /// The names from a span to its root.
    fn line(&self, span: &Span) -> Vec<&str> {
        let by_id: HashMap<&[u8], &Span> = self.0.iter().map(|span| (span.span_id.as_slice(), span)).collect();
        let mut line = Vec::new();
        let mut next = by_id.get(span.span_id.as_slice()).copied();
        while let Some(span) = next {
            line.push(span.name.as_str());
            next = by_id.get(span.parent_span_id.as_slice()).copied();
        }
        line
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn attribute(span: &Span, key: &str) -> Option<String> {
    let value = span.attributes.iter().find(|pair| pair.key == key)?.value.as_ref()?.value.as_ref()?;
    match value {
        Any::StringValue(text) => Some(text.clone()),
        Any::IntValue(number) => Some(number.to_string()),
        other => Some(format!("{other:?}")),
    }
}

on_both_databases! {
    async fn a_request_leads_to_its_statements_and_a_sync_to_its_calls(database) {
        let collector = collector().await;
        let (_simulator, _relay, base_url) = atlas().await;
        let mut settings = settings(&database);
        settings.push(base_url);
        settings.push(("SLATEGATE_OTLP_ENDPOINT", collector.uri()));
        let mut server = Process::serve(&settings).await;
        connect(&server, &Process::token(&settings, "admin").await).await;
        eventually(Duration::from_secs(20), async || !events(&server, "sync run ended").is_empty()).await.unwrap();
        let viewer = Process::token(&settings, "viewer").await;
        let query = "query Inventory($s: String) { assets(filter: { search: $s }) { nodes { name project { name } } } }";
        let request = client().post(server.url("/graphql")).bearer_auth(&viewer).header("x-request-id", "traced");
        let request = request.header("traceparent", format!("00-{TRACE}-{SPAN}-01"));
        let answer = request.json(&json!({ "query": query, "variables": { "s": "hidden" } })).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let told = Instant::now();
        server.signal(Signal::Terminate).await;
        assert_eq!(server.exit(END).await, 0, "{}", server.log());
        assert!(told.elapsed() < Duration::from_secs(8), "{:?}", told.elapsed());

        let spans = Told::to(&collector).await;
        let of_caller: Vec<_> = spans.0.iter().filter(|span| hex(&span.trace_id) == TRACE).collect();
        let [request] = of_caller.iter().filter(|span| hex(&span.parent_span_id) == SPAN).collect::<Vec<_>>()[..] else {
            panic!("{of_caller:?}");
        };
        assert_eq!((request.name.as_str(), request.kind), ("POST /graphql", SpanKind::Server as i32));
        let told = ["http.request.method", "http.route", "http.response.status_code"].map(|key| attribute(request, key));
        assert_eq!(told, ["POST", "/graphql", "200"].map(|text| Some(text.to_owned())));
        let [operation] = spans.named("query Inventory")[..] else { panic!("{of_caller:?}") };
        assert_eq!(spans.line(operation), ["query Inventory", "POST /graphql"]);
        let statements: Vec<_> = of_caller.iter().filter(|span| span.parent_span_id == operation.span_id).collect();
        assert!(statements.iter().any(|span| span.name == "SELECT cluster_fact"), "{statements:?}");
        for statement in statements {
            assert_eq!(statement.kind, SpanKind::Client as i32);
            let text = attribute(statement, "db.query.text").unwrap();
            assert!(text.starts_with(&attribute(statement, "db.operation.name").unwrap()), "{text}");
            assert!(statement.end_time_unix_nano >= statement.start_time_unix_nano);
            assert!(statement.start_time_unix_nano + 1_000_000 >= operation.start_time_unix_nano);
        }
        let [line] = events(&server, "request answered")
            .into_iter()
            .filter(|event| event["request_id"] == "traced")
            .collect::<Vec<_>>()
            .try_into()
            .unwrap();
        assert_eq!((&line["trace_id"], &line["span_id"]), (&json!(TRACE), &json!(hex(&request.span_id))));

        let [run] = spans.named("sync run")[..] else { panic!("{}", server.log()) };
        assert!(run.parent_span_id.is_empty());
        let calls = spans.named("GET clusters");
        assert!(calls.iter().any(|call| spans.line(call) == ["GET clusters", "sync run"]), "{calls:?}");
        for call in calls {
            assert_eq!(attribute(call, "http.response.status_code").as_deref(), Some("200"));
            assert_eq!(attribute(call, "slategate.atlas.attempt").as_deref(), Some("1"));
        }
        assert!(spans.0.iter().any(|span| spans.line(span)[1..] == ["sync run"] && span.name.starts_with("INSERT")));
        let ended = &events(&server, "sync run ended")[0];
        assert_eq!(ended["trace_id"], json!(hex(&run.trace_id)));
        // Connecting calls Atlas within the caller's request.
        let asked: Vec<_> = spans.named("GET root").into_iter().map(|call| spans.line(call)).collect();
        assert!(asked.contains(&vec!["GET root", "mutation anonymous", "POST /graphql"]), "{asked:?}");
        // What the workers ask on their own is nobody's trace.
        assert!(spans.0.iter().all(|span| !span.name.starts_with("SELECT") || spans.line(span).len() > 1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_traces_of_callers_are_kept_where_none_is_to_begin_here() {
    let (database, collector) = (Database::sqlite(), collector().await);
    let mut settings = settings(&database);
    settings.push(("SLATEGATE_OTLP_ENDPOINT", collector.uri()));
    settings.push(("SLATEGATE_TRACE_SAMPLE_RATIO", "0".to_owned()));
    let mut server = Process::serve(&settings).await;
    for parent in [None, Some(format!("00-{TRACE}-{SPAN}-00")), Some(format!("00-{TRACE}-{SPAN}-01"))] {
        let request = client().get(server.url("/healthz"));
        let request = match &parent {
            Some(parent) => request.header("traceparent", parent),
            None => request,
        };
        assert_eq!(request.send().await.unwrap().status(), 200);
    }
    server.signal(Signal::Terminate).await;
    assert_eq!(server.exit(END).await, 0, "{}", server.log());
    let spans = Told::to(&collector).await;
    let names: Vec<_> = spans.0.iter().map(|span| (span.name.as_str(), hex(&span.trace_id))).collect();
    assert_eq!(names, [("GET /healthz", TRACE.to_owned())]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_silent_delays_nothing() {
    let database = Database::sqlite();
    // It takes connections and never answers.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut settings = settings(&database);
    settings.push(("SLATEGATE_OTLP_ENDPOINT", format!("http://{}", silent.local_addr().unwrap())));
    let mut server = Process::serve(&settings).await;
    for _ in 0..50 {
        let begun = Instant::now();
        assert_eq!(server.ready(&client()).await, Some(200));
        assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    }
    let told = Instant::now();
    server.signal(Signal::Terminate).await;
    assert_eq!(server.exit(END).await, 0, "{}", server.log());
    assert!(told.elapsed() < Duration::from_secs(6), "{:?}", told.elapsed());
    assert_eq!(events(&server, "the last traces were not sent").len(), 1, "{}", server.log());
}
