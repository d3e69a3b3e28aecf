//! The schema's history. Each migration runs in a transaction; a released one is never edited.
//!
//! Knows nobody's code: column names are written out, not taken from `entity`.

use sea_orm_migration::prelude::*;

mod m20261123_000001_create_tables;
mod m20261124_000001_record_runs;
mod m20261124_000002_add_indexes;
mod m20261124_000004_create_audit;
mod m20261126_000005_secure_rows;
mod m20261127_000001_note_sources;
mod m20261127_000002_create_scim_users;
mod m20261127_000003_create_access_reviews;
mod m20261127_000005_tell_generation;
mod m20261127_000010_limit_history;
mod row_security;

pub use sea_orm_migration::{IntoSchemaManagerConnection, MigratorTrait, SchemaManager};

pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261123_000001_create_tables::Migration),
            Box::new(m20261124_000001_record_runs::Migration),
            Box::new(m20261124_000002_add_indexes::Migration),
            Box::new(m20261124_000004_create_audit::Migration),
            Box::new(m20261126_000005_secure_rows::Migration),
            Box::new(m20261127_000001_note_sources::Migration),
            Box::new(m20261127_000002_create_scim_users::Migration),
            Box::new(m20261127_000003_create_access_reviews::Migration),
            Box::new(m20261127_000005_tell_generation::Migration),
            Box::new(m20261127_000010_limit_history::Migration),
        ]
    }
}
