//! An index behind every filter and order of a list that had none: now, with removed rows, and at past instants.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

const INDEXES: &[&str] = &[
    "CREATE INDEX asset_3 ON asset (workspace_id, first_seen_at, id)",
    "CREATE INDEX account_3 ON account (workspace_id, first_seen_at, id)",
    "CREATE INDEX project_fact_4 ON project_fact (workspace_id, name, project_id, valid_from)",
    "CREATE INDEX cluster_fact_8 ON cluster_fact (workspace_id, name, asset_id, valid_from)",
    "CREATE INDEX cluster_fact_9 ON cluster_fact (integration_id, name, asset_id) WHERE valid_to IS NULL",
    "CREATE INDEX account_fact_7 ON account_fact (workspace_id, login, account_id, valid_from)",
    "CREATE INDEX account_fact_8 ON account_fact (integration_id, login, account_id) WHERE valid_to IS NULL",
    "CREATE INDEX account_fact_9 ON account_fact (workspace_id, kind, login, account_id) WHERE valid_to IS NULL",
    "CREATE INDEX account_fact_10 ON account_fact (workspace_id, status, login, account_id) WHERE valid_to IS NULL",
    "CREATE INDEX account_fact_11 ON account_fact (workspace_id, privileged, login, account_id) WHERE valid_to IS NULL",
    "CREATE INDEX person_fact_5 ON person_fact (workspace_id, status, email, person_id) WHERE valid_to IS NULL",
    "CREATE INDEX person_fact_6 ON person_fact (workspace_id, leaves_at, person_id) WHERE valid_to IS NULL",
    "CREATE INDEX control_result_6 ON control_result (workspace_id, id) WHERE valid_to IS NULL",
    "CREATE INDEX control_result_7 ON control_result (workspace_id, control_key, id) WHERE valid_to IS NULL",
    "CREATE INDEX scope_state_3 ON scope_state (workspace_id, scope_id, valid_from)",
    "CREATE INDEX sync_run_6 ON sync_run (workspace_id, status, id)",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for index in INDEXES {
            manager.get_connection().execute_unprepared(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for index in INDEXES {
            let name = index.split_whitespace().nth(2).unwrap_or_default();
            manager.get_connection().execute_unprepared(&format!("DROP INDEX {name}")).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
