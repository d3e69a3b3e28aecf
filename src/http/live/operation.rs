//! One operation, and what it tells its client.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use async_graphql::Request;
use async_graphql::parser::types::{OperationDefinition, OperationType, Selection};
use futures_util::stream::{self, BoxStream, StreamExt as _};
use tracing::Instrument as _;

use crate::graphql::Answer;
use crate::graphql::documents::{Asked, Refused, chosen};
use crate::http::answer::{Refusal, spoken};
use crate::http::edge::RequestId;
use crate::http::graphql::{Method, admit, execute};
use crate::http::status::Outcome;
use crate::http::{CallerSession, HttpState};

/// What a client is told, in JSON.
#[derive(Debug, PartialEq, Eq)]
pub enum Told {
    /// A result.
    Next(String),
    /// The errors of an operation that was refused; nothing follows.
    Refused(String),
    /// Nothing follows.
    Complete,
}

impl Told {
    /// All that an operation tells which was refused before it ran.
    pub fn refusal(refusal: Refusal, id: &RequestId) -> BoxStream<'static, Self> {
        stream::iter([Self::Refused(refusal.errors(id))]).boxed()
    }
}

/// An operation that has passed the guard.
pub struct Operation {
    request: Request,
    is_subscription: bool,
}

impl Operation {
    /// Judges everything that can be said without the schema.
    pub fn new(state: &HttpState, session: &dyn CallerSession, asked: Asked, method: Method) -> Result<Self, Refusal> {
        let mut request = admit(state, session, asked, Method::Post)?;
        let name = request.operation_name.clone();
        let document = request.parsed_query().map_err(|error| Refusal::of_document(Refused::Unparsed(error)))?;
        let meant = chosen(document, name.as_deref());
        if method == Method::Get && meant.is_some_and(|meant| meant.ty == OperationType::Mutation) {
            return Err(Refusal::new(Outcome::NotAQuery, "a GET never changes anything: send this operation by POST"));
        }
        let is_subscription = meant.is_some_and(|meant| meant.ty == OperationType::Subscription);
        if let Some(meant) = meant.filter(|_| is_subscription) {
            has_one_root_field(meant)?;
        }
        Ok(Self { request, is_subscription })
    }

    /// Runs it for a caller, as far as it is polled.
    pub fn run(self, state: HttpState, session: Arc<dyn CallerSession>, id: RequestId) -> BoxStream<'static, Told> {
        let span = tracing::info_span!("operation", request_id = id.as_str());
        let results: BoxStream<'static, Result<Answer, Refusal>> = if self.is_subscription {
            session.subscribe(self.request).map(|response| Ok(Answer::Response(Box::new(response)))).boxed()
        } else {
            let (request, id) = (self.request, id.clone());
            stream::once(async move { execute(&state, session, request, &id).await }).boxed()
        };
        let results = AssertUnwindSafe(results).catch_unwind();
        stream::unfold(Some(results), move |results| {
            let id = id.clone();
            async move {
                let mut results = results?;
                let told = match results.next().await {
                    None => Told::Complete,
                    Some(Ok(Ok(answer))) => spoken(answer, &id).map_or_else(Told::Refused, Told::Next),
                    Some(Ok(Err(refusal))) => Told::Refused(refusal.errors(&id)),
                    Some(Err(_)) => {
                        tracing::error!("operation panicked");
                        Told::Refused(Refusal::new(Outcome::Broken, "internal error").errors(&id))
                    }
                };
                let goes_on = matches!(told, Told::Next(_));
                Some((told, goes_on.then_some(results)))
            }
            .instrument(span.clone())
        })
        .boxed()
    }
}

/// The specification wants one; and the schema's executor does not look into fragments there.
fn has_one_root_field(operation: &OperationDefinition) -> Result<(), Refusal> {
    let items = &operation.selection_set.node.items;
    match items.as_slice() {
        [item] if matches!(item.node, Selection::Field(_)) => Ok(()),
        _ => Err(Refusal::new(
            Outcome::Refused,
            "a subscription selects one root field, written out and not in a fragment",
        )),
    }
}
