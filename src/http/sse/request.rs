//! What every request to the stream's address says about itself.

use std::sync::Arc;

use async_graphql::{Request, Value};
use axum::body::Body;
use axum::http::header::ACCEPT;
use axum::http::{HeaderMap, Request as HttpRequest};
use url::form_urlencoded;

use super::no_such_stream;
use super::reservations::Stream;
use crate::graphql::documents;
use crate::http::answer::Refusal;
use crate::http::gate::Source;
use crate::http::graphql::{Method, caller, read_body};
use crate::http::live::Live;
use crate::http::{BODY_LIMIT, CallerSession, HttpState, params};

const STREAM_TOKEN: &str = "x-graphql-event-stream-token";

pub struct Asked {
    pub session: Arc<dyn CallerSession>,
    pub wants_events: bool,
    /// The reserved stream that is meant.
    pub stream_token: Option<String>,
    query: String,
}

impl Asked {
    /// Finds out who is calling before anything else.
    pub async fn new(live: &Live, source: Source, headers: &HeaderMap, query: Option<String>) -> Result<Self, Refusal> {
        let session = caller(&live.http, source, headers).await?;
        let query = query.unwrap_or_default();
        let in_header = headers.get(STREAM_TOKEN).and_then(|token| token.to_str().ok()).map(str::to_owned);
        let stream_token = in_header.or_else(|| parameter(&query, "token"));
        Ok(Self { session, wants_events: wants_events(headers), stream_token, query })
    }

    /// The reserved stream that is meant, if one is. Another token's stream is as if there were none.
    pub fn stream(&self, live: &Live) -> Result<Option<Stream>, Refusal> {
        let Some(token) = &self.stream_token else { return Ok(None) };
        live.reservations.find(token, self.session.holder()).ok_or_else(no_such_stream).map(Some)
    }

    pub fn parameter(&self, name: &str) -> Option<String> {
        parameter(&self.query, name)
    }

    pub async fn read_params(
        &self,
        state: &HttpState,
        request: HttpRequest<Body>,
        method: Method,
    ) -> Result<documents::Asked, Refusal> {
        match method {
            Method::Get => params::from_query(&self.query),
            Method::Post => params::from_json(&read_body(state, request, BODY_LIMIT).await?),
        }
    }
}

/// The id that a client gives an operation of a reserved stream.
pub fn operation_id(request: &Request) -> Option<String> {
    match request.extensions.get("operationId") {
        Some(Value::String(id)) if !id.is_empty() => Some(id.clone()),
        _ => None,
    }
}

fn parameter(query: &str, name: &str) -> Option<String> {
    let mut named = form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key == name);
    named.next().map(|(_, value)| value.into_owned()).filter(|value| !value.is_empty())
}

fn wants_events(headers: &HeaderMap) -> bool {
    let named = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    named
        .flat_map(|value| value.split(','))
        .filter_map(|range| range.split(';').next())
        .any(|kind| kind.trim().eq_ignore_ascii_case("text/event-stream"))
}
