//! Reading a request's body: bounded in size and time.

use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, FromRequest};
use axum::http::{Request, StatusCode};
use tokio::time::timeout;

use super::HttpState;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum BodyFault {
    #[error("at most {0} bytes of body are read")]
    TooLarge(usize),
    #[error("the body broke off")]
    BrokeOff,
    #[error("the body did not arrive in time")]
    TooSlow,
}

pub(super) async fn read(state: &HttpState, mut request: Request<Body>, limit: usize) -> Result<Bytes, BodyFault> {
    DefaultBodyLimit::max(limit).apply(&mut request);
    match timeout(state.deadlines.body, Bytes::from_request(request, state)).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(rejection)) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => Err(BodyFault::TooLarge(limit)),
        Ok(Err(_)) => Err(BodyFault::BrokeOff),
        Err(_) => Err(BodyFault::TooSlow),
    }
}
