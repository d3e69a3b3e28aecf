//! SCIM over HTTP at `/scim/v2`: who is calling, whether they may, what is meant, then how much, then what.
//!
//! Everything below that path is answered in the protocol's shape, what there is nothing for too.

mod answer;
mod target;

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::header::{IF_MATCH, IF_NONE_MATCH, LOCATION};
use axum::http::{HeaderMap, HeaderName, Method, Request, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use axum::{Extension, Router};
use serde_json::Value;
use tokio::time::timeout;

use self::answer::{Failure, document, nothing, of_user};
use self::target::Target;
use super::edge::RequestId;
use super::gate::Source;
use super::graphql::bearer;
use super::{BODY_LIMIT, HttpState, body, media};
use crate::scim::{
    Answer, Asked, BASE, Change, Document, ListRequest, Patch, Precondition, Projection, ScimError, User,
};

pub(super) use self::answer::broken;

/// What bodies may be called.
const MEDIA: [&str; 2] = ["application/scim+json", "application/json"];

pub(super) fn routes() -> Router<HttpState> {
    let paths = [BASE.to_owned(), format!("{BASE}/")];
    let roots = paths.iter().fold(Router::new(), |routes, path| routes.route(path, any(root)));
    roots.route(&format!("{BASE}/{{*path}}"), any(below))
}

/// Whether a path is answered here.
pub(super) fn concerns(path: &str) -> bool {
    path.strip_prefix(BASE).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

async fn root(
    state: State<HttpState>,
    id: Extension<RequestId>,
    source: Extension<Source>,
    request: Request<Body>,
) -> Response {
    below(state, id, source, Ok(Path(String::new())), request).await
}

async fn below(
    State(state): State<HttpState>,
    Extension(id): Extension<RequestId>,
    Extension(source): Extension<Source>,
    path: Result<Path<String>, PathRejection>,
    request: Request<Body>,
) -> Response {
    let path = path.map(|Path(path)| path).unwrap_or_default();
    run(&state, &id, source, &path, request).await.unwrap_or_else(Failure::answer)
}

async fn run(
    state: &HttpState,
    id: &RequestId,
    source: Source,
    path: &str,
    request: Request<Body>,
) -> Result<Response, Failure> {
    let session = state.gate.admit(state.graphql.as_ref(), source, bearer(request.headers())).await?;
    let method = request.method().clone();
    let Some(provisioner) = session.provisioner() else {
        if !matches!(method, Method::GET | Method::HEAD) {
            session.note_refused_provisioning(id).await;
        }
        return Err(ScimError::new(403, "This needs a token of the role SCIM.").into());
    };
    let target = Target::at(path)?;
    target.takes(&method)?;
    let query = request.uri().query().unwrap_or_default().to_owned();
    let headers = request.headers().clone();
    let mut projection = Projection::from_query(&query);
    let asked = match target {
        Target::Discovery(told) => return if asks_to_filter(&query) { Err(no_filter()) } else { Ok(document(&told)) },
        Target::Users if method == Method::POST => Asked::Create(Document::from_body(json(state, request).await?)?),
        Target::Users => Asked::List(ListRequest::from_query(&query)?),
        Target::Search => {
            let (request, shown) = ListRequest::from_search(json(state, request).await?)?;
            projection = shown;
            Asked::List(request)
        }
        Target::User(user) => match method {
            Method::PUT => {
                let change = Change::Replace(Document::from_body(json(state, request).await?)?);
                Asked::Change { id: user, change, precondition: precondition(&headers) }
            }
            Method::PATCH => {
                let change = Change::Patch(Patch::from_body(json(state, request).await?)?);
                Asked::Change { id: user, change, precondition: precondition(&headers) }
            }
            Method::DELETE => Asked::Remove { id: user, precondition: precondition(&headers) },
            _ => Asked::One(user),
        },
    };
    answered(state, session.holder(), provisioner.provision(asked, id), &projection, &headers).await
}

/// Waits for a turn, then for the answer.
async fn answered(
    state: &HttpState,
    holder: &str,
    doing: impl Future<Output = Result<Answer, ScimError>>,
    projection: &Projection,
    headers: &HeaderMap,
) -> Result<Response, Failure> {
    let _turn = state.gate.turn(holder).await?;
    let answer = timeout(state.deadlines.execution, doing).await.map_err(|_| {
        let seconds = state.deadlines.execution.as_secs_f32();
        ScimError::new(503, format!("The request was stopped: it took longer than {seconds} seconds."))
    })??;
    Ok(match answer {
        Answer::Created(user) => {
            let location = [(LOCATION, user.location())];
            (StatusCode::CREATED, location, of_user(&user, projection)).into_response()
        }
        Answer::User(user) if is_known(&user, headers) => nothing(StatusCode::NOT_MODIFIED),
        Answer::User(user) => of_user(&user, projection),
        Answer::Removed => nothing(StatusCode::NO_CONTENT),
        Answer::List(found) => document(&found.written(projection)),
    })
}

async fn json(state: &HttpState, request: Request<Body>) -> Result<Value, Failure> {
    if !media::is_body_of(&MEDIA, request.headers()) {
        return Err(ScimError::new(415, "Send the body as application/scim+json in UTF-8.").into());
    }
    let body = body::read(state, request, BODY_LIMIT).await?;
    serde_json::from_slice(&body).map_err(|_| ScimError::syntax("The body is not valid JSON.").into())
}

fn precondition(headers: &HeaderMap) -> Precondition {
    text(headers, IF_MATCH).map_or(Precondition::None, Precondition::if_match)
}

/// Whether the client has this version already.
fn is_known(user: &User, headers: &HeaderMap) -> bool {
    let known = text(headers, IF_NONE_MATCH).map(Precondition::if_match);
    known.is_some_and(|known| known != Precondition::None && known.check(user).is_ok())
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// RFC 7644, section 4: what the service says of itself is not searched.
fn asks_to_filter(query: &str) -> bool {
    url::form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == "filter")
}

fn no_filter() -> Failure {
    ScimError::new(403, "What the service says of itself cannot be filtered.").into()
}
