//! Projects, clusters, accounts and keys of one integration: what is stored today, and writing a change of it.

use std::collections::{BTreeMap, HashMap};

use entity::{encryption_fact, project, project_fact};
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::{Alias, Expr, ExprTrait, Query};
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter};

use super::Writer;
use crate::domain::{Account, Cluster, EncryptionAtRest, Project, ScopeKind};
use crate::store::StoreError;
use crate::store::convert::{from_json, instant, micros, to_json};

/// A stored value and the id of its identity.
#[derive(Debug, Clone)]
pub struct Stored<T> {
    pub id: i64,
    pub value: T,
}

/// What is true today of one integration.
#[derive(Debug, Clone, Default)]
pub struct Estate {
    pub projects: Vec<Stored<Project>>,
    pub clusters: Vec<Stored<Cluster>>,
    /// With their grants.
    pub accounts: Vec<Stored<Account>>,
    /// By project (24-hex id).
    pub encryption: BTreeMap<String, EncryptionAtRest>,
}

/// An account to write; `id` is None where the identity has to be found or made.
#[derive(Debug, Clone)]
pub struct AccountPut {
    pub id: Option<i64>,
    pub account: Account,
}

/// A change of one integration's facts: new or changed values, and identities that are gone.
#[derive(Debug, Clone, Default)]
pub struct EstateChange {
    pub put_projects: Vec<Project>,
    pub remove_projects: Vec<i64>,
    pub put_clusters: Vec<Cluster>,
    pub remove_clusters: Vec<i64>,
    pub put_accounts: Vec<AccountPut>,
    pub remove_accounts: Vec<i64>,
    /// By project (24-hex id).
    pub put_encryption: Vec<(String, EncryptionAtRest)>,
}

/// The subjects whose facts a change wrote.
#[derive(Debug, Clone, Default)]
pub struct Touched {
    pub assets: Vec<i64>,
    pub accounts: Vec<i64>,
}

#[derive(FromQueryResult)]
struct DocumentRow {
    id: i64,
    document: String,
}

impl Writer {
    /// What is true today of an integration.
    pub async fn estate(&self, integration: i64) -> Result<Estate, StoreError> {
        let projects: HashMap<i64, String> =
            self.project_ids(integration).await?.into_iter().map(|(atlas, id)| (id, atlas)).collect();
        Ok(Estate {
            projects: self.stored_projects(integration, &projects).await?,
            clusters: self.stored_documents("cluster_fact", "asset_id", integration).await?,
            accounts: self.stored_accounts(integration, &projects).await?,
            encryption: self.stored_encryption(integration, &projects).await?,
        })
    }

    /// Writes a change. `scopes` gives the id of each list by kind and project.
    pub async fn apply(
        &self,
        integration: i64,
        change: EstateChange,
        scopes: &HashMap<(ScopeKind, String), i64>,
    ) -> Result<Touched, StoreError> {
        let projects = self.ensure_projects(integration, &change).await?;
        self.put_projects(integration, &projects, change.put_projects).await?;
        self.put_encryption(integration, &projects, &change.put_encryption).await?;
        let mut touched = Touched {
            assets: self.put_clusters(integration, &projects, scopes, &change.put_clusters).await?,
            accounts: self.put_accounts(integration, &projects, scopes, change.put_accounts).await?,
        };
        self.remove_assets(&change.remove_clusters).await?;
        self.remove_accounts(&change.remove_accounts).await?;
        self.close("project_fact", "project_id", &change.remove_projects).await?;
        self.close("encryption_fact", "project_id", &change.remove_projects).await?;
        if !change.put_encryption.is_empty() {
            let changed: Vec<i64> =
                change.put_encryption.iter().filter_map(|(atlas, _)| projects.get(atlas).copied()).collect();
            touched.assets.extend(self.assets_of_projects(&changed).await?);
        }
        touched.assets.sort_unstable();
        touched.assets.dedup();
        Ok(touched)
    }

    /// Ends every fact of an integration; identities and what people said stay.
    pub async fn close_estate(&self, integration: i64) -> Result<(), StoreError> {
        let estate = self.estate(integration).await?;
        self.remove_assets(&ids(&estate.clusters)).await?;
        self.remove_accounts(&ids(&estate.accounts)).await?;
        self.close("project_fact", "project_id", &ids(&estate.projects)).await?;
        self.close("encryption_fact", "integration_id", &[integration]).await
    }

    async fn remove_assets(&self, assets: &[i64]) -> Result<(), StoreError> {
        self.close("cluster_fact", "asset_id", assets).await?;
        self.close("asset_standing", "asset_id", assets).await?;
        self.close_results(crate::store::views::SubjectKind::Asset, assets).await
    }

    async fn remove_accounts(&self, accounts: &[i64]) -> Result<(), StoreError> {
        for table in ["account_fact", "role_grant", "account_link"] {
            self.close(table, "account_id", accounts).await?;
        }
        self.close_results(crate::store::views::SubjectKind::Account, accounts).await
    }

