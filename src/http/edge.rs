//! Around every request: an id, a log line, the headers that hold everywhere, and an answer even after a panic.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use futures_util::FutureExt;
use tracing::Instrument;

use super::HttpState;
use super::answer::Refusal;
use super::gate::Source;
use super::media::Media;
use super::scim;
use super::status::Outcome;
use crate::domain::hex;
use crate::telemetry::traces::{self, TraceParent};

const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");
/// The route of a request that none of ours matches.
const NO_ROUTE: &str = "unmatched";
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const LONGEST_ID: usize = 64;

/// Where an answer says nothing else. Only files of the binary may be kept by anybody.
const EVERYWHERE: [(HeaderName, HeaderValue); 5] = [
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
];

/// What ties an answer to its log lines: the proxy's id where it sent a plain one, else 128 random bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(Arc<str>);

impl RequestId {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn of(headers: &HeaderMap) -> Self {
        let sent = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok()).filter(|id| is_plain(id));
        sent.map_or_else(Self::random, |id| Self(id.into()))
    }

    pub(super) fn random() -> Self {
        let mut bytes = [0_u8; 16];
        getrandom::fill(&mut bytes).expect("the system gives random bytes, or nothing here is safe");
        Self(hex(&bytes).into())
    }
}

fn is_plain(id: &str) -> bool {
    (1..=LONGEST_ID).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

/// The outermost layer.
pub(super) async fn around(State(state): State<HttpState>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let answering = state.metrics.begin();
    let id = RequestId::of(request.headers());
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let source = source(&state, &request);
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let route = matched.as_ref().map_or(NO_ROUTE, MatchedPath::as_str);
    let parent = trace_parent(request.headers());
    let trace = traces::request(method.as_str(), route, parent.as_ref());
    let ids = trace.ids().or_else(|| parent.map(|parent| parent.ids()));
    let (trace_id, span_id) = (ids.as_ref().map(|ids| ids.trace.as_str()), ids.as_ref().map(|ids| ids.span.as_str()));
    request.extensions_mut().insert(id.clone());
    request.extensions_mut().insert(source);
    let span = tracing::info_span!("request", request_id = id.as_str(), trace_id);
    let handled = trace.around(AssertUnwindSafe(next.run(request)).catch_unwind()).instrument(span).await;
    let mut response = handled.unwrap_or_else(|_| {
        tracing::error!(request_id = id.as_str(), "request handler panicked");
        if scim::concerns(&path) {
            return scim::broken();
        }
        Refusal::new(Outcome::Broken, "internal error").answer(Media::Json, &id)
    });
    dress(response.headers_mut(), &id);
    let status = response.status();
    answering.answered(method.as_str(), route, status.as_u16());
    trace.set("http.response.status_code", i64::from(status.as_u16()));
    if status.is_server_error() {
        trace.fail("server_error");
    }
    tracing::info!(
        http.method = %method,
        http.path = path,
        http.status = status.as_u16(),
        duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        request_id = id.as_str(),
        trace_id,
        span_id,
        "request answered"
    );
    response
}

/// Where the caller stands in a trace, if it says so once and rightly.
fn trace_parent(headers: &HeaderMap) -> Option<TraceParent> {
    let mut sent = headers.get_all(TRACE_PARENT).iter();
    let (only, None) = (sent.next()?, sent.next()) else { return None };
    TraceParent::parse(only.to_str().ok()?)
}

fn source(state: &HttpState, request: &Request) -> Source {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    peer.map_or(Source::UNKNOWN, |ConnectInfo(peer)| state.gate.source(peer.ip(), request.headers()))
}

fn dress(headers: &mut HeaderMap, id: &RequestId) {
    for (name, value) in EVERYWHERE {
        headers.entry(name).or_insert(value);
    }
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        headers.insert(REQUEST_ID, value);
    }
}
