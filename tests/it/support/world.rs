//! A gateway without its HTTP: store, vault and engine over a simulated Atlas, on a clock that tests move.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;
use slategate::clock::Clock;
use slategate::controls::Policy;
use slategate::demo::{self, Simulator, SimulatorOptions};
use slategate::store::{Store, StoreOptions};
use slategate::sync::{Connected, Engine, EngineOptions, Refusal};
use slategate::vault::{KeyRing, Vault};
use tokio_util::sync::CancellationToken;

use super::Database;

pub struct World {
    pub store: Store,
    pub engine: Engine,
    pub simulator: Simulator,
    pub clock: Clock,
    pub workspace: i64,
    /// SQL statements sent since the world began.
    pub statements: Arc<AtomicUsize>,
}

impl World {
    pub fn start_of_time() -> DateTime<Utc> {
        DateTime::parse_from_rfc3339("2026-11-02T09:00:00Z").unwrap().to_utc()
    }

    pub async fn new(database: &Database) -> Self {
        Self::with_policy(database, Policy::default()).await
    }

    pub async fn with_policy(database: &Database, policy: Policy) -> Self {
        let clock = Clock::manual(Self::start_of_time());
        let simulator = Simulator::start(demo::organizations(), SimulatorOptions::default()).await.unwrap();
        let mut store = Store::connect(StoreOptions {
            url: database.url.clone(),
            freshness: TimeDelta::hours(24),
            clock: clock.clone(),
            connections: 5,
        })
        .await
        .unwrap();
        let statements = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&statements);
        store.observe_statements(move |_sql| {
            counter.fetch_add(1, Ordering::Relaxed);
        });
        store.migrate().await.unwrap();
        let workspace = store.ensure_default_workspace().await.unwrap();
        let vault = Vault::new(KeyRing::create(&database.folder().join("master.key")).unwrap());
        let options = EngineOptions {
            policy,
            schedule: "0 0 * * * *".parse().unwrap(),
            clock: clock.clone(),
            atlas_base_url: simulator.base_url(),
            atlas_lanes: 4,
        };
        let engine = Engine::new(store.clone(), vault, options);
        Self { store, engine, simulator, clock, workspace, statements }
    }

    /// Connects with one of the simulator's keys, by label or public key.
    pub async fn connect(&self, public_key: &str) -> Result<Connected, Vec<Refusal>> {
        let keys = demo::keys();
        let key = keys.iter().find(|key| key.public == public_key).unwrap();
        let private = SecretString::from(key.private);
        self.engine.connect(self.workspace, public_key, private).await.unwrap()
    }

    /// Works off everything that is due now.
    pub async fn sync_due(&self) -> usize {
        let mut runs = 0;
        while self.engine.work_next("test", &CancellationToken::new()).await.unwrap() {
            runs += 1;
        }
        runs
    }
}
