//! Writing: one workspace, one transaction, one commit instant.
//!
//! A [`Writer`] holds its workspace's write turn. Everything it writes becomes true at [`Writer::at`], which rises
//! strictly from commit to commit, so an `asOf` answer never changes afterwards. It is when the turn began: until the
//! commit, whoever asks for an instant since then is told what was true before.

mod accounts;
mod annotations;
mod clusters;
mod estate;
mod integrations;
mod intervals;
mod people;
mod reviews;
mod runs;
mod scim_users;
mod scopes;
mod subjects;
mod verdicts;

pub use estate::{AccountPut, Estate, EstateChange, Stored, Touched};
pub use integrations::{IntegrationState, NewIntegration};
pub use people::StoredPerson;
pub use reviews::{NewReview, NewReviewItem, Pending};
pub use runs::{NextRun, RunEnd};
pub use scim_users::ScimUserPut;
pub use subjects::{AccountInput, AssetInput};
pub use verdicts::{ResultKey, ResultPut, StoredResult};

use std::sync::{Arc, Mutex, PoisonError};

use entity::audit_event;
use sea_orm::sea_query::{BinOper, Expr, ExprTrait, IntoColumnRef, Query, SelectStatement};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, FromQueryResult};

use super::changes::{Change, Changes};
use super::connect::{Store, database_now};
use super::convert::{instant, micros};
use super::sight::Sight;
use super::{StoreError, audit};
use crate::domain::Instant;

/// Ids per statement: below the parameter limits of both databases.
const CHUNK: usize = 2_000;
/// So many ids are a list of parameters on every database.
const FEW: usize = 50;
/// Rows per statement, where each value is a parameter.
const ROWS: usize = 400;

/// The write turn of one workspace.
pub struct Writer {
    pub(super) tx: Arc<DatabaseTransaction>,
    pub(super) workspace: i64,
    pub(super) at: i64,
    /// The clock when the turn came; `at` may lie a little ahead of it.
    pub(super) now: i64,
    /// Events of the audit ledger that stand once this commits.
    pub(super) audited: Mutex<Vec<audit_event::Model>>,
    changes: Changes,
}

impl Store {
    /// Waits for the workspace's write turn. Dropping the writer without a commit undoes everything.
    pub async fn writer(&self, workspace: i64) -> Result<Writer, StoreError> {
        #[derive(FromQueryResult)]
        struct Generation {
            generation_at: i64,
        }
        let tx = self.begin_write(Sight::Workspace(workspace)).await?;
        let backend = tx.get_database_backend();
        let mut select = Query::select()
            .column("generation_at")
            .from("workspace")
            .and_where(Expr::col("id").eq(workspace))
            .to_owned();
        if backend == DbBackend::Postgres {
            select.lock_exclusive();
        }
        let generation = Generation::find_by_statement(backend.build(&select)).one(&tx).await?;
        let previous = generation.map_or(0, |row| row.generation_at);
        let now = micros(database_now(&tx, &self.clock).await?);
        let changes = self.changes.clone();
        let (at, audited) = (Ord::max(now, previous + 1), Mutex::default());
        Ok(Writer { tx: Arc::new(tx), workspace, at, now, audited, changes })
    }
}

impl Writer {
    /// The write turn of a workspace that this transaction has just made.
    pub(super) fn of_new(tx: DatabaseTransaction, workspace: i64, now: i64, changes: Changes) -> Self {
        Self { tx: Arc::new(tx), workspace, at: now, now, audited: Mutex::default(), changes }
    }

    /// The instant at which this writer's changes become true.
    pub fn at(&self) -> Instant {
        instant(self.at)
    }

    pub const fn workspace(&self) -> i64 {
        self.workspace
    }

    /// Makes everything visible at once, and tells those who wait for it.
    pub async fn commit(self) -> Result<(), StoreError> {
        let update = Query::update()
            .table("workspace")
            .value("generation_at", self.at)
            .and_where(Expr::col("id").eq(self.workspace))
            .to_owned();
        self.tx.execute(&update).await?;
        let tx = Arc::try_unwrap(self.tx).map_err(|_| DbErr::Custom("a reader outlived its writer".to_owned()))?;
        self.changes.commit(tx, Change::Commit { workspace: self.workspace }).await?;
        audit::log(&self.audited.into_inner().unwrap_or_else(PoisonError::into_inner));
        Ok(())
    }

    /// Keeps what was done without a commit of the workspace: for what pruning does, after which no answer about an
    /// instant that is still in the history is another one.
    pub(super) async fn end_unnoticed(self) -> Result<(), StoreError> {
        let tx = Arc::try_unwrap(self.tx).map_err(|_| DbErr::Custom("a reader outlived its writer".to_owned()))?;
        tx.commit().await?;
        Ok(())
    }

    /// Undoes everything, and ends the turn before it returns.
    pub async fn undo(self) -> Result<(), StoreError> {
        let tx = Arc::try_unwrap(self.tx).map_err(|_| DbErr::Custom("a reader outlived its writer".to_owned()))?;
        tx.rollback().await?;
        Ok(())
    }

    /// A row of this workspace, in a form that no index serves: where ids are given, a planner without statistics
    /// would rather walk through everything that the workspace has.
    fn owns(&self, table: &'static str) -> Expr {
        Expr::col((table, "workspace_id")).add(0).eq(self.workspace)
    }

    /// One of these ids.
    ///
    /// `PostgreSQL` makes one plan for a statement that it has seen often, and by it compares every row with every
    /// parameter of a long list. An array that stands in the statement itself is hashed, or looked up in an index.
    fn among(&self, column: impl IntoColumnRef, ids: &[i64]) -> Expr {
        let column = Expr::col(column);
        if ids.len() <= FEW || self.tx.get_database_backend() != DbBackend::Postgres {
            return column.is_in(ids.iter().copied());
        }
        let ids: Vec<String> = ids.iter().map(i64::to_string).collect();
        column.binary(BinOper::Custom("= ANY"), Expr::cust(format!("'{{{}}}'::bigint[]", ids.join(","))))
    }

    async fn all<T: FromQueryResult>(&self, select: &SelectStatement) -> Result<Vec<T>, StoreError> {
        let statement = self.tx.get_database_backend().build(select);
        Ok(T::find_by_statement(statement).all(self.tx.as_ref()).await?)
    }
}
