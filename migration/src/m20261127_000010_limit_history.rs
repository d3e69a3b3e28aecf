//! How far back a workspace's history reaches, when it is next to be pruned, and what finds the rows that go.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::row_security::{Roles, quoted, run};

#[derive(DeriveMigrationName)]
pub struct Migration;

const COLUMNS: &[&str] = &["history_from", "prune_at"];

/// Tables of intervals. Pruning says `valid_to > 0`, and who looks for rows that ended just now; no planner takes these
/// indexes for anything else.
const INTERVALS: &[&str] = &[
    "scope_state",
    "project_fact",
    "encryption_fact",
    "cluster_fact",
    "asset_standing",
    "account_fact",
    "role_grant",
    "account_link",
    "person_fact",
    "control_result",
    "control_status",
];

/// Until now nothing was ever deleted from these.
const NOT_DELETED_SO_FAR: [&str; 2] = ["person_fact", "control_status"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        for column in COLUMNS {
            db.execute_unprepared(&format!("ALTER TABLE workspace ADD COLUMN {column} BIGINT")).await?;
        }
        for table in INTERVALS {
            let index =
                format!("CREATE INDEX {table}_ended ON {table} (workspace_id, valid_to, id) WHERE valid_to > 0");
            db.execute_unprepared(&index).await?;
        }
        if manager.get_database_backend() == DbBackend::Postgres {
            let tenant = quoted(&Roles::ensure(manager).await?.tenant);
            run(manager, &NOT_DELETED_SO_FAR.map(|table| format!("GRANT DELETE ON {table} TO {tenant}"))).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        for table in INTERVALS {
            db.execute_unprepared(&format!("DROP INDEX {table}_ended")).await?;
        }
        for column in COLUMNS {
            db.execute_unprepared(&format!("ALTER TABLE workspace DROP COLUMN {column}")).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
