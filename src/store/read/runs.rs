//! Sync runs. They are a log: shown as they are now, whatever instant is asked for.

use std::collections::HashMap;
use std::time::Duration;

use sea_orm::FromQueryResult;
use sea_orm::sea_query::{Alias, Condition, Expr, ExprTrait, Query, SelectStatement};

use super::page::{Cursor, Direction, Keyset, Slice, SortKey, Window};
use super::{Reader, one_of};
use crate::domain::Instant;
use crate::store::StoreError;
use crate::store::convert::{fault, from_json, instant, word};
use crate::store::views::{Attempts, Changes, SyncRunView, SyncStage, SyncStatus, SyncTrigger};

#[derive(Debug, Clone, Default)]
pub struct RunFilter {
    pub integration_id: Option<i64>,
    pub status: Option<Vec<SyncStatus>>,
}

/// How the connected integrations of a workspace stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SyncStanding {
    /// Nothing when no sync is due.
    pub overdue: Duration,
    /// None when none has had one.
    pub last_success: Option<Instant>,
}

#[derive(FromQueryResult)]
struct RunRow {
    id: i64,
    integration_id: i64,
    trigger_kind: String,
    status: String,
    queued_at: i64,
    finished_at: Option<i64>,
    stage: String,
    done: i32,
    total: Option<i32>,
    requests: i64,
    added: i32,
    updated: i32,
    removed: i32,
    results_flipped: i32,
    scheduled_at: Option<i64>,
    attempts: i32,
    taken_over: i32,
    given_back: i32,
    broke_off: i32,
    turned_away: i32,
    error_code: Option<String>,
    error_message: Option<String>,
    error_remedy: Option<String>,
    withheld: Option<String>,
    confirmed_at: Option<i64>,
    next_run_at: Option<i64>,
}

const RUN_COLUMNS: [&str; 26] = [
    "id",
    "integration_id",
    "trigger_kind",
    "status",
    "queued_at",
    "finished_at",
    "stage",
    "done",
    "total",
    "requests",
    "added",
    "updated",
    "removed",
    "results_flipped",
    "scheduled_at",
    "attempts",
    "taken_over",
    "given_back",
    "broke_off",
    "turned_away",
    "error_code",
    "error_message",
    "error_remedy",
    "withheld",
    "confirmed_at",
    "next_run_at",
];

/// The newest first.
const ORDER: Keyset = Keyset { column: None, id: ("r", "id"), direction: Direction::Descending };

impl Reader {
    /// Runs, the newest first.
    pub async fn runs(&self, filter: &RunFilter, window: &Window) -> Result<Slice<SyncRunView>, StoreError> {
        self.read_beyond_commits();
        let mut select = self.select_runs(filter);
        ORDER.apply(&mut select, window);
        let rows = self.all::<RunRow>(&select).await?.into_iter().map(|row| {
            let cursor = Cursor { key: SortKey::Id, id: row.id };
            Ok((run(row)?, cursor))
        });
        Ok(window.slice(rows.collect::<Result<_, StoreError>>()?))
    }

    pub async fn count_runs(&self, filter: &RunFilter) -> Result<u64, StoreError> {
        self.read_beyond_commits();
        self.count(self.select_runs(filter)).await
    }

    /// The same page of the runs of each of these integrations. Integrations without any are left out.
    pub async fn runs_of(
        &self,
        integrations: &[i64],
        window: &Window,
    ) -> Result<HashMap<i64, Slice<SyncRunView>>, StoreError> {
        self.read_beyond_commits();
        let of = |id: &i64| self.select_runs(&RunFilter { integration_id: Some(*id), status: None });
        let Some(select) = ORDER.apply_all(integrations.iter().map(of), window) else { return Ok(HashMap::new()) };
        let rows = self.all::<RunRow>(&select).await?.into_iter().map(|row| {
            let cursor = Cursor { key: SortKey::Id, id: row.id };
            Ok((row.integration_id, (run(row)?, cursor)))
        });
        Ok(window.slices_by_id(rows.collect::<Result<_, StoreError>>()?, ORDER.direction))
    }

    /// How many runs each of these integrations has; those without any are left out.
    pub async fn count_runs_of(&self, integrations: &[i64]) -> Result<HashMap<i64, u64>, StoreError> {
        self.read_beyond_commits();
        let mut select = self.select_runs(&RunFilter::default());
        select.and_where(Expr::col(("r", "integration_id")).is_in(integrations.to_vec()));
        self.count_each(select, ("r", "integration_id")).await
    }

    pub async fn runs_by_id(&self, ids: &[i64]) -> Result<Vec<SyncRunView>, StoreError> {
        self.read_beyond_commits();
        let mut select = self.select_runs(&RunFilter::default());
        select.and_where(Expr::col(("r", "id")).is_in(ids.to_vec()));
        self.all::<RunRow>(&select).await?.into_iter().map(run).collect()
    }

