//! The running gateway: builds every part once and wires it. Knows all.

mod provision;
mod ready;
mod refresh;
mod scrape;
mod service;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::auth::Authenticator;
use crate::auth::oidc::Oidc;
use crate::clock::Clock;
use crate::config::Config;
use crate::controls::Policy;
use crate::graphql::documents::Documents;
use crate::graphql::exports::Exports;
use crate::graphql::{self, Answers, State};
use crate::http::{Deadlines, Gate, GateSettings, HttpState, Limits, metrics_router, router, serve};
use crate::lifecycle::Lifecycle;
use crate::store::views::Role;
use crate::store::workspaces::StoredDataKey;
use crate::store::{Store, StoreError};
use crate::sync::judge::{Subjects, rejudge};
use crate::sync::{self, Engine, EngineOptions, Retention, prune_daily};
use crate::telemetry::metrics::Metrics;
use crate::vault::{Vault, WrappedDataKey, verify_or_refuse};
use ready::Ready;
pub use refresh::Refresher;
use scrape::Scrape;
use service::Service;

/// Bytes of answers that are kept unless another number is set.
pub const DEFAULT_ANSWERS_LIMIT: usize = 64 * 1024 * 1024;
/// Runs taken up at the same time.
const WORKERS: usize = 2;
/// Of a manifest of trusted documents, in bytes.
const LARGEST_MANIFEST: u64 = 32 * 1024 * 1024;
/// How long requests and runs under way may take after the word to stop.
const DRAIN_WITHIN: Duration = Duration::from_secs(10);
const CLOSE_WITHIN: Duration = Duration::from_secs(2);
/// Open connections where metrics are served by themselves.
const SCRAPERS: usize = 64;
/// What to do about a database that cannot be opened.
pub const CANNOT_OPEN: &str = "cannot open the database; start it, or correct SLATEGATE_DATABASE_URL";

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
    /// Bytes of answers that are kept.
    answers_limit: usize,
    metrics: Metrics,
    /// Where metrics are served by themselves.
    scraped_on: Option<TcpListener>,
    /// How long the past is kept.
    retention: Retention,
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
        judge_if_settings_changed(&store, &policy(config)).await?;
        let engine = engine(config, store.clone(), vault, clock.clone());
        let tasks = lifecycle.tasks.clone();
        let oidc = config.oidc.clone().map(|settings| Oidc::new(settings, clock.clone(), tasks)).transpose()?;
        let gateway = Self::new(store, engine, clock, config.graphiql, lifecycle).behind(config.gate());
        let gateway = gateway.trusting(documents, config.trusted_only.clone()).keeping(config.retention);
        Ok(gateway.remembering(config.read_model).vouched_for_by(oidc))
    }

    /// A gateway of parts that are open already.
    pub fn new(store: Store, engine: Engine, clock: Clock, graphiql: bool, lifecycle: Lifecycle) -> Self {
        let (documents, trusted_only) = (Arc::default(), Vec::new());
        let gate = Gate::new(GateSettings::default(), clock.clone());
        let retention = Retention::default();
        let answers_limit = DEFAULT_ANSWERS_LIMIT;
        let metrics = Metrics::new(engine.atlas_metrics(), engine.metrics(), store.metrics());
        let (oidc, scraped_on) = (None, None);
        Self {
            store,
            engine,
            lifecycle,
            clock,
            graphiql,
            oidc,
            gate,
            documents,
            trusted_only,
            answers_limit,
            metrics,
            scraped_on,
            retention,
        }
    }

    /// With so many bytes of answers kept in memory; 0 keeps none.
    #[must_use]
    pub fn remembering(self, answers_limit: usize) -> Self {
        Self { answers_limit, ..self }
    }

    /// Serves metrics there and not beside all else.
    #[must_use]
    pub fn scraped_on(self, listener: Option<TcpListener>) -> Self {
        Self { scraped_on: listener, ..self }
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

    /// Lets go of the past after so long.
    #[must_use]
    pub fn keeping(self, retention: Retention) -> Self {
        Self { retention, ..self }
    }

    /// Serves on `listener` and syncs until the word to stop, then lets what is under way finish.
    pub async fn run(mut self, listener: TcpListener) -> anyhow::Result<()> {
        let Lifecycle { shutdown, tasks } = self.lifecycle.clone();
        self.lifecycle.spawn(self.store.clone().hear_changes(shutdown.clone()));
        self.lifecycle.spawn(prune_daily(self.store.clone(), self.retention, shutdown.clone()));
        let starting = async {
            let started = self.engine.start(&tasks, &shutdown, WORKERS).await;
            started.inspect_err(|_| shutdown.cancel())
        };
        let limits = Limits { drain: DRAIN_WITHIN, ..Limits::default() };
        let (state, refresher) = self.serving();
        if self.answers_limit > 0 {
            self.lifecycle.spawn(refresher.run(shutdown.clone()));
        }
        let scrapes = self.metrics_router(state.clone());
        let serving = serve(listener, router(state), shutdown.clone(), limits);
        let scraped_on = self.scraped_on.take();
        let showing = async {
            if let Some(listener) = scraped_on {
                serve(listener, scrapes, shutdown.clone(), Limits { connections: SCRAPERS, ..limits }).await;
            }
        };
        let finishing = async {
            shutdown.cancelled().await;
            self.lifecycle.drain(DRAIN_WITHIN).await
        };
        let ((), (), finished, started) = tokio::join!(serving, showing, finishing, starting);
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

    /// What an address that serves metrics by itself answers with.
    pub fn metrics_router(&self, state: HttpState) -> Router {
        metrics_router(state, self.scrape())
    }

    fn scrape(&self) -> Arc<Scrape> {
        let (store, engine) = (self.store.clone(), self.engine.clone());
        Arc::new(Scrape::new(self.metrics.clone(), store, engine, self.clock.clone()))
    }

    /// What requests are answered with.
    pub fn http_state(&self) -> HttpState {
        self.serving().0
    }

    /// What requests are answered with, and what keeps the answers new.
    pub fn serving(&self) -> (HttpState, Refresher) {
        let state = State { store: self.store.clone(), engine: self.engine.clone(), clock: self.clock.clone() };
        let (schema, answers) = (graphql::schema(state.clone()), Arc::new(Answers::new(self.answers_limit)));
        let refresher = Refresher {
            schema: schema.clone(),
            state: state.clone(),
            answers: Arc::clone(&answers),
            documents: Arc::clone(&self.documents),
            gate: self.gate.clone(),
            commits: self.store.commits(),
        };
        let service = Service {
            authenticator: Authenticator::new(
                self.store.clone(),
                self.clock.clone(),
                self.lifecycle.tasks.clone(),
                self.oidc.clone(),
            ),
            schema,
            exports: Exports::new(state.clone(), self.lifecycle.tasks.clone()),
            state,
            answers,
            trusted_only: self.trusted_only.clone(),
            metrics: self.metrics.graphql.clone(),
            scrape: self.scrape(),
        };
        let http = HttpState {
            graphql: Arc::new(service),
            ready: Arc::new(Ready::new(self.store.clone(), self.engine.clone(), self.clock.clone())),
            documents: Arc::clone(&self.documents),
            gate: self.gate.clone(),
            graphiql: self.graphiql,
            metrics: self.metrics.http.clone(),
            shows_metrics: self.scraped_on.is_none(),
            draining: self.lifecycle.shutdown.clone(),
            tasks: self.lifecycle.tasks.clone(),
            deadlines: Deadlines::default(),
        };
        (http, refresher)
    }
}

/// The engine that these settings ask for.
pub fn engine(config: &Config, store: Store, vault: Vault, clock: Clock) -> Engine {
    let options = EngineOptions {
        policy: policy(config),
        schedule: config.schedule.clone(),
        clock,
        atlas_base_url: config.atlas_base_url.clone(),
        atlas_lanes: config.atlas_lanes,
    };
    let limits = sync::Limits { lease: config.sync_lease, ..sync::Limits::default() };
    Engine::new(store, vault, options).with_limits(limits)
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
        dormant_after_days: config.dormant_after_days,
        access_review_days: config.access_review_days,
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
