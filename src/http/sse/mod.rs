//! GraphQL over server-sent events at `/graphql/stream`: the protocol of `graphql-sse`, in both of its modes.
//!
//! Distinct connections: each operation is a request of its own, and its answer the stream. Single connection: a stream
//! is reserved, opened once, and operations are sent beside it. Every request carries the bearer token.

mod event;
mod pump;
mod request;
mod reservations;

pub(super) use reservations::Reservations;

use axum::Extension;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::header::{ALLOW, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode};
use axum::response::{IntoResponse as _, Response};

use super::answer::Refusal;
use super::edge::RequestId;
use super::gate::Source;
use super::graphql::Method;
use super::live::{Admission, Live, Operation, Operations};
use super::media::Media;
use super::status::Outcome;
use pump::{Form, Pump};
use request::Asked;

/// A query in the address, or the opening of a reserved stream.
pub(super) async fn get(
    state: State<Live>,
    id: Extension<RequestId>,
    source: Extension<Source>,
    request: Request<Body>,
) -> Response {
    answer(state.0, id.0, source.0, request, Method::Get).await
}

/// An operation in a JSON body.
pub(super) async fn post(
    state: State<Live>,
    id: Extension<RequestId>,
    source: Extension<Source>,
    request: Request<Body>,
) -> Response {
    answer(state.0, id.0, source.0, request, Method::Post).await
}

/// Reserves a stream.
pub(super) async fn put(
    State(live): State<Live>,
    Extension(id): Extension<RequestId>,
    Extension(source): Extension<Source>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let reserve = async {
        let asked = Asked::new(&live, source, &headers, query).await?;
        let connection = live.connections.open(asked.session.holder()).ok_or_else(too_many_connections)?;
        Ok(live.reservations.reserve(asked.session.holder(), connection, &live.http))
    };
    match reserve.await {
        Ok(token) => (StatusCode::CREATED, [(CONTENT_TYPE, "text/plain; charset=utf-8")], token).into_response(),
        Err(refusal) => refused(refusal, &id),
    }
}

/// Stops an operation of a reserved stream.
pub(super) async fn delete(
    State(live): State<Live>,
    Extension(id): Extension<RequestId>,
    Extension(source): Extension<Source>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let stop = async {
        let asked = Asked::new(&live, source, &headers, query).await?;
        let stream = asked.stream(&live)?.ok_or_else(no_such_stream)?;
        let operation = asked.parameter("operationId").ok_or_else(no_operation_id)?;
        stream.slots.stop(&operation);
        Ok(())
    };
    match stop.await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(refusal) => refused(refusal, &id),
    }
}

pub(super) async fn wrong_method(Extension(id): Extension<RequestId>) -> Response {
    let mut answer = refused(Refusal::new(Outcome::WrongMethod, "this method means nothing here"), &id);
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD, POST, PUT, DELETE"));
    answer
}

async fn answer(live: Live, id: RequestId, source: Source, request: Request<Body>, method: Method) -> Response {
    let (headers, query) = (request.headers().clone(), request.uri().query().map(str::to_owned));
    let run = async {
        let asked = Asked::new(&live, source, &headers, query).await?;
        match (asked.wants_events, asked.stream(&live)?) {
            (true, None) => distinct(&live, &id, asked, request, method).await,
            (true, Some(_)) => open(&live, &id, asked),
            (false, Some(stream)) => enqueue(&live, &id, asked, stream, request, method).await,
            (false, None) => Err(Refusal::new(
                Outcome::NotAcceptable,
                "accept text/event-stream, or reserve a stream with PUT and name its token",
            )),
        }
    };
    run.await.unwrap_or_else(|refusal| refused(refusal, &id))
}

/// The answer is the stream of this one operation.
async fn distinct(
    live: &Live,
    id: &RequestId,
    asked: Asked,
    request: Request<Body>,
    method: Method,
) -> Result<Response, Refusal> {
    let params = asked.read_params(&live.http, request, method).await?;
    let operation = Operation::new(&live.http, asked.session.as_ref(), params, method)?;
    let connection = live.connections.open(asked.session.holder()).ok_or_else(too_many_connections)?;
    let told = operation.run(live.http.clone(), asked.session.clone(), id.clone());
    let mut operations = Operations::default();
    if let Admission::Admitted(admitted) = operations.slots.admit("", told) {
        operations.run(admitted);
    }
    let pump = Pump { session: asked.session, operations, form: Form::Distinct, id: id.clone() };
    Ok(pump.start(live, connection, None))
}

/// The answer is the reserved stream.
fn open(live: &Live, id: &RequestId, asked: Asked) -> Result<Response, Refusal> {
    let token = asked.stream_token.unwrap_or_default();
    let (slots, opening) =
        live.reservations.open(&token).ok_or_else(|| Refusal::new(Outcome::Conflict, "the stream is open already"))?;
    let pump = Pump { session: asked.session, operations: Operations::of(slots), form: Form::Single, id: id.clone() };
    Ok(pump.start(live, opening.connection, Some((opening.admitted, live.reservations.clone().ending(token)))))
}

/// The operation's events will be in the reserved stream.
async fn enqueue(
    live: &Live,
    id: &RequestId,
    asked: Asked,
    stream: reservations::Stream,
    request: Request<Body>,
    method: Method,
) -> Result<Response, Refusal> {
    let params = asked.read_params(&live.http, request, method).await?;
    let operation_id = request::operation_id(&params.request).ok_or_else(no_operation_id)?;
    let operation = Operation::new(&live.http, asked.session.as_ref(), params, method)?;
    let told = operation.run(live.http.clone(), asked.session, id.clone());
    match stream.slots.admit(&operation_id, told) {
        Admission::Admitted(admitted) => {
            let sent = stream.admitted.try_send(admitted);
            sent.map(|()| StatusCode::ACCEPTED.into_response()).map_err(|_| {
                stream.slots.stop(&operation_id);
                no_such_stream()
            })
        }
        Admission::Duplicate => Err(Refusal::new(Outcome::Conflict, "an operation with this id is under way")),
        Admission::Full => Err(Refusal::new(Outcome::TooMany, "too many operations at a time on one stream")),
    }
}

/// Refusals never look like an answer with data.
fn refused(refusal: Refusal, id: &RequestId) -> Response {
    refusal.answer(Media::GraphQlResponse, id)
}

fn too_many_connections() -> Refusal {
    Refusal::new(Outcome::TooMany, "too many connections with this token")
}

fn no_such_stream() -> Refusal {
    Refusal::new(Outcome::NoSuchPage, "there is no such stream")
}

fn no_operation_id() -> Refusal {
    Refusal::new(Outcome::Malformed, "the operation's id is missing")
}
