//! The status of whole controls: coverage, since when, and history.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use sea_orm::FromQueryResult;
use sea_orm::sea_query::{Alias, Condition, Expr, ExprTrait, JoinType, Order, Query, UnionType};

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

/// An instant, and the status of each control from then on.
pub type Turn = (i64, HashMap<String, ControlStatus>);

#[derive(FromQueryResult)]
pub(super) struct StatusRow {
    pub(super) control_key: String,
    pub(super) status: String,
    pub(super) valid_from: i64,
    /// The workspace's last commit.
    pub(super) generation_at: i64,
    /// How far back its history reaches.
    pub(super) history_from: Option<i64>,
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
        for ((key, outcome), count) in self.outcomes().await? {
            if let Some(coverage) = coverage.get_mut(key) {
                let count = u32::try_from(*count).unwrap_or(u32::MAX);
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
        let turns = match stored.first() {
            Some(row) => self.turns_after(row.generation_at, controls).await?,
            None => Vec::new(),
        };
        let mut readings = HashMap::new();
        for (key, _) in controls {
            let coverage = coverage.get(*key).copied().unwrap_or_default();
            let since = match stored.iter().find(|row| row.control_key == *key) {
                Some(row) => Some(since_of(row, &turns)?),
                None => None,
            };
            let reading = ControlReading { coverage, status: coverage.status(), since: since.map(instant) };
            readings.insert((*key).to_owned(), reading);
        }
        Ok(readings)
    }

    /// How many assets and how many accounts there are. Removed ones do not count.
    pub async fn head_counts(&self) -> Result<(u64, u64), StoreError> {
        #[derive(FromQueryResult)]
        struct Heads {
            kind: String,
            heads: i64,
        }
        let count = |table: &'static str| {
            Query::select()
                .expr_as(Expr::val(table), Alias::new("kind"))
                .expr_as(Expr::cust("COUNT(*)"), Alias::new("heads"))
                .from_as(table, "f")
                .and_where(Expr::col(("f", "workspace_id")).eq(self.workspace))
                .cond_where(self.valid("f"))
                .to_owned()
        };
        let select = count("cluster_fact").union(UnionType::All, count("account_fact")).to_owned();
        let counts = self.all::<Heads>(&select).await?;
        let of = |table: &str| counts.iter().find(|row| row.kind == table).map_or(0, |row| row.heads.unsigned_abs());
        Ok((of("cluster_fact"), of("account_fact")))
    }

    /// How the status of each of these controls went between two instants, oldest first. Changes by time alone are in
    /// it.
    pub async fn status_histories(
        &self,
        controls: &[(&str, &[ScopeKind])],
        from: Option<Instant>,
        to: Option<Instant>,
    ) -> Result<HashMap<String, Vec<StatusInterval>>, StoreError> {
        let keys: Vec<&str> = controls.iter().map(|(key, _)| *key).collect();
        let stored = self.stored_statuses(Some(&keys)).await?;
        let turns = match stored.first() {
            Some(row) => self.turns_after(row.generation_at, controls).await?,
            None => Vec::new(),
        };
        let horizon = stored.first().and_then(|row| row.history_from).map(instant);
        let from = Ord::max(from, horizon);
        let mut histories = HashMap::new();
        for (key, _) in controls {
            let mut points: Vec<(i64, ControlStatus)> = Vec::new();
            for row in stored.iter().filter(|row| row.control_key == *key) {
                points.push((row.valid_from, status_of(row)?));
            }
            points.extend(turns.iter().filter_map(|(at, statuses)| Some((*at, *statuses.get(*key)?))));
            histories.insert((*key).to_owned(), self.intervals(points, from, to));
        }
        Ok(histories)
    }

    fn intervals(
        &self,
        mut points: Vec<(i64, ControlStatus)>,
        from: Option<Instant>,
        to: Option<Instant>,
    ) -> Vec<StatusInterval> {
        let until = Ord::min(to.map_or(self.clock, micros), self.clock);
        let since = from.map_or(i64::MIN, micros);
        points.retain(|(at, _)| *at <= until);
        points.sort_by_key(|(at, _)| *at);
        points.dedup_by(|next, previous| next.1 == previous.1);
        let intervals = points.iter().enumerate().map(|(index, (at, status))| StatusInterval {
            status: *status,
            from: instant(*at),
            to: points.get(index + 1).map(|(next, _)| instant(*next)),
        });
        intervals.filter(|interval| interval.to.is_none_or(|to| micros(to) > since)).collect()
    }

    /// What time alone has made of the statuses since the last commit, which noted all before it. Oldest first.
    pub async fn turns_since_commit(&self, controls: &[(&str, &[ScopeKind])]) -> Result<Vec<Turn>, StoreError> {
        let generation = self.generation().await?;
        self.turns_after(generation, controls).await
    }

