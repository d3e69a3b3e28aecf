//! A gateway without its HTTP: store, vault, engine and schema over a simulated Atlas, on a clock that tests move.

mod asking;
mod looking;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use sea_orm::DatabaseConnection;
use secrecy::SecretString;
use serde_json::{Value, json};
use slategate::clock::Clock;
use slategate::controls::Policy;
use slategate::demo::model::Organization;
use slategate::demo::{self, Simulator, SimulatorOptions};
use slategate::graphql::{self, Schema, State};
use slategate::store::audit::Actor;
use slategate::store::{Store, StoreOptions};
use slategate::sync::{Connected, Engine, EngineOptions, Limits, Refusal};
use slategate::vault::{KeyRing, Vault};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::Database;

/// What a world is made from, where it is not the demonstration's.
#[derive(Default)]
pub struct Setting {
    pub policy: Policy,
    pub estate: Option<Vec<Organization>>,
    pub simulator: SimulatorOptions,
    /// Where the engine looks for Atlas. None: at the simulator.
    pub atlas: Option<Url>,
    /// None: hourly.
    pub schedule: Option<&'static str>,
    pub limits: Limits,
}

type Restart = Box<dyn Fn() -> Engine + Send + Sync>;

pub struct World {
    pub store: Store,
    pub engine: Engine,
    pub simulator: Simulator,
    pub clock: Clock,
    pub workspace: i64,
    pub database: Database,
    /// SQL statements sent since the world began.
    pub statements: Arc<AtomicUsize>,
    /// Their texts, while somebody listens.
    heard: Arc<Mutex<Option<Vec<String>>>>,
    restart: Restart,
    state: State,
    schema: Schema,
    raw: DatabaseConnection,
}

impl World {
    pub fn start_of_time() -> DateTime<Utc> {
        DateTime::parse_from_rfc3339("2026-11-02T09:00:00Z").unwrap().to_utc()
    }

    pub async fn new(database: &Database) -> Self {
        Box::pin(Self::with(database, Setting::default())).await
    }

    pub async fn with(database: &Database, setting: Setting) -> Self {
        let clock = Clock::manual(Self::start_of_time());
        let estate = setting.estate.unwrap_or_else(demo::organizations);
        let simulator = Simulator::start(estate, setting.simulator).await.unwrap();
        let mut store = Box::pin(connected(database, &clock)).await;
        let statements = Arc::new(AtomicUsize::new(0));
        let heard: Arc<Mutex<Option<Vec<String>>>> = Arc::default();
        let (counter, listener) = (Arc::clone(&statements), Arc::clone(&heard));
        store.observe_statements(move |sql| {
            counter.fetch_add(1, Ordering::Relaxed);
            if let Some(heard) = listener.lock().unwrap().as_mut() {
                heard.push(sql.to_owned());
            }
        });
        Box::pin(store.migrate()).await.unwrap();
        let workspace = store.ensure_default_workspace().await.unwrap();
        let vault = Vault::new(KeyRing::create(&database.folder().join("master.key")).unwrap());
        let options = EngineOptions {
            policy: setting.policy,
            schedule: setting.schedule.unwrap_or("0 0 * * * *").parse().unwrap(),
            clock: clock.clone(),
            atlas_base_url: setting.atlas.unwrap_or_else(|| simulator.base_url()),
            atlas_lanes: 4,
        };
        let restart = {
            let (store, limits) = (store.clone(), setting.limits);
            move || Engine::new(store.clone(), vault.clone(), options.clone()).with_limits(limits)
        };
        let engine = restart();
        let restart: Restart = Box::new(restart);
        let state = State { store: store.clone(), engine: engine.clone(), clock: clock.clone() };
        let schema = graphql::schema(state.clone());
        let raw = sea_orm::Database::connect(&database.raw_url).await.unwrap();
        let database = database.clone();
        Self { store, engine, simulator, clock, workspace, database, statements, heard, restart, state, schema, raw }
    }

    /// The same database, opened once more.
    pub async fn another_store(&self) -> Store {
        connected(&self.database, &self.clock).await
    }

    /// A world in which this key's organization was connected and synced once, at the clock's present instant.
    pub async fn synced(database: &Database, public_key: &str) -> Self {
        Box::pin(Self::synced_with(database, public_key, Setting::default())).await
    }

