//! The schema's state, and bringing it up to date.

use std::collections::HashSet;

use migration::{IntoSchemaManagerConnection, Migrator, MigratorTrait, SchemaManager};
use sea_orm::sea_query::Query;
use sea_orm::{ConnectionTrait, DatabaseConnection};

use super::sight::Sight;
use super::{Backend, Store, StoreError};

/// Any number will do, as long as every replica uses the same.
const MIGRATION_LOCK: i64 = 0x51a7_e6a7;
/// Where the names of the applied migrations are.
const TABLE: &str = "seaql_migrations";

/// What of the schema's history the database has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SchemaState {
    /// Applied migrations that are known here, the oldest first.
    pub applied: Vec<String>,
    /// What is known here and not applied.
    pub pending: Vec<String>,
    /// What is applied and not known here.
    pub unknown: Vec<String>,
}

/// The names of all migrations that this program knows, the oldest first.
pub fn known_migrations() -> Vec<String> {
    Migrator::migrations().iter().map(|migration| migration.name().to_owned()).collect()
}

impl Store {
    pub async fn schema(&self) -> Result<SchemaState, StoreError> {
        let has = applied(&self.read).await?;
        let (applied, pending): (Vec<_>, Vec<_>) = known_migrations().into_iter().partition(|name| has.contains(name));
        let mut unknown: Vec<String> = has.into_iter().filter(|name| !applied.contains(name)).collect();
        unknown.sort();
        Ok(SchemaState { applied, pending, unknown })
    }

    /// Brings the schema up to date, in one transaction: killed at any point, it has changed nothing. Replicas that
    /// start together take turns. A schema that is newer than this program is left alone.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        if self.pending(&self.write).await?.is_empty() {
            return Ok(());
        }
        let turn = self.begin_write(Sight::Schema).await?;
        if self.backend() == Backend::Postgres {
            let wait = "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0;";
            turn.execute_unprepared(&format!("{wait} SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")).await?;
        }
        let (pending, unknown) = state(&applied(&turn).await?);
        if pending.is_empty() {
            return Ok(());
        }
        if unknown {
            return Err(StoreError::ForeignSchema(pending.join(", ")));
        }
        Migrator::up(&turn, None).await?;
        turn.commit().await?;
        Ok(())
    }

    /// The database is empty: no version of this program has made its schema yet.
    pub async fn is_new(&self) -> Result<bool, StoreError> {
        Ok(applied(&self.read).await?.is_empty())
    }

    /// Answers once the database does, and its schema has all that this program needs.
    pub async fn check(&self) -> Result<(), StoreError> {
        let pending = self.pending(&self.probe).await;
        self.note_answer(&pending);
        if pending?.is_empty() { Ok(()) } else { Err(StoreError::PendingMigrations) }
    }

    async fn pending(&self, db: &DatabaseConnection) -> Result<Vec<String>, StoreError> {
        Ok(state(&applied(db).await?).0)
    }
}

/// What is known here and not applied; and whether something is applied that is not known here.
fn state(applied: &HashSet<String>) -> (Vec<String>, bool) {
    let known = known_migrations();
    let unknown = applied.iter().any(|name| !known.contains(name));
    (known.into_iter().filter(|name| !applied.contains(name)).collect(), unknown)
}

/// Reads only; a database without the table has none applied.
async fn applied<'c, C>(db: &'c C) -> Result<HashSet<String>, StoreError>
where
    C: ConnectionTrait,
    &'c C: IntoSchemaManagerConnection<'c>,
{
    if !SchemaManager::new(db).has_table(TABLE).await? {
        return Ok(HashSet::new());
    }
    let select = Query::select().column("version").from(TABLE).to_owned();
    let rows = db.query_all(&select).await?;
    Ok(rows.iter().map(|row| row.try_get("", "version")).collect::<Result<_, _>>()?)
}
