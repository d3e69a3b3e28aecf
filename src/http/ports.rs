//! What the edge asks of the rest: who is calling, run this for them, are you ready. It must not know who answers.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use async_graphql::{Request, Response};
use futures_util::stream::BoxStream;

use super::RequestId;

/// A future behind a trait object.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The GraphQL service behind the edge.
pub trait GraphQlService: Send + Sync {
    /// Finds out who is calling, before anything of the request's content is read. `token` is what followed `Bearer`.
    fn authenticate<'a>(&'a self, token: Option<&'a str>) -> Pending<'a, Result<Arc<dyn CallerSession>, AuthFailure>>;

    /// Whether the token shows by itself that it is no guess: it opened the door before, or its signature is good.
    /// It may have ended since. Asks nobody.
    fn is_no_guess(&self, token: &str) -> bool;
}

/// One known caller.
pub trait CallerSession: Send + Sync {
    /// Whether this caller may run trusted documents only.
    fn is_held_to_trusted_documents(&self) -> bool {
        false
    }

    /// Runs a request that has passed the guard. The id stands in the answer, so failures are to be logged with it.
    fn execute<'a>(&'a self, request: Request, id: &'a RequestId) -> Pending<'a, Response>;

    /// Follows a subscription that has passed the guard, until it is dropped.
    fn subscribe(&self, request: Request) -> BoxStream<'static, Response>;

    /// Whether the rights that the session was made with still stand.
    fn is_current(&self) -> Pending<'_, Result<bool, AuthFailure>>;

    /// The same for all sessions of one token. No secret.
    fn holder(&self) -> &str;
}

/// Why nobody knows who is calling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthFailure {
    /// No token, or one that does not count; the two answer alike.
    #[error("a valid bearer token is required")]
    Unauthenticated,
    /// The place where tokens are kept does not answer.
    #[error("the caller cannot be identified just now, try again")]
    Unavailable,
}

/// Whether requests can be served.
pub trait Readiness: Send + Sync {
    fn check(&self) -> Pending<'_, Result<(), Unready>>;
}

/// The check that fails, by a name for operators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unready(pub &'static str);
