//! A gateway without its HTTP: store, vault, engine and schema over a simulated Atlas, on a clock that tests move.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_graphql::{Request, Variables};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement, TransactionTrait};
use secrecy::SecretString;
use serde_json::{Value, json};
use slategate::clock::Clock;
use slategate::controls::Policy;
use slategate::demo::model::Organization;
use slategate::demo::{self, Simulator, SimulatorOptions};
use slategate::graphql::{self, Schema, State};
use slategate::store::audit::Actor;
use slategate::store::views::{Caller, Role};
use slategate::store::{Store, StoreOptions};
use slategate::sync::{Connected, Engine, EngineOptions, Limits, Refusal};
use slategate::vault::{KeyRing, Vault};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{Database, Kind};

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
        Self::with(database, Setting::default()).await
    }

    pub async fn with(database: &Database, setting: Setting) -> Self {
        let clock = Clock::manual(Self::start_of_time());
        let estate = setting.estate.unwrap_or_else(demo::organizations);
        let simulator = Simulator::start(estate, setting.simulator).await.unwrap();
        let mut store = connected(database, &clock).await;
        let statements = Arc::new(AtomicUsize::new(0));
        let heard: Arc<Mutex<Option<Vec<String>>>> = Arc::default();
        let (counter, listener) = (Arc::clone(&statements), Arc::clone(&heard));
        store.observe_statements(move |sql| {
            counter.fetch_add(1, Ordering::Relaxed);
            if let Some(heard) = listener.lock().unwrap().as_mut() {
                heard.push(sql.to_owned());
            }
        });
        store.migrate().await.unwrap();
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
        Self::synced_with(database, public_key, Setting::default()).await
    }

    pub async fn synced_with(database: &Database, public_key: &str, setting: Setting) -> Self {
        let world = Self::with(database, setting).await;
        world.connect(public_key).await.unwrap();
        world.tick();
        assert_eq!(world.sync_due().await, 1);
        world
    }

    /// The first organization of the demonstration, with its people, links and what they entered by hand.
    pub async fn demo(database: &Database) -> Self {
        Self::demo_with(database, Setting::default()).await
    }

    pub async fn demo_with(database: &Database, setting: Setting) -> Self {
        let world = Self::synced_with(database, demo::keys::READER.public, setting).await;
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

    /// The whole answer to a caller of this role: `data`, and `errors` if there are any.
    pub async fn query(&self, role: Role, query: &str, variables: Value) -> Value {
        self.query_in(self.workspace, role, query, variables).await
    }

    pub async fn query_in(&self, workspace: i64, role: Role, query: &str, variables: Value) -> Value {
        let request = Request::new(query).variables(Variables::from_json(variables));
        let caller = Caller {
            workspace,
            workspace_name: "default".to_owned(),
            key: "test".to_owned(),
            name: "test".to_owned(),
            role,
            request_id: None,
        };
        let response = graphql::execute(&self.schema, &self.state, caller, request).await;
        serde_json::to_value(response).unwrap()
    }

    /// The data that an administrator is answered, without any error.
    pub async fn ask(&self, query: &str) -> Value {
        self.ask_with(query, json!({})).await
    }

    pub async fn ask_with(&self, query: &str, variables: Value) -> Value {
        let mut answer = self.query(Role::Admin, query, variables).await;
        assert_eq!(answer.get("errors"), None, "{query}");
        answer["data"].take()
    }

    /// The statements that one query takes, whatever its answer is.
    pub async fn statements_of(&self, query: &str, variables: Value) -> Vec<String> {
        *self.heard.lock().unwrap() = Some(Vec::new());
        self.query(Role::Admin, query, variables).await;
        self.heard.lock().unwrap().take().unwrap()
    }

    /// Sends statements behind the back of the store.
    pub async fn execute(&self, sql: &str) {
        self.try_execute(sql).await.unwrap();
    }

    pub async fn try_execute(&self, sql: &str) -> Result<(), sea_orm::DbErr> {
        self.raw.execute_unprepared(sql).await.map(|_| ())
    }

    /// The code of the one error that an administrator is answered.
    pub async fn refused(&self, query: &str, variables: Value) -> String {
        let answer = self.query(Role::Admin, query, variables).await;
        let errors = answer["errors"].as_array().unwrap();
        assert_eq!(errors.len(), 1, "{answer}");
        errors[0]["extensions"]["code"].as_str().unwrap_or_default().to_owned()
    }

    /// The global id of the asset of this name.
    pub async fn asset(&self, name: &str) -> String {
        self.id_of("assets", "name", name).await
    }

    pub async fn account(&self, login: &str) -> String {
        self.id_of("accounts", "login", login).await
    }

    pub async fn person(&self, email: &str) -> String {
        self.id_of("people", "email", email).await
    }

    pub async fn project(&self, name: &str) -> String {
        self.id_of("projects", "name", name).await
    }

    /// The global id of the only integration.
    pub async fn integration(&self) -> String {
        let answer = self.ask("{ integrations { nodes { id } } }").await;
        let nodes = answer["integrations"]["nodes"].as_array().unwrap();
        assert_eq!(nodes.len(), 1);
        text(&nodes[0]["id"])
    }

    async fn id_of(&self, list: &str, field: &str, value: &str) -> String {
        let answer = self.ask(&format!("{{ {list}(first: 500) {{ nodes {{ id {field} }} }} }}")).await;
        let nodes = answer[list]["nodes"].as_array().unwrap();
        let found = nodes.iter().find(|node| node[field] == value);
        text(&found.unwrap_or_else(|| panic!("{value} is not among {list}"))["id"])
    }

    pub async fn update_asset(&self, input: Value) -> Value {
        let query = "mutation($input: UpdateAssetInput!) { updateAsset(input: $input) { asset { id name owner { email } \
                     ownerSource description descriptionSource userData userDataSource } userErrors { code field } } }";
        let answer = self.ask_with(query, json!({ "input": input })).await;
        assert_eq!(answer["updateAsset"]["userErrors"], json!([]));
        answer["updateAsset"]["asset"].clone()
    }

    pub async fn link_account(&self, input: Value) -> Value {
        let query = "mutation($input: LinkAccountInput!) { linkAccount(input: $input) { account { login personSource \
                     person { email } } userErrors { code field } } }";
        let answer = self.ask_with(query, json!({ "input": input })).await;
        assert_eq!(answer["linkAccount"]["userErrors"], json!([]));
        answer["linkAccount"]["account"].clone()
    }

    pub async fn upsert_person(&self, input: Value) -> Value {
        let query = "mutation($input: UpsertPersonInput!) { upsertPerson(input: $input) { person { id email fullName \
                     aliases status startsOn endsOn } userErrors { code message field } } }";
        self.ask_with(query, json!({ "input": input })).await["upsertPerson"].clone()
    }

    /// `OUTCOME REASON` of a control on the subject with this id, and since when.
    pub async fn verdict(&self, subject: &str, control: &str) -> (String, String) {
        let query = "query($filter: ControlResultFilter) { controlResults(filter: $filter) { nodes { outcome reason since } } }";
        let answer = self.ask_with(query, json!({ "filter": { "controlKey": control, "subjectId": subject } })).await;
        let nodes = answer["controlResults"]["nodes"].as_array().unwrap();
        assert_eq!(nodes.len(), 1, "{control}");
        (format!("{} {}", text(&nodes[0]["outcome"]), text(&nodes[0]["reason"])), text(&nodes[0]["since"]))
    }

    /// The latest run, with what the tests look at.
    pub async fn last_run(&self) -> Value {
        let query = "{ syncRuns(first: 1) { nodes { id trigger status requests changes { added updated removed \
                     resultsFlipped } scopes { kind complete errorCode project { name } } } } }";
        self.ask(query).await["syncRuns"]["nodes"][0].clone()
    }

    /// Another workspace of the same database, with nothing in it.
    pub async fn other_workspace(&self) -> i64 {
        self.store.create_workspace("other", "test").await.unwrap()
    }

    /// The number that `SELECT COUNT(*)` and what follows gives.
    pub async fn count(&self, from: &str) -> i64 {
        let sql = format!("SELECT COUNT(*) AS number FROM {from}");
        let statement = Statement::from_string(self.raw.get_database_backend(), sql);
        self.raw.query_one_raw(statement).await.unwrap().unwrap().try_get("", "number").unwrap()
    }

    /// What somebody who owns the database can do.
    pub async fn take_the_guards_off_the_ledger(&self) {
        let triggers: &[&str] = match self.database.kind {
            Kind::Sqlite => &["DROP TRIGGER audit_event_no_update", "DROP TRIGGER audit_event_no_delete"],
            Kind::Postgres => &["DROP TRIGGER audit_event_no_change ON audit_event"],
        };
        for trigger in triggers {
            self.execute(trigger).await;
        }
    }

    /// What makes a transaction on PostgreSQL one of this workspace, as the store does it.
    pub fn as_tenant(&self) -> String {
        let workspace = self.workspace;
        format!(
            "SELECT set_config('role', slategate_tenant(), true), set_config('slategate.workspace', '{workspace}', true)"
        )
    }

    /// One text column of a query's rows, on one connection after some other statements.
    pub async fn rows(&self, before: &[&str], sql: &str, column: usize) -> Vec<String> {
        let turn = self.raw.begin().await.unwrap();
        for sql in before {
            turn.execute_unprepared(sql).await.unwrap();
        }
        let statement = Statement::from_string(turn.get_database_backend(), sql);
        let rows = turn.query_all_raw(statement).await.unwrap();
        turn.rollback().await.unwrap();
        rows.iter().map(|row| row.try_get_by_index(column).unwrap()).collect()
    }

    /// One text column of some rows, behind the back of the store.
    pub async fn texts(&self, sql: &str) -> Vec<String> {
        let statement = Statement::from_string(self.raw.get_database_backend(), sql);
        let rows = self.raw.query_all_raw(statement).await.unwrap();
        rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
    }

    /// Every row of every table as text, so that two states can be compared and nothing in them hides.
    pub async fn dump(&self) -> Vec<(String, Vec<String>)> {
        let tables = match self.database.kind {
            Kind::Sqlite => {
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY 1"
            }
            Kind::Postgres => "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' ORDER BY 1",
        };
        let mut dump = Vec::new();
        for table in self.texts(tables).await {
            let row = match self.database.kind {
                Kind::Sqlite => {
                    let columns = format!("SELECT name FROM pragma_table_info('{table}')");
                    let columns = self.texts(&columns).await.into_iter().map(|name| format!("quote(\"{name}\")"));
                    columns.collect::<Vec<_>>().join(" || ',' || ")
                }
                Kind::Postgres => format!("{table}::text"),
            };
            dump.push((table.clone(), self.texts(&format!("SELECT {row} FROM {table} ORDER BY 1")).await));
        }
        dump
    }

    /// What callers can change: without the ledger, the instants of commits, and when tokens were used.
    pub async fn substance(&self) -> Vec<(String, Vec<String>)> {
        let mut dump = self.dump().await;
        dump.retain(|(table, _)| !["audit_event", "workspace", "api_token"].contains(&table.as_str()));
        let tokens = "SELECT CAST(id AS TEXT) || role || token_hash || CAST(expires_at AS TEXT) || \
                      COALESCE(CAST(revoked_at AS TEXT), '') FROM api_token ORDER BY 1";
        dump.push(("api_token".to_owned(), self.texts(tokens).await));
        dump
    }

    /// All rows that belong to a workspace, but for what each commit and each use of a token notes.
    pub async fn fact_rows_of(&self, workspace: i64) -> Vec<String> {
        let mut rows = Vec::new();
        for (table, _) in self.dump().await {
            let (of, but) = match table.as_str() {
                "seaql_migrations" => continue,
                "workspace" => ("id", "generation_at"),
                "api_token" => ("workspace_id", "last_used_at"),
                _ => ("workspace_id", ""),
            };
            let columns = match self.database.kind {
                Kind::Sqlite => format!("SELECT name FROM pragma_table_info('{table}')"),
                Kind::Postgres => format!(
                    "SELECT column_name::text FROM information_schema.columns \
                     WHERE table_schema = 'public' AND table_name = '{table}'"
                ),
            };
            let columns = self.texts(&columns).await.into_iter().filter(|name| name != but);
            let columns: Vec<_> = match self.database.kind {
                Kind::Sqlite => columns.map(|name| format!("quote({name})")).collect(),
                Kind::Postgres => columns.map(|name| format!("COALESCE({name}::text, '-')")).collect(),
            };
            let row =
                format!("SELECT '{table}: ' || {} FROM {table} WHERE {of} = {workspace}", columns.join(" || ',' || "));
            rows.extend(self.texts(&row).await);
        }
        rows.sort();
        rows
    }

    /// Changes rows or tables behind the back of the store.
    pub async fn meddle(&self, sql: &str) {
        self.try_meddle(sql).await.unwrap();
    }

    /// The same where the database may refuse.
    pub async fn try_meddle(&self, sql: &str) -> Result<(), sea_orm::DbErr> {
        self.raw.execute_unprepared(sql).await.map(drop)
    }

    /// Rows of every table that keeps facts as intervals.
    pub async fn fact_rows(&self) -> Vec<(&'static str, i64)> {
        let mut rows = Vec::new();
        for table in FACTS {
            rows.push((table, self.count(table).await));
        }
        rows
    }
}

async fn connected(database: &Database, clock: &Clock) -> Store {
    let options = StoreOptions {
        url: database.url.clone(),
        freshness: TimeDelta::hours(24),
        clock: clock.clone(),
        connections: 5,
        lease: std::time::Duration::from_secs(30),
    };
    Store::connect(options).await.unwrap()
}

const FACTS: [&str; 11] = [
    "project_fact",
    "encryption_fact",
    "cluster_fact",
    "asset_facet",
    "asset_standing",
    "account_fact",
    "role_grant",
    "account_link",
    "person_fact",
    "control_result",
    "control_status",
];

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
