//! `/metrics`, for Prometheus: on the main address for callers who may read, and on an address of its own for anybody
//! who can reach it.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};

use super::HttpState;
use super::answer::Refusal;
use super::edge::RequestId;
use super::gate::Source;
use super::graphql::caller;
use super::media::Media;
use super::ports::Exposition;
use super::status::Outcome;
use crate::telemetry::metrics;

/// What a caller may see. It is not held up by operations, so that overload can be seen.
pub(super) async fn of_caller(
    State(state): State<HttpState>,
    Extension(id): Extension<RequestId>,
    Extension(source): Extension<Source>,
    headers: HeaderMap,
) -> Response {
    let run = async {
        let session = caller(&state, source, &headers).await?;
        let text = session.metrics();
        Ok::<_, Refusal>(
            text.ok_or_else(|| Refusal::new(Outcome::NotTrusted, "this needs a token that may read"))?.await,
        )
    };
    run.await.map_or_else(|refusal| refusal.answer(Media::Json, &id), written)
}

/// Everything.
pub(super) async fn of_all(Extension(all): Extension<Arc<dyn Exposition>>) -> Response {
    written(all.text().await)
}

fn written(text: String) -> Response {
    ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response()
}