    async fn turns_after(&self, generation: i64, controls: &[(&str, &[ScopeKind])]) -> Result<Vec<Turn>, StoreError> {
        let mut turns = Vec::new();
        for at in self.turning_points(generation, self.clock).await? {
            let (amiss, outcomes) = (Arc::default(), Arc::default());
            let then = Self { as_of: Some(at), clock: at, amiss, outcomes, ..self.clone() };
            let coverage = then.coverage(controls).await?;
            turns.push((at, coverage.into_iter().map(|(key, coverage)| (key, coverage.status())).collect()));
        }
        Ok(turns)
    }

    /// Instants after `from` and up to `to` at which time alone may have changed a status.
    async fn turning_points(&self, from: i64, to: i64) -> Result<BTreeSet<i64>, StoreError> {
        #[derive(FromQueryResult)]
        struct Point {
            /// None for an integration that was never read.
            at: Option<i64>,
        }
        if to <= from {
            return Ok(BTreeSet::new());
        }
        // Far beyond every instant, and far from the end of the numbers.
        let freshness = Ord::min(self.freshness, 1 << 60);
        let mut points = Query::select()
            .expr_as(Expr::cust("MAX(read_at)").add(freshness), Alias::new("at"))
            .from("sync_run")
            .and_where(Expr::col("workspace_id").eq(self.workspace))
            .and_where(Expr::col("status").is_in(["SUCCEEDED", "PARTIAL", "HELD"]))
            .and_where(Expr::col("finished_at").lte(from))
            .group_by_col("integration_id")
            .to_owned();
        for held in held_after(from) {
            let flips = Query::select()
                .distinct()
                .expr_as(Expr::col("flip_at"), Alias::new("at"))
                .from("control_result")
                .and_where(Expr::col("workspace_id").eq(self.workspace))
                .cond_where(held.clone())
                .and_where(Expr::col("flip_at").gt(from))
                .and_where(Expr::col("flip_at").lte(to))
                .to_owned();
            let last_goods = Query::select()
                .distinct()
                .expr_as(Expr::col("last_good_at").add(freshness), Alias::new("at"))
                .from("scope_state")
                .and_where(Expr::col("workspace_id").eq(self.workspace))
                .cond_where(held)
                .and_where(Expr::col("last_good_at").is_not_null())
                .to_owned();
            points.union(UnionType::All, flips).union(UnionType::All, last_goods);
        }
        let found = self.all::<Point>(&points).await?;
        Ok(found.into_iter().filter_map(|point| point.at).filter(|at| *at > from && *at <= to).collect())
    }

    /// Statuses that ever held of these controls, or without any the present ones of all; the oldest first.
    async fn stored_statuses(&self, ever_of: Option<&[&str]>) -> Result<Vec<StatusRow>, StoreError> {
        let mut select = Query::select()
            .columns(["control_key", "status", "valid_from"].map(|column| ("c", column)))
            .columns(["generation_at", "history_from"].map(|column| ("w", column)))
            .from_as("control_status", "c")
            .join_as(JoinType::InnerJoin, "workspace", "w", Expr::col(("w", "id")).equals(("c", "workspace_id")))
            .and_where(Expr::col(("c", "workspace_id")).eq(self.workspace))
            .order_by(("c", "valid_from"), Order::Asc)
            .to_owned();
        match ever_of {
            Some(keys) => select.and_where(Expr::col(("c", "control_key")).is_in(keys.iter().copied())),
            None => select.cond_where(self.valid("c")),
        };
        self.all(&select).await
    }
}

/// The instant since which a stored status holds, whatever time alone has done to it since.
fn since_of(row: &StatusRow, turns: &[Turn]) -> Result<i64, StoreError> {
    let (mut since, mut status) = (row.valid_from, status_of(row)?);
    for (at, statuses) in turns {
        if let Some(turned) = statuses.get(&row.control_key)
            && *turned != status
        {
            (since, status) = (*at, *turned);
        }
    }
    Ok(since)
}

/// Rows that still held after `from`: those that hold, and those that a commit under way has just ended. As two
/// conditions: each has an index of its own, and the second one's was made for pruning.
fn held_after(from: i64) -> [Condition; 2] {
    let to = || Expr::col("valid_to");
    [Condition::all().add(to().is_null()), Condition::all().add(to().gt(Expr::cust("0"))).add(to().gt(from))]
}

pub(super) fn status_of(row: &StatusRow) -> Result<ControlStatus, StoreError> {
    word(&row.status, ControlStatus::from_word, "control_status", "status")
}