    /// Of each of these integrations the last run that ended and the one queued or running.
    pub async fn latest_runs(&self, integrations: &[i64]) -> Result<Vec<SyncRunView>, StoreError> {
        self.read_beyond_commits();
        let newest = |ended: bool| {
            let mut select = Query::select()
                .expr(Expr::cust("MAX(id)"))
                .from("sync_run")
                .and_where(Expr::col("workspace_id").eq(self.workspace))
                .and_where(Expr::col("integration_id").is_in(integrations.to_vec()))
                .group_by_col("integration_id")
                .to_owned();
            let finished = Expr::col("finished_at");
            select.and_where(if ended { finished.is_not_null() } else { finished.is_null() });
            select
        };
        let mut select = self.select_runs(&RunFilter::default());
        select.cond_where(
            Condition::any()
                .add(Expr::col(("r", "id")).in_subquery(newest(true)))
                .add(Expr::col(("r", "id")).in_subquery(newest(false))),
        );
        self.all::<RunRow>(&select).await?.into_iter().map(run).collect()
    }

    /// When the last run that read something had ended by the asked instant; None before the first.
    pub async fn last_synced_at(&self) -> Result<Option<Instant>, StoreError> {
        #[derive(FromQueryResult)]
        struct Last {
            last: Option<i64>,
        }
        let mut select = Query::select()
            .expr_as(Expr::cust("MAX(finished_at)"), Alias::new("last"))
            .from("sync_run")
            .and_where(Expr::col("workspace_id").eq(self.workspace))
            .and_where(Expr::col("status").is_in(["SUCCEEDED", "PARTIAL", "HELD"]))
            .to_owned();
        if let Some(at) = self.as_of {
            select.and_where(Expr::col("finished_at").lte(at));
        }
        Ok(self.one::<Last>(&select).await?.and_then(|row| row.last).map(instant))
    }

    /// How the connected integrations stand: the lateness of the sync that has been due for longest and that nobody works
    /// on, and the oldest of their last syncs that succeeded.
    pub async fn sync_standing(&self) -> Result<SyncStanding, StoreError> {
        #[derive(FromQueryResult)]
        struct Standing {
            next_run_at: Option<i64>,
            lease_until: Option<i64>,
            last_success: Option<i64>,
        }
        let last_success = Query::select()
            .expr(Expr::cust("MAX(finished_at)"))
            .from_as("sync_run", "r")
            .and_where(Expr::col(("r", "integration_id")).equals(("i", "id")))
            .and_where(Expr::col(("r", "status")).eq(SyncStatus::Succeeded.word()))
            .to_owned();
        let select = Query::select()
            .columns(["next_run_at", "lease_until"].map(|column| ("i", column)))
            .expr_as(Expr::SubQuery(None, Box::new(last_success.into())), Alias::new("last_success"))
            .from_as("integration", "i")
            .and_where(Expr::col(("i", "workspace_id")).eq(self.workspace))
            .and_where(Expr::col(("i", "disconnected_at")).is_null())
            .to_owned();
        let rows = self.all::<Standing>(&select).await?;
        let is_free = |row: &&Standing| row.lease_until.is_none_or(|until| until <= self.now);
        let lateness = rows.iter().filter(is_free).filter_map(|row| Some(self.now.saturating_sub(row.next_run_at?)));
        let overdue = lateness.max().and_then(|micros| u64::try_from(micros).ok()).unwrap_or_default();
        let last_success = rows.iter().filter_map(|row| row.last_success).min().map(instant);
        Ok(SyncStanding { overdue: Duration::from_micros(overdue), last_success })
    }

    fn select_runs(&self, filter: &RunFilter) -> SelectStatement {
        let mut select = Query::select()
            .columns(RUN_COLUMNS.map(|column| ("r", column)))
            .from_as("sync_run", "r")
            .and_where(self.here("r", filter.integration_id.is_some()))
            .to_owned();
        if let Some(integration) = filter.integration_id {
            select.and_where(Expr::col(("r", "integration_id")).eq(integration));
        }
        if let Some(statuses) = &filter.status {
            select.and_where(one_of(("r", "status"), &statuses.iter().map(|word| word.word()).collect::<Vec<_>>()));
        }
        select
    }
}

fn run(row: RunRow) -> Result<SyncRunView, StoreError> {
    Ok(SyncRunView {
        id: row.id,
        integration_id: row.integration_id,
        trigger: word(&row.trigger_kind, SyncTrigger::from_word, "sync_run", "trigger_kind")?,
        status: word(&row.status, SyncStatus::from_word, "sync_run", "status")?,
        queued_at: instant(row.queued_at),
        finished_at: row.finished_at.map(instant),
        stage: word(&row.stage, SyncStage::from_word, "sync_run", "stage")?,
        done: row.done,
        total: row.total,
        requests: row.requests,
        changes: Changes {
            added: row.added,
            updated: row.updated,
            removed: row.removed,
            results_flipped: row.results_flipped,
        },
        scheduled_at: row.scheduled_at.map(instant),
        attempts: Attempts {
            begun: row.attempts,
            taken_over: row.taken_over,
            given_back: row.given_back,
            broke_off: row.broke_off,
            turned_away: row.turned_away,
        },
        error: fault(row.error_code, row.error_message, row.error_remedy, row.finished_at),
        withheld: row.withheld.map(|text| from_json(&text, "sync_run", "withheld")).transpose()?,
        confirmed_at: row.confirmed_at.map(instant),
        next_run_at: row.next_run_at.map(instant),
    })
}
