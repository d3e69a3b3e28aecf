//! The running gateway: builds every part once and wires it. Knows all.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use async_graphql::{Request, Response};
use futures_util::stream::BoxStream;
use secrecy::{ExposeSecret, SecretString};
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::auth::oidc::Oidc;
use crate::auth::{self, AuthError, Authenticator};
use crate::clock::Clock;
use crate::config::Config;
use crate::controls::Policy;
use crate::graphql::documents::Documents;
use crate::graphql::{self, Schema, State};
use crate::http::{
    AuthFailure, CallerSession, Deadlines, Gate, GateSettings, GraphQlService, HttpState, Limits, Pending, Readiness,
    RequestId, Unready, router, serve,
};
use crate::lifecycle::Lifecycle;
use crate::store::views::{Caller, Role};
use crate::store::workspaces::StoredDataKey;
use crate::store::{Store, StoreError};
use crate::sync::judge::{Subjects, rejudge};
use crate::sync::{self, Engine, EngineOptions};
use crate::vault::{WrappedDataKey, verify_or_refuse};

/// Runs taken up at the same time.
const WORKERS: usize = 2;
/// Of a manifest of trusted documents, in bytes.
const LARGEST_MANIFEST: u64 = 32 * 1024 * 1024;
/// How long requests and runs under way may take after the word to stop.
const DRAIN_WITHIN: Duration = Duration::from_secs(10);
const CLOSE_WITHIN: Duration = Duration::from_secs(2);
/// What to do about a database that cannot be opened.
pub const CANNOT_OPEN: &str = "cannot open the database; start it, or correct SLATEGATE_DATABASE_URL";
/// A caller whom the database does not know by then is told to come back.
const KNOWN_WITHIN: Duration = Duration::from_millis(2_800);

/// Every part of a gateway, ready to serve.
pub struct Gateway {
    pub store: Store,
    pub engine: Engine,
    pub lifecycle: Lifecycle,
    clock: Clock,
    graphiql: bool,
    oidc: Option<Oidc>,
    gate: Gate,
    documents: Arc<Documents>,
    /// Roles that may run trusted documents only.
    trusted_only: Vec<Role>,
}

impl Gateway {
    /// Opens the database and the vault, and judges again what other settings or an older version judged.
    pub async fn open(config: &Config, clock: Clock, migrate: bool, lifecycle: Lifecycle) -> anyhow::Result<Self> {
        let documents = trusted_documents(config.trusted_documents.as_deref())?;
        if config.database_file.is_none() {
            // Not made by itself: each replica would make another. Looked for first, so that nothing is written without it.
            config.master_keys.read()?;
        }
        let store = Store::connect(config.store_options(clock.clone())).await.context(CANNOT_OPEN)?;
        if migrate {
            store.migrate().await.context("cannot bring the database's schema up to date")?;
        } else {
            store.check().await?;
        }
        store.ensure_default_workspace().await?;
        let data_keys = wrapped_data_keys(&store).await?;
        let vault = verify_or_refuse(&config.master_keys, config.database_file.is_some(), &data_keys)?;
        let policy = policy(config);
        judge_if_settings_changed(&store, &policy).await?;
        let options = EngineOptions {
            policy,
            schedule: config.schedule.clone(),
            clock: clock.clone(),
            atlas_base_url: config.atlas_base_url.clone(),
            atlas_lanes: config.atlas_lanes,
        };
        let limits = sync::Limits { lease: config.sync_lease, ..sync::Limits::default() };
        let engine = Engine::new(store.clone(), vault, options).with_limits(limits);
        let tasks = lifecycle.tasks.clone();
        let oidc = config.oidc.clone().map(|settings| Oidc::new(settings, clock.clone(), tasks)).transpose()?;
        let gateway = Self::new(store, engine, clock, config.graphiql, lifecycle).behind(config.gate());
        Ok(gateway.trusting(documents, config.trusted_only.clone()).vouched_for_by(oidc))
    }

