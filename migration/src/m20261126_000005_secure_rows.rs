//! Row-level security on PostgreSQL, as a second line behind the program's own filters; and the workspace of a facet,
//! which both databases keep from now on.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::row_security::{AS_CLERK, Roles, literal, quoted, run};

#[derive(DeriveMigrationName)]
pub struct Migration;

const FACET_WORKSPACE: &[&str] = &[
    "ALTER TABLE asset_facet ADD COLUMN workspace_id BIGINT NOT NULL DEFAULT 0",
    "UPDATE asset_facet SET workspace_id =
     COALESCE((SELECT workspace_id FROM cluster_fact WHERE cluster_fact.id = asset_facet.fact_id), 0)",
    "CREATE INDEX asset_facet_2 ON asset_facet (workspace_id, facet, value, fact_id)",
];

const ALL: &str = "SELECT, INSERT, UPDATE, DELETE";
const KEPT: &str = "SELECT, INSERT, UPDATE";
const LEDGER: &str = "SELECT, INSERT";

/// Each table, the column that names its rows' workspace, and what is ever done with them.
const TABLES: &[(&str, &str, &str)] = &[
    ("workspace", "id", KEPT),
    ("api_token", "workspace_id", KEPT),
    ("data_key", "workspace_id", KEPT),
    ("integration", "workspace_id", ALL),
    ("sync_run", "workspace_id", ALL),
    ("scope", "workspace_id", ALL),
    ("scope_state", "workspace_id", ALL),
    ("project", "workspace_id", ALL),
    ("project_fact", "workspace_id", ALL),
    ("encryption_fact", "workspace_id", ALL),
    ("asset", "workspace_id", ALL),
    ("cluster_fact", "workspace_id", ALL),
    ("asset_facet", "workspace_id", ALL),
    ("asset_standing", "workspace_id", ALL),
    ("account", "workspace_id", ALL),
    ("account_fact", "workspace_id", ALL),
    ("role_grant", "workspace_id", ALL),
    ("account_link", "workspace_id", ALL),
    ("person", "workspace_id", KEPT),
    ("person_fact", "workspace_id", KEPT),
    ("person_address", "workspace_id", ALL),
    ("control_result", "workspace_id", ALL),
    ("control_status", "workspace_id", KEPT),
    ("audit_event", "workspace_id", LEDGER),
];

/// What is looked up before a workspace is known: whose token it is, whose sync is due, which workspaces there are, and
/// whether the key ring opens every data key.
const CLERK: &[(&str, &str)] = &[
    ("workspace", "id, name"),
    ("api_token", "id, workspace_id, name, role, token_hash, expires_at, last_used_at, revoked_at"),
    ("data_key", "id, workspace_id, master_key_id, wrapped_key, created_at"),
    ("integration", "id, workspace_id, disconnected_at, next_run_at, lease_owner, lease_until"),
];

/// Where an administrator took the schema away from everybody.
const SCHEMA: &str = "DO $$ BEGIN
    IF NOT has_schema_privilege(slategate_tenant(), current_schema(), 'USAGE') THEN
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I, %I', current_schema(), slategate_tenant(), slategate_clerk());
    END IF;
END $$";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for statement in FACET_WORKSPACE {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        if manager.get_database_backend() == DbBackend::Postgres { secure(manager).await } else { Ok(()) }
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

async fn secure(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let roles = Roles::ensure(manager).await?;
    let (tenant, clerk) = (quoted(&roles.tenant), quoted(&roles.clerk));
    let function = |name: &str, returns: &str, kind: &str, body: &str| {
        let body = literal(&format!("SELECT {body}"));
        format!("CREATE FUNCTION {name}() RETURNS {returns} LANGUAGE sql {kind} PARALLEL SAFE AS {body}")
    };
    let workspace = "nullif(current_setting('slategate.workspace', true), '')::bigint";
    let statements = [
        function("slategate_tenant", "text", "IMMUTABLE", &literal(&roles.tenant)),
        function("slategate_clerk", "text", "IMMUTABLE", &literal(&roles.clerk)),
        function("slategate_workspace", "bigint", "STABLE", workspace),
        format!("GRANT SELECT ON seaql_migrations TO {tenant}, {clerk}"),
        format!("GRANT USAGE ON SEQUENCE workspace_id_seq TO {clerk}"),
        SCHEMA.to_owned(),
    ];
    run(manager, &statements).await?;
    for (table, workspace, privileges) in TABLES {
        roles.protect(manager, table, workspace, privileges).await?;
    }
    for (table, columns) in CLERK {
        roles.show_clerk(manager, table, columns).await?;
    }
    // To take hold of a due row until its workspace is known is, to PostgreSQL, the beginning of an update.
    let statements = [
        format!("GRANT UPDATE (lease_owner) ON integration TO {clerk}"),
        format!("CREATE POLICY clerk_hold ON integration FOR UPDATE TO {clerk} USING ({AS_CLERK}) WITH CHECK (false)"),
    ];
    run(manager, &statements).await
}
