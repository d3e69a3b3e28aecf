//! A server with a schema small enough to see through, and a client for it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::Poll;
use std::time::Duration;

use async_graphql::{Object, Request, Response, Schema, Subscription as Root};
use axum::http::HeaderMap;
use chrono::DateTime;
use futures_util::stream::{self, BoxStream, Stream};
use serde_json::Value;
use slategate::clock::Clock;
use slategate::export::Exported;
use slategate::graphql::documents::Documents;
use slategate::graphql::exports::Asked;
use slategate::graphql::{self, ApiError};
use slategate::http::{
    AuthFailure, CallerSession, Deadlines, Gate, GateSettings, GraphQlService, HttpState, Limits, Pending, Readiness,
    RequestId, Unready, router, serve,
};
use slategate::telemetry::metrics::HttpMetrics;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub const TOKEN: &str = "token-of-the-toy";
pub const ANOTHER_TOKEN: &str = "another-token-of-the-toy";
pub const GRAPHQL: &str = "application/graphql-response+json";
pub const JSON: &str = "application/json";

struct Query {
    /// How often something without an end was begun.
    hanging: watch::Sender<u32>,
}

#[Object]
impl Query {
    async fn hello(&self) -> &str {
        "world"
    }

    async fn broken(&self) -> async_graphql::Result<Option<bool>> {
        std::future::ready(Err(async_graphql::Error::new("no"))).await
    }

    async fn panics(&self) -> bool {
        assert!(TOKEN.is_empty(), "the resolver panics");
        true
    }

    async fn never(&self) -> bool {
        self.hanging.send_modify(|begun| *begun += 1);
        std::future::pending().await
    }
}

struct Mutation(Arc<AtomicU32>);

#[Object]
impl Mutation {
    async fn touch(&self) -> u32 {
        self.0.fetch_add(1, Ordering::SeqCst)
    }
}

struct Subscription;

#[Root]
impl Subscription {
    async fn count(&self, to: u32) -> impl Stream<Item = u32> {
        stream::iter(1..=to)
    }

    async fn never(&self) -> impl Stream<Item = u32> {
        stream::pending()
    }

    /// Much, for ever.
    async fn flood(&self) -> impl Stream<Item = String> {
        stream::repeat_with(|| "much ".repeat(20_000))
    }

    async fn panics(&self) -> impl Stream<Item = u32> {
        stream::poll_fn(|_| {
            assert!(TOKEN.is_empty(), "the stream panics");
            Poll::Ready(None)
        })
    }
}

type ToySchema = Schema<Query, Mutation, Subscription>;

struct Service {
    schema: ToySchema,
    hanging: watch::Sender<u32>,
    /// Stands for a token store that does not answer.
    tokens_gone: bool,
    trusted_only: bool,
    is_current: Arc<AtomicBool>,
}

struct Session {
    holder: String,
    schema: ToySchema,
    hanging: watch::Sender<u32>,
    trusted_only: bool,
    is_current: Arc<AtomicBool>,
}

impl GraphQlService for Service {
    fn authenticate<'a>(&'a self, token: Option<&'a str>) -> Pending<'a, Result<Arc<dyn CallerSession>, AuthFailure>> {
        let known: Result<Arc<dyn CallerSession>, _> = match token {
            _ if self.tokens_gone => Err(AuthFailure::Unavailable),
            Some(token @ (TOKEN | ANOTHER_TOKEN)) => Ok(Arc::new(Session {
                holder: token.to_owned(),
                schema: self.schema.clone(),
                hanging: self.hanging.clone(),
                trusted_only: self.trusted_only,
                is_current: Arc::clone(&self.is_current),
            })),
            _ => Err(AuthFailure::Unauthenticated),
        };
        Box::pin(std::future::ready(known))
    }

    fn is_no_guess(&self, token: &str) -> bool {
        matches!(token, TOKEN | ANOTHER_TOKEN)
    }
}

impl CallerSession for Session {
    fn is_held_to_trusted_documents(&self) -> bool {
        self.trusted_only
    }

    fn execute<'a>(&'a self, request: Request, _: &'a RequestId) -> Pending<'a, graphql::Answer> {
        Box::pin(async { graphql::Answer::Response(Box::new(self.schema.execute(request).await)) })
    }

    fn subscribe(&self, request: Request) -> BoxStream<'static, Response> {
        self.schema.execute_stream(request)
    }

    fn export<'a>(&'a self, _: Asked, _: &'a RequestId) -> Pending<'a, Result<Exported, ApiError>> {
        self.hanging.send_modify(|begun| *begun += 1);
        Box::pin(std::future::pending())
    }

    fn is_current(&self) -> Pending<'_, Result<bool, AuthFailure>> {
        Box::pin(std::future::ready(Ok(self.is_current.load(Ordering::SeqCst))))
    }

    fn holder(&self) -> &str {
        &self.holder
    }
}

