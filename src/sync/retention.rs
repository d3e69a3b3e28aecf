//! How long the past is kept, and letting go of what is older.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;

use crate::domain::Instant;
use crate::store::retention::{BATCH, Horizons, STEPS};
use crate::store::{Store, StoreError};

/// A workspace is pruned so often at most, however many replicas there are.
const EVERY: TimeDelta = TimeDelta::days(1);
/// Somebody else may go on after so long without a word of who began.
const LEASE: TimeDelta = TimeDelta::minutes(10);
const LOOK_EVERY: Duration = Duration::from_mins(10);
/// Between two turns, for those who wait to write.
const PAUSE: Duration = Duration::from_millis(10);
/// Turns between two words of whoever prunes by claim: far less than its lease takes.
const TURNS: u32 = 100;

/// How long the past is kept; None: for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retention {
    pub history: Option<TimeDelta>,
    pub runs: Option<TimeDelta>,
}

impl Retention {
    /// 0: for ever.
    pub fn of_days(history: u32, runs: u32) -> Self {
        let days = |days: u32| (days > 0).then(|| TimeDelta::days(days.into()));
        Self { history: days(history), runs: days(runs) }
    }
}

/// What went, or would go.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pruned {
    pub history_from: Option<Instant>,
    /// How many of each kind.
    pub rows: BTreeMap<&'static str, u64>,
}

impl Pruned {
    pub fn total(&self) -> u64 {
        self.rows.values().sum()
    }
}

/// Lets go of what is older in this workspace. May be cut off at any point and begun again. `progress` hears how many
/// rows went so far.
pub async fn prune(
    store: &Store,
    workspace: i64,
    retention: Retention,
    stop: &CancellationToken,
    progress: &(dyn Fn(u64) + Send + Sync),
) -> Result<Pruned, StoreError> {
    let horizons = store.set_horizons(workspace, retention.history, retention.runs).await?;
    let mut pruned = Pruned { history_from: horizons.history, rows: BTreeMap::new() };
    let mut turns = 0_u32;
    for step in STEPS {
        let rows = pruned.rows.entry(step.name).or_default();
        loop {
            if stop.is_cancelled() {
                return Ok(pruned);
            }
            let gone = store.delete_expired(workspace, step, horizons).await?;
            *rows += gone;
            if gone < BATCH {
                break;
            }
            turns += 1;
            if turns.is_multiple_of(TURNS) {
                store.put_off_pruning(workspace, LEASE).await?;
            }
            tokio::time::sleep(PAUSE).await;
        }
        progress(pruned.total());
    }
    store.put_off_pruning(workspace, EVERY).await?;
    Ok(pruned)
}

/// What [`prune`] would let go of. What nothing speaks of any more only then is not counted.
pub async fn prunable(store: &Store, workspace: i64, retention: Retention) -> Result<Pruned, StoreError> {
    let horizons: Horizons = store.expected_horizons(workspace, retention.history, retention.runs).await?;
    let mut pruned = Pruned { history_from: horizons.history, rows: BTreeMap::new() };
    for step in STEPS {
        pruned.rows.insert(step.name, store.count_expired(workspace, step, horizons).await?);
    }
    Ok(pruned)
}

/// Prunes each workspace once a day, whichever replica comes first, until `stop`.
pub async fn prune_daily(store: Store, retention: Retention, stop: CancellationToken) {
    if retention == Retention::default() {
        return;
    }
    while !stop.is_cancelled() {
        if let Err(error) = prune_due(&store, retention, &stop).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "history not pruned; trying again later");
        }
        let _stopped = tokio::time::timeout(LOOK_EVERY, stop.cancelled()).await;
    }
}

/// Prunes the workspaces whose turn it is; how many that were.
pub async fn prune_due(store: &Store, retention: Retention, stop: &CancellationToken) -> Result<u32, StoreError> {
    let mut workspaces = 0;
    for (workspace, _) in store.workspaces().await? {
        if stop.is_cancelled() || !store.claim_pruning(workspace, LEASE).await? {
            continue;
        }
        let pruned = prune(store, workspace, retention, stop, &|_| {}).await?;
        workspaces += 1;
        if pruned.total() > 0 {
            tracing::info!(workspace.id = workspace, rows = pruned.total(), "history pruned");
        }
    }
    Ok(workspaces)
}
