//! Letting go of the past: what ended before a workspace's horizon is deleted, a bounded number of rows in each turn.
//!
//! Readers are never shown half of it. The horizon is committed before the first row goes, and an instant before it is
//! refused from then on. For later instants and for now the rows that go are not read, but for removed things; of these
//! the rows that others ride on go first, and the older row of a thing before the younger.

use sea_orm::{ConnectionTrait, DatabaseTransaction, Statement};

use super::connect::{Store, database_now};
use super::convert::{instant, micros};
use super::sight::Sight;
use super::{StoreError, Writer};
use crate::domain::Instant;
use chrono::TimeDelta;

/// Rows that go in one turn.
pub const BATCH: u64 = 1_000;
/// Runs that read something: what is known of the freshness of evidence rests on them.
const GOOD: &str = "('SUCCEEDED', 'PARTIAL', 'HELD')";

/// From when on things are kept. None: for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Horizons {
    pub history: Option<Instant>,
    pub runs: Option<Instant>,
}

/// A kind of rows that go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// For people and programs, in the spelling of the schema.
    pub name: &'static str,
    rows: Rows,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rows {
    /// Intervals of this table that have ended.
    Ended(&'static str),
    Projects,
    Runs,
    Reads,
    Identities(&'static Identity),
}

/// Something that facts are about. It goes once nothing says anything of it.
#[derive(Debug, PartialEq, Eq)]
struct Identity {
    table: &'static str,
    /// Tables that may speak of it, and by which column.
    told_by: &'static [(&'static str, &'static str)],
    /// How results and the audit ledger call it. They never call a project.
    kind: Option<&'static str>,
    /// What people said of it by hand.
    by_hand: &'static [&'static str],
}

const ASSET: Identity = Identity {
    table: "asset",
    told_by: &[("cluster_fact", "asset_id"), ("asset_standing", "asset_id")],
    kind: Some("ASSET"),
    by_hand: &["manual_owner_id", "manual_description", "manual_user_data"],
};
const ACCOUNT: Identity = Identity {
    table: "account",
    told_by: &[
        ("account_fact", "account_id"),
        ("role_grant", "account_id"),
        ("account_link", "account_id"),
        ("access_review_item", "account_id"),
    ],
    kind: Some("ACCOUNT"),
    by_hand: &["manual_person_id"],
};
const PROJECT: Identity = Identity {
    table: "project",
    told_by: &[
        ("project_fact", "project_id"),
        ("encryption_fact", "project_id"),
        ("cluster_fact", "project_id"),
        ("role_grant", "project_id"),
    ],
    kind: None,
    by_hand: &[],
};

const fn ended(name: &'static str, table: &'static str) -> Step {
    Step { name, rows: Rows::Ended(table) }
}

const fn identities(name: &'static str, identity: &'static Identity) -> Step {
    Step { name, rows: Rows::Identities(identity) }
}

/// Everything that goes, in the order in which it goes.
pub const STEPS: [Step; 15] = [
    ended("clusterFacts", "cluster_fact"),
    ended("accountFacts", "account_fact"),
    ended("assetStandings", "asset_standing"),
    ended("grants", "role_grant"),
    ended("accountLinks", "account_link"),
    ended("controlResults", "control_result"),
    ended("encryptionFacts", "encryption_fact"),
    Step { name: "projectFacts", rows: Rows::Projects },
    ended("personFacts", "person_fact"),
    ended("controlStatuses", "control_status"),
    Step { name: "syncRuns", rows: Rows::Runs },
    Step { name: "scopeStates", rows: Rows::Reads },
    identities("assets", &ASSET),
    identities("accounts", &ACCOUNT),
    identities("projects", &PROJECT),
];

impl Step {
    /// Finds what goes of this workspace by id; None where it is kept for ever.
    fn select(self, workspace: i64, horizons: Horizons) -> Option<String> {
        let history = horizons.history.map(micros);
        match self.rows {
            Rows::Ended(table) => Some(ended_rows(table, workspace, history?, "")),
            Rows::Projects => {
                // A project is named as it last was where something that is kept still speaks of it.
                let is_told = |table: &str| {
                    format!(
                        "SELECT project_id FROM {table} WHERE workspace_id = {workspace} AND project_id IS NOT NULL"
                    )
                };
                let (clusters, grants) = (is_told("cluster_fact"), is_told("role_grant"));
                let but = format!(
                    "AND (EXISTS (SELECT 1 FROM project_fact later WHERE later.project_id = f.project_id \
                     AND later.valid_from > f.valid_from) \
                     OR (f.project_id NOT IN ({clusters}) AND f.project_id NOT IN ({grants})))"
                );
                Some(ended_rows("project_fact", workspace, history?, &but))
            }
            Rows::Reads => {
                let but = "AND NOT EXISTS (SELECT 1 FROM scope s JOIN sync_run r ON r.integration_id = s.integration_id \
                           WHERE s.id = f.scope_id AND r.finished_at >= f.valid_from AND r.finished_at < f.valid_to)";
                Some(ended_rows("scope_state", workspace, history?, but))
            }
            Rows::Runs => Some(ended_runs(workspace, micros(horizons.runs?), history)),
            Rows::Identities(identity) => Some(identity.untold(workspace, history?)),
        }
    }

    const fn table(self) -> &'static str {
        match self.rows {
            Rows::Ended(table) => table,
            Rows::Projects => "project_fact",
            Rows::Runs => "sync_run",
            Rows::Reads => "scope_state",
            Rows::Identities(identity) => identity.table,
        }
    }
}