    /// A gateway of parts that are open already.
    pub fn new(store: Store, engine: Engine, clock: Clock, graphiql: bool, lifecycle: Lifecycle) -> Self {
        let (documents, trusted_only) = (Arc::default(), Vec::new());
        let gate = Gate::new(GateSettings::default(), clock.clone());
        Self { store, engine, lifecycle, clock, graphiql, oidc: None, gate, documents, trusted_only }
    }

    /// With a gate of its own instead of the usual one.
    #[must_use]
    pub fn behind(self, settings: GateSettings) -> Self {
        let gate = Gate::new(settings, self.clock.clone());
        Self { gate, ..self }
    }

    /// Lets in who this issuer vouches for, too.
    #[must_use]
    pub fn vouched_for_by(self, oidc: Option<Oidc>) -> Self {
        Self { oidc, ..self }
    }

    /// Trusts these documents, and has these roles run nothing else.
    #[must_use]
    pub fn trusting(mut self, documents: Documents, trusted_only: Vec<Role>) -> Self {
        self.documents = Arc::new(documents);
        self.trusted_only = trusted_only;
        self
    }

    /// Serves on `listener` and syncs until the word to stop, then lets what is under way finish.
    pub async fn run(self, listener: TcpListener) -> anyhow::Result<()> {
        let Lifecycle { shutdown, tasks } = self.lifecycle.clone();
        self.lifecycle.spawn(self.store.clone().hear_changes(shutdown.clone()));
        let starting = async {
            let started = self.engine.start(&tasks, &shutdown, WORKERS).await;
            started.inspect_err(|_| shutdown.cancel())
        };
        let limits = Limits { drain: DRAIN_WITHIN, ..Limits::default() };
        let serving = serve(listener, router(self.http_state()), shutdown.clone(), limits);
        let finishing = async {
            shutdown.cancelled().await;
            self.lifecycle.drain(DRAIN_WITHIN).await
        };
        let ((), finished, started) = tokio::join!(serving, finishing, starting);
        if !finished {
            tracing::warn!("work under way was cut off");
        }
        // All is written by now; a database that is away must not keep the process.
        match timeout(CLOSE_WITHIN, self.store.close()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(error = &error as &dyn std::error::Error, "database not closed"),
            Err(_) => tracing::warn!("database not closed in time"),
        }
        tracing::info!("stopped");
        started.context("cannot start the sync schedule")
    }

    /// What requests are answered with.
    pub fn http_state(&self) -> HttpState {
        let state = State { store: self.store.clone(), engine: self.engine.clone(), clock: self.clock.clone() };
        let service = Service {
            authenticator: Authenticator::new(
                self.store.clone(),
                self.clock.clone(),
                self.lifecycle.tasks.clone(),
                self.oidc.clone(),
            ),
            schema: graphql::schema(state.clone()),
            state,
            trusted_only: self.trusted_only.clone(),
        };
        HttpState {
            graphql: Arc::new(service),
            ready: Arc::new(Database(self.store.clone())),
            documents: Arc::clone(&self.documents),
            gate: self.gate.clone(),
            graphiql: self.graphiql,
            draining: self.lifecycle.shutdown.clone(),
            tasks: self.lifecycle.tasks.clone(),
            deadlines: Deadlines::default(),
        }
    }
}

/// Every workspace's data key, as the vault knows it.
pub async fn wrapped_data_keys(store: &Store) -> Result<Vec<(i64, WrappedDataKey)>, StoreError> {
    let keys = store.data_keys().await?;
    let wrapped =
        |key: StoredDataKey| (key.workspace, WrappedDataKey { master_key_id: key.master_key_id, wrapped: key.wrapped });
    Ok(keys.into_iter().map(wrapped).collect())
}

