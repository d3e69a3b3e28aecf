//! Reading: one workspace, one instant, one generation.
//!
//! A [`Reader`] is one read-only transaction, so everything it says belongs together. Now and the past are one code
//! path: only `Reader::valid` knows the difference.

mod accounts;
mod assets;
pub mod audit;
mod commits;
mod horizon;
mod integrations;
pub mod page;
pub(in crate::store) mod people;
mod projects;
mod results;
mod reviews;
mod runs;
pub(in crate::store) mod scim_users;
mod scopes;
mod status_log;
mod statuses;
mod tokens;

pub use accounts::{AccountFilter, AccountOrder};
pub use assets::{AssetFilter, AssetOrder, AssetParent};
pub use people::PersonFilter;
pub use projects::ProjectFilter;
pub use results::ResultFilter;
pub use reviews::{ReviewFilter, ReviewItemFilter};
pub use runs::{RunFilter, SyncStanding};
pub use scim_users::{ScimUserKey, ScimUserView};
pub use status_log::{StatusLog, StatusPoint};
pub use statuses::{ControlReading, StatusInterval, Turn};

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::TimeDelta;
use sea_orm::sea_query::{Alias, Condition, Expr, ExprTrait, Query, SelectStatement};
use sea_orm::{ConnectionTrait, DatabaseTransaction, FromQueryResult};
use tokio::sync::OnceCell;

use super::connect::Store;
use super::convert::micros;
use super::sight::{Sight, Taken};
use super::{Backend, StoreError, Writer};
use crate::domain::Instant;
pub(super) use horizon::Horizons;
use results::Outcomes;
use scopes::Amiss;
pub(super) use scopes::ScopeReads;

/// Reads of one workspace at one instant. Clones share the transaction.
#[derive(Clone)]
pub struct Reader {
    tx: Arc<DatabaseTransaction>,
    backend: Backend,
    workspace: i64,
    /// None: now.
    as_of: Option<i64>,
    /// The instant that time-driven verdicts are computed for, in microseconds.
    clock: i64,
    /// When reading began, in microseconds.
    now: i64,
    freshness: i64,
    dormant_after: TimeDelta,
    amiss: Arc<OnceCell<Amiss>>,
    outcomes: Arc<OnceCell<Outcomes>>,
    /// None for what is not committed yet.
    snapshot: Option<Arc<Snapshot>>,
    scope_reads: ScopeReads,
    horizons: Horizons,
}

/// What clones of a reader know of their transaction.
struct Snapshot {
    generation: OnceCell<i64>,
    is_beyond_commits: AtomicBool,
}

impl Store {
    /// Starts reading a workspace as it is now.
    pub async fn reader(&self, workspace: i64) -> Result<Reader, StoreError> {
        let (tx, Taken { now, generation, .. }) = self.begin_read(Sight::Workspace(workspace)).await?;
        let snapshot =
            Snapshot { generation: OnceCell::new_with(generation), is_beyond_commits: AtomicBool::new(false) };
        Ok(Reader {
            tx: Arc::new(tx),
            backend: self.backend(),
            workspace,
            as_of: None,
            clock: micros(now),
            now: micros(now),
            freshness: self.freshness.num_microseconds().unwrap_or(i64::MAX),
            dormant_after: self.dormant_after,
            amiss: Arc::default(),
            outcomes: Arc::default(),
            snapshot: Some(Arc::new(snapshot)),
            scope_reads: self.scope_reads.clone(),
            horizons: self.horizons.clone(),
        })
    }
}

impl Store {
    /// Reads what a workspace will look like once `writer` commits. Drop it before the commit.
    pub fn preview(&self, writer: &Writer) -> Reader {
        Reader {
            tx: Arc::clone(&writer.tx),
            backend: self.backend(),
            workspace: writer.workspace,
            as_of: None,
            clock: writer.at,
            now: writer.at,
            freshness: self.freshness.num_microseconds().unwrap_or(i64::MAX),
            dormant_after: self.dormant_after,
            amiss: Arc::default(),
            outcomes: Arc::default(),
            snapshot: None,
            scope_reads: self.scope_reads.clone(),
            horizons: self.horizons.clone(),
        }
    }
}

