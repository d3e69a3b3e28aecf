//! Answers in the protocol's shape.

use axum::http::header::{ALLOW, CONTENT_TYPE, ETAG, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use crate::http::body::BodyFault;
use crate::http::gate::{Busy, Denied};
use crate::http::ports::AuthFailure;
use crate::scim::{Projection, ScimError, User};

const MEDIA: &str = "application/scim+json";
/// Seconds until a client may try again, where nothing better is known.
const SOON: u32 = 5;

/// A refusal with the header that its status asks for.
#[derive(Debug)]
pub(in crate::http) struct Failure {
    error: ScimError,
    header: Option<(HeaderName, HeaderValue)>,
}

impl Failure {
    pub(super) fn wrong_method(allowed: &'static str) -> Self {
        let header = Some((ALLOW, HeaderValue::from_static(allowed)));
        Self { error: ScimError::new(405, format!("This takes {allowed}.")), header }
    }

    fn later(status: u16, detail: String, seconds: u32) -> Self {
        Self { error: ScimError::new(status, detail), header: Some((RETRY_AFTER, seconds.into())) }
    }

    pub(super) fn answer(self) -> Response {
        let status = StatusCode::from_u16(self.error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, document(&self.error.body())).into_response();
        response.headers_mut().extend(self.header);
        response
    }
}

impl From<ScimError> for Failure {
    fn from(error: ScimError) -> Self {
        let header = (error.status == 503).then(|| (RETRY_AFTER, SOON.into()));
        Self { error, header }
    }
}

impl From<Denied> for Failure {
    fn from(denied: Denied) -> Self {
        let detail = sentence(&denied.to_string());
        match denied {
            Denied::Failure(AuthFailure::Unauthenticated) => Self {
                error: ScimError::new(401, detail),
                header: Some((WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
            },
            Denied::Failure(AuthFailure::Unavailable) => Self::later(503, detail, SOON),
            Denied::LockedOut(seconds) => Self::later(429, detail, seconds),
        }
    }
}

impl From<Busy> for Failure {
    fn from(busy: Busy) -> Self {
        let status = match busy {
            Busy::Token => 429,
            Busy::Server => 503,
        };
        Self::later(status, sentence(&busy.to_string()), 1)
    }
}

impl From<BodyFault> for Failure {
    fn from(fault: BodyFault) -> Self {
        let status = match fault {
            BodyFault::TooLarge(_) => 413,
            BodyFault::BrokeOff => 400,
            BodyFault::TooSlow => 408,
        };
        ScimError::new(status, sentence(&fault.to_string())).into()
    }
}

/// After a panic.
pub(in crate::http) fn broken() -> Response {
    Failure::from(ScimError::new(500, "Internal error.")).answer()
}

pub(super) fn document(body: &Value) -> Response {
    ([(CONTENT_TYPE, MEDIA)], body.to_string()).into_response()
}

pub(super) fn of_user(user: &User, projection: &Projection) -> Response {
    ([(ETAG, user.version())], document(&projection.of(user.written()))).into_response()
}

pub(super) fn nothing(status: StatusCode) -> Response {
    status.into_response()
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    format!("{first}{}.", letters.as_str())
}
