//! What the edge asks of the rest: who is calling, run this for them, are you ready. It must not know who answers.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use async_graphql::{Request, Response};
use futures_util::stream::BoxStream;

use super::RequestId;
use crate::export::Exported;
use crate::graphql::exports::Asked;
use crate::graphql::{Answer, ApiError};
use crate::scim;

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

    /// Whether this caller may import people, which takes longer bodies than all else.
    fn may_import(&self) -> bool {
        false
    }

    /// Runs a request that has passed the guard. The id stands in the answer, so failures are to be logged with it.
    fn execute<'a>(&'a self, request: Request, id: &'a RequestId) -> Pending<'a, Answer>;

    /// Follows a subscription that has passed the guard, until it is dropped.
    fn subscribe(&self, request: Request) -> BoxStream<'static, Response>;

    /// Makes a file of a list. Dropping this gives it up.
    fn export<'a>(&'a self, asked: Asked, id: &'a RequestId) -> Pending<'a, Result<Exported, ApiError>>;

    /// Whether the rights that the session was made with still stand.
    fn is_current(&self) -> Pending<'_, Result<bool, AuthFailure>>;

    /// The same for all sessions of one token. No secret.
    fn holder(&self) -> &str;

    /// The metrics that the caller may see, as text. None: the caller may not read.
    fn metrics(&self) -> Option<Pending<'_, String>> {
        None
    }

    /// The caller as an identity provider. None: the caller may not act as one.
    fn provisioner(&self) -> Option<&dyn Provisioner> {
        None
    }

    /// The caller, who may not, has tried to change people as an identity provider does.
    fn note_refused_provisioning<'a>(&'a self, _id: &'a RequestId) -> Pending<'a, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// One known identity provider.
pub trait Provisioner: Send + Sync {
    /// Does what it asks for. Failures are to be logged with the id, which stands in the answer.
    fn provision<'a>(
        &'a self,
        asked: scim::Asked,
        id: &'a RequestId,
    ) -> Pending<'a, Result<scim::Answer, scim::ScimError>>;
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

/// The metrics of the process.
pub trait Exposition: Send + Sync {
    /// All of them as text, with those of every workspace.
    fn text(&self) -> Pending<'_, String>;
}

/// Whether requests can be served.
pub trait Readiness: Send + Sync {
    fn check(&self) -> Pending<'_, Result<(), Unready>>;
}

/// The check that fails, by a name for operators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unready(pub &'static str);
