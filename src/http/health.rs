//! Is the process alive, and can it serve? For probes: no token, nothing told but the name of a failing check.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tokio::time::timeout;

use super::HttpState;
use super::ports::Unready;

/// The process lives.
pub(super) async fn alive() -> impl IntoResponse {
    ([(CACHE_CONTROL, "no-store")], "ok")
}

/// Requests can be served now; while shutting down they cannot.
pub(super) async fn ready(State(state): State<HttpState>) -> Response {
    let checked = if state.draining.is_cancelled() {
        Err(Unready("draining"))
    } else {
        timeout(state.deadlines.readiness, state.ready.check()).await.unwrap_or(Err(Unready("deadline")))
    };
    let (status, body) = match checked {
        Ok(()) => (StatusCode::OK, json!({ "status": "ready" })),
        Err(Unready(check)) => (StatusCode::SERVICE_UNAVAILABLE, json!({ "status": "unready", "failing": check })),
    };
    (status, [(CACHE_CONTROL, "no-store")], Json(body)).into_response()
}
