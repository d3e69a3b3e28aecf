//! Where each value of a person comes from; and what suggestions of people compare: full names and local parts.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

#[derive(DeriveMigrationName)]
pub struct Migration;

const COLUMNS: &[&str] = &[
    "ALTER TABLE person_fact ADD COLUMN sources TEXT NOT NULL DEFAULT '{}'",
    "ALTER TABLE person_fact ADD COLUMN name_key TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE person_address ADD COLUMN local_part TEXT NOT NULL DEFAULT ''",
];

/// `search_text` begins with the full name in lower case and a line's end. What follows a plus sign is no part of whom
/// an address belongs to.
const SQLITE_VALUES: &[&str] = &[
    "UPDATE person_fact SET name_key = substr(search_text, 1, instr(search_text, char(10)) - 1)
     WHERE valid_to IS NULL AND instr(search_text, char(10)) > 0",
    "UPDATE person_address SET local_part = substr(address, 1, instr(address, '@') - 1)",
    "UPDATE person_address SET local_part = substr(local_part, 1, instr(local_part, '+') - 1)
     WHERE instr(local_part, '+') > 1",
];

const POSTGRES_VALUES: &[&str] = &[
    "UPDATE person_fact SET name_key = split_part(search_text, chr(10), 1) WHERE valid_to IS NULL",
    "UPDATE person_address SET local_part = split_part(address, '@', 1)",
    "UPDATE person_address SET local_part = split_part(local_part, '+', 1) WHERE strpos(local_part, '+') > 1",
];

const INDEXES: &[&str] = &[
    "CREATE INDEX person_fact_7 ON person_fact (workspace_id, name_key, person_id) WHERE valid_to IS NULL",
    "CREATE INDEX person_address_2 ON person_address (workspace_id, local_part, person_id)",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let values = match manager.get_database_backend() {
            DbBackend::Postgres => POSTGRES_VALUES,
            _ => SQLITE_VALUES,
        };
        for statement in COLUMNS.iter().chain(values).chain(INDEXES) {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
