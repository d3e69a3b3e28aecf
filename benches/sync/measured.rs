//! Two syncs of one organization, and what each cost.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use chrono::TimeDelta;
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};
use serde::{Deserialize, Serialize};
use slategate::clock::Clock;
use slategate::controls::Policy;
use slategate::demo::keys::READER;
use slategate::store::audit::Actor;
use slategate::store::{Store, StoreOptions};
use slategate::sync::{Engine, EngineOptions, ImportOptions};
use slategate::vault::{KeyRing, Vault};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::{estate, judging};

const FACTS: [&str; 10] = [
    "project_fact",
    "encryption_fact",
    "cluster_fact",
    "asset_standing",
    "account_fact",
    "role_grant",
    "account_link",
    "person_fact",
    "control_result",
    "control_status",
];

/// Clusters and users for each project.
pub const EACH: usize = 10;

/// The organization that is measured.
pub const fn size(projects: usize) -> estate::Size {
    estate::Size { projects, clusters: EACH, users: EACH, generation: 0 }
}

/// What two syncs cost.
#[derive(Debug, Serialize, Deserialize)]
pub struct Costs {
    pub projects: usize,
    pub first: Sync,
    /// Of the same organization, unchanged.
    pub second: Sync,
    /// Peak resident memory of the process, over both syncs.
    pub peak_kib: u64,
    /// Judging every subject by every control, in memory, on one core.
    pub judging: Duration,
    /// How many verdicts that were.
    pub verdicts: usize,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Sync {
    pub requests: i64,
    pub wall: Duration,
    /// From the write turn to the commit.
    pub writing: Duration,
    pub statements: usize,
    /// Rows of facts that were begun or ended.
    pub fact_rows: i64,
}

/// Loads the people, connects, and syncs twice.
pub async fn sync_twice(atlas: Url, database: String, projects: usize, lanes: usize) -> Result<Costs> {
    let folder = TempDir::new()?;
    let watch = Watch::default();
    let mut store = Store::connect(StoreOptions {
        url: database.clone(),
        freshness: TimeDelta::hours(24),
        dormant_after: TimeDelta::days(90),
        clock: Clock::default(),
        connections: 10,
        lease: Duration::from_secs(30),
    })
    .await?;
    let seen = watch.clone();
    store.observe_statements(move |sql| seen.statement(sql));
    store.migrate().await?;
    let workspace = store.ensure_default_workspace().await?;
    let vault = Vault::new(KeyRing::create(&folder.path().join("master.key"))?);
    let options = EngineOptions {
        policy: Policy::default(),
        schedule: "0 0 0 1 1 *".parse()?,
        clock: Clock::default(),
        atlas_base_url: atlas,
        atlas_lanes: lanes,
    };
    let engine = Engine::new(store.clone(), vault, options);
    let by = Actor { workspace, key: "bench".to_owned(), name: "bench".to_owned(), request_id: None };
    let imported = engine.import_people(&by, &estate::people(size(projects)), ImportOptions::default()).await?;
    ensure!(imported.is_ok(), "the people were refused: {imported:?}");
    let connected = engine.connect(&by, READER.public, READER.private.to_owned().into()).await?;
    let integration = connected.ok().context("the organization was refused")?.integration_id;

    let raw = sea_orm::Database::connect(&database).await?;
    let first = sync(&engine, &watch, &raw).await?;
    ensure!(engine.request_sync(&by, integration).await?.is_ok(), "the second sync was refused");
    let second = sync(&engine, &watch, &raw).await?;
    let peak_kib = peak_kib()?;
    let (judging, verdicts) = judging::judge(&store, workspace).await?;
    raw.close().await?;
    store.close().await?;
    Ok(Costs { projects, first, second, peak_kib, judging, verdicts })
}

async fn sync(engine: &Engine, watch: &Watch, raw: &DatabaseConnection) -> Result<Sync> {
    let before = fact_rows(raw).await?;
    watch.reset();
    let began = Instant::now();
    let worked = engine.work_next("bench", &CancellationToken::new()).await?;
    let ended = Instant::now();
    ensure!(worked, "nothing was due");
    let Seen { statements, write_turn } = watch.reset();
    let writing = ended - write_turn.context("nothing was written")?;
    let fact_rows = fact_rows(raw).await? - before;
    let status = text(raw, "SELECT status FROM sync_run ORDER BY id DESC LIMIT 1").await?;
    ensure!(status == "SUCCEEDED", "the sync ended as {status}");
    let requests = number(raw, "SELECT requests FROM sync_run ORDER BY id DESC LIMIT 1").await?;
    Ok(Sync { requests, wall: ended - began, writing, statements, fact_rows })
}

/// Counts statements, and notes when the write turn came.
#[derive(Clone, Default)]
struct Watch(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    statements: usize,
    write_turn: Option<Instant>,
}

impl Watch {
    fn statement(&self, sql: &str) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.statements += 1;
        if seen.write_turn.is_none() && sql.starts_with("SELECT \"generation_at\"") {
            seen.write_turn = Some(Instant::now());
        }
    }

    fn reset(&self) -> Seen {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Rows of facts, each counted once for its beginning and once for its end.
async fn fact_rows(raw: &DatabaseConnection) -> Result<i64> {
    let mut rows = 0;
    for table in FACTS {
        rows += number(raw, &format!("SELECT COUNT(*) + COUNT(valid_to) FROM {table}")).await?;
    }
    Ok(rows)
}

async fn number(raw: &DatabaseConnection, sql: &str) -> Result<i64> {
    let statement = Statement::from_string(raw.get_database_backend(), sql);
    Ok(raw.query_one_raw(statement).await?.context("no row")?.try_get_by_index(0)?)
}

async fn text(raw: &DatabaseConnection, sql: &str) -> Result<String> {
    let statement = Statement::from_string(raw.get_database_backend(), sql);
    Ok(raw.query_one_raw(statement).await?.context("no row")?.try_get_by_index(0)?)
}

fn peak_kib() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line =
        status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("the system tells no peak memory")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse()?)
}
