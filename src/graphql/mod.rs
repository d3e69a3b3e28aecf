//! The GraphQL schema: resolvers over the store, the controls and the sync engine.
//!
//! One type to a file. Knows nothing of HTTP, tables or Atlas.

mod access;
mod account;
mod answers;
mod api_token;
mod asset;
mod audit_event;
mod batches;
mod cluster;
mod cluster_parts;
mod connection;
mod control;
mod control_result;
pub mod documents;
mod error;
pub mod exports;
mod filters;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzz;
mod grant;
pub mod guard;
mod ids;
mod integration;
mod introspection;
mod loaders;
mod meant;
mod mutation;
mod node;
mod order;
mod payloads;
mod person;
mod posture;
mod presence;
mod project;
mod provider;
mod query;
mod review;
mod scalars;
mod secret;
mod session;
mod subscription;
mod suggestion;
mod sync_run;
mod viewer;

pub use access::Action;
pub use answers::{Answer, Answers, Open};
pub use error::{ApiError, CODES};
pub use meant::Meant;

use std::sync::Arc;
use std::time::Duration;

use async_graphql::{Request, Response, SDLExportOptions, SchemaBuilder};
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use tokio::time::{Instant, timeout_at};

use self::answers::{Missing, Turn};
use self::batches::Batches;
use self::documents::Documents;
use self::introspection::Introspected;
use self::mutation::Mutation;
use self::node::AssetsAreNodes;
use self::order::Shape;
use self::query::Query;
use self::session::Session;
use self::subscription::{Feeds, Subscription};
use crate::clock::Clock;
use crate::store::Store;
use crate::store::views::Caller;
use crate::sync::Engine;

/// The served schema.
pub type Schema = async_graphql::Schema<Introspected<Query>, Mutation, Subscription>;

/// What resolvers work with.
#[derive(Clone)]
pub struct State {
    pub store: Store,
    pub engine: Engine,
    pub clock: Clock,
}

/// Deeper than any document that passes the guard in front.
const RECURSION: usize = 64;
/// Whoever waits longer for what somebody else reads, reads it too.
const OTHERS_READ_WITHIN: Duration = Duration::from_secs(1);

fn builder() -> SchemaBuilder<Introspected<Query>, Mutation, Subscription> {
    async_graphql::Schema::build(Introspected(Query), Mutation::default(), Subscription)
        .register_output_type::<AssetsAreNodes>()
        .limit_recursive_depth(RECURSION)
        .disable_suggestions()
}

pub fn schema(state: State) -> Schema {
    builder().data(Feeds::new(state.store.clone())).data(state).finish()
}

/// The schema in its own language, without a database.
pub fn sdl() -> String {
    builder().finish().sdl_with_options(SDLExportOptions::new().include_specified_by().use_space_ident())
}

/// Answers a query or mutation for a caller: from memory, where the answer of before still holds.
pub async fn answer(schema: &Schema, state: &State, answers: &Answers, caller: Caller, mut request: Request) -> Answer {
    let Some(open) = answers.open(&caller, &mut request) else {
        return Answer::Response(Box::new(execute(schema, state, caller, request).await));
    };
    let missing = match answers.find(&open, &state.store).await {
        Ok(text) => return Answer::Text(text),
        Err(missing) => missing,
    };
    let patience = Instant::now() + OTHERS_READ_WITHIN;
    let turn = loop {
        match answers.turn(&open, missing) {
            Turn::Done(text) => return Answer::Text(text),
            Turn::Others(ends) if timeout_at(patience, ends.cancelled()).await.is_ok() => {}
            turn => break turn,
        }
    };
    let (response, session) = Box::pin(run(schema, state, caller, request)).await;
    let answer = answers.keep(open, &session, response).await;
    drop(turn);
    session.finish().await;
    answer
}

/// Answers a question again that a commit may have given another answer, unless somebody else does. Whether anything
/// can be answered at present.
pub async fn refresh(schema: &Schema, state: &State, answers: &Answers, documents: &Documents, open: Open) -> bool {
    let missing = match answers.find(&open, &state.store).await {
        Ok(_) => return true,
        Err(Missing::Unknown) => return false,
        Err(missing) => missing,
    };
    let turn @ Turn::Own(_) = answers.turn(&open, missing) else { return true };
    let Some(request) = open.asked.request(documents) else { return true };
    let (response, session) = Box::pin(run(schema, state, open.asked.caller.clone(), request)).await;
    let answer = answers.keep(open, &session, response).await;
    drop(turn);
    session.finish().await;
    answer.is_ok()
}

/// Executes a query or mutation for a caller, and keeps nothing.
pub async fn execute(schema: &Schema, state: &State, caller: Caller, request: Request) -> Response {
    let (response, session) = Box::pin(run(schema, state, caller, request)).await;
    session.finish().await;
    response
}

/// One session, and through it one transaction, which is still open.
async fn run(schema: &Schema, state: &State, caller: Caller, mut request: Request) -> (Response, Arc<Session>) {
    let shape = shape_of(&mut request);
    let request = introspection::answered_by_us(request);
    let (batches, queued) = Batches::queued();
    let session = Arc::new(Session::new(state.store.clone(), caller.workspace, batches));
    let mut response = queued.drive(schema.execute(request.data(caller).data(Arc::clone(&session)))).await;
    error::without_values(&mut response.errors);
    shape.sort(&mut response.data);
    (response, session)
}

/// Follows a subscription for a caller. Each answer reads for itself.
pub fn subscribe(schema: &Schema, caller: Caller, mut request: Request) -> BoxStream<'static, Response> {
    let shape = shape_of(&mut request);
    let answers = schema.execute_stream(request.data(caller));
    answers
        .map(move |mut response| {
            error::without_values(&mut response.errors);
            shape.sort(&mut response.data);
            response
        })
        .boxed()
}

/// The order of the answer's fields; of a document that does not parse, none.
fn shape_of(request: &mut Request) -> Shape {
    let operation = request.operation_name.clone();
    request.parsed_query().map(|document| Shape::of(document, operation.as_deref())).unwrap_or_default()
}
