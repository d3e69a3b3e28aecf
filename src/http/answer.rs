//! Answers in GraphQL's shape: `errors` with a code and the request id each, and `data` only after an execution.

use async_graphql::{ErrorExtensionValues, Response as GraphQlResponse, ServerError, Value};
use axum::Extension;
use axum::body::Body as AxumBody;
use axum::http::HeaderValue;
use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::edge::RequestId;
use super::gate::{Busy, Denied};
use super::media::Media;
use super::ports::AuthFailure;
use super::status::Outcome;
use crate::graphql::Answer;
use crate::graphql::documents::Refused;

/// A refused document can have thousands of mistakes; nobody reads more than these.
const MOST_MISTAKES: usize = 20;

/// A request that was not executed.
#[derive(Debug)]
pub(super) struct Refusal {
    outcome: Outcome,
    /// Boxed to keep results small.
    error: Box<ServerError>,
    /// Seconds, where the outcome's own are not meant.
    retry_after: Option<u32>,
}

impl Refusal {
    pub(super) fn new(outcome: Outcome, message: impl Into<String>) -> Self {
        Self { outcome, error: Box::new(ServerError::new(message, None)), retry_after: None }
    }

    /// With something more in `extensions`.
    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.error.extensions.get_or_insert_default().set(name, value);
        self
    }

    /// A document that is not known, cannot be parsed, or asks for too much.
    pub(super) fn of_document(refused: Refused) -> Self {
        let outcome = match &refused {
            Refused::Unparsed(_) | Refused::Guard(_) | Refused::Variable(_) | Refused::UnknownId => Outcome::Refused,
            Refused::NotFound | Refused::NotSupported => Outcome::NotRegistered,
            Refused::Untrusted => Outcome::NotTrusted,
            Refused::Malformed(_) => Outcome::Malformed,
        };
        Self { outcome, error: Box::new(refused.into()), retry_after: None }
    }

    pub(super) const fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// The errors alone, as JSON.
    pub(super) fn errors(self, id: &RequestId) -> String {
        to_json(&stamped(self.outcome, id, vec![*self.error]))
    }

    pub(super) fn answer(self, media: Media, id: &RequestId) -> Response {
        let mut response = render(self.outcome, media, id, None, vec![*self.error]);
        if let Some((name, value)) = companion(self.outcome) {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}

impl From<Denied> for Refusal {
    fn from(denied: Denied) -> Self {
        let (outcome, retry_after) = match denied {
            Denied::Failure(AuthFailure::Unauthenticated) => (Outcome::Unauthenticated, None),
            Denied::Failure(AuthFailure::Unavailable) => (Outcome::Unavailable, None),
            Denied::LockedOut(seconds) => (Outcome::TooMany, Some(seconds)),
        };
        Self { retry_after, ..Self::new(outcome, denied.to_string()) }
    }
}

impl From<Busy> for Refusal {
    fn from(busy: Busy) -> Self {
        let outcome = match busy {
            Busy::Token => Outcome::TooMany,
            Busy::Server => Outcome::Unavailable,
        };
        Self { retry_after: Some(1), ..Self::new(outcome, busy.to_string()) }
    }
}

/// The header that a status obliges us to send with it.
fn companion(outcome: Outcome) -> Option<(HeaderName, &'static str)> {
    match outcome {
        Outcome::Unauthenticated => Some((WWW_AUTHENTICATE, "Bearer")),
        Outcome::NotAQuery => Some((ALLOW, "POST")),
        Outcome::WrongMethod => Some((ALLOW, "GET, HEAD, POST")),
        Outcome::Unavailable | Outcome::TooMany => Some((RETRY_AFTER, "5")),
        _ => None,
    }
}

/// What the schema answered.
pub(super) fn of_schema(answer: Answer, media: Media, id: &RequestId) -> Response {
    let response = match answer {
        Answer::Text(text) => return written(Outcome::Executed, media, text),
        Answer::Response(response) => *response,
    };
    match told_apart(response) {
        Ok((data, errors)) => render(Outcome::Executed, media, id, Some(data), errors),
        Err(errors) => render(Outcome::Refused, media, id, None, errors),
    }
}

/// What the schema answered, as JSON without HTTP around it; or the errors of a refused document.
pub(super) fn spoken(answer: Answer, id: &RequestId) -> Result<String, String> {
    let response = match answer {
        Answer::Text(text) => return Ok(String::from_utf8_lossy(&text).into_owned()),
        Answer::Response(response) => *response,
    };
    match told_apart(response) {
        Ok((data, errors)) => Ok(to_json(&Body { data: Some(data), errors: stamped(Outcome::Executed, id, errors) })),
        Err(errors) => Err(to_json(&stamped(Outcome::Refused, id, errors))),
    }
}

/// Errors without any path came before execution: the document was refused.
fn told_apart(response: GraphQlResponse) -> Result<(Value, Vec<ServerError>), Vec<ServerError>> {
    let GraphQlResponse { data, mut errors, .. } = response;
    let refused = data == Value::Null && !errors.is_empty() && errors.iter().all(|error| error.path.is_empty());
    if refused {
        errors.truncate(MOST_MISTAKES);
        return Err(errors);
    }
    Ok((data, errors))
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

fn render(outcome: Outcome, media: Media, id: &RequestId, data: Option<Value>, errors: Vec<ServerError>) -> Response {
    written(outcome, media, to_json(&Body { data, errors: stamped(outcome, id, errors) }))
}

fn written(outcome: Outcome, media: Media, body: impl Into<AxumBody>) -> Response {
    let headers = [(CONTENT_TYPE, media.content_type()), (CACHE_CONTROL, "no-store")];
    (outcome.status(media), headers, body.into()).into_response()
}

/// The errors with a code and the request's id each.
fn stamped(outcome: Outcome, id: &RequestId, mut errors: Vec<ServerError>) -> Vec<ServerError> {
    for error in &mut errors {
        let extensions = error.extensions.get_or_insert_with(ErrorExtensionValues::default);
        if extensions.get("code").is_none() {
            extensions.set("code", outcome.code());
        }
        extensions.set("requestId", id.as_str());
    }
    errors
}

fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("GraphQL values are JSON values")
}
