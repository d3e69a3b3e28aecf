//! What can go wrong with the database.

use sea_orm::{DbErr, RuntimeErr, SqlErr};

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Trying again may help.
    #[error("{0}")]
    Unavailable(Outage, #[source] DbErr),
    /// A uniqueness rule was broken: somebody else was faster.
    #[error("a row with the same key exists already")]
    Duplicate(#[source] DbErr),
    /// The text holds a character that no database row can: NUL.
    #[error("text with the NUL character cannot be stored or looked for")]
    BadText(#[source] DbErr),
    /// A stored value does not fit its type.
    #[error("stored value of {table}.{column} is not understood")]
    Corrupt { table: &'static str, column: &'static str },
    /// The lease was lost to a newer claim; nothing was written.
    #[error("the lease is held by a newer run")]
    Fenced,
    #[error("the database refused the statement")]
    Database(#[source] DbErr),
    #[error("the database's schema is older than this program; run `slategate migrate`")]
    PendingMigrations,
    #[error("the database was made by another line of this program: it lacks {0} and has what is not known here")]
    ForeignSchema(String),
}

/// Why the database does not do its work just now. The words are for clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Outage {
    #[error("the database cannot be reached; try again later")]
    Unreachable,
    #[error("the database is held by a longer write; try again")]
    Busy,
    #[error("the database has no space left; nothing was changed")]
    Full,
    #[error("the database's storage fails; nothing was changed")]
    Storage,
    #[error("the database cannot be written: its file or folder is read-only")]
    ReadOnly,
}

impl StoreError {
    /// Trying the same again later may succeed.
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Unavailable(..) => true,
            Self::Duplicate(_)
            | Self::BadText(_)
            | Self::Corrupt { .. }
            | Self::Fenced
            | Self::Database(_)
            | Self::PendingMigrations
            | Self::ForeignSchema(_) => false,
        }
    }
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        if matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) {
            return Self::Duplicate(error);
        }
        if is_bad_text(&error) {
            return Self::BadText(error);
        }
        match outage(&error) {
            Some(outage) => Self::Unavailable(outage, error),
            None => Self::Database(error),
        }
    }
}

fn outage(error: &DbErr) -> Option<Outage> {
    use sea_orm::sqlx::Error;
    let (DbErr::Conn(RuntimeErr::SqlxError(cause))
    | DbErr::Exec(RuntimeErr::SqlxError(cause))
    | DbErr::Query(RuntimeErr::SqlxError(cause))) = error
    else {
        return matches!(error, DbErr::ConnectionAcquire(_) | DbErr::Conn(_)).then_some(Outage::Unreachable);
    };
    match cause.as_ref() {
        Error::Database(cause) => outage_of(cause.code()?.as_ref()),
        Error::Io(_) | Error::Protocol(_) | Error::PoolTimedOut | Error::PoolClosed | Error::WorkerCrashed => {
            Some(Outage::Unreachable)
        }
        _ => None,
    }
}

/// By five characters of SQLSTATE, else by SQLite's number, whose low byte is the kind.
fn outage_of(code: &str) -> Option<Outage> {
    if code.len() == 5 {
        return match code {
            // Cancelled by the statement's time limit; no lock in time; deadlock; serialization.
            "57014" | "55P03" | "40P01" | "40001" => Some(Outage::Busy),
            "53100" => Some(Outage::Full),
            "25006" => Some(Outage::ReadOnly),
            // Connections, resources, an idle transaction ended, the operator.
            _ if ["08", "53", "25P03", "57P"].iter().any(|class| code.starts_with(class)) => Some(Outage::Unreachable),
            _ if code.starts_with("58") => Some(Outage::Storage),
            _ => None,
        };
    }
    match code.parse::<u32>().ok()? & 0xff {
        5 | 6 => Some(Outage::Busy),
        8 => Some(Outage::ReadOnly),
        10 => Some(Outage::Storage),
        13 => Some(Outage::Full),
        14 => Some(Outage::Unreachable),
        _ => None,
    }
}

/// PostgreSQL's `character_not_in_repertoire`.
fn is_bad_text(error: &DbErr) -> bool {
    match error {
        DbErr::Exec(RuntimeErr::SqlxError(cause)) | DbErr::Query(RuntimeErr::SqlxError(cause)) => {
            cause.as_database_error().and_then(sea_orm::sqlx::error::DatabaseError::code).as_deref() == Some("22021")
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_both_databases_say_what_kind_of_outage_it_is() {
        let kinds = [
            // SQLITE_BUSY, BUSY_SNAPSHOT, IOERR_FSYNC, FULL, READONLY_DBMOVED.
            ("5", Some(Outage::Busy)),
            ("517", Some(Outage::Busy)),
            ("1034", Some(Outage::Storage)),
            ("13", Some(Outage::Full)),
            ("1032", Some(Outage::ReadOnly)),
            // SQLITE_ERROR, CORRUPT.
            ("1", None),
            ("11", None),
            ("57P01", Some(Outage::Unreachable)),
            ("57014", Some(Outage::Busy)),
            ("40P01", Some(Outage::Busy)),
            ("53100", Some(Outage::Full)),
            ("53300", Some(Outage::Unreachable)),
            ("25P03", Some(Outage::Unreachable)),
            ("58030", Some(Outage::Storage)),
            ("23505", None),
            ("42P01", None),
        ];
        for (code, outage) in kinds {
            assert_eq!(outage_of(code), outage, "{code}");
        }
    }
}
