//! GraphQL over HTTP at `/graphql`: JSON by POST, queries also by GET.
//!
//! The order is part of the defence: who is calling, then how it is asked, then how much, then what.

use std::sync::Arc;

use async_graphql::parser::types::{ExecutableDocument, OperationType};
use async_graphql::{Name, Request, Response as GraphQlResponse};
use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, RawQuery, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, Request as HttpRequest, StatusCode};
use axum::response::Response;
use tokio::time::timeout;

use super::answer::{self, Refusal};
use super::edge::RequestId;
use super::gate::Source;
use super::media::{self, Media};
use super::ports::CallerSession;
use super::status::Outcome;
use super::{BODY_LIMIT, HttpState, params};
use crate::graphql::documents::{Asked, Refused};

/// A query in the address.
pub(super) async fn get(
    State(state): State<HttpState>,
    Extension(id): Extension<RequestId>,
    Extension(source): Extension<Source>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let read = async || params::from_query(query.as_deref().unwrap_or_default());
    answer(&state, &id, source, &headers, Method::Get, read).await
}

/// Any operation in a JSON body.
pub(super) async fn post(
    State(state): State<HttpState>,
    Extension(id): Extension<RequestId>,
    Extension(source): Extension<Source>,
    request: HttpRequest<Body>,
) -> Response {
    let headers = request.headers().clone();
    let read = async || params::from_json(&read_body(&state, request).await?);
    answer(&state, &id, source, &headers, Method::Post, read).await
}

/// Any other method.
pub(super) async fn wrong_method(Extension(id): Extension<RequestId>) -> Response {
    Refusal::new(Outcome::WrongMethod, "send GraphQL by POST, or a query by GET").answer(Media::Json, &id)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    Post,
}

async fn answer(
    state: &HttpState,
    id: &RequestId,
    source: Source,
    headers: &HeaderMap,
    method: Method,
    read: impl AsyncFnOnce() -> Result<Asked, Refusal>,
) -> Response {
    let accepted = Media::negotiate(headers);
    let media = accepted.unwrap_or_default();
    let run = async {
        let session = caller(state, source, headers).await?;
        if accepted.is_none() {
            return Err(Refusal::new(
                Outcome::NotAcceptable,
                "answers are application/json or application/graphql-response+json",
            ));
        }
        let request = admit(state, session.as_ref(), read().await?, method)?;
        execute(state, session, request, id).await
    };
    match run.await {
        Ok(response) => answer::of_schema(response, media, id),
        Err(refusal) => refusal.answer(media, id),
    }
}

pub(super) async fn caller(
    state: &HttpState,
    source: Source,
    headers: &HeaderMap,
) -> Result<Arc<dyn CallerSession>, Refusal> {
    Ok(state.gate.admit(state.graphql.as_ref(), source, bearer(headers)).await?)
}

pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

pub(super) async fn read_body(state: &HttpState, request: HttpRequest<Body>) -> Result<Bytes, Refusal> {
    if !media::is_json_body(request.headers()) {
        return Err(Refusal::new(Outcome::UnsupportedMedia, "send the request as application/json in UTF-8"));
    }
    match timeout(state.deadlines.body, Bytes::from_request(request, state)).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(rejection)) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            Err(Refusal::new(Outcome::TooLarge, format!("at most {BODY_LIMIT} bytes of body are read")))
        }
        Ok(Err(_)) => Err(Refusal::new(Outcome::Malformed, "the body broke off")),
        Err(_) => Err(Refusal::new(Outcome::BodyTooSlow, "the body did not arrive in time")),
    }
}

/// Everything that can be said about a request without the schema. What is run has gone through here.
pub(super) fn admit(
    state: &HttpState,
    session: &dyn CallerSession,
    asked: Asked,
    method: Method,
) -> Result<Request, Refusal> {
    let trusted_only = session.is_held_to_trusted_documents();
    let mut request = state.documents.admit(asked, trusted_only).map_err(Refusal::of_document)?;
    let name = request.operation_name.clone();
    if method == Method::Get {
        let document = request.parsed_query().map_err(|error| Refusal::of_document(Refused::Unparsed(error)))?;
        if !only_queries(document, name.as_deref()) {
            return Err(Refusal::new(Outcome::NotAQuery, "a GET may only query: send this operation by POST"));
        }
    }
    Ok(request)
}

/// Whether nothing else than queries could be meant. An unknown name means nothing at all, and execution says so.
fn only_queries(document: &ExecutableDocument, meant: Option<&str>) -> bool {
    document
        .operations
        .iter()
        .filter(|(name, _)| meant.is_none() || name.map(Name::as_str) == meant)
        .all(|(_, operation)| operation.node.ty == OperationType::Query)
}

pub(super) async fn execute(
    state: &HttpState,
    session: Arc<dyn CallerSession>,
    request: Request,
    id: &RequestId,
) -> Result<GraphQlResponse, Refusal> {
    let _turn = state.gate.turn(session.holder()).await?;
    timeout(state.deadlines.execution, session.execute(request, id)).await.map_err(|_| {
        let seconds = state.deadlines.execution.as_secs_f32();
        Refusal::new(Outcome::Unavailable, format!("the operation was stopped: it took longer than {seconds} seconds"))
    })
}