/// `valid_to > 0` is what the index of ended rows is made with.
fn ended_rows(table: &str, workspace: i64, before: i64, but: &str) -> String {
    format!(
        "SELECT f.id FROM {table} f WHERE f.workspace_id = {workspace} AND f.valid_to > 0 AND f.valid_to < {before} \
         {but} ORDER BY f.valid_to, f.id"
    )
}

/// Runs that ended before their horizon. Good ones stay with the history, and beyond it the last one of each
/// integration: by them readers tell how fresh the evidence was.
fn ended_runs(workspace: i64, before: i64, history: Option<i64>) -> String {
    let of = format!("FROM sync_run WHERE workspace_id = {workspace}");
    let mut kept = vec![
        format!("SELECT MAX(id) {of} GROUP BY integration_id"),
        format!("SELECT held_run_id FROM integration WHERE workspace_id = {workspace} AND held_run_id IS NOT NULL"),
        last_runs(workspace, "scheduled_at", ""),
    ];
    let mut goes = format!("status NOT IN {GOOD}");
    if let Some(history) = history {
        goes = format!("({goes} OR finished_at < {history})");
        let good = format!("AND status IN {GOOD} AND finished_at <= {history}");
        kept.extend(["read_at", "finished_at"].map(|column| last_runs(workspace, column, &good)));
    }
    let kept = kept.join(" UNION ");
    format!("SELECT id {of} AND finished_at < {before} AND {goes} AND id NOT IN ({kept}) ORDER BY id")
}

/// Of each integration the run with the greatest value in this column.
fn last_runs(workspace: i64, column: &str, only: &str) -> String {
    format!(
        "SELECT r.id FROM sync_run r JOIN (SELECT integration_id, MAX({column}) AS top FROM sync_run \
         WHERE workspace_id = {workspace} {only} GROUP BY integration_id) n \
         ON n.integration_id = r.integration_id AND n.top = r.{column} WHERE r.workspace_id = {workspace} {only}"
    )
}

impl Identity {
    fn untold(&self, workspace: i64, before: i64) -> String {
        use std::fmt::Write as _;
        let mut select = format!(
            "SELECT i.id FROM {} i WHERE i.workspace_id = {workspace} AND i.first_seen_at < {before}",
            self.table
        );
        let mut and = |condition: String| write!(select, " AND {condition}").expect("a String takes all text");
        self.by_hand.iter().for_each(|column| and(format!("i.{column} IS NULL")));
        for (table, column) in self.told_by {
            and(format!("NOT EXISTS (SELECT 1 FROM {table} t WHERE t.{column} = i.id)"));
        }
        if let Some(kind) = self.kind {
            let is_subject = format!("t.subject_kind = '{kind}' AND t.subject_id = i.id");
            and(format!("NOT EXISTS (SELECT 1 FROM control_result t WHERE {is_subject})"));
            and(format!(
                "NOT EXISTS (SELECT 1 FROM audit_event t WHERE t.workspace_id = {workspace} AND {is_subject})"
            ));
        }
        select.push_str(" ORDER BY i.id");
        select
    }
}

impl Store {
    /// Takes the next pruning of a workspace for this process, for so long. False: it is not due, or somebody else's.
    pub async fn claim_pruning(&self, workspace: i64, lease: TimeDelta) -> Result<bool, StoreError> {
        let tx = self.begin_write(Sight::Workspace(workspace)).await?;
        let now = database_now(&tx, &self.clock).await?;
        let due = format!("AND COALESCE(prune_at, 0) <= {}", micros(now));
        let claimed = put_off(&tx, workspace, now + lease, &due).await?;
        tx.commit().await?;
        Ok(claimed)
    }