/// The manifest at `path`, read once.
fn trusted_documents(path: Option<&Path>) -> anyhow::Result<Documents> {
    let Some(path) = path else { return Ok(Documents::default()) };
    let unusable = || format!("cannot trust the documents of {}", path.display());
    let size = std::fs::metadata(path).with_context(unusable)?.len();
    anyhow::ensure!(size <= LARGEST_MANIFEST, "{}: it is larger than {LARGEST_MANIFEST} bytes", unusable());
    let manifest = std::fs::read_to_string(path).with_context(unusable)?;
    let documents = Documents::trusting(&manifest).with_context(unusable)?;
    tracing::info!(documents = documents.trusted(), "trusted documents are known");
    Ok(documents)
}

fn policy(config: &Config) -> Policy {
    Policy {
        owner_tag: config.tags.owner.clone(),
        description_tag: config.tags.description.clone(),
        user_data_tag: config.tags.user_data.clone(),
        require_customer_managed_keys: config.require_customer_managed_keys,
        deprovision_grace: config.deprovision_grace_days,
        time_zone: config.time_zone,
    }
}

async fn judge_if_settings_changed(store: &Store, policy: &Policy) -> Result<(), StoreError> {
    let fingerprint = policy.fingerprint();
    for (workspace, _) in store.workspaces().await? {
        if store.policy_fingerprint(workspace).await?.as_deref() == Some(fingerprint.as_str()) {
            continue;
        }
        let writer = store.writer(workspace).await?;
        rejudge(store, &writer, policy, Subjects::All).await?;
        writer.commit().await?;
        store.set_policy_fingerprint(workspace, &fingerprint).await?;
    }
    Ok(())
}

/// Who is calling, and their requests.
struct Service {
    authenticator: Authenticator,
    schema: Schema,
    state: State,
    trusted_only: Vec<Role>,
}

impl GraphQlService for Service {
    fn authenticate<'a>(&'a self, token: Option<&'a str>) -> Pending<'a, Result<Arc<dyn CallerSession>, AuthFailure>> {
        Box::pin(async move {
            let token = token.ok_or(AuthFailure::Unauthenticated)?;
            let known = timeout(KNOWN_WITHIN, self.authenticator.authenticate(token)).await;
            let Ok(known) = known else { return Err(AuthFailure::Unavailable) };
            match known {
                Ok(Some(caller)) => {
                    let (schema, state) = (self.schema.clone(), self.state.clone());
                    let trusted_only = self.trusted_only.contains(&caller.role);
                    let authenticator = self.authenticator.clone();
                    let (token, holder) = (SecretString::from(token), auth::fingerprint(token));
                    Ok(Arc::new(Session { schema, state, caller, trusted_only, authenticator, token, holder }) as _)
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

struct Session {
    schema: Schema,
    state: State,
    caller: Caller,
    trusted_only: bool,
    authenticator: Authenticator,
    token: SecretString,
    holder: String,
}

impl CallerSession for Session {
    fn is_held_to_trusted_documents(&self) -> bool {
        self.trusted_only
    }

    fn execute<'a>(&'a self, request: Request, id: &'a RequestId) -> Pending<'a, Response> {
        Box::pin(async move {
            use tracing::Instrument;
            let caller = Caller { request_id: Some(id.as_str().to_owned()), ..self.caller.clone() };
            let span = tracing::info_span!("graphql", request.id = id.as_str());
            graphql::execute(&self.schema, &self.state, caller, request).instrument(span).await
        })
    }

    fn subscribe(&self, request: Request) -> BoxStream<'static, Response> {
        graphql::subscribe(&self.schema, self.caller.clone(), request)
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
}

struct Database(Store);

impl Readiness for Database {
    fn check(&self) -> Pending<'_, Result<(), Unready>> {
        Box::pin(async move {
            self.0.check().await.map_err(|error| {
                tracing::warn!(error = &error as &dyn std::error::Error, "database is not ready");
                Unready("database")
            })
        })
    }
}
