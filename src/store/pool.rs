//! Connections, and how long anything waits for one.
//!
//! `sqlx` sets no TCP option and waits for ever for a silent server. So connections are probed with a limit before
//! they are handed out and when they come back, and the server is told to look after its end.

use std::fmt::Display;
use std::future::ready;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sea_orm::sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions, PgSslMode};
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sea_orm::sqlx::{Connection, Error, Row, raw_sql};
use sea_orm::{DatabaseConnection, DbErr, RuntimeErr, SqlxPostgresConnector, SqlxSqliteConnector};
use url::Url;

use super::sight::ISOLATION;
use super::{Backend, StoreError, StoreOptions};
use crate::telemetry::metrics::Connections;

/// A request waits so long for a connection: with what follows it is answered within three seconds.
const ACQUIRE_WITHIN: Duration = Duration::from_millis(2_500);
/// A connection that does not answer a probe so soon is closed.
const PING_WITHIN: Duration = Duration::from_millis(700);
/// The check of readiness has connections of its own, so it never waits behind requests.
const PROBE_WITHIN: Duration = Duration::from_millis(1_200);
/// One would do, but `sqlx` pings without a limit what it has taken back: where the server falls silent just then, its
/// place is lost until TCP gives up, and without another nobody would see that the database is back.
const PROBES: u32 = 4;
/// How long SQLite waits for a write of another process.
const BUSY_WITHIN: Duration = Duration::from_secs(5);
/// How long a writer of this process waits for its turn on SQLite.
const TURN_WITHIN: Duration = Duration::from_secs(8);

/// A client that falls silent in a transaction loses it, and the locks in it, after at most so long.
const LONGEST_SILENCE: Duration = Duration::from_secs(15);

/// What every connection to PostgreSQL asks of the server. Times in milliseconds; of TCP in seconds.
const SERVER_SIDE: [(&str, &str); 7] = [
    ("default_transaction_isolation", ISOLATION),
    ("statement_timeout", "5000"),
    ("lock_timeout", "8000"),
    ("tcp_keepalives_idle", "5"),
    ("tcp_keepalives_interval", "3"),
    ("tcp_keepalives_count", "3"),
    ("tcp_user_timeout", "15000"),
];

/// For reading, for writing, and for the check of readiness.
pub(super) struct Pools {
    pub read: DatabaseConnection,
    pub write: DatabaseConnection,
    pub probe: DatabaseConnection,
    /// How to connect for listening; None where the database has no such thing.
    pub listening: Option<Arc<PgConnectOptions>>,
}

pub(super) fn sqlite(options: &StoreOptions) -> Result<Pools, StoreError> {
    let connect = SqliteConnectOptions::from_str(&options.url)
        .map_err(unusable)?
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_WITHIN)
        .foreign_keys(true);
    let pool = |connections, within| {
        let pool = SqlitePoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(within)
            .before_acquire(|connection, _| Box::pin(ready(Ok(is_out_of_transactions(connection)))));
        SqlxSqliteConnector::from_sqlx_sqlite_pool(pool.connect_lazy_with(connect.clone()))
    };
    Ok(Pools {
        read: pool(options.connections, ACQUIRE_WITHIN),
        write: pool(1, TURN_WITHIN),
        probe: pool(1, PROBE_WITHIN),
        listening: None,
    })
}

pub(super) fn postgres(options: &StoreOptions) -> Result<Pools, StoreError> {
    // Whoever takes over a lease must not wait for the locks of a process that is paused while it writes.
    let silence = (options.lease / 2).min(LONGEST_SILENCE).as_millis();
    let connect = PgConnectOptions::from_str(&options.url).map_err(unusable)?;
    let is_silent = matches!(connect.get_ssl_mode(), PgSslMode::Prefer);
    let is_plain = is_silent && is_on_this_machine(&options.url);
    let connect = if is_plain { connect.ssl_mode(PgSslMode::Disable) } else { connect };
    let connect = connect.options(SERVER_SIDE).options([("idle_in_transaction_session_timeout", silence)]);
    let pool = |connections, within| {
        let pool = probed(PgPoolOptions::new()).max_connections(connections).acquire_timeout(within);
        SqlxPostgresConnector::from_sqlx_postgres_pool(pool.connect_lazy_with(connect.clone()))
    };
    let shared = pool(options.connections, ACQUIRE_WITHIN);
    let probe = pool(PROBES, PROBE_WITHIN);
    Ok(Pools { read: shared.clone(), write: shared, probe, listening: Some(Arc::new(connect)) })
}

