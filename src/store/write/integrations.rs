//! Connecting, re-keying, disconnecting and purging integrations.

use entity::integration;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::{Expr, ExprTrait, Query, SelectStatement};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, QuerySelect, Select,
};

use super::Writer;
use crate::domain::{Instant, KeyProfile, Organization};
use crate::store::StoreError;
use crate::store::convert::{fault, instant, micros, to_json};
use crate::store::views::IntegrationFault;

const PROVIDER: &str = "MONGODB_ATLAS";

/// An organization and the key to read it with.
#[derive(Debug, Clone)]
pub struct NewIntegration {
    pub organization: Organization,
    pub public_key: String,
    pub key: KeyProfile,
}

/// How an integration stands.
#[derive(Debug, Clone)]
pub struct IntegrationState {
    pub organization_id: String,
    pub organization_name: String,
    pub is_connected: bool,
    pub fault: Option<IntegrationFault>,
    /// Until then Atlas is to be left alone.
    pub not_before: Option<Instant>,
    /// When it is due.
    pub next_run_at: Option<Instant>,
    /// The run whose removals are withheld.
    pub held_run_id: Option<i64>,
}

impl Writer {
    /// Connects an organization, or connects it again under the id that it had. None: it is connected already.
    pub async fn connect(&self, new: &NewIntegration) -> Result<Option<i64>, StoreError> {
        let known = integration::Entity::find()
            .filter(integration::Column::WorkspaceId.eq(self.workspace))
            .filter(integration::Column::Provider.eq(PROVIDER))
            .filter(integration::Column::OrganizationId.eq(new.organization.atlas_id.as_str()))
            .one(self.tx.as_ref())
            .await?;
        match known {
            Some(row) if row.disconnected_at.is_none() => Ok(None),
            Some(row) => {
                let id = row.id;
                let row = integration::ActiveModel {
                    organization_name: Set(new.organization.name.clone()),
                    connected_at: Set(self.at),
                    disconnected_at: Set(None),
                    ..row.into()
                };
                row.update(self.tx.as_ref()).await?;
                self.put_key(id, &new.public_key, &new.key).await?;
                Ok(Some(id))
            }
            None => Ok(Some(self.new_integration(new).await?)),
        }
    }

    async fn new_integration(&self, new: &NewIntegration) -> Result<i64, StoreError> {
        let row = integration::ActiveModel {
            id: NotSet,
            workspace_id: Set(self.workspace),
            provider: Set(PROVIDER.to_owned()),
            organization_id: Set(new.organization.atlas_id.clone()),
            organization_name: Set(new.organization.name.clone()),
            public_key: Set(new.public_key.clone()),
            sealed_private_key: Set(None),
            key_profile: Set(to_json(&new.key)),
            connected_at: Set(self.at),
            disconnected_at: Set(None),
            error_code: Set(None),
            error_message: Set(None),
            error_remedy: Set(None),
            error_at: Set(None),
            held_removals: Set(None),
            next_run_at: Set(None),
            lease_owner: Set(None),
            lease_until: Set(None),
            epoch: Set(0),
            attempt: Set(0),
            slot_at: Set(None),
            not_before: Set(None),
            held_run_id: Set(None),
        };
        Ok(row.insert(self.tx.as_ref()).await?.id)
    }

    /// Replaces the key's public part and what it may do; an error of the old key is over.
    pub async fn put_key(&self, id: i64, public_key: &str, key: &KeyProfile) -> Result<(), StoreError> {
        let update = Query::update()
            .table("integration")
            .value("public_key", public_key)
            .value("key_profile", to_json(key))
            .and_where(Expr::col("id").eq(id))
            .to_owned();
        self.tx.execute(&update).await?;
        self.put_fault(id, None).await
    }

    pub async fn put_sealed_key(&self, id: i64, sealed: Vec<u8>) -> Result<(), StoreError> {
        let update = Query::update()
            .table("integration")
            .value("sealed_private_key", sealed)
            .and_where(Expr::col("id").eq(id))
            .to_owned();
        self.tx.execute(&update).await?;
        Ok(())
    }

    /// Why the integration needs attention; None: it does not.
    pub async fn put_fault(&self, id: i64, fault: Option<IntegrationFault>) -> Result<(), StoreError> {
        let (code, message, remedy, at) = match fault {
            None => (None, None, None, None),
            Some(fault) => (Some(fault.code), Some(fault.message), Some(fault.remedy), Some(micros(fault.occurred_at))),
        };
        let update = Query::update()
            .table("integration")
            .value("error_code", code)
            .value("error_message", message)
            .value("error_remedy", remedy)
            .value("error_at", at)
            .and_where(Expr::col("id").eq(id))
            .to_owned();
        self.tx.execute(&update).await?;
        Ok(())
    }

    /// What the last sync learned of the organization and the key.
    pub async fn refresh_integration(&self, id: i64, name: Option<&str>, key: &KeyProfile) -> Result<(), StoreError> {
        let mut update = Query::update()
            .table("integration")
            .value("key_profile", to_json(key))
            .and_where(Expr::col("id").eq(id))
            .to_owned();
        if let Some(name) = name {
            update.value("organization_name", name);
        }
        self.tx.execute(&update).await?;
        Ok(())
    }