impl Reader {
    /// The same reads at another instant. None, or an instant that is not past yet, means now.
    #[must_use]
    pub fn at(&self, as_of: Option<Instant>) -> Self {
        let as_of = as_of.map(micros).filter(|instant| *instant < self.now);
        let (amiss, outcomes) = (Arc::default(), Arc::default());
        Self { as_of, clock: as_of.unwrap_or(self.now), amiss, outcomes, ..self.clone() }
    }

    /// How far back history reaches; None: everything is there.
    pub async fn history_from(&self) -> Result<Option<Instant>, StoreError> {
        #[derive(FromQueryResult)]
        struct Horizon {
            history_from: Option<i64>,
        }
        let select = Query::select()
            .column("history_from")
            .from("workspace")
            .and_where(Expr::col("id").eq(self.workspace))
            .to_owned();
        let row = self.one::<Horizon>(&select).await?;
        Ok(row.and_then(|row| row.history_from).map(super::convert::instant))
    }

    /// The past instant that is read; None for now.
    pub fn as_of(&self) -> Option<Instant> {
        self.as_of.map(super::convert::instant)
    }

    /// The instant that is read: now, or the past one.
    pub fn instant(&self) -> Instant {
        super::convert::instant(self.clock)
    }

    /// Who last signed in before this is dormant.
    pub fn dormant_before(&self) -> Instant {
        self.instant() - self.dormant_after
    }

    pub const fn workspace(&self) -> i64 {
        self.workspace
    }

    /// The last commit that is seen, in microseconds since 1970.
    pub async fn generation(&self) -> Result<i64, StoreError> {
        match &self.snapshot {
            Some(snapshot) => Ok(*snapshot.generation.get_or_try_init(|| self.last_generation()).await?),
            None => self.last_generation().await,
        }
    }

    /// The instant at which reading began, where all that was read so far is as the last commit left it.
    pub fn read_commits_only(&self) -> Option<Instant> {
        let snapshot = self.snapshot.as_ref()?;
        let is_beyond = snapshot.is_beyond_commits.load(Ordering::Relaxed);
        (!is_beyond).then(|| super::convert::instant(self.now))
    }

    /// What is read now changes without a commit: rows of syncs under way, of schedules, tokens and the ledger; the time.
    pub fn read_beyond_commits(&self) {
        if let Some(snapshot) = &self.snapshot {
            snapshot.is_beyond_commits.store(true, Ordering::Relaxed);
        }
    }

    async fn last_generation(&self) -> Result<i64, StoreError> {
        #[derive(FromQueryResult)]
        struct Generation {
            generation_at: i64,
        }
        let select = Query::select()
            .column("generation_at")
            .from("workspace")
            .and_where(Expr::col("id").eq(self.workspace))
            .to_owned();
        Ok(self.one::<Generation>(&select).await?.map_or(0, |row| row.generation_at))
    }

    /// Ends the transaction. Only the last clone's call does something.
    pub async fn finish(self) -> Result<(), StoreError> {
        if let Ok(tx) = Arc::try_unwrap(self.tx) {
            tx.rollback().await?;
        }
        Ok(())
    }

    async fn all<T: FromQueryResult>(&self, select: &SelectStatement) -> Result<Vec<T>, StoreError> {
        let statement = self.tx.get_database_backend().build(select);
        Ok(T::find_by_statement(statement).all(self.tx.as_ref()).await?)
    }

    async fn one<T: FromQueryResult>(&self, select: &SelectStatement) -> Result<Option<T>, StoreError> {
        let statement = self.tx.get_database_backend().build(select);
        Ok(T::find_by_statement(statement).one(self.tx.as_ref()).await?)
    }

    /// How many rows `select` has; its columns are replaced.
    async fn count(&self, mut select: SelectStatement) -> Result<u64, StoreError> {
        #[derive(FromQueryResult)]
        struct Count {
            rows: i64,
        }
        select.clear_selects().clear_order_by().expr_as(Expr::cust("COUNT(*)"), Alias::new("rows"));
        let count = self.one::<Count>(&select).await?;
        Ok(count.map_or(0, |count| u64::try_from(count.rows).unwrap_or(0)))
    }

