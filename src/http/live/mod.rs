//! Connections that stay open: what WebSocket and event streams share.

mod connections;
mod operation;
mod operations;
mod rights;

pub(super) use connections::Connection;
pub(super) use operation::{Operation, Told};
pub(super) use operations::{Admission, Operations, Slots, Tagged};
pub(super) use rights::ended;

use axum::Router;
use axum::routing::get;
use connections::Connections;

use super::sse::Reservations;
use super::{HttpState, sse, ws};

/// Operations at a time on one connection.
pub(super) const OPERATIONS: usize = 50;
/// Open connections of one token: sockets, event streams and reservations.
pub(super) const CONNECTIONS: usize = 100;
/// Messages that wait for a client that does not read; one more ends the connection.
pub(super) const QUEUE: usize = 256;

/// What the routes of this kind need.
#[derive(Clone)]
pub(super) struct Live {
    pub http: HttpState,
    pub connections: Connections,
    pub reservations: Reservations,
}

pub(super) fn routes(state: &HttpState) -> Router<HttpState> {
    let live = Live { http: state.clone(), connections: Connections::default(), reservations: Reservations::default() };
    let stream = get(sse::get).post(sse::post).put(sse::put).delete(sse::delete).fallback(sse::wrong_method);
    Router::new()
        .route("/graphql/ws", get(ws::upgrade).fallback(ws::wrong_method))
        .route("/graphql/stream", stream)
        .with_state(live)
}
