//! GraphQL over WebSocket at `/graphql/ws`: the protocol `graphql-transport-ws`, to the letter.
//!
//! A browser cannot put a header on the handshake, so the token comes in `connection_init`. For the same reason no
//! foreign page can use a visitor's rights, and the origin does not matter.

mod farewell;
mod message;
mod socket;
mod talk;

use axum::Extension;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::header::ALLOW;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;

use super::BODY_LIMIT;
use super::answer::Refusal;
use super::edge::RequestId;
use super::gate::Source;
use super::graphql::bearer;
use super::live::Live;
use super::media::Media;
use super::status::Outcome;

const PROTOCOL: &str = "graphql-transport-ws";
/// What is read at all, so that a message just over the limit can still be answered with the right code.
const READ_LIMIT: usize = 4 * BODY_LIMIT;

pub(super) async fn upgrade(
    State(live): State<Live>,
    Extension(id): Extension<RequestId>,
    Extension(source): Extension<Source>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let Ok(upgrade) = upgrade else {
        let message = "this path speaks WebSocket, with the subprotocol graphql-transport-ws";
        return Refusal::new(Outcome::Malformed, message).answer(Media::Json, &id);
    };
    let token = bearer(&headers).map(str::to_owned);
    // Taken before the answer, so that the end of the process waits for the conversation.
    let tracked = live.http.tasks.token();
    upgrade.protocols([PROTOCOL]).max_message_size(READ_LIMIT).max_frame_size(READ_LIMIT).on_upgrade(
        move |socket| async move {
            socket::converse(socket, live, id, source, token).await;
            drop(tracked);
        },
    )
}

pub(super) async fn wrong_method(Extension(id): Extension<RequestId>) -> Response {
    let mut answer = Refusal::new(Outcome::WrongMethod, "open a WebSocket with GET").answer(Media::Json, &id);
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET"));
    answer
}