/// What stays on this machine is not encrypted, unless the URL says how it wants it: nobody is in between, and over TLS
/// `sqlx` 0.9 waits 40 ms for each statement of more than one record, as it leaves Nagle's algorithm on.
fn is_on_this_machine(url: &str) -> bool {
    let Ok(url) = Url::parse(url) else { return false };
    let says_how = url.query_pairs().any(|(name, _)| matches!(&*name, "sslmode" | "ssl-mode"));
    let is_loopback = match url.host_str() {
        Some("localhost") => true,
        Some(host) => host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback()),
        None => false,
    };
    is_loopback && !says_how
}

/// The connections that these pools have open.
pub(super) fn connections(pools: &[&DatabaseConnection], backend: Backend) -> Connections {
    pools.iter().fold(Connections::default(), |all, pool| {
        let (open, idle) = match backend {
            Backend::Sqlite => counts(pool.get_sqlite_connection_pool()),
            Backend::Postgres => counts(pool.get_postgres_connection_pool()),
        };
        Connections { idle: all.idle + idle, used: all.used + open.saturating_sub(idle) }
    })
}

fn counts<D: sea_orm::sqlx::Database>(pool: &sea_orm::sqlx::Pool<D>) -> (u32, u32) {
    (pool.size(), u32::try_from(pool.num_idle()).unwrap_or(u32::MAX))
}

/// Without a limit a ping into a black hole would keep its place in the pool for ever.
fn probed(options: PgPoolOptions) -> PgPoolOptions {
    options
        .test_before_acquire(false)
        .before_acquire(|connection, _| Box::pin(in_time(connection.ping())))
        .after_release(|connection, _| Box::pin(in_time(end_forgotten_transaction(connection))))
}

/// `sqlx` counts a transaction once its `BEGIN` is answered. Whoever stops waiting before that leaves one that nobody
/// ends, and the locks of whatever is executed next on the connection with it. Outside of a transaction a statement
/// and its transaction begin together; the simple protocol is needed for that, as the other sends several messages.
async fn end_forgotten_transaction(connection: &mut PgConnection) -> Result<(), Error> {
    let row = raw_sql("SELECT now() <> statement_timestamp()").fetch_one(&mut *connection).await?;
    if row.try_get(0)? {
        raw_sql("ROLLBACK").execute(connection).await?;
    }
    Ok(())
}

async fn in_time(probing: impl Future<Output = Result<(), Error>>) -> Result<bool, Error> {
    let probed = tokio::time::timeout(PING_WITHIN, probing).await;
    probed.unwrap_or_else(|_| Err(Error::Io(std::io::ErrorKind::TimedOut.into()))).map(|()| true)
}

/// After an input or output error SQLite itself ends a transaction that `sqlx` goes on to count. What is begun on such a
/// connection would be nested in nothing, or in a transaction that nobody commits, so it is closed.
fn is_out_of_transactions(connection: &impl Connection) -> bool {
    !connection.is_in_transaction()
}

fn unusable(error: impl Display) -> DbErr {
    DbErr::Conn(RuntimeErr::Internal(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stays_on_this_machine_goes_unencrypted_and_only_where_the_url_is_silent() {
        for url in
            ["postgres://a:b@127.0.0.1:5432/c", "postgresql://localhost/c?application_name=d", "postgres://[::1]/c"]
        {
            assert!(is_on_this_machine(url), "{url}");
        }
        for url in [
            "postgres://a:b@127.0.0.1:5432/c?sslmode=prefer",
            "postgres://localhost/c?ssl-mode=require",
            "postgres://db.example/c",
            "postgres://10.0.0.1/c",
            "postgres://localhost.example/c",
            "postgres:///c?host=/run/postgresql",
        ] {
            assert!(!is_on_this_machine(url), "{url}");
        }
    }
}
