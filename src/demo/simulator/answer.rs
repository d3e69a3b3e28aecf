//! What goes back: bodies, refusals in Atlas's shape, and the headers of either.
//!
//! Knows HTTP, nothing of the estate.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

/// A refusal in Atlas's error shape.
#[derive(Debug, Clone)]
pub struct Refused {
    status: StatusCode,
    code: String,
    detail: String,
    parameters: Value,
    headers: Vec<(HeaderName, String)>,
}

impl Refused {
    pub fn new(status: StatusCode, code: &str, detail: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), detail: detail.into(), parameters: json!([]), headers: Vec::new() }
    }

    pub fn parameters(mut self, parameters: Value) -> Self {
        self.parameters = parameters;
        self
    }

    pub fn header(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// A valid key whose roles are too small. Atlas says 401, not 403.
    pub fn unauthorized() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "USER_UNAUTHORIZED",
            "Current user is not authorized to perform this action.",
        )
    }

    pub fn not_found(code: &str, detail: impl Into<String>, parameters: Value) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, detail).parameters(parameters)
    }

    pub fn invalid(field: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "VALIDATION_ERROR", detail).parameters(json!([field]))
    }

    pub fn into_answer(self) -> Answer {
        let mut answer = Answer {
            status: self.status,
            content_type: "application/json".to_owned(),
            headers: vec![(HeaderName::from_static("x-error-code"), self.code.clone())],
            body: json!({
                "detail": self.detail,
                "error": self.status.as_u16(),
                "errorCode": self.code,
                "parameters": self.parameters,
                "reason": reason(self.status),
            }),
        };
        answer.headers.extend(self.headers);
        answer
    }
}

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: StatusCode,
    content_type: String,
    headers: Vec<(HeaderName, String)>,
    body: Value,
}

impl Answer {
    /// A body in the version that was served.
    pub fn served(version: &str, body: Value) -> Self {
        Self {
            status: StatusCode::OK,
            content_type: format!("application/vnd.atlas.{version}+json;charset=utf-8"),
            headers: Vec::new(),
            body,
        }
    }

    /// The 401 of a missing or wrong digest: the same body for both, and no application error header.
    pub fn challenge(header_value: String) -> Self {
        let status = StatusCode::UNAUTHORIZED;
        Self {
            status,
            content_type: "application/json".to_owned(),
            headers: vec![(header::WWW_AUTHENTICATE, header_value)],
            body: json!({
                "error": status.as_u16(),
                "reason": reason(status),
                "detail": "You are not authorized for this resource.",
                "errorCode": "UNEXPECTED_ERROR",
            }),
        }
    }

    pub fn with_header(mut self, name: HeaderName, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    pub fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::from(self.body.to_string()));
        *response.status_mut() = self.status;
        let headers = self.headers.into_iter().chain([(header::CONTENT_TYPE, self.content_type)]);
        for (name, value) in headers {
            // A value that no header can carry came in through a test's own estate; it is left out.
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}

fn reason(status: StatusCode) -> &'static str {
    status.canonical_reason().unwrap_or("Unknown")
}
