//! One conversation: what is heard, what is run for it, and when it is over.

use std::future::pending;
use std::pin::pin;
use std::sync::Arc;

use axum::extract::ws::{Message, WebSocket};
use futures_util::future::BoxFuture;
use futures_util::stream::{SplitStream, StreamExt as _};
use serde_json::{Map, Value};
use tokio::sync::mpsc;
use tokio::time::{Instant, interval_at, sleep};

use super::farewell::Farewell;
use super::message::{self, Said};
use crate::http::answer::Refusal;
use crate::http::edge::RequestId;
use crate::http::gate::{Denied, Source};
use crate::http::graphql::Method;
use crate::http::live::{self, Admission, Connection, Live, OPERATIONS, Operation, Operations, Told};
use crate::http::status::Outcome;
use crate::http::{AuthFailure, BODY_LIMIT, CallerSession, params};

pub struct Talk {
    live: Live,
    id: RequestId,
    source: Source,
    /// The token that came with the handshake.
    token: Option<String>,
    outbox: mpsc::Sender<Message>,
    is_begun: bool,
    caller: Option<(Arc<dyn CallerSession>, Connection)>,
    /// Ends when the caller's rights do.
    rights: BoxFuture<'static, ()>,
    operations: Operations,
}

/// Whether to go on.
type Step = Result<(), Farewell>;

impl Talk {
    pub fn new(
        live: Live,
        id: RequestId,
        source: Source,
        token: Option<String>,
        outbox: mpsc::Sender<Message>,
    ) -> Self {
        let (operations, rights) = (Operations::default(), Box::pin(pending()));
        Self { live, id, source, token, outbox, is_begun: false, caller: None, rights, operations }
    }

    /// Talks until one side ends it. None: the client is gone.
    pub async fn run(mut self, heard: &mut SplitStream<WebSocket>) -> Option<Farewell> {
        let draining = self.live.http.draining.clone();
        let deadlines = self.live.http.deadlines;
        let mut init = pin!(sleep(deadlines.init));
        let mut pulse = interval_at(Instant::now() + deadlines.keep_alive, deadlines.keep_alive);
        let mut is_alive = true;
        loop {
            let step = tokio::select! {
                () = draining.cancelled() => Err(Farewell::GoingAway),
                () = &mut self.rights => Err(Farewell::Forbidden),
                () = &mut init, if !self.is_begun => Err(Farewell::InitTimeout),
                _ = pulse.tick() => {
                    if !std::mem::take(&mut is_alive) {
                        return None;
                    }
                    self.say(Message::Ping(Vec::new().into()))
                }
                (id, told) = self.operations.next() => self.tell(&id, &told),
                message = heard.next() => {
                    is_alive = true;
                    match message {
                        Some(Ok(Message::Text(text))) if text.len() > BODY_LIMIT => Err(Farewell::TooBig),
                        Some(Ok(Message::Text(text))) => self.hear(&text).await,
                        Some(Ok(Message::Binary(_))) => Err(Farewell::BadMessage("Messages are JSON text")),
                        Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(()),
                        Some(Err(_)) => Err(Farewell::TooBig),
                        Some(Ok(Message::Close(_))) | None => return None,
                    }
                }
            };
            if let Err(farewell) = step {
                return Some(farewell);
            }
        }
    }

    fn say(&self, message: Message) -> Step {
        self.outbox.try_send(message).map_err(|_| Farewell::TooSlow)
    }

    fn say_text(&self, text: impl Into<String>) -> Step {
        self.say(Message::Text(text.into().into()))
    }

    fn tell(&self, id: &str, told: &Told) -> Step {
        self.say_text(match told {
            Told::Next(result) => message::next(id, result),
            Told::Refused(errors) => message::error(id, errors),
            Told::Complete => message::complete(id),
        })
    }

    async fn hear(&mut self, text: &str) -> Step {
        match message::read(text).ok_or(Farewell::BadMessage("Invalid message received"))? {
            Said::Init(payload) => self.begin(&payload).await,
            Said::Ping(payload) => self.say_text(message::pong(payload)),
            Said::Pong => Ok(()),
            Said::Subscribe { id, params } => self.subscribe(&id, params),
            Said::Complete { id } => {
                self.operations.slots.stop(&id);
                Ok(())
            }
        }
    }

    async fn begin(&mut self, payload: &Map<String, Value>) -> Step {
        if self.is_begun {
            return Err(Farewell::SecondInit);
        }
        self.is_begun = true;
        let token = token(payload).or(self.token.take());
        let http = &self.live.http;
        let admitted = http.gate.admit(http.graphql.as_ref(), self.source, token.as_deref()).await;
        let session = admitted.map_err(|denied| match denied {
            Denied::Failure(AuthFailure::Unauthenticated) => Farewell::Forbidden,
            Denied::Failure(AuthFailure::Unavailable) => Farewell::Unavailable,
            Denied::LockedOut(seconds) => Farewell::LockedOut(seconds),
        })?;
        let connection = self.live.connections.open(session.holder()).ok_or(Farewell::TooManyConnections)?;
        self.rights = Box::pin(live::ended(Arc::clone(&session), self.live.http.deadlines.rights));
        self.caller = Some((session, connection));
        self.say_text(message::ACK)
    }

    fn subscribe(&mut self, id: &str, params: Map<String, Value>) -> Step {
        let Some((session, _)) = &self.caller else { return Err(Farewell::Unauthorized) };
        if !params::name_a_document(&params) {
            return Err(Farewell::BadMessage("Invalid payload of a subscribe message"));
        }
        let operation = match params::read(params) {
            Err(refusal) if refusal.outcome() == Outcome::Malformed => {
                return Err(Farewell::BadMessage("Invalid payload of a subscribe message"));
            }
            read => read.and_then(|asked| Operation::new(&self.live.http, session.as_ref(), asked, Method::Post)),
        };
        let told = match operation {
            Ok(operation) => operation.run(self.live.http.clone(), Arc::clone(session), self.id.clone()),
            Err(refusal) => Told::refusal(refusal, &self.id),
        };
        match self.operations.slots.admit(id, told) {
            Admission::Admitted(admitted) => {
                self.operations.run(admitted);
                Ok(())
            }
            Admission::Duplicate => Err(Farewell::Duplicate(id.to_owned())),
            Admission::Full => {
                let message = format!("at most {OPERATIONS} operations at a time on one connection");
                let errors = Refusal::new(Outcome::TooMany, message).errors(&self.id);
                self.tell(id, &Told::Refused(errors))
            }
        }
    }
}

/// The token in `{"Authorization": "Bearer ..."}` or `{"token": "..."}`.
fn token(payload: &Map<String, Value>) -> Option<String> {
    let header = payload.iter().find(|(name, _)| name.eq_ignore_ascii_case("authorization"));
    let bearer = header.and_then(|(_, value)| value.as_str()?.split_once(' '));
    let bearer = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token);
    let token = bearer.or_else(|| payload.get("token")?.as_str())?.trim();
    (!token.is_empty()).then(|| token.to_owned())
}
