//! The status of whole controls: coverage, since when, and history.

use std::collections::{BTreeSet, HashMap};

use sea_orm::FromQueryResult;
use sea_orm::sea_query::{Expr, ExprTrait, Order, Query};

use super::Reader;
use crate::domain::{ControlStatus, Coverage, Instant, Outcome, ScopeKind};
use crate::store::StoreError;
use crate::store::convert::{instant, micros, word};

/// A control as of the reader's instant.
#[derive(Debug, Clone, Copy)]
pub struct ControlReading {
    pub coverage: Coverage,
    pub status: ControlStatus,
    /// None before anything was judged.
    pub since: Option<Instant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusInterval {
    pub status: ControlStatus,
    pub from: Instant,
    /// None: still.
    pub to: Option<Instant>,
}

#[derive(FromQueryResult)]
struct StatusRow {
    control_key: String,
    status: String,
    valid_from: i64,
    valid_to: Option<i64>,
}

impl Reader {
    /// Coverage of each of these controls, given with the kinds of lists they rest on.
    pub async fn coverage(&self, controls: &[(&str, &[ScopeKind])]) -> Result<HashMap<String, Coverage>, StoreError> {
        let unreadable = self.unreadable().await?;
        let mut coverage: HashMap<String, Coverage> = controls
            .iter()
            .map(|(key, kinds)| {
                let unreadable_scopes = kinds.iter().filter_map(|kind| unreadable.get(kind)).sum();
                ((*key).to_owned(), Coverage { unreadable_scopes, ..Coverage::default() })
            })
            .collect();
        for (key, outcome, count) in self.outcome_counts().await? {
            if let Some(coverage) = coverage.get_mut(&key) {
                match outcome {
                    Outcome::Pass => coverage.passed += count,
                    Outcome::Fail => coverage.failed += count,
                    Outcome::Unknown => coverage.unknown += count,
                    Outcome::NotApplicable => coverage.not_applicable += count,
                }
            }
        }
        Ok(coverage)
    }

    /// Coverage, status and since when, by control key.
    pub async fn control_readings(
        &self,
        controls: &[(&str, &[ScopeKind])],
    ) -> Result<HashMap<String, ControlReading>, StoreError> {
        let stored = self.stored_statuses(None).await?;
        let coverage = self.coverage(controls).await?;
        let mut readings = HashMap::new();
        for (key, kinds) in controls {
            let coverage = coverage.get(*key).copied().unwrap_or_default();
            let status = coverage.status();
            let row = stored.iter().rfind(|row| row.control_key == *key && self.holds(row));
            let since = match row {
                Some(row) if row.status == status.word() => Some(row.valid_from),
                Some(row) => Some(self.turned(key, kinds, row.valid_from, status).await?),
                None => None,
            };
            readings.insert((*key).to_owned(), ControlReading { coverage, status, since: since.map(instant) });
        }
        Ok(readings)
    }

    /// How the status went between two instants, oldest first. Changes by time alone are in it.
    pub async fn status_history(
        &self,
        key: &str,
        kinds: &[ScopeKind],
        from: Option<Instant>,
        to: Option<Instant>,
    ) -> Result<Vec<StatusInterval>, StoreError> {
        let until = Ord::min(to.map_or(self.clock, micros), self.clock);
        let since = from.map_or(i64::MIN, micros);
        let mut points: Vec<(i64, ControlStatus)> = Vec::new();
        for row in self.stored_statuses(Some(key)).await? {
            if row.valid_from > until {
                continue;
            }
            let end = Ord::min(row.valid_to.unwrap_or(i64::MAX), until);
            points.push((row.valid_from, word(&row.status, ControlStatus::from_word, "control_status", "status")?));
            for turn in self.turns(key, row.valid_from, end).await? {
                points.push((turn, self.status_at(turn, key, kinds).await?));
            }
        }
        points.sort_by_key(|(at, _)| *at);
        points.dedup_by(|next, previous| next.1 == previous.1);
        let intervals = points.iter().enumerate().map(|(index, (at, status))| StatusInterval {
            status: *status,
            from: instant(*at),
            to: points.get(index + 1).map(|(next, _)| instant(*next)),
        });
        Ok(intervals.filter(|interval| interval.to.is_none_or(|to| micros(to) > since)).collect())
    }