    pub async fn synced_with(database: &Database, public_key: &str, setting: Setting) -> Self {
        let world = Box::pin(Self::with(database, setting)).await;
        Box::pin(world.connect(public_key)).await.unwrap();
        world.tick();
        assert_eq!(world.sync_due().await, 1);
        world
    }

    /// The first organization of the demonstration, with its people, links and what they entered by hand.
    pub async fn demo(database: &Database) -> Self {
        Box::pin(Self::demo_with(database, Setting::default())).await
    }

    pub async fn demo_with(database: &Database, setting: Setting) -> Self {
        let world = Box::pin(Self::synced_with(database, demo::keys::READER.public, setting)).await;
        world.tick();
        world.load_people().await;
        world.load_edits().await;
        world.tick();
        world
    }

    async fn load_people(&self) {
        for person in demo::people() {
            let input = json!({
                "email": person.email, "fullName": person.full_name, "aliases": person.aliases,
                "status": person.status.word(), "startsOn": person.starts_on, "endsOn": person.ends_on,
            });
            let answer = self
                .ask_with(
                    "mutation($input: UpsertPersonInput!) { upsertPerson(input: $input) { userErrors { message } } }",
                    json!({ "input": input }),
                )
                .await;
            assert_eq!(answer["upsertPerson"]["userErrors"], json!([]));
        }
    }

    async fn load_edits(&self) {
        for edit in demo::annotations() {
            let mut input = json!({ "assetId": self.asset(edit.cluster).await, "description": edit.description });
            if let Some(owner) = edit.owner {
                input["ownerId"] = json!(self.person(owner).await);
            }
            if let Some(contains) = edit.user_data {
                input["userData"] = json!(if contains { "CONTAINS_USER_DATA" } else { "NO_USER_DATA" });
            }
            self.update_asset(input).await;
        }
        for (login, email) in demo::links() {
            let input = json!({ "accountId": self.account(login).await, "personId": self.person(email).await });
            self.link_account(input).await;
        }
    }

    /// Connects with one of the simulator's keys, by label or public key.
    pub async fn connect(&self, public_key: &str) -> Result<Connected, Vec<Refusal>> {
        let keys = demo::keys();
        let key = keys.iter().find(|key| key.public == public_key).unwrap();
        let private = SecretString::from(key.private);
        self.engine.connect(&self.actor(), public_key, private).await.unwrap()
    }

    /// Who acts where no request does.
    pub fn actor(&self) -> Actor {
        Actor { workspace: self.workspace, key: "test".to_owned(), name: "test".to_owned(), request_id: None }
    }

    /// The engine of a process that has just started: nothing is remembered but what is stored.
    pub fn restarted_engine(&self) -> Engine {
        (self.restart)()
    }

    /// The keys of the simulator's first organization.
    pub fn simulator_keys(&self) -> Vec<slategate::demo::model::Key> {
        let mut keys = Vec::new();
        self.simulator.edit(|estate| keys.clone_from(&estate[0].keys));
        keys
    }

    /// Works off everything that is due now.
    pub async fn sync_due(&self) -> usize {
        let mut runs = 0;
        while self.engine.work_next("test", &CancellationToken::new()).await.unwrap() {
            runs += 1;
        }
        runs
    }

    /// An hour later, when the next sync is due and done.
    pub async fn next_sync(&self) {
        self.clock.advance(TimeDelta::hours(1));
        assert_eq!(self.sync_due().await, 1);
    }

    /// A second passes.
    pub fn tick(&self) {
        self.clock.advance(TimeDelta::seconds(1));
    }

    /// Now, as the API writes it.
    pub fn now(&self) -> String {
        written(self.clock.now())
    }

    /// Another workspace of the same database, with nothing in it.
    pub async fn other_workspace(&self) -> i64 {
        self.store.create_workspace("other", "test").await.unwrap()
    }
}

async fn connected(database: &Database, clock: &Clock) -> Store {
    let options = StoreOptions {
        url: database.url.clone(),
        freshness: TimeDelta::hours(24),
        dormant_after: TimeDelta::days(90),
        clock: clock.clone(),
        connections: 5,
        lease: std::time::Duration::from_secs(30),
    };
    Store::connect(options).await.unwrap()
}

/// An instant as the API writes it.
pub fn written(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

/// One field of each of these rows.
pub fn column(rows: &Value, field: &str) -> Vec<String> {
    rows.as_array().unwrap().iter().map(|row| text(&row[field])).collect()
}
