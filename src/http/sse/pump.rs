//! What fills an open event stream.

use std::sync::Arc;

use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use tokio::sync::mpsc;
use tokio::time::{Instant, interval_at};

use super::event;
use super::reservations::Ending;
use crate::http::answer::Refusal;
use crate::http::edge::RequestId;
use crate::http::live::{self, Connection, Live, Operations, QUEUE, Tagged, Told};
use crate::http::status::Outcome;
use crate::http::{AuthFailure, CallerSession, HttpState};

/// Whose events the stream holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// One operation's, and it ends with it.
    Distinct,
    /// Those of operations that come and go.
    Single,
}

pub struct Pump {
    pub session: Arc<dyn CallerSession>,
    pub operations: Operations,
    pub form: Form,
    pub id: RequestId,
}

/// The client is gone, or does not read.
struct Lost;

impl Pump {
    /// Starts to run what there is, beside the answer that carries it. `incoming` are the operations to come.
    pub fn start(
        self,
        live: &Live,
        connection: Connection,
        incoming: Option<(mpsc::Receiver<Tagged>, Ending)>,
    ) -> Response {
        let (outbox, mut inbox) = mpsc::channel::<String>(QUEUE);
        let http = live.http.clone();
        live.http.tasks.spawn(async move {
            let (incoming, ending) = incoming.unzip();
            // Whatever the end was, the client sees the stream end.
            let _: Result<(), Lost> = self.run(&http, outbox, incoming).await;
            drop((connection, ending));
        });
        let body =
            stream::poll_fn(move |cx| inbox.poll_recv(cx).map(|event| event.map(Ok::<_, std::convert::Infallible>)));
        let headers = [
            (CONTENT_TYPE, "text/event-stream; charset=utf-8"),
            (CACHE_CONTROL, "no-store"),
            // Proxies of the nginx family would hold events back.
            (HeaderName::from_static("x-accel-buffering"), "no"),
        ];
        (StatusCode::OK, headers, Body::from_stream(body)).into_response()
    }

    async fn run(
        mut self,
        http: &HttpState,
        outbox: mpsc::Sender<String>,
        mut incoming: Option<mpsc::Receiver<Tagged>>,
    ) -> Result<(), Lost> {
        let mut rights = Box::pin(live::ended(Arc::clone(&self.session), http.deadlines.rights));
        let mut pulse = interval_at(Instant::now() + http.deadlines.keep_alive, http.deadlines.keep_alive);
        // Some browsers take the head of an answer only with the first of its body.
        say(&outbox, event::COMMENT.to_owned())?;
        loop {
            tokio::select! {
                // Without `complete`, so that clients come back, to another replica.
                () = http.draining.cancelled() => return Ok(()),
                () = outbox.closed() => return Err(Lost),
                () = &mut rights => return self.end_all(&outbox),
                _ = pulse.tick() => say(&outbox, event::COMMENT.to_owned())?,
                admitted = next_of(&mut incoming) => match admitted {
                    Some(admitted) => self.operations.run(admitted),
                    None => return Ok(()),
                },
                (id, told) = self.operations.next() => {
                    self.tell(&outbox, &id, &told)?;
                    if self.form == Form::Distinct && !matches!(told, Told::Next(_)) {
                        return Ok(());
                    }
                }
            }
        }
    }

    fn tell(&self, outbox: &mpsc::Sender<String>, id: &str, told: &Told) -> Result<(), Lost> {
        let id = (self.form == Form::Single).then_some(id);
        match told {
            Told::Next(result) => say(outbox, event::next(id, result)),
            Told::Complete => say(outbox, event::complete(id)),
            Told::Refused(errors) => {
                say(outbox, event::errors(id, errors))?;
                say(outbox, event::complete(id))
            }
        }
    }

    /// Tells every operation that the caller may no longer.
    fn end_all(&self, outbox: &mpsc::Sender<String>) -> Result<(), Lost> {
        for id in self.operations.slots.ids() {
            let refusal = Refusal::new(Outcome::Unauthenticated, AuthFailure::Unauthenticated.to_string());
            self.tell(outbox, &id, &Told::Refused(refusal.errors(&self.id)))?;
        }
        Ok(())
    }
}

async fn next_of(incoming: &mut Option<mpsc::Receiver<Tagged>>) -> Option<Tagged> {
    match incoming {
        Some(incoming) => incoming.recv().await,
        None => std::future::pending().await,
    }
}

fn say(outbox: &mpsc::Sender<String>, event: String) -> Result<(), Lost> {
    outbox.try_send(event).map_err(|_| Lost)
}
