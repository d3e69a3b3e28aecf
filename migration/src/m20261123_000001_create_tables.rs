//! The first tables: tenancy, integrations and their runs, identities and facts.
//!
//! Frozen once released: a change is a new file.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

#[derive(DeriveMigrationName)]
pub struct Migration;

const TABLES: &[&str] = &[
    "CREATE TABLE workspace (
        id {id},
        name TEXT NOT NULL,
        generation_at BIGINT NOT NULL,
        policy_fingerprint TEXT,
        created_at BIGINT NOT NULL,
        UNIQUE (name)
    )",
    "CREATE TABLE api_token (
        id {id},
        workspace_id BIGINT NOT NULL,
        name TEXT NOT NULL,
        role TEXT NOT NULL,
        token_hash TEXT NOT NULL,
        created_at BIGINT NOT NULL,
        expires_at BIGINT NOT NULL,
        last_used_at BIGINT,
        revoked_at BIGINT,
        UNIQUE (token_hash)
    )",
    "CREATE TABLE data_key (
        id {id},
        workspace_id BIGINT NOT NULL,
        master_key_id TEXT NOT NULL,
        wrapped_key {bytes} NOT NULL,
        created_at BIGINT NOT NULL,
        UNIQUE (workspace_id)
    )",
    "CREATE TABLE integration (
        id {id},
        workspace_id BIGINT NOT NULL,
        provider TEXT NOT NULL,
        organization_id TEXT NOT NULL,
        organization_name TEXT NOT NULL,
        public_key TEXT NOT NULL,
        sealed_private_key {bytes},
        key_profile TEXT NOT NULL,
        connected_at BIGINT NOT NULL,
        disconnected_at BIGINT,
        error_code TEXT,
        error_message TEXT,
        error_remedy TEXT,
        error_at BIGINT,
        held_removals TEXT,
        next_run_at BIGINT,
        lease_owner TEXT,
        lease_until BIGINT,
        epoch BIGINT NOT NULL,
        attempt INTEGER NOT NULL,
        UNIQUE (workspace_id, provider, organization_id)
    )",
    "CREATE TABLE sync_run (
        id {id},
        workspace_id BIGINT NOT NULL,
        integration_id BIGINT NOT NULL,
        trigger_kind TEXT NOT NULL,
        status TEXT NOT NULL,
        queued_at BIGINT NOT NULL,
        read_at BIGINT,
        finished_at BIGINT,
        stage TEXT NOT NULL,
        done INTEGER NOT NULL,
        total INTEGER,
        requests BIGINT NOT NULL,
        added INTEGER NOT NULL,
        updated INTEGER NOT NULL,
        removed INTEGER NOT NULL,
        results_flipped INTEGER NOT NULL
    )",
    "CREATE TABLE scope (
        id {id},
        workspace_id BIGINT NOT NULL,
        integration_id BIGINT NOT NULL,
        kind TEXT NOT NULL,
        project TEXT NOT NULL,
        UNIQUE (integration_id, kind, project)
    )",
    "CREATE TABLE scope_state (
        id {id},
        workspace_id BIGINT NOT NULL,
        scope_id BIGINT NOT NULL,
        complete BOOLEAN NOT NULL,
        error_code TEXT,
        message TEXT,
        last_good_at BIGINT,
        valid_from BIGINT NOT NULL,
        valid_to BIGINT
    )",
    "CREATE TABLE project (
        id {id},
        workspace_id BIGINT NOT NULL,
        integration_id BIGINT NOT NULL,
        atlas_id TEXT NOT NULL,
        first_seen_at BIGINT NOT NULL,
        UNIQUE (integration_id, atlas_id)
    )",
    "CREATE TABLE project_fact (
        id {id},
        workspace_id BIGINT NOT NULL,
        integration_id BIGINT NOT NULL,
        project_id BIGINT NOT NULL,
        name TEXT NOT NULL,
        search_text TEXT NOT NULL,
        created_at BIGINT,
        tags TEXT NOT NULL,
        valid_from BIGINT NOT NULL,
        valid_to BIGINT
    )",
    "CREATE TABLE encryption_fact (
        id {id},
        workspace_id BIGINT NOT NULL,
        integration_id BIGINT NOT NULL,
        project_id BIGINT NOT NULL,
        document TEXT NOT NULL,
        valid_from BIGINT NOT NULL,
        valid_to BIGINT
    )",
    "CREATE TABLE asset (
        id {id},
        workspace_id BIGINT NOT NULL,
        integration_id BIGINT NOT NULL,
        atlas_id TEXT NOT NULL,
        first_seen_at BIGINT NOT NULL,
        manual_owner_id BIGINT,
        manual_description TEXT,
        manual_user_data TEXT,
        UNIQUE (integration_id, atlas_id)
    )",
    "CREATE TABLE cluster_fact (
        id {id},
        workspace_id BIGINT NOT NULL,
        integration_id BIGINT NOT NULL,
        asset_id BIGINT NOT NULL,
        project_id BIGINT NOT NULL,
        scope_id BIGINT NOT NULL,
        name TEXT NOT NULL,
        search_text TEXT NOT NULL,
        deployment TEXT NOT NULL,
        created_at BIGINT NOT NULL,
        document TEXT NOT NULL,
        valid_from BIGINT NOT NULL,
        valid_to BIGINT
    )",
    "CREATE TABLE asset_facet (
        id {id},
        fact_id BIGINT NOT NULL,
        facet TEXT NOT NULL,
        value TEXT NOT NULL,
        UNIQUE (facet, value, fact_id)
    )",
    "CREATE TABLE asset_standing (
        id {id},
        workspace_id BIGINT NOT NULL,
        asset_id BIGINT NOT NULL,
        owner_id BIGINT,
        owner_source TEXT,
        owner_tag TEXT,
        description TEXT,
        description_source TEXT,
        user_data TEXT NOT NULL,
        user_data_source TEXT,
        valid_from BIGINT NOT NULL,
        valid_to BIGINT
    )",
    "CREATE TABLE account (
        id {id},
        workspace_id BIGINT NOT NULL,
        integration_id BIGINT NOT NULL,
        kind TEXT NOT NULL,
        natural_key TEXT NOT NULL,
        atlas_id TEXT NOT NULL,
        first_seen_at BIGINT NOT NULL,
        manual_person_id BIGINT,
        UNIQUE (integration_id, kind, natural_key)
    )",
    "CREATE TABLE account_fact (
        id {id},
        workspace_id BIGINT NOT NULL,
        integration_id BIGINT NOT NULL,
        account_id BIGINT NOT NULL,
        scope_id BIGINT NOT NULL,
        kind TEXT NOT NULL,
        status TEXT NOT NULL,
        login TEXT NOT NULL,
        search_text TEXT NOT NULL,
        email TEXT,
        privileged BOOLEAN NOT NULL,
        last_authenticated_at BIGINT NOT NULL,
        document TEXT NOT NULL,
        valid_from BIGINT NOT NULL,
        valid_to BIGINT
    )",
    "CREATE TABLE role_grant (
        id {id},
        workspace_id BIGINT NOT NULL,
        account_id BIGINT NOT NULL,
        role TEXT NOT NULL,
        scope TEXT NOT NULL,
        project_id BIGINT,
        via TEXT NOT NULL,
        team TEXT,
        valid_from BIGINT NOT NULL,
        valid_to BIGINT
    )",
    "CREATE TABLE account_link (
        id {id},
        workspace_id BIGINT NOT NULL,
        account_id BIGINT NOT NULL,
        person_id BIGINT,
        source TEXT,
        ambiguous BOOLEAN NOT NULL,
        valid_from BIGINT NOT NULL,
        valid_to BIGINT
    )",
    "CREATE TABLE person (
        id {id},
        workspace_id BIGINT NOT NULL,
        created_at BIGINT NOT NULL
    )",
    "CREATE TABLE person_fact (
        id {id},
        workspace_id BIGINT NOT NULL,
        person_id BIGINT NOT NULL,
        full_name TEXT NOT NULL,
        email TEXT NOT NULL,
        aliases TEXT NOT NULL,
        status TEXT NOT NULL,
        starts_on TEXT,
        ends_on TEXT,
        leaves_at BIGINT,
        search_text TEXT NOT NULL,
        valid_from BIGINT NOT NULL,
        valid_to BIGINT
    )",
    "CREATE TABLE person_address (
        id {id},
        workspace_id BIGINT NOT NULL,
        person_id BIGINT NOT NULL,
        address TEXT NOT NULL,
        UNIQUE (workspace_id, address, person_id)
    )",
    "CREATE TABLE control_result (
        id {id},
        workspace_id BIGINT NOT NULL,
        integration_id BIGINT NOT NULL,
        control_key TEXT NOT NULL,
        subject_kind TEXT NOT NULL,
        subject_id BIGINT NOT NULL,
        scope_id BIGINT NOT NULL,
        second_scope_id BIGINT,
        outcome TEXT NOT NULL,
        reason TEXT NOT NULL,
        message TEXT NOT NULL,
        evidence TEXT NOT NULL,
        since BIGINT NOT NULL,
        flip_at BIGINT,
        flip_outcome TEXT,
        flip_reason TEXT,
        flip_message TEXT,
        flip_evidence TEXT,
        valid_from BIGINT NOT NULL,
        valid_to BIGINT
    )",
    "CREATE TABLE control_status (
        id {id},
        workspace_id BIGINT NOT NULL,
        control_key TEXT NOT NULL,
        status TEXT NOT NULL,
        valid_from BIGINT NOT NULL,
        valid_to BIGINT
    )",
];

