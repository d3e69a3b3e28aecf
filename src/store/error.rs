//! What can go wrong with the database.

use sea_orm::{DbErr, RuntimeErr, SqlErr};

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached, is locked, or ran out of connections. Trying again may help.
    #[error("the database is unavailable")]
    Unavailable(#[source] DbErr),
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
}

impl StoreError {
    /// Trying the same again later may succeed.
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Unavailable(_) => true,
            Self::Duplicate(_)
            | Self::BadText(_)
            | Self::Corrupt { .. }
            | Self::Fenced
            | Self::Database(_)
            | Self::PendingMigrations => false,
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
        if is_unavailable(&error) { Self::Unavailable(error) } else { Self::Database(error) }
    }
}

fn is_unavailable(error: &DbErr) -> bool {
    use sea_orm::sqlx;
    match error {
        DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => true,
        DbErr::Exec(RuntimeErr::SqlxError(cause)) | DbErr::Query(RuntimeErr::SqlxError(cause)) => {
            match cause.as_ref() {
                sqlx::Error::Io(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
                | sqlx::Error::WorkerCrashed => true,
                // SQLite: busy, full, I/O error; PostgreSQL: shutting down, connection exceptions.
                sqlx::Error::Database(cause) => cause.code().is_some_and(|code| {
                    matches!(code.as_ref(), "5" | "6" | "10" | "13")
                        || code.starts_with("57P")
                        || code.starts_with("08")
                }),
                _ => false,
            }
        }
        _ => false,
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