    /// How many rows `select` has for each value of `parent`; its columns are replaced.
    async fn count_each(
        &self,
        mut select: SelectStatement,
        parent: page::ColumnOf,
    ) -> Result<HashMap<i64, u64>, StoreError> {
        #[derive(FromQueryResult)]
        struct Count {
            parent: i64,
            rows: i64,
        }
        select
            .clear_selects()
            .expr_as(Expr::col(parent), Alias::new("parent"))
            .expr_as(Expr::cust("COUNT(*)"), Alias::new("rows"))
            .group_by_col(parent);
        let counts = self.all::<Count>(&select).await?;
        Ok(counts.into_iter().map(|count| (count.parent, u64::try_from(count.rows).unwrap_or(0))).collect())
    }

    /// Rows of interval table `table` (an alias) that hold at the instant.
    fn valid(&self, table: &'static str) -> Condition {
        let to = || Expr::col((table, "valid_to"));
        match self.as_of {
            None => Condition::all().add(to().is_null()),
            Some(at) => Condition::all()
                .add(Expr::col((table, "valid_from")).lte(at))
                .add(Condition::any().add(to().is_null()).add(to().gt(at))),
        }
    }

    /// Of each identity the last row that had begun by the instant, whether it still holds or not.
    fn latest(&self, table: &'static str, alias: &'static str, identity: &'static str) -> Condition {
        let by = self.as_of.unwrap_or(i64::MAX);
        let later = Query::select()
            .expr(Expr::val(1))
            .from_as(table, "later")
            .and_where(Expr::col(("later", identity)).equals((alias, identity)))
            .and_where(Expr::col(("later", "valid_from")).gt(Expr::col((alias, "valid_from"))))
            .and_where(Expr::col(("later", "valid_from")).lte(by))
            .to_owned();
        Condition::all().add(Expr::col((alias, "valid_from")).lte(by)).add(Expr::not_exists(later))
    }

    /// Rows of a table that rides on `base`: valid at the instant, or closed together with a removed `base` row.
    fn valid_with(&self, table: &'static str, base: &'static str) -> Condition {
        let by = self.as_of.unwrap_or(i64::MAX);
        let together = Condition::all()
            .add(Expr::col((base, "valid_to")).lte(by))
            .add(Expr::col((table, "valid_to")).equals((base, "valid_to")));
        Condition::any().add(self.valid(table)).add(together)
    }

    /// Rows of this workspace. `is_narrowed`: another condition has an index of its own that finds fewer rows, so the one
    /// on the workspace is hidden from planners. SQLite keeps no statistics and would take it for as good.
    fn here(&self, table: &'static str, is_narrowed: bool) -> Expr {
        let workspace = Expr::col((table, "workspace_id"));
        if is_narrowed { workspace.add(0).eq(self.workspace) } else { workspace.eq(self.workspace) }
    }

    /// Whether only rows that hold now are asked for: most indexes hold no others.
    const fn is_of_now(&self, include_removed: bool) -> bool {
        self.as_of.is_none() && !include_removed
    }

    /// The same for a list of `base` rows: those that hold need not look at what ended with them.
    fn riding(&self, table: &'static str, base: &'static str, include_removed: bool) -> Condition {
        if include_removed { self.valid_with(table, base) } else { self.valid(table) }
    }

    /// Case-blind containment; `%`, `_` and quotes are text. `column` holds lower-cased text.
    fn contains(&self, column: (&'static str, &'static str), needle: &str) -> Expr {
        let function = match self.backend {
            Backend::Sqlite => "instr",
            Backend::Postgres => "strpos",
        };
        let call = sea_orm::sea_query::Func::cust(function).arg(Expr::col(column)).arg(needle.to_lowercase());
        Expr::from(call).gt(0)
    }

    /// When a row stopped to hold, as far as the instant can know.
    fn ended(&self, valid_to: Option<i64>) -> Option<Instant> {
        valid_to.filter(|ended| self.as_of.is_none_or(|at| *ended <= at)).map(super::convert::instant)
    }
}

/// One of these words; equality where there is but one, which planners know better.
fn one_of(column: (&'static str, &'static str), words: &[&'static str]) -> Expr {
    match words {
        [word] => Expr::col(column).eq(*word),
        words => Expr::col(column).is_in(words.iter().copied()),
    }
}
