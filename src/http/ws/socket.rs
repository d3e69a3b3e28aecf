//! The two directions of a socket, and its end.

use std::pin::pin;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket};
use futures_util::stream::SplitSink;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::PROTOCOL;
use super::farewell::Farewell;
use super::talk::Talk;
use crate::http::edge::RequestId;
use crate::http::gate::Source;
use crate::http::live::{Live, QUEUE};

/// For what is left to say, and again for the client to hang up.
const CLOSE_WITHIN: Duration = Duration::from_secs(1);

/// Talks with a client to the end. `token` is what came with the handshake.
pub async fn converse(socket: WebSocket, live: Live, id: RequestId, source: Source, token: Option<String>) {
    let is_ours = socket.protocol().is_some_and(|protocol| protocol == PROTOCOL);
    let (mut sink, mut stream) = socket.split();
    let (outbox, inbox) = mpsc::channel(QUEUE);
    let farewell = if is_ours {
        let mut sending = pin!(send(&mut sink, inbox));
        let talk = Talk::new(live, id, source, token, outbox).run(&mut stream);
        let farewell = tokio::select! {
            farewell = talk => farewell,
            () = &mut sending => None,
        };
        if farewell.is_some() && timeout(CLOSE_WITHIN, sending).await.is_err() {
            tracing::debug!("a client does not read the end of its connection");
        }
        farewell
    } else {
        Some(Farewell::WrongProtocol)
    };
    let Some(farewell) = farewell else { return };
    let close = sink.send(Message::Close(Some(farewell.frame())));
    if matches!(timeout(CLOSE_WITHIN, close).await, Ok(Ok(()))) {
        // Hanging up on unread words could destroy the close frame on its way.
        let hung_up = async { while stream.next().await.is_some_and(|heard| heard.is_ok()) {} };
        let _ = timeout(CLOSE_WITHIN, hung_up).await;
    }
}

/// Sends until there is nobody left to say or to hear anything.
async fn send(sink: &mut SplitSink<WebSocket, Message>, mut inbox: mpsc::Receiver<Message>) {
    while let Some(message) = inbox.recv().await {
        if sink.send(message).await.is_err() {
            return;
        }
    }
}
