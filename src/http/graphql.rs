//! GraphQL over HTTP at `/graphql`: JSON by POST, queries also by GET.
//!
//! The order is part of the defence: who is calling, then how it is asked, then how much, then what.

use std::sync::Arc;

use async_graphql::parser::types::{ExecutableDocument, OperationDefinition, OperationType, Selection};
use async_graphql::{Name, Request};
use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::{RawQuery, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, Request as HttpRequest};
use axum::response::Response;
use tokio::time::timeout;

use super::answer::{self, Refusal};
use super::body::{self, BodyFault};
use super::edge::RequestId;
use super::gate::Source;
use super::media::{self, Media};
use super::ports::CallerSession;
use super::status::Outcome;
use super::{BODY_LIMIT, HttpState, IMPORT_LIMIT, params};
use crate::graphql::Answer;
use crate::graphql::documents::{Asked, Refused};

/// The mutation whose text may be long.
const IMPORT_PEOPLE: &str = "importPeople";

/// A query in the address.
pub(super) async fn get(
    State(state): State<HttpState>,
    Extension(id): Extension<RequestId>,
    Extension(source): Extension<Source>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let read =
        async |_limit| Ok(Sent { asked: params::from_query(query.as_deref().unwrap_or_default())?, is_long: false });
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
    let read = async |limit| {
        let body = read_body(&state, request, limit).await?;
        Ok(Sent { asked: params::from_json(&body)?, is_long: body.len() > BODY_LIMIT })
    };
    answer(&state, &id, source, &headers, Method::Post, read).await
}

/// Any other method.
pub(super) async fn wrong_method(Extension(id): Extension<RequestId>) -> Response {
    Refusal::new(Outcome::WrongMethod, "send GraphQL by POST, or a query by GET").answer(Media::Json, &id)
}

/// What a request asks for, and whether its body is longer than bodies are.
struct Sent {
    asked: Asked,
    is_long: bool,
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
    read: impl AsyncFnOnce(usize) -> Result<Sent, Refusal>,
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
        let longest = if session.may_import() { IMPORT_LIMIT } else { BODY_LIMIT };
        let Sent { asked, is_long } = read(longest).await?;
        let mut request = admit(state, session.as_ref(), asked, method)?;
        if is_long && !only_imports(&mut request)? {
            return Err(too_large(BODY_LIMIT));
        }
        execute(state, session, request, id).await
    };
    match run.await {
        Ok(answer) => answer::of_schema(answer, media, id),
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

pub(super) async fn read_body(state: &HttpState, request: HttpRequest<Body>, limit: usize) -> Result<Bytes, Refusal> {
    if !media::is_json_body(request.headers()) {
        return Err(Refusal::new(Outcome::UnsupportedMedia, "send the request as application/json in UTF-8"));
    }
    body::read(state, request, limit).await.map_err(|fault| match fault {
        BodyFault::TooLarge(limit) => too_large(limit),
        BodyFault::BrokeOff => Refusal::new(Outcome::Malformed, fault.to_string()),
        BodyFault::TooSlow => Refusal::new(Outcome::BodyTooSlow, fault.to_string()),
    })
}

fn too_large(limit: usize) -> Refusal {
    Refusal::new(Outcome::TooLarge, BodyFault::TooLarge(limit).to_string())
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
    meant_by(document, meant).all(|operation| operation.ty == OperationType::Query)
}

/// Whether nothing else than imports of people could be meant.
fn only_imports(request: &mut Request) -> Result<bool, Refusal> {
    let name = request.operation_name.clone();
    let document = request.parsed_query().map_err(|error| Refusal::of_document(Refused::Unparsed(error)))?;
    let imports =
        |selection: &Selection| matches!(selection, Selection::Field(field) if field.node.name.node == IMPORT_PEOPLE);
    Ok(meant_by(document, name.as_deref()).all(|operation| {
        operation.ty == OperationType::Mutation
            && operation.selection_set.node.items.iter().all(|selection| imports(&selection.node))
    }))
}

fn meant_by<'a>(
    document: &'a ExecutableDocument,
    meant: Option<&'a str>,
) -> impl Iterator<Item = &'a OperationDefinition> {
    let operations = document.operations.iter();
    operations
        .filter(move |(name, _)| meant.is_none() || name.map(Name::as_str) == meant)
        .map(|(_, operation)| &operation.node)
}

pub(super) async fn execute(
    state: &HttpState,
    session: Arc<dyn CallerSession>,
    request: Request,
    id: &RequestId,
) -> Result<Answer, Refusal> {
    let _turn = state.gate.turn(session.holder()).await?;
    timeout(state.deadlines.execution, session.execute(request, id)).await.map_err(|_| {
        let seconds = state.deadlines.execution.as_secs_f32();
        Refusal::new(Outcome::Unavailable, format!("the operation was stopped: it took longer than {seconds} seconds"))
    })
}