    /// An integration, read only.
    pub async fn integration(&self, id: i64) -> Result<Option<IntegrationState>, StoreError> {
        self.integration_state(self.integration_by_id(id)).await
    }

    /// An integration, which nobody else can change or claim for the rest of this transaction.
    pub async fn hold_integration(&self, id: i64) -> Result<Option<IntegrationState>, StoreError> {
        let select = self.integration_by_id(id);
        let on_postgres = self.tx.get_database_backend() == DbBackend::Postgres;
        self.integration_state(if on_postgres { select.lock_exclusive() } else { select }).await
    }

    fn integration_by_id(&self, id: i64) -> Select<integration::Entity> {
        integration::Entity::find_by_id(id).filter(integration::Column::WorkspaceId.eq(self.workspace))
    }

    async fn integration_state(
        &self,
        select: Select<integration::Entity>,
    ) -> Result<Option<IntegrationState>, StoreError> {
        let row = select.one(self.tx.as_ref()).await?;
        Ok(row.map(|row| IntegrationState {
            organization_id: row.organization_id,
            organization_name: row.organization_name,
            is_connected: row.disconnected_at.is_none(),
            fault: fault(row.error_code, row.error_message, row.error_remedy, row.error_at),
            not_before: row.not_before.map(instant),
            next_run_at: row.next_run_at.map(instant),
            held_run_id: row.held_run_id,
        }))
    }

    /// Destroys the credentials, stops syncing and ends every fact. A run under way is fenced off.
    pub async fn disconnect(&self, id: i64) -> Result<(), StoreError> {
        let update = Query::update()
            .table("integration")
            .value("sealed_private_key", Option::<Vec<u8>>::None)
            .value("disconnected_at", self.at)
            .value("next_run_at", Option::<i64>::None)
            .value("lease_owner", Option::<String>::None)
            .value("lease_until", Option::<i64>::None)
            .value("held_removals", Option::<String>::None)
            .value("held_run_id", Option::<i64>::None)
            .value("slot_at", Option::<i64>::None)
            .value("not_before", Option::<i64>::None)
            .value("epoch", Expr::col("epoch").add(1))
            .and_where(Expr::col("id").eq(id))
            .to_owned();
        self.tx.execute(&update).await?;
        self.put_fault(id, None).await?;
        self.fail_open_run(id).await?;
        self.close_scopes(id).await?;
        self.close_estate(id).await
    }

    /// Deletes an integration with its whole history. Other integrations and people stay.
    pub async fn purge(&self, id: i64) -> Result<(), StoreError> {
        let of = |table: &'static str, column: &'static str| {
            Query::select().column("id").from(table).and_where(Expr::col(column).eq(id)).to_owned()
        };
        self.delete_where("asset_facet", "fact_id", of("cluster_fact", "integration_id")).await?;
        self.delete_where("asset_standing", "asset_id", of("asset", "integration_id")).await?;
        for table in ["role_grant", "account_link"] {
            self.delete_where(table, "account_id", of("account", "integration_id")).await?;
        }
        self.delete_where("scope_state", "scope_id", of("scope", "integration_id")).await?;
        let whole = [
            "control_result",
            "cluster_fact",
            "account_fact",
            "project_fact",
            "encryption_fact",
            "asset",
            "account",
            "project",
            "scope",
            "sync_run",
        ];
        for table in whole {
            let delete = Query::delete().from_table(table).and_where(Expr::col("integration_id").eq(id)).to_owned();
            self.tx.execute(&delete).await?;
        }
        let delete = Query::delete().from_table("integration").and_where(Expr::col("id").eq(id)).to_owned();
        self.tx.execute(&delete).await?;
        Ok(())
    }

    /// What the brake withheld at the last run, as JSON.
    pub async fn held_removals(&self, id: i64) -> Result<Option<String>, StoreError> {
        let row = integration::Entity::find_by_id(id).one(self.tx.as_ref()).await?;
        Ok(row.and_then(|row| row.held_removals))
    }

    /// What is withheld, and by which run; None: nothing.
    pub async fn put_held_removals(&self, id: i64, held: Option<(i64, String)>) -> Result<(), StoreError> {
        let (run, removals) = held.unzip();
        let update = Query::update()
            .table("integration")
            .value("held_removals", removals)
            .value("held_run_id", run)
            .and_where(Expr::col("id").eq(id))
            .to_owned();
        self.tx.execute(&update).await?;
        Ok(())
    }

    /// Makes the integration due at once, also where Atlas was to be left alone.
    pub async fn make_due(&self, id: i64) -> Result<(), StoreError> {
        let update = Query::update()
            .table("integration")
            .value("next_run_at", self.now)
            .value("not_before", Option::<i64>::None)
            .and_where(Expr::col("id").eq(id))
            .to_owned();
        self.tx.execute(&update).await?;
        Ok(())
    }

    async fn delete_where(
        &self,
        table: &'static str,
        column: &'static str,
        ids: SelectStatement,
    ) -> Result<(), StoreError> {
        let delete = Query::delete().from_table(table).and_where(Expr::col(column).in_subquery(ids)).to_owned();
        self.tx.execute(&delete).await?;
        Ok(())
    }
}
