//! The schema's history. Each migration runs in a transaction; a released one is never edited.
//!
//! Knows nobody's code: column names are written out, not taken from `entity`.

use sea_orm_migration::prelude::*;

mod m20261123_000001_create_tables;
mod m20261124_000001_record_runs;

pub use sea_orm_migration::MigratorTrait;

pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(m20261123_000001_create_tables::Migration), Box::new(m20261124_000001_record_runs::Migration)]
    }
}
