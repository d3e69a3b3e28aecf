//! Opening the database, and beginning to read and write.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, IsolationLevel, SqliteTransactionMode,
    Statement, TransactionOptions, TransactionTrait,
};

use super::breaker::Breaker;
use super::changes::Changes;
use super::convert::{instant, micros};
use super::pool::{self, Pools};
use super::read::{Horizons, ScopeReads};
use super::sight::{self, Sight, Taken};
use super::statements::observe;
use super::{Outage, StoreError};
use crate::clock::Clock;
use crate::domain::Instant;
use crate::telemetry::metrics::{Connections, DatabaseMetrics};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    Sqlite,
    Postgres,
}

#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// `sqlite://PATH` or `postgres://...`.
    pub url: String,
    /// How long a good read of a list stays good evidence.
    pub freshness: TimeDelta,
    /// Without a sign-in for so long a user is dormant.
    pub dormant_after: TimeDelta,
    pub clock: Clock,
    /// Connections for reading; SQLite has one more for writing.
    pub connections: u32,
    /// How long a sync is its process's without a word of it. In half of that, a client that falls silent in a
    /// transaction loses it.
    pub lease: Duration,
}

/// The open database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    pub(super) read: DatabaseConnection,
    pub(super) write: DatabaseConnection,
    /// For looking whether the database answers.
    pub(super) probe: DatabaseConnection,
    pub(super) clock: Clock,
    pub(super) freshness: TimeDelta,
    pub(super) dormant_after: TimeDelta,
    pub(super) changes: Changes,
    /// How to connect for listening; None where the database has no such thing.
    pub(super) listening: Option<Arc<PgConnectOptions>>,
    backend: Backend,
    breaker: Arc<Breaker>,
    pub(super) scope_reads: ScopeReads,
    pub(super) horizons: Horizons,
    metrics: DatabaseMetrics,
}

/// What begins a transaction is answered within so long, acquiring a connection included.
const BEGIN_WITHIN: Duration = Duration::from_millis(2_800);
/// On SQLite: a turn among the writers of this process, then one among processes.
const TURN_WITHIN: Duration = Duration::from_secs(14);
/// A file that somebody else holds is waited for so long.
const OPEN_WITHIN: Duration = Duration::from_secs(5);
const OPEN_AGAIN_AFTER: Duration = Duration::from_millis(20);
/// Statements that write for a whole organization take longer than those that a caller waits for.
const WRITES_WITHIN: &str = "set_config('statement_timeout', '30000', true)";

impl Store {
    /// Opens the database; fails where it does not answer.
    pub async fn connect(options: StoreOptions) -> Result<Self, StoreError> {
        let (pools, backend) = if options.url.starts_with("sqlite:") {
            (pool::sqlite(&options)?, Backend::Sqlite)
        } else {
            (pool::postgres(&options)?, Backend::Postgres)
        };
        let Pools { mut read, mut write, probe, listening } = pools;
        let metrics = DatabaseMetrics::default();
        for db in [&mut read, &mut write] {
            observe(db, backend, &metrics, |_| {});
        }
        first_answer(&write).await?;
        first_answer(&probe).await?;
        Ok(Self {
            read,
            write,
            probe,
            clock: options.clock,
            freshness: options.freshness,
            dormant_after: options.dormant_after,
            backend,
            changes: Changes::new(),
            listening,
            breaker: Arc::default(),
            scope_reads: ScopeReads::default(),
            horizons: Horizons::default(),
            metrics,
        })
    }

    pub const fn backend(&self) -> Backend {
        self.backend
    }

    pub const fn metrics(&self) -> &DatabaseMetrics {
        &self.metrics
    }

    /// Connections that are open now, the one for the check of readiness apart.
    pub fn connections(&self) -> Connections {
        match self.backend {
            // Reads and writes share one pool there.
            Backend::Postgres => pool::connections(&[&self.read], Backend::Postgres),
            Backend::Sqlite => pool::connections(&[&self.read, &self.write], Backend::Sqlite),
        }
    }

    /// Reports every statement to `callback`, for statement budgets in tests.
    pub fn observe_statements(&mut self, callback: impl Fn(&str) + Send + Sync + Clone + 'static) {
        let other = callback.clone();
        observe(&mut self.read, self.backend, &self.metrics, callback);
        observe(&mut self.write, self.backend, &self.metrics, other);
    }

    /// What one finds out about the database, all others need not.
    pub(super) fn note_answer<T>(&self, answer: &Result<T, StoreError>) {
        self.breaker.note(answer);
    }

    pub async fn close(&self) -> Result<(), StoreError> {
        self.read.close_by_ref().await?;
        self.probe.close_by_ref().await?;
        self.write.close_by_ref().await?;
        Ok(())
    }

