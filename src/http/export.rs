//! Files at `/exports`: a list as CSV or as an Excel workbook.
//!
//! A file is whole before the first byte of it is sent, so a failure is an error and never half a file; and what a slow
//! client holds is a file, not a snapshot of the database.

use std::time::Duration;

use async_graphql::{Name, Value, Variables};
use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::header::{ALLOW, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use futures_util::StreamExt as _;
use tokio::time::{Instant, timeout};
use tokio_util::io::ReaderStream;
use url::form_urlencoded;

use super::HttpState;
use super::answer::Refusal;
use super::edge::RequestId;
use super::gate::{Source, Turn};
use super::graphql::caller;
use super::media::Media;
use super::status::Outcome;
use crate::export::{Exported, Format};
use crate::graphql::ApiError;
use crate::graphql::exports::{Asked, KINDS, Kind, Parameter};

/// A client must have taken the whole file by then. Its connection ends, and the length tells it that bytes are missing.
const TAKEN_WITHIN: Duration = Duration::from_mins(10);
/// Bytes that are read from a file at a time.
const PIECE: usize = 64 * 1024;

pub(super) async fn get(
    State(state): State<HttpState>,
    Extension(id): Extension<RequestId>,
    Extension(source): Extension<Source>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let run = async {
        let session = caller(&state, source, &headers).await?;
        let asked = read(&name, query.as_deref().unwrap_or_default())?;
        let place = state.gate.export(session.holder()).await?;
        let turn = state.gate.turn(session.holder()).await?;
        let made = timeout(state.deadlines.export, session.export(asked, &id)).await;
        drop(turn);
        let exported =
            made.map_err(|_| too_long(state.deadlines.export))?.map_err(|error| Refusal::of_export(&error))?;
        Ok::<_, Refusal>(attachment(exported, place))
    };
    run.await.unwrap_or_else(|refusal| refusal.answer(Media::Json, &id))
}

pub(super) async fn wrong_method(Extension(id): Extension<RequestId>) -> Response {
    let refusal = Refusal::new(Outcome::WrongMethod, "exports are read by GET");
    let mut answer = refusal.answer(Media::Json, &id);
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    answer
}

impl Refusal {
    fn of_export(error: &ApiError) -> Self {
        let outcome = match error {
            ApiError::Unauthenticated => Outcome::Unauthenticated,
            ApiError::Forbidden(_) => Outcome::NotTrusted,
            ApiError::NotFound(_) => Outcome::NoSuchPage,
            ApiError::BadInput(_) | ApiError::BeforeHistory(_) => Outcome::Malformed,
            ApiError::Conflict(_) => Outcome::Conflict,
            ApiError::RateLimited => Outcome::TooMany,
            ApiError::Unavailable(_) | ApiError::Unwritten => Outcome::Unavailable,
            ApiError::Internal => Outcome::Broken,
        };
        let refusal = Self::new(outcome, error.to_string());
        match error.horizon() {
            Some(horizon) => refusal.with("horizon", horizon),
            None => refusal,
        }
    }
}

fn too_long(limit: Duration) -> Refusal {
    let seconds = limit.as_secs_f32();
    let message = format!("the export was stopped: it took longer than {seconds} seconds; narrow the filter");
    Refusal::new(Outcome::Unavailable, message)
}

/// What `accounts.csv`, or `access-reviews/ID.csv`, and what follows the question mark ask for.
fn read(name: &str, query: &str) -> Result<Asked, Refusal> {
    let (kind, format, id) = named(name).ok_or_else(|| {
        let names: Vec<_> = KINDS.iter().map(|kind| format!("{}.csv", address(kind))).collect();
        let message = format!("there is no such export; there are {}, and the same as .xlsx", names.join(", "));
        Refusal::new(Outcome::NoSuchPage, message)
    })?;
    let mut variables = Variables::default();
    for (parameter, text) in form_urlencoded::parse(query.as_bytes()) {
        let parameter = find(kind, &parameter)?;
        let value = if parameter.is_json { json(parameter, &text)? } else { Value::from(text.into_owned()) };
        if variables.insert(Name::new(parameter.name), value).is_some() {
            return Err(malformed(format!("the parameter `{}` is given twice", parameter.name)));
        }
    }
    if let Some(id) = id {
        variables.insert(Name::new("id"), Value::from(id));
    }
    Ok(Asked { kind, format, variables })
}

fn named(name: &str) -> Option<(Kind, Format, Option<&str>)> {
    let (name, extension) = name.split_once('.')?;
    let (list, id) = name.split_once('/').map_or((name, None), |(list, id)| (list, Some(id)));
    let kind = KINDS.iter().find(|kind| kind.name == list && kind.is_of_one == id.is_some())?;
    let format = Format::ALL.into_iter().find(|format| format.extension() == extension)?;
    Some((*kind, format, id))
}

/// How the address of a kind is told.
fn address(kind: &Kind) -> String {
    format!("{}{}", kind.name, if kind.is_of_one { "/ID" } else { "" })
}

fn find(kind: Kind, name: &str) -> Result<Parameter, Refusal> {
    kind.parameters.iter().find(|parameter| parameter.name == name).copied().ok_or_else(|| {
        let known: Vec<_> = kind.parameters.iter().map(|parameter| parameter.name).collect();
        malformed(format!("`{name}` is no parameter of this export; there are {}", known.join(", ")))
    })
}

fn json(parameter: Parameter, text: &str) -> Result<Value, Refusal> {
    let value = serde_json::from_str(text).ok().and_then(|value| Value::from_json(value).ok());
    value.ok_or_else(|| malformed(format!("the parameter `{}` is not valid JSON", parameter.name)))
}

fn malformed(message: String) -> Refusal {
    Refusal::new(Outcome::Malformed, message)
}

/// The file as an answer. Its place among those that are taken is free once the body is gone.
fn attachment(exported: Exported, place: Turn) -> Response {
    let Exported { file, bytes, name, format, .. } = exported;
    let until = Instant::now() + TAKEN_WITHIN;
    let pieces = ReaderStream::with_capacity(tokio::fs::File::from_std(file), PIECE).map(move |piece| {
        let _taken = &place;
        if Instant::now() > until { Err(std::io::ErrorKind::TimedOut.into()) } else { piece }
    });
    let mut answer = Body::from_stream(pieces).into_response();
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(format.content_type()));
    headers.insert(CONTENT_LENGTH, bytes.into());
    // Made from a list's name and an instant: nothing in it needs quoting.
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        headers.insert(CONTENT_DISPOSITION, value);
    }
    answer
}
