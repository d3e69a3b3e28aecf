//! Opening the database, bringing its schema up to date, and asking after its health.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use migration::{Migrator, MigratorTrait};
use sea_orm::sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, IsolationLevel, SqliteTransactionMode,
    SqlxPostgresConnector, SqlxSqliteConnector, Statement, TransactionOptions, TransactionTrait,
};

use super::StoreError;
use super::changes::Changes;
use super::convert::{instant, micros};
use crate::clock::Clock;
use crate::domain::Instant;

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
    pub clock: Clock,
    /// Connections for reading; SQLite has one more for writing.
    pub connections: u32,
}

/// The open database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    pub(super) read: DatabaseConnection,
    pub(super) write: DatabaseConnection,
    pub(super) clock: Clock,
    pub(super) freshness: TimeDelta,
    pub(super) changes: Changes,
    /// How to connect for listening; None where the database has no such thing.
    pub(super) listening: Option<Arc<PgConnectOptions>>,
    backend: Backend,
}

const ACQUIRE_WITHIN: Duration = Duration::from_secs(3);
const STATEMENT_WITHIN_MS: &str = "30000";
/// Any number will do, as long as every replica uses the same.
const MIGRATION_LOCK: i64 = 0x51a7_e6a7;

impl Store {
    pub async fn connect(options: StoreOptions) -> Result<Self, StoreError> {
        let (read, write, listening, backend) = if options.url.starts_with("sqlite:") {
            let (read, write) = connect_sqlite(&options).await?;
            (read, write, None, Backend::Sqlite)
        } else {
            let (pool, connect) = connect_postgres(&options)?;
            (pool.clone(), pool, Some(Arc::new(connect)), Backend::Postgres)
        };
        let StoreOptions { clock, freshness, .. } = options;
        Ok(Self { read, write, clock, freshness, changes: Changes::new(), listening, backend })
    }

    pub const fn backend(&self) -> Backend {
        self.backend
    }

    /// Brings the schema up to date. Replicas that start together take turns.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        match self.backend {
            Backend::Sqlite => Migrator::up(&self.write, None).await?,
            Backend::Postgres => {
                let turn = self.write.begin().await?;
                turn.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")).await?;
                Migrator::up(&turn, None).await?;
                turn.commit().await?;
            }
        }
        Ok(())
    }

    /// The database is empty: no version of this program has made its schema yet.
    pub async fn is_new(&self) -> Result<bool, StoreError> {
        Ok(Migrator::get_applied_migrations_read_only(&self.read).await?.is_empty())
    }

    /// Answers once the database does, and its schema is up to date.
    pub async fn check(&self) -> Result<(), StoreError> {
        let pending =
            tokio::time::timeout(Duration::from_secs(2), Migrator::get_pending_migrations_read_only(&self.read)).await;
        match pending {
            Ok(Ok(pending)) if pending.is_empty() => Ok(()),
            Ok(Ok(_)) => Err(StoreError::PendingMigrations),
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(StoreError::Unavailable(DbErr::Custom("no answer within 2 s".to_owned()))),
        }
    }

    /// Reports every statement to `callback`, for statement budgets in tests and for metrics.
    pub fn observe_statements(&mut self, callback: impl Fn(&str) + Send + Sync + Clone + 'static) {
        let other = callback.clone();
        self.read.set_metric_callback(move |info| callback(&info.statement.sql));
        self.write.set_metric_callback(move |info| other(&info.statement.sql));
    }

    pub async fn close(&self) -> Result<(), StoreError> {
        self.read.close_by_ref().await?;
        self.write.close_by_ref().await?;
        Ok(())
    }

    pub(super) async fn begin_read(&self) -> Result<DatabaseTransaction, StoreError> {
        let isolation_level = (self.backend == Backend::Postgres).then_some(IsolationLevel::RepeatableRead);
        let options = TransactionOptions { isolation_level, ..TransactionOptions::default() };
        Ok(self.read.begin_with_options(options).await?)
    }

    pub(super) async fn begin_write(&self) -> Result<DatabaseTransaction, StoreError> {
        let sqlite_transaction_mode = (self.backend == Backend::Sqlite).then_some(SqliteTransactionMode::Immediate);
        Ok(self.write.begin_with_options(TransactionOptions { sqlite_transaction_mode, ..Default::default() }).await?)
    }
}

/// The database's clock; the process's on SQLite, which has none of its own, and in tests that set the time.
pub(super) async fn database_now(db: &impl ConnectionTrait, clock: &Clock) -> Result<Instant, StoreError> {
    if db.get_database_backend() != DbBackend::Postgres || matches!(clock, Clock::Manual(_)) {
        return Ok(clock.now());
    }
    let sql = "SELECT (extract(epoch from clock_timestamp()) * 1000000)::bigint AS now";
    let row = db.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
    match row {
        Some(row) => Ok(instant(row.try_get("", "now")?)),
        None => Ok(instant(micros(clock.now()))),
    }
}

async fn connect_sqlite(options: &StoreOptions) -> Result<(DatabaseConnection, DatabaseConnection), StoreError> {
    let connect = SqliteConnectOptions::from_str(&options.url)
        .map_err(|error| DbErr::Conn(sea_orm::RuntimeErr::SqlxError(error.into())))?
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(5))
        .foreign_keys(true);
    let writer = SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(Duration::from_secs(30))
        .connect_with(connect.clone())
        .await
        .map_err(|error| DbErr::Conn(sea_orm::RuntimeErr::SqlxError(error.into())))?;
    let readers = SqlitePoolOptions::new()
        .max_connections(options.connections)
        .acquire_timeout(ACQUIRE_WITHIN)
        .connect_lazy_with(connect);
    Ok((SqlxSqliteConnector::from_sqlx_sqlite_pool(readers), SqlxSqliteConnector::from_sqlx_sqlite_pool(writer)))
}

fn connect_postgres(options: &StoreOptions) -> Result<(DatabaseConnection, PgConnectOptions), StoreError> {
    let connect = PgConnectOptions::from_str(&options.url)
        .map_err(|error| DbErr::Conn(sea_orm::RuntimeErr::SqlxError(error.into())))?
        .options([("statement_timeout", STATEMENT_WITHIN_MS), ("lock_timeout", "10000")]);
    let pool = PgPoolOptions::new()
        .max_connections(options.connections)
        .acquire_timeout(ACQUIRE_WITHIN)
        .connect_lazy_with(connect.clone());
    Ok((SqlxPostgresConnector::from_sqlx_postgres_pool(pool), connect))
}
