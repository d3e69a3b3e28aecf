//! Answers in GraphQL's shape: `errors` with a code and the request id each, and `data` only after an execution.

use async_graphql::{ErrorExtensionValues, Response as GraphQlResponse, ServerError, Value};
use axum::Extension;
use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::edge::RequestId;
use super::media::Media;
use super::status::Outcome;
use crate::graphql::documents::Refused;

/// A refused document can have thousands of mistakes; nobody reads more than these.
const MOST_MISTAKES: usize = 20;

/// A request that was not executed.
#[derive(Debug)]
pub(super) struct Refusal {
    outcome: Outcome,
    /// Boxed to keep results small.
    error: Box<ServerError>,
}

impl Refusal {
    pub(super) fn new(outcome: Outcome, message: impl Into<String>) -> Self {
        Self { outcome, error: Box::new(ServerError::new(message, None)) }
    }

    /// A document that is not known, cannot be parsed, or asks for too much.
    pub(super) fn of_document(refused: Refused) -> Self {
        let outcome = match &refused {
            Refused::Unparsed(_) | Refused::Guard(_) | Refused::UnknownId => Outcome::Refused,
            Refused::NotFound | Refused::NotSupported => Outcome::NotRegistered,
            Refused::Untrusted => Outcome::NotTrusted,
            Refused::Malformed(_) => Outcome::Malformed,
        };
        Self { outcome, error: Box::new(refused.into()) }
    }

    pub(super) fn answer(self, media: Media, id: &RequestId) -> Response {
        let mut response = render(self.outcome, media, id, None, vec![*self.error]);
        if let Some((name, value)) = companion(self.outcome) {
            response.headers_mut().insert(name, axum::http::HeaderValue::from_static(value));
        }
        response
    }
}

/// The header that a status obliges us to send with it.
fn companion(outcome: Outcome) -> Option<(HeaderName, &'static str)> {
    match outcome {
        Outcome::Unauthenticated => Some((WWW_AUTHENTICATE, "Bearer")),
        Outcome::NotAQuery => Some((ALLOW, "POST")),
        Outcome::WrongMethod => Some((ALLOW, "GET, HEAD, POST")),
        Outcome::Unavailable => Some((RETRY_AFTER, "5")),
        _ => None,
    }
}

/// What the schema answered. Errors without any path came before execution: the document was refused.
pub(super) fn of_schema(response: GraphQlResponse, media: Media, id: &RequestId) -> Response {
    let GraphQlResponse { data, mut errors, .. } = response;
    let refused = data == Value::Null && !errors.is_empty() && errors.iter().all(|error| error.path.is_empty());
    if refused {
        errors.truncate(MOST_MISTAKES);
        return render(Outcome::Refused, media, id, None, errors);
    }
    render(Outcome::Executed, media, id, Some(data), errors)
}

/// Any path that is no route.
pub(super) async fn no_such_page(Extension(id): Extension<RequestId>) -> Response {
    Refusal::new(Outcome::NoSuchPage, "there is nothing at this path").answer(Media::Json, &id)
}

#[derive(Serialize)]
struct Body {
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<ServerError>,
}

fn render(
    outcome: Outcome,
    media: Media,
    id: &RequestId,
    data: Option<Value>,
    mut errors: Vec<ServerError>,
) -> Response {
    for error in &mut errors {
        let extensions = error.extensions.get_or_insert_with(ErrorExtensionValues::default);
        if extensions.get("code").is_none() {
            extensions.set("code", outcome.code());
        }
        extensions.set("requestId", id.as_str());
    }
    let body = serde_json::to_vec(&Body { data, errors }).expect("GraphQL values are JSON values");
    let headers = [(CONTENT_TYPE, media.content_type()), (CACHE_CONTROL, "no-store")];
    (outcome.status(media), headers, body).into_response()
}