const INDEXES: &[&str] = &[
    "CREATE INDEX api_token_1 ON api_token (workspace_id, name)",
    "CREATE INDEX integration_1 ON integration (next_run_at) WHERE next_run_at IS NOT NULL",
    "CREATE INDEX sync_run_1 ON sync_run (integration_id, id)",
    "CREATE INDEX sync_run_2 ON sync_run (workspace_id, id)",
    "CREATE INDEX sync_run_3 ON sync_run (integration_id, finished_at)",
    "CREATE INDEX scope_1 ON scope (workspace_id)",
    "CREATE INDEX scope_state_1 ON scope_state (workspace_id, scope_id) WHERE valid_to IS NULL",
    "CREATE INDEX scope_state_2 ON scope_state (scope_id, valid_from)",
    "CREATE INDEX project_1 ON project (workspace_id)",
    "CREATE INDEX project_fact_1 ON project_fact (project_id, valid_from)",
    "CREATE UNIQUE INDEX project_fact_2 ON project_fact (project_id) WHERE valid_to IS NULL",
    "CREATE INDEX project_fact_3 ON project_fact (workspace_id, project_id) WHERE valid_to IS NULL",
    "CREATE INDEX encryption_fact_1 ON encryption_fact (project_id, valid_from)",
    "CREATE UNIQUE INDEX encryption_fact_2 ON encryption_fact (project_id) WHERE valid_to IS NULL",
    "CREATE INDEX asset_1 ON asset (workspace_id)",
    "CREATE INDEX asset_2 ON asset (manual_owner_id)",
    "CREATE INDEX cluster_fact_1 ON cluster_fact (asset_id, valid_from)",
    "CREATE UNIQUE INDEX cluster_fact_2 ON cluster_fact (asset_id) WHERE valid_to IS NULL",
    "CREATE INDEX cluster_fact_3 ON cluster_fact (workspace_id, name, asset_id) WHERE valid_to IS NULL",
    "CREATE INDEX cluster_fact_4 ON cluster_fact (workspace_id, created_at, asset_id) WHERE valid_to IS NULL",
    "CREATE INDEX cluster_fact_5 ON cluster_fact (workspace_id, asset_id) WHERE valid_to IS NULL",
    "CREATE INDEX cluster_fact_6 ON cluster_fact (project_id, asset_id) WHERE valid_to IS NULL",
    "CREATE INDEX cluster_fact_7 ON cluster_fact (workspace_id, deployment, asset_id) WHERE valid_to IS NULL",
    "CREATE INDEX asset_facet_1 ON asset_facet (fact_id)",
    "CREATE INDEX asset_standing_1 ON asset_standing (asset_id, valid_from)",
    "CREATE UNIQUE INDEX asset_standing_2 ON asset_standing (asset_id) WHERE valid_to IS NULL",
    "CREATE INDEX asset_standing_3 ON asset_standing (workspace_id, owner_id, asset_id) WHERE valid_to IS NULL",
    "CREATE INDEX asset_standing_4 ON asset_standing (workspace_id, user_data, asset_id) WHERE valid_to IS NULL",
    "CREATE INDEX asset_standing_5 ON asset_standing (workspace_id, owner_tag) WHERE valid_to IS NULL",
    "CREATE INDEX account_1 ON account (workspace_id)",
    "CREATE INDEX account_2 ON account (manual_person_id)",
    "CREATE INDEX account_fact_1 ON account_fact (account_id, valid_from)",
    "CREATE UNIQUE INDEX account_fact_2 ON account_fact (account_id) WHERE valid_to IS NULL",
    "CREATE INDEX account_fact_3 ON account_fact (workspace_id, login, account_id) WHERE valid_to IS NULL",
    "CREATE INDEX account_fact_4 ON account_fact (workspace_id, last_authenticated_at, account_id) WHERE valid_to IS NULL",
    "CREATE INDEX account_fact_5 ON account_fact (workspace_id, account_id) WHERE valid_to IS NULL",
    "CREATE INDEX account_fact_6 ON account_fact (workspace_id, email) WHERE valid_to IS NULL",
    "CREATE INDEX role_grant_1 ON role_grant (account_id, valid_from)",
    "CREATE INDEX role_grant_2 ON role_grant (workspace_id, role, account_id) WHERE valid_to IS NULL",
    "CREATE INDEX role_grant_3 ON role_grant (project_id, account_id) WHERE valid_to IS NULL",
    "CREATE INDEX account_link_1 ON account_link (account_id, valid_from)",
    "CREATE UNIQUE INDEX account_link_2 ON account_link (account_id) WHERE valid_to IS NULL",
    "CREATE INDEX account_link_3 ON account_link (workspace_id, person_id, account_id) WHERE valid_to IS NULL",
    "CREATE INDEX person_1 ON person (workspace_id)",
    "CREATE INDEX person_fact_1 ON person_fact (person_id, valid_from)",
    "CREATE UNIQUE INDEX person_fact_2 ON person_fact (person_id) WHERE valid_to IS NULL",
    "CREATE UNIQUE INDEX person_fact_3 ON person_fact (workspace_id, email) WHERE valid_to IS NULL",
    "CREATE INDEX person_fact_4 ON person_fact (workspace_id, person_id) WHERE valid_to IS NULL",
    "CREATE INDEX person_address_1 ON person_address (person_id)",
    "CREATE INDEX control_result_1 ON control_result (subject_kind, subject_id, valid_from)",
    "CREATE UNIQUE INDEX control_result_2 ON control_result (subject_kind, subject_id, control_key) WHERE valid_to IS NULL",
    "CREATE INDEX control_result_3 ON control_result (workspace_id, control_key, outcome, subject_kind, subject_id) WHERE valid_to IS NULL",
    "CREATE INDEX control_result_4 ON control_result (integration_id) WHERE valid_to IS NULL",
    "CREATE INDEX control_result_5 ON control_result (workspace_id, control_key, valid_from)",
    "CREATE INDEX control_status_1 ON control_status (workspace_id, control_key, valid_from)",
    "CREATE UNIQUE INDEX control_status_2 ON control_status (workspace_id, control_key) WHERE valid_to IS NULL",
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        let (id, bytes) = match manager.get_database_backend() {
            DbBackend::Postgres => ("BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY", "BYTEA"),
            _ => ("INTEGER PRIMARY KEY AUTOINCREMENT", "BLOB"),
        };
        for table in TABLES {
            db.execute_unprepared(&table.replace("{id}", id).replace("{bytes}", bytes)).await?;
        }
        for index in INDEXES {
            db.execute_unprepared(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in TABLES.iter().rev() {
            let name = table.split_whitespace().nth(2).unwrap_or_default();
            manager.get_connection().execute_unprepared(&format!("DROP TABLE {name}")).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