    /// The first instant after `from` at which time alone made the status what it is.
    async fn turned(
        &self,
        key: &str,
        kinds: &[ScopeKind],
        from: i64,
        status: ControlStatus,
    ) -> Result<i64, StoreError> {
        let mut since = from;
        for turn in self.turns(key, from, self.clock).await?.into_iter().rev() {
            if self.status_at(turn, key, kinds).await? != status {
                break;
            }
            since = turn;
        }
        Ok(since)
    }

    async fn status_at(&self, at: i64, key: &str, kinds: &[ScopeKind]) -> Result<ControlStatus, StoreError> {
        let then = Self { as_of: Some(at), clock: at, stale: std::sync::Arc::default(), ..self.clone() };
        let coverage = Box::pin(then.coverage(&[(key, kinds)])).await?;
        Ok(coverage.get(key).copied().unwrap_or_default().status())
    }

    /// Instants after `from` and up to `to` at which time alone may have changed the status.
    async fn turns(&self, key: &str, from: i64, to: i64) -> Result<BTreeSet<i64>, StoreError> {
        #[derive(FromQueryResult)]
        struct Flip {
            flip_at: i64,
        }
        let select = Query::select()
            .distinct()
            .column("flip_at")
            .from("control_result")
            .and_where(Expr::col("workspace_id").eq(self.workspace))
            .and_where(Expr::col("control_key").eq(key))
            .and_where(Expr::col("flip_at").gt(from))
            .and_where(Expr::col("flip_at").lte(to))
            .to_owned();
        let mut turns: BTreeSet<i64> = self.all::<Flip>(&select).await?.into_iter().map(|row| row.flip_at).collect();
        turns.extend(self.staleness_turns(from, to).await?);
        Ok(turns)
    }

    /// Instants at which evidence became too old, or fresh again.
    async fn staleness_turns(&self, from: i64, to: i64) -> Result<Vec<i64>, StoreError> {
        #[derive(FromQueryResult)]
        struct Run {
            integration_id: i64,
            read_at: i64,
            finished_at: i64,
        }
        #[derive(FromQueryResult)]
        struct Failed {
            last_good_at: i64,
        }
        let runs = Query::select()
            .columns(["integration_id", "read_at", "finished_at"])
            .from("sync_run")
            .and_where(Expr::col("workspace_id").eq(self.workspace))
            .and_where(Expr::col("status").is_in(["SUCCEEDED", "PARTIAL", "HELD"]))
            .and_where(Expr::col("finished_at").gt(from.saturating_sub(self.freshness)))
            .and_where(Expr::col("finished_at").lte(to))
            .order_by("integration_id", Order::Asc)
            .order_by("finished_at", Order::Asc)
            .to_owned();
        let runs = self.all::<Run>(&runs).await?;
        let mut turns = Vec::new();
        for (index, run) in runs.iter().enumerate() {
            let deadline = run.read_at.saturating_add(self.freshness);
            let next = runs.get(index + 1).filter(|next| next.integration_id == run.integration_id);
            if next.is_none_or(|next| next.finished_at > deadline) {
                turns.push(deadline);
                turns.extend(next.map(|next| next.finished_at));
            }
        }
        let failed = Query::select()
            .distinct()
            .column("last_good_at")
            .from("scope_state")
            .and_where(Expr::col("workspace_id").eq(self.workspace))
            .and_where(Expr::col("complete").eq(false))
            .and_where(Expr::col("last_good_at").is_not_null())
            .and_where(Expr::col("last_good_at").gt(from.saturating_sub(self.freshness)))
            .to_owned();
        turns.extend(self.all::<Failed>(&failed).await?.iter().map(|row| row.last_good_at + self.freshness));
        turns.retain(|turn| *turn > from && *turn <= to);
        Ok(turns)
    }

    async fn stored_statuses(&self, key: Option<&str>) -> Result<Vec<StatusRow>, StoreError> {
        let mut select = Query::select()
            .columns(["control_key", "status", "valid_from", "valid_to"].map(|column| ("c", column)))
            .from_as("control_status", "c")
            .and_where(Expr::col(("c", "workspace_id")).eq(self.workspace))
            .order_by(("c", "valid_from"), Order::Asc)
            .to_owned();
        match key {
            Some(key) => select.and_where(Expr::col(("c", "control_key")).eq(key)),
            None => select.cond_where(self.valid("c")),
        };
        self.all(&select).await
    }

    fn holds(&self, row: &StatusRow) -> bool {
        row.valid_from <= self.clock && row.valid_to.is_none_or(|to| to > self.clock)
    }
}