    /// A transaction that reads one state of the database, and what it says of itself.
    pub(super) async fn begin_read(&self, sight: Sight) -> Result<(DatabaseTransaction, Taken), StoreError> {
        let begin = async {
            let tx = self.read.begin().await?;
            let taken = sight::take(&tx, sight, &self.clock).await?;
            if taken.is_isolated {
                return Ok((tx, taken));
            }
            // A pooler in between did not pass on what the connection asked for.
            tx.rollback().await?;
            let isolation_level = Some(IsolationLevel::RepeatableRead);
            let options = TransactionOptions { isolation_level, ..TransactionOptions::default() };
            let tx = self.read.begin_with_options(options).await?;
            let taken = sight::take(&tx, sight, &self.clock).await?;
            Ok((tx, taken))
        };
        self.begin(begin).await
    }

    /// The last commit of a workspace, and the clock.
    pub async fn generation(&self, workspace: i64) -> Result<(i64, Instant), StoreError> {
        let sql = match self.backend {
            Backend::Sqlite => "SELECT generation_at AS generation, 0 AS now FROM workspace WHERE id = $1".to_owned(),
            Backend::Postgres => format!("SELECT slategate_generation($1) AS generation, {} AS now", sight::NOW),
        };
        let ask = async {
            let statement = Statement::from_sql_and_values(self.read.get_database_backend(), &sql, [workspace.into()]);
            let row = self.read.query_one_raw(statement).await?;
            let row = row.ok_or_else(|| DbErr::RecordNotFound("a workspace's generation".to_owned()))?;
            let is_told = self.backend == Backend::Postgres && matches!(self.clock, Clock::System);
            let now = if is_told { instant(row.try_get("", "now")?) } else { self.clock.now() };
            Ok((row.try_get("", "generation")?, now))
        };
        self.begin(ask).await
    }

    /// Begins within the time for it.
    async fn begin<T>(&self, beginning: impl Future<Output = Result<T, DbErr>>) -> Result<T, StoreError> {
        self.breaker.guard(answered(BEGIN_WITHIN, Outage::Unreachable, beginning)).await
    }

    pub(super) async fn begin_write(&self, sight: Sight) -> Result<DatabaseTransaction, StoreError> {
        match self.backend {
            Backend::Sqlite => {
                let sqlite_transaction_mode = Some(SqliteTransactionMode::Immediate);
                let options = TransactionOptions { sqlite_transaction_mode, ..TransactionOptions::default() };
                let begun = answered(TURN_WITHIN, Outage::Busy, self.write.begin_with_options(options)).await;
                // There is nothing to reach: whoever waited in vain for the one writer waited for its work.
                begun.map_err(|error| match error {
                    StoreError::Unavailable(Outage::Unreachable, cause @ DbErr::ConnectionAcquire(_)) => {
                        StoreError::Unavailable(Outage::Busy, cause)
                    }
                    error => error,
                })
            }
            Backend::Postgres => {
                let begin = async {
                    let tx = self.write.begin().await?;
                    tx.execute_unprepared(&sight::taken(sight, WRITES_WITHIN)).await?;
                    Ok(tx)
                };
                self.begin(begin).await
            }
        }
    }
}

/// SQLite does not wait when several processes open a new file at once: each puts it into WAL mode, and one can.
async fn first_answer(db: &DatabaseConnection) -> Result<(), StoreError> {
    let patience = tokio::time::Instant::now() + OPEN_WITHIN;
    loop {
        match db.ping().await.map_err(StoreError::from) {
            Err(StoreError::Unavailable(Outage::Busy, _)) if tokio::time::Instant::now() < patience => {
                tokio::time::sleep(OPEN_AGAIN_AFTER).await;
            }
            answer => return answer,
        }
    }
}

/// What does not answer `within` a time is an outage.
async fn answered<T>(
    within: Duration,
    outage: Outage,
    asking: impl Future<Output = Result<T, DbErr>>,
) -> Result<T, StoreError> {
    match tokio::time::timeout(within, asking).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(StoreError::Unavailable(outage, DbErr::Custom(format!("no answer within {within:?}")))),
    }
}

/// The database's clock; the process's on SQLite, which has none of its own, and in tests that set the time.
pub(super) async fn database_now(db: &impl ConnectionTrait, clock: &Clock) -> Result<Instant, StoreError> {
    if db.get_database_backend() != DbBackend::Postgres || matches!(clock, Clock::Manual(_)) {
        return Ok(clock.now());
    }
    let sql = format!("SELECT {} AS now", sight::NOW);
    let row = db.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
    match row {
        Some(row) => Ok(instant(row.try_get("", "now")?)),
        None => Ok(instant(micros(clock.now()))),
    }
}
