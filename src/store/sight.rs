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

/// As text for the simple protocol: from then on the transaction sees no more; and `what` is answered.
pub(super) fn taken(sight: Sight, what: &str) -> String {
    let workspace = if let Sight::Workspace(id) = sight { id.to_string() } else { String::new() };
    format!("SELECT {}, {what}", limits(sight, &format!("'{workspace}'")))
}

/// Limits what `tx` sees, and tells the time: the database's, or the process's where that is the only one.
pub(super) async fn take(tx: &DatabaseTransaction, sight: Sight, clock: &Clock) -> Result<Instant, DbErr> {
    if tx.get_database_backend() != DbBackend::Postgres {
        return Ok(clock.now());
    }
    let sql = format!("SELECT {}, {NOW} AS now", limits(sight, "$1"));
    let values = if let Sight::Workspace(id) = sight { vec![id.to_string().into()] } else { Vec::new() };
    let row = tx.query_one_raw(Statement::from_sql_and_values(DbBackend::Postgres, sql, values)).await?;
    match (row, clock) {
        (Some(row), Clock::System) => Ok(instant(row.try_get("", "now")?)),
        _ => Ok(clock.now()),
    }
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