    async fn stored_projects(
        &self,
        integration: i64,
        names: &HashMap<i64, String>,
    ) -> Result<Vec<Stored<Project>>, StoreError> {
        let rows = project_fact::Entity::find()
            .filter(project_fact::Column::IntegrationId.eq(integration))
            .filter(project_fact::Column::ValidTo.is_null())
            .all(self.tx.as_ref())
            .await?;
        rows.into_iter()
            .map(|row| {
                let value = Project {
                    atlas_id: names.get(&row.project_id).cloned().unwrap_or_default(),
                    name: row.name,
                    created_at: row.created_at.map(instant),
                    tags: from_json(&row.tags, "project_fact", "tags")?,
                };
                Ok(Stored { id: row.project_id, value })
            })
            .collect()
    }

    pub(super) async fn stored_documents<T: serde::de::DeserializeOwned>(
        &self,
        table: &'static str,
        identity: &'static str,
        integration: i64,
    ) -> Result<Vec<Stored<T>>, StoreError> {
        let select = Query::select()
            .expr_as(Expr::col(identity), Alias::new("id"))
            .column("document")
            .from(table)
            .and_where(Expr::col("integration_id").eq(integration))
            .and_where(Expr::col("valid_to").is_null())
            .to_owned();
        let rows = self.all::<DocumentRow>(&select).await?;
        rows.into_iter()
            .map(|row| Ok(Stored { id: row.id, value: from_json(&row.document, table, "document")? }))
            .collect()
    }

    async fn stored_encryption(
        &self,
        integration: i64,
        names: &HashMap<i64, String>,
    ) -> Result<BTreeMap<String, EncryptionAtRest>, StoreError> {
        let stored: Vec<Stored<EncryptionAtRest>> =
            self.stored_documents("encryption_fact", "project_id", integration).await?;
        Ok(stored.into_iter().filter_map(|row| Some((names.get(&row.id)?.clone(), row.value))).collect())
    }

    pub(super) async fn project_ids(&self, integration: i64) -> Result<HashMap<String, i64>, StoreError> {
        let rows = project::Entity::find()
            .filter(project::Column::IntegrationId.eq(integration))
            .all(self.tx.as_ref())
            .await?;
        Ok(rows.into_iter().map(|row| (row.atlas_id, row.id)).collect())
    }

    /// Identities of every project that the change names.
    async fn ensure_projects(
        &self,
        integration: i64,
        change: &EstateChange,
    ) -> Result<HashMap<String, i64>, StoreError> {
        let facts = change.put_projects.iter().map(|project| project.atlas_id.as_str());
        let clusters = change.put_clusters.iter().map(|cluster| cluster.project.as_str());
        let keys = change.put_encryption.iter().map(|(project, _)| project.as_str());
        let grants = change.put_accounts.iter().flat_map(|put| &put.account.grants);
        let granted = grants.filter_map(|grant| grant.project.as_deref());
        let mut missing: Vec<&str> = facts.chain(clusters).chain(keys).chain(granted).collect();
        if missing.is_empty() {
            return Ok(HashMap::new());
        }
        let known = self.project_ids(integration).await?;
        missing.retain(|atlas| !known.contains_key(*atlas));
        if missing.is_empty() {
            return Ok(known);
        }
        missing.sort_unstable();
        missing.dedup();
        let rows = missing.into_iter().map(|atlas| project::ActiveModel {
            id: NotSet,
            workspace_id: Set(self.workspace),
            integration_id: Set(integration),
            atlas_id: Set(atlas.to_owned()),
            first_seen_at: Set(self.at),
        });
        self.insert(rows.collect()).await?;
        self.project_ids(integration).await
    }

    async fn put_projects(
        &self,
        integration: i64,
        identities: &HashMap<String, i64>,
        projects: Vec<Project>,
    ) -> Result<(), StoreError> {
        let known: Vec<(i64, Project)> =
            projects.into_iter().filter_map(|project| Some((*identities.get(&project.atlas_id)?, project))).collect();
        self.close("project_fact", "project_id", &known.iter().map(|(id, _)| *id).collect::<Vec<_>>()).await?;
        let rows = known.into_iter().map(|(id, project)| project_fact::ActiveModel {
            id: NotSet,
            workspace_id: Set(self.workspace),
            integration_id: Set(integration),
            project_id: Set(id),
            search_text: Set(project.name.to_lowercase()),
            name: Set(project.name),
            created_at: Set(project.created_at.map(micros)),
            tags: Set(to_json(&project.tags)),
            valid_from: Set(self.at),
            valid_to: Set(None),
        });
        self.insert(rows.collect()).await
    }

    async fn put_encryption(
        &self,
        integration: i64,
        identities: &HashMap<String, i64>,
        encryption: &[(String, EncryptionAtRest)],
    ) -> Result<(), StoreError> {
        let known: Vec<(i64, &EncryptionAtRest)> =
            encryption.iter().filter_map(|(atlas, value)| Some((*identities.get(atlas)?, value))).collect();
        self.close("encryption_fact", "project_id", &known.iter().map(|(id, _)| *id).collect::<Vec<_>>()).await?;
        let rows = known.into_iter().map(|(id, value)| encryption_fact::ActiveModel {
            id: NotSet,
            workspace_id: Set(self.workspace),
            integration_id: Set(integration),
            project_id: Set(id),
            document: Set(to_json(value)),
            valid_from: Set(self.at),
            valid_to: Set(None),
        });
        self.insert(rows.collect()).await
    }
}

fn ids<T>(stored: &[Stored<T>]) -> Vec<i64> {
    stored.iter().map(|row| row.id).collect()
}
