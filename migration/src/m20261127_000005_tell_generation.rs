//! The last commit of a workspace in one round trip, without a transaction: a function on PostgreSQL. And the next
//! instant at which time alone changes something, by indexes.
//!
//! The function sees past row security, and tells a number that says nothing about what is in a workspace.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::row_security::run;

#[derive(DeriveMigrationName)]
pub struct Migration;

/// The schema is named, so that nobody's own table of that name is read instead. An owner who is no superuser may not
/// have a function come with a parameter of ours, so it sets the parameter within and takes it back.
const CREATE: &str = "DO $$ BEGIN
    EXECUTE format('CREATE FUNCTION slategate_generation(of_workspace bigint) RETURNS bigint
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = %I, pg_temp AS $body$
        DECLARE
            before text := coalesce(current_setting(''slategate.all_workspaces'', true), '''');
            found bigint;
        BEGIN
            PERFORM set_config(''slategate.all_workspaces'', ''on'', true);
            SELECT generation_at INTO found FROM %I.workspace WHERE id = of_workspace;
            PERFORM set_config(''slategate.all_workspaces'', before, true);
            RETURN found;
        END $body$', current_schema(), current_schema());
END $$";

const INDEXES: &[&str] = &[
    "CREATE INDEX control_result_8 ON control_result (workspace_id, flip_at)
     WHERE valid_to IS NULL AND flip_at IS NOT NULL",
    "CREATE INDEX person_fact_leaves_at ON person_fact (workspace_id, leaves_at)
     WHERE valid_to IS NULL AND leaves_at IS NOT NULL",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let indexes: Vec<String> = INDEXES.iter().map(|index| (*index).to_owned()).collect();
        run(manager, &indexes).await?;
        if manager.get_database_backend() == DbBackend::Postgres {
            run(manager, &[CREATE.to_owned()]).await
        } else {
            Ok(())
        }
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
