//! The HTTP edge: GraphQL over HTTP, SCIM, `GraphiQL` from the binary, health, metrics.
//!
//! It decides what is read, how much of it, and how the answer looks on the wire. It knows nobody's schema, store or
//! tokens: the traits in `ports` stand for them.

mod answer;
mod body;
mod edge;
mod export;
mod gate;
mod graphiql;
mod graphql;
mod health;
mod live;
mod media;
mod metrics;
mod params;
mod patience;
mod ports;
mod scim;
mod serve;
mod sse;
mod status;
mod ws;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::get;
use axum::{Extension, Router};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::graphql::documents::Documents;
use crate::telemetry::metrics::HttpMetrics;
pub use edge::RequestId;
pub use gate::{Gate, GateSettings, NoProxies, Proxies};
pub use ports::{AuthFailure, CallerSession, Exposition, GraphQlService, Pending, Provisioner, Readiness, Unready};
pub use serve::{Limits, serve};

/// The longest request body that is read.
pub const BODY_LIMIT: usize = 256 * 1024;
/// The same for a request that imports people, from a caller who may.
pub const IMPORT_LIMIT: usize = 16 * 1024 * 1024;
/// The longest query text that is parsed.
pub const QUERY_LIMIT: usize = 64 * 1024;

/// What the routes need.
#[derive(Clone)]
pub struct HttpState {
    pub graphql: Arc<dyn GraphQlService>,
    pub ready: Arc<dyn Readiness>,
    pub documents: Arc<Documents>,
    pub gate: Gate,
    /// Serve the `GraphiQL` page.
    pub graphiql: bool,
    pub metrics: HttpMetrics,
    /// Serve `/metrics` to callers who may read.
    pub shows_metrics: bool,
    /// Cancelled when the process starts to shut down: from then on it is not ready.
    pub draining: CancellationToken,
    /// What the end of the process waits for.
    pub tasks: TaskTracker,
    pub deadlines: Deadlines,
}

/// How long the edge waits before it answers without the result.
#[derive(Debug, Clone, Copy)]
pub struct Deadlines {
    /// For the whole body to arrive.
    pub body: Duration,
    /// For an operation to be executed.
    pub execution: Duration,
    /// For an export to be made.
    pub export: Duration,
    /// For the readiness checks together.
    pub readiness: Duration,
    /// For a WebSocket's client to say who it is.
    pub init: Duration,
    /// Between signs of life on a connection that stays open; a WebSocket's client must answer within the next.
    pub keep_alive: Duration,
    /// Between looks at whether whoever stays connected still may.
    pub rights: Duration,
    /// For a reserved event stream to be opened.
    pub reservation: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            body: Duration::from_secs(10),
            execution: Duration::from_secs(10),
            export: Duration::from_mins(2),
            readiness: Duration::from_millis(1_500),
            init: Duration::from_secs(10),
            keep_alive: Duration::from_secs(12),
            rights: Duration::from_secs(2),
            reservation: Duration::from_secs(30),
        }
    }
}

/// All routes, with the limits and headers that hold for each.
pub fn router(state: HttpState) -> Router {
    let graphql = get(graphql::get).post(graphql::post).fallback(graphql::wrong_method);
    let mut routes = Router::new()
        .route("/graphql", graphql)
        .route("/exports/{*name}", get(export::get).fallback(export::wrong_method))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .merge(live::routes(&state))
        .merge(scim::routes())
        .layer(DefaultBodyLimit::max(BODY_LIMIT));
    if state.shows_metrics {
        routes = routes.route("/metrics", get(metrics::of_caller));
    }
    if state.graphiql {
        routes = routes.merge(graphiql::routes());
    }
    let mut routes = routes.fallback(answer::no_such_page);
    if let Some(origins) = gate::origins(&state.gate) {
        routes = routes.layer(origins);
    }
    routes.layer(middleware::from_fn_with_state(state.clone(), edge::around)).with_state(state)
}

/// What operators look at, without a token: metrics of every workspace, and health.
pub fn metrics_router(state: HttpState, all: Arc<dyn Exposition>) -> Router {
    Router::new()
        .route("/metrics", get(metrics::of_all).layer(Extension(all)))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .fallback(answer::no_such_page)
        .layer(middleware::from_fn_with_state(state.clone(), edge::around))
        .with_state(state)
}
