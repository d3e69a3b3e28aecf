//! Who is calling, and what their requests are answered with.

use std::sync::Arc;
use std::time::Duration;

use async_graphql::parser::types::OperationType;
use async_graphql::{Request, Response};
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::timeout;

use super::scrape::Scrape;
use crate::auth::{self, AuthError, Authenticator};
use crate::export::Exported;
use crate::graphql::exports::{Asked, Exports};
use crate::graphql::{self, Action, Answer, Answers, ApiError, Meant, Schema, State};
use crate::http::{AuthFailure, CallerSession, GraphQlService, Pending, Provisioner, RequestId};
use crate::store::views::{Caller, Role};
use crate::telemetry::metrics::{GraphQlMetrics, OperationKind, UnderWay};
use crate::telemetry::traces;

/// A caller whom the database does not know by then is told to come back.
const KNOWN_WITHIN: Duration = Duration::from_millis(2_800);

/// Who is calling, and their requests.
pub(super) struct Service {
    pub(super) authenticator: Authenticator,
    pub(super) schema: Schema,
    pub(super) exports: Exports,
    pub(super) state: State,
    pub(super) answers: Arc<Answers>,
    pub(super) trusted_only: Vec<Role>,
    pub(super) metrics: GraphQlMetrics,
    pub(super) scrape: Arc<Scrape>,
}

impl GraphQlService for Service {
    fn authenticate<'a>(&'a self, token: Option<&'a str>) -> Pending<'a, Result<Arc<dyn CallerSession>, AuthFailure>> {
        Box::pin(async move {
            let token = token.ok_or(AuthFailure::Unauthenticated)?;
            let known = timeout(KNOWN_WITHIN, self.authenticator.authenticate(token)).await;
            let Ok(known) = known else { return Err(AuthFailure::Unavailable) };
            match known {
                Ok(Some(caller)) => {
                    let (schema, state, exports) = (self.schema.clone(), self.state.clone(), self.exports.clone());
                    let trusted_only = self.trusted_only.contains(&caller.role);
                    let authenticator = self.authenticator.clone();
                    let (token, holder) = (SecretString::from(token), auth::fingerprint(token));
                    let (metrics, scrape) = (self.metrics.clone(), Arc::clone(&self.scrape));
                    let answers = Arc::clone(&self.answers);
                    Ok(Arc::new(Session {
                        schema,
                        answers,
                        exports,
                        state,
                        caller,
                        trusted_only,
                        authenticator,
                        token,
                        holder,
                        metrics,
                        scrape,
                    }) as _)
                }
                Ok(None) => Err(AuthFailure::Unauthenticated),
                Err(error) => Err(not_identified(&error)),
            }
        })
    }

    fn is_no_guess(&self, token: &str) -> bool {
        self.authenticator.is_no_guess(token)
    }
}

fn not_identified(error: &AuthError) -> AuthFailure {
    tracing::error!(error = error as &dyn std::error::Error, "caller not identified");
    AuthFailure::Unavailable
}

pub(super) struct Session {
    pub(super) schema: Schema,
    pub(super) answers: Arc<Answers>,
    pub(super) exports: Exports,
    pub(super) state: State,
    pub(super) caller: Caller,
    pub(super) trusted_only: bool,
    pub(super) authenticator: Authenticator,
    pub(super) token: SecretString,
    pub(super) holder: String,
    pub(super) metrics: GraphQlMetrics,
    pub(super) scrape: Arc<Scrape>,
}

impl Session {
    /// Counts the operation that the request means, from now on.
    fn begin(&self, request: &mut Request) -> UnderWay {
        let Meant { name, kind } = Meant::by(request);
        let kind = match kind {
            OperationType::Query => OperationKind::Query,
            OperationType::Mutation => OperationKind::Mutation,
            OperationType::Subscription => OperationKind::Subscription,
        };
        self.metrics.begin(name.as_deref(), kind)
    }
}

impl CallerSession for Session {
    fn is_held_to_trusted_documents(&self) -> bool {
        self.trusted_only
    }

    fn may_import(&self) -> bool {
        Action::ManagePeople.is_allowed(self.caller.role)
    }

    fn execute<'a>(&'a self, mut request: Request, id: &'a RequestId) -> Pending<'a, Answer> {
        Box::pin(async move {
            use tracing::Instrument;
            let caller = Caller { request_id: Some(id.as_str().to_owned()), ..self.caller.clone() };
            let span = tracing::info_span!("graphql", request.id = id.as_str());
            let mut under_way = self.begin(&mut request);
            let trace = traces::operation(under_way.kind().word(), under_way.name());
            let executing = graphql::answer(&self.schema, &self.state, &self.answers, caller, request);
            let answer = trace.around(executing).instrument(span).await;
            under_way.ends(answer.is_ok());
            if !answer.is_ok() {
                trace.fail("errors");
            }
            answer
        })
    }

    fn subscribe(&self, mut request: Request) -> BoxStream<'static, Response> {
        let mut under_way = self.begin(&mut request);
        under_way.ends(true);
        let answers = graphql::subscribe(&self.schema, self.caller.clone(), request);
        answers
            .inspect(move |response| {
                if response.is_err() {
                    under_way.ends(false);
                }
            })
            .boxed()
    }

    fn export<'a>(&'a self, asked: Asked, id: &'a RequestId) -> Pending<'a, Result<Exported, ApiError>> {
        use tracing::Instrument;
        let span = tracing::info_span!("export", request.id = id.as_str());
        Box::pin(self.exports.make(&self.caller, asked).instrument(span))
    }

    fn is_current(&self) -> Pending<'_, Result<bool, AuthFailure>> {
        Box::pin(async move {
            let confirmed = self.authenticator.confirm(self.token.expose_secret(), &self.caller).await;
            confirmed.map_err(|error| not_identified(&error))
        })
    }

    fn holder(&self) -> &str {
        &self.holder
    }

    fn metrics(&self) -> Option<Pending<'_, String>> {
        let own = || (self.caller.workspace, self.caller.workspace_name.clone());
        Action::Read.is_allowed(self.caller.role).then(|| Box::pin(self.scrape.of(Some(own()))) as _)
    }

    fn provisioner(&self) -> Option<&dyn Provisioner> {
        (self.caller.role == Role::Scim).then_some(self as _)
    }

    fn note_refused_provisioning<'a>(&'a self, id: &'a RequestId) -> Pending<'a, ()> {
        Box::pin(self.note_refusal(id))
    }
}
