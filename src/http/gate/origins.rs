//! Cross-origin requests of browsers: none, unless the operator names the page's origin.

use std::time::Duration;

use axum::http::header::{ACCEPT, AUTHORIZATION, CONTENT_DISPOSITION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, Method};
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::Gate;

const EVENT_STREAM_TOKEN: HeaderName = HeaderName::from_static("x-graphql-event-stream-token");
const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// How long a browser may remember what a page may send.
const REMEMBERED_FOR: Duration = Duration::from_hours(1);

/// Answers preflights and names the origin in answers, for the origins of the list. None when there are none.
///
/// Credentials stay off: callers are known by a header that no browser adds by itself.
pub fn layer(gate: &Gate) -> Option<CorsLayer> {
    if gate.origins.is_empty() {
        return None;
    }
    let layer = CorsLayer::new()
        .allow_origin(AllowOrigin::list(gate.origins.iter().cloned()))
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
        .allow_headers([ACCEPT, AUTHORIZATION, CONTENT_TYPE, EVENT_STREAM_TOKEN, REQUEST_ID, TRACE_PARENT])
        .expose_headers([CONTENT_DISPOSITION, REQUEST_ID, RETRY_AFTER, WWW_AUTHENTICATE])
        .max_age(REMEMBERED_FOR);
    Some(layer)
}