/// What the readiness check answers.
#[derive(Clone, Copy)]
pub enum Checks {
    Pass,
    Fail(&'static str),
    Hang,
}

impl Readiness for Checks {
    fn check(&self) -> Pending<'_, Result<(), Unready>> {
        match *self {
            Self::Pass => Box::pin(std::future::ready(Ok(()))),
            Self::Fail(name) => Box::pin(std::future::ready(Err(Unready(name)))),
            Self::Hang => Box::pin(std::future::pending()),
        }
    }
}

/// The knobs of a toy server.
pub struct Options {
    pub checks: Checks,
    pub graphiql: bool,
    pub tokens_gone: bool,
    pub deadline: Duration,
    /// Trusted documents, and nothing else.
    pub manifest: Option<&'static str>,
    pub init: Duration,
    pub keep_alive: Duration,
    pub reservation: Duration,
    pub gate: GateSettings,
    /// The program's own listener with these limits, instead of one without any.
    pub limits: Option<Limits>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            checks: Checks::Pass,
            graphiql: true,
            tokens_gone: false,
            deadline: Duration::from_secs(10),
            manifest: None,
            init: Duration::from_secs(10),
            keep_alive: Duration::from_secs(12),
            reservation: Duration::from_secs(30),
            gate: GateSettings::default(),
            limits: None,
        }
    }
}

/// A running server; it ends with the value.
pub struct Toy {
    pub address: SocketAddr,
    pub draining: CancellationToken,
    pub tasks: TaskTracker,
    /// Whether the token still counts for those who are connected.
    pub is_current: Arc<AtomicBool>,
    touched: Arc<AtomicU32>,
    hangs: watch::Receiver<u32>,
    client: reqwest::Client,
    _server: JoinSet<()>,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub fn code(&self) -> Value {
        self.json()["errors"][0]["extensions"]["code"].clone()
    }
}

impl Toy {
    pub async fn start() -> Self {
        Self::with(Options::default()).await
    }

    pub async fn with(options: Options) -> Self {
        let touched = Arc::new(AtomicU32::new(0));
        let (hanging, hangs) = watch::channel(0);
        let schema = Schema::new(Query { hanging: hanging.clone() }, Mutation(Arc::clone(&touched)), Subscription);
        let draining = CancellationToken::new();
        let Options { checks, graphiql, tokens_gone, deadline, manifest, init, keep_alive, reservation, gate, limits } =
            options;
        let documents = manifest.map_or_else(Documents::default, |text| Documents::trusting(text).unwrap());
        let (tasks, is_current) = (TaskTracker::new(), Arc::new(AtomicBool::new(true)));
        let app = router(HttpState {
            graphql: Arc::new(Service {
                schema,
                hanging,
                tokens_gone,
                trusted_only: manifest.is_some(),
                is_current: Arc::clone(&is_current),
            }),
            ready: Arc::new(checks),
            documents: Arc::new(documents),
            gate: Gate::new(gate, Clock::manual(DateTime::UNIX_EPOCH)),
            graphiql,
            metrics: HttpMetrics::default(),
            shows_metrics: true,
            draining: draining.clone(),
            tasks: tasks.clone(),
            deadlines: Deadlines {
                body: deadline,
                execution: deadline,
                export: deadline,
                readiness: deadline,
                init,
                keep_alive,
                reservation,
                rights: Duration::from_millis(50),
            },
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut server = JoinSet::new();
        let stop = draining.clone();
        server.spawn(async move {
            match limits {
                Some(limits) => serve(listener, app, stop, limits).await,
                None => axum::serve(listener, app).await.unwrap(),
            }
        });
        let client = reqwest::Client::builder().no_proxy().gzip(false).build().unwrap();
        Self { address, draining, tasks, is_current, touched, hangs, client, _server: server }
    }

    /// How often a mutation was executed.
    pub fn touched(&self) -> u32 {
        self.touched.load(Ordering::SeqCst)
    }

    /// Waits until something without an end was begun so often: `never`, or an export.
    pub async fn hanging(&self, times: u32) {
        self.hangs.clone().wait_for(|begun| *begun >= times).await.unwrap();
    }

    /// A request with the token.
    pub fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        self.anonymous(method, path).bearer_auth(TOKEN)
    }

    pub fn anonymous(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let url = format!("http://{}{path}", self.address);
        self.client.request(method.parse().unwrap(), url)
    }

    /// A JSON body by POST.
    pub async fn post(&self, accept: &str, body: impl Into<reqwest::Body>) -> Answer {
        let request = self.request("POST", "/graphql").header("accept", accept).header("content-type", JSON);
        read(request.body(body)).await
    }
}

pub async fn read(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    Answer { status, headers, bytes: response.bytes().await.unwrap().to_vec() }
}
