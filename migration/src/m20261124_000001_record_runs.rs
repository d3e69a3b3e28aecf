//! What a run tells of itself: its slot, who worked on it and how often, why it failed, and what it withheld.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

const COLUMNS: &[(&str, &str, &str)] = &[
    ("integration", "slot_at", "BIGINT"),
    ("integration", "not_before", "BIGINT"),
    ("integration", "held_run_id", "BIGINT"),
    ("sync_run", "scheduled_at", "BIGINT"),
    ("sync_run", "owner", "TEXT"),
    ("sync_run", "epoch", "BIGINT NOT NULL DEFAULT 0"),
    ("sync_run", "attempts", "INTEGER NOT NULL DEFAULT 0"),
    ("sync_run", "taken_over", "INTEGER NOT NULL DEFAULT 0"),
    ("sync_run", "given_back", "INTEGER NOT NULL DEFAULT 0"),
    ("sync_run", "broke_off", "INTEGER NOT NULL DEFAULT 0"),
    ("sync_run", "turned_away", "INTEGER NOT NULL DEFAULT 0"),
    ("sync_run", "error_code", "TEXT"),
    ("sync_run", "error_message", "TEXT"),
    ("sync_run", "error_remedy", "TEXT"),
    ("sync_run", "withheld", "TEXT"),
    ("sync_run", "confirmed_at", "BIGINT"),
    ("sync_run", "next_run_at", "BIGINT"),
];

/// Of several open runs of an integration only the newest stays open; there is to be one from now on.
const CLOSE_DOUBLES: &str = "UPDATE sync_run SET status = 'FAILED', stage = 'DONE', finished_at = queued_at
    WHERE finished_at IS NULL AND id < (
        SELECT MAX(other.id) FROM sync_run other
        WHERE other.integration_id = sync_run.integration_id AND other.finished_at IS NULL
    )";

const INDEXES: &[&str] = &[
    "CREATE UNIQUE INDEX sync_run_4 ON sync_run (integration_id, scheduled_at) WHERE scheduled_at IS NOT NULL",
    "CREATE UNIQUE INDEX sync_run_5 ON sync_run (integration_id) WHERE finished_at IS NULL",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        for (table, column, kind) in COLUMNS {
            db.execute_unprepared(&format!("ALTER TABLE {table} ADD COLUMN {column} {kind}")).await?;
        }
        db.execute_unprepared("UPDATE integration SET slot_at = next_run_at").await?;
        db.execute_unprepared(CLOSE_DOUBLES).await?;
        for index in INDEXES {
            db.execute_unprepared(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        for index in ["sync_run_4", "sync_run_5"] {
            db.execute_unprepared(&format!("DROP INDEX {index}")).await?;
        }
        for (table, column, _) in COLUMNS.iter().rev() {
            db.execute_unprepared(&format!("ALTER TABLE {table} DROP COLUMN {column}")).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