    /// Notes when pruning may begin next.
    pub async fn put_off_pruning(&self, workspace: i64, pause: TimeDelta) -> Result<(), StoreError> {
        let tx = self.begin_write(Sight::Workspace(workspace)).await?;
        let now = database_now(&tx, &self.clock).await?;
        put_off(&tx, workspace, now + pause, "").await?;
        Ok(tx.commit().await?)
    }

    /// The horizons that lie so far back. Whoever asks for what was before the history's is told so from now on; a
    /// workspace that is younger keeps everything.
    pub async fn set_horizons(
        &self,
        workspace: i64,
        history: Option<TimeDelta>,
        runs: Option<TimeDelta>,
    ) -> Result<Horizons, StoreError> {
        let writer = self.writer(workspace).await?;
        let horizons = horizons(&writer, history, runs);
        if let Some(history) = horizons.history.map(micros) {
            let set = format!(
                "UPDATE workspace SET history_from = {history} WHERE id = {workspace} AND created_at < {history} \
                 AND COALESCE(history_from, 0) < {history}"
            );
            writer.tx.execute_unprepared(&set).await?;
        }
        // A horizon that was set before may be the later one.
        let known = number(&writer.tx, &format!("SELECT history_from FROM workspace WHERE id = {workspace}")).await?;
        writer.end_unnoticed().await?;
        Ok(Horizons { history: horizons.history.and(known).map(instant), ..horizons })
    }

    /// What the horizons would be.
    pub async fn expected_horizons(
        &self,
        workspace: i64,
        history: Option<TimeDelta>,
        runs: Option<TimeDelta>,
    ) -> Result<Horizons, StoreError> {
        let writer = self.writer(workspace).await?;
        let horizons = horizons(&writer, history, runs);
        let of = format!("FROM workspace WHERE id = {workspace}");
        let created = number(&writer.tx, &format!("SELECT created_at {of}")).await?.map(instant);
        let known = number(&writer.tx, &format!("SELECT history_from {of}")).await?.map(instant);
        writer.undo().await?;
        let reached = horizons.history.filter(|history| created < Some(*history));
        Ok(Horizons { history: horizons.history.and(Ord::max(reached, known)), ..horizons })
    }

    /// How many rows go in this step, as things stand.
    pub async fn count_expired(&self, workspace: i64, step: Step, horizons: Horizons) -> Result<u64, StoreError> {
        let Some(select) = step.select(workspace, horizons) else { return Ok(0) };
        let (tx, _) = self.begin_read(Sight::Workspace(workspace)).await?;
        let rows = number(&tx, &format!("SELECT COUNT(*) FROM ({select}) AS going")).await?;
        Ok(rows.and_then(|rows| u64::try_from(rows).ok()).unwrap_or(0))
    }

    /// Deletes up to [`BATCH`] rows of this step in a turn of their own; how many there were.
    pub async fn delete_expired(&self, workspace: i64, step: Step, horizons: Horizons) -> Result<u64, StoreError> {
        let Some(select) = step.select(workspace, horizons) else { return Ok(0) };
        let some = format!("{select} LIMIT {BATCH}");
        let writer = self.writer(workspace).await?;
        if step.table() == "cluster_fact" {
            writer.tx.execute_unprepared(&format!("DELETE FROM asset_facet WHERE fact_id IN ({some})")).await?;
        }
        let delete = format!("DELETE FROM {} WHERE id IN ({some})", step.table());
        let deleted = writer.tx.execute_unprepared(&delete).await?.rows_affected();
        writer.end_unnoticed().await?;
        Ok(deleted)
    }
}

/// In whole seconds: people read them.
fn horizons(writer: &Writer, history: Option<TimeDelta>, runs: Option<TimeDelta>) -> Horizons {
    let now = instant(writer.now);
    let before = |kept: TimeDelta| instant(micros(now - kept).div_euclid(1_000_000) * 1_000_000);
    Horizons { history: history.map(before), runs: runs.map(before) }
}

async fn put_off(tx: &DatabaseTransaction, workspace: i64, until: Instant, only: &str) -> Result<bool, StoreError> {
    let update = format!("UPDATE workspace SET prune_at = {} WHERE id = {workspace} {only}", micros(until));
    Ok(tx.execute_unprepared(&update).await?.rows_affected() == 1)
}

async fn number(tx: &DatabaseTransaction, sql: &str) -> Result<Option<i64>, StoreError> {
    let row = tx.query_one_raw(Statement::from_string(tx.get_database_backend(), sql)).await?;
    Ok(row.map(|row| row.try_get_by_index(0)).transpose()?.flatten())
}
