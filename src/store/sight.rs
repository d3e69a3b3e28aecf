//! What a transaction may see. PostgreSQL holds it to that by row-level security, whatever it asks for; SQLite, which
//! has no such thing, relies on the filters of the statements alone.
//!
//! Roles and settings are local to the transaction, so nothing of them is left on a connection that others use next,
//! be it from the pool here or from a pooler in between.

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, Statement};

use super::convert::instant;
use crate::clock::Clock;
use crate::domain::Instant;

/// Whose rows a transaction sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    /// This workspace's.
    Workspace(i64),
    /// Of all workspaces what tells whose turn it is: names, hashes of tokens, wrapped data keys, when syncs are due.
    Clerk,
    /// Everything, as the owner of the tables: for changes of the schema.
    Schema,
}

/// The database's clock in microseconds.
pub(super) const NOW: &str = "(extract(epoch from clock_timestamp()) * 1000000)::bigint";

/// What connections ask for, so that a transaction which reads need not.
pub(super) const ISOLATION: &str = "repeatable read";

/// For a transaction that writes, as text for the simple protocol: from then on it sees no more, and waits for the rows
/// that others lock; and `what` is answered.
pub(super) fn taken(sight: Sight, what: &str) -> String {
    let workspace = if let Sight::Workspace(id) = sight { id.to_string() } else { String::new() };
    let limits = limits(sight, &format!("'{workspace}'"));
    format!("SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SELECT {limits}, {what}")
}

/// What a transaction says of itself when it begins to read.
pub(super) struct Taken {
    /// The database's clock, or the process's where that is the only one.
    pub now: Instant,
    /// The last commit that it sees of its workspace. None where it was not asked for.
    pub generation: Option<i64>,
    /// All its statements see one state of the database.
    pub is_isolated: bool,
}

/// Limits what `tx` sees.
pub(super) async fn take(tx: &DatabaseTransaction, sight: Sight, clock: &Clock) -> Result<Taken, DbErr> {
    if tx.get_database_backend() != DbBackend::Postgres {
        return Ok(Taken { now: clock.now(), generation: None, is_isolated: true });
    }
    let (generation, values) = match sight {
        Sight::Workspace(id) => ("slategate_generation($2)", vec![id.to_string().into(), id.into()]),
        Sight::Clerk | Sight::Schema => ("NULL::bigint", Vec::new()),
    };
    let sql = format!(
        "SELECT {}, {NOW} AS now, {generation} AS generation, current_setting('transaction_isolation') AS isolation",
        limits(sight, "$1")
    );
    let row = tx.query_one_raw(Statement::from_sql_and_values(DbBackend::Postgres, sql, values)).await?;
    let row = row.ok_or_else(|| DbErr::RecordNotFound("a transaction's own sight".to_owned()))?;
    let now = if matches!(clock, Clock::System) { instant(row.try_get("", "now")?) } else { clock.now() };
    let is_isolated = row.try_get::<String>("", "isolation")? == ISOLATION;
    Ok(Taken { now, generation: row.try_get("", "generation")?, is_isolated })
}

fn limits(sight: Sight, workspace: &str) -> String {
    match sight {
        Sight::Workspace(_) => format!(
            "set_config('role', slategate_tenant(), true), set_config('slategate.workspace', {workspace}, true)"
        ),
        Sight::Clerk => "set_config('role', slategate_clerk(), true)".to_owned(),
        Sight::Schema => "set_config('slategate.all_workspaces', 'on', true)".to_owned(),
    }
}
