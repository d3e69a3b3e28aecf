//! Projects, clusters, accounts and keys of one integration: what is stored today, and writing a change of it.

use std::collections::{BTreeMap, HashMap};

use entity::{
    account, account_fact, asset, asset_facet, cluster_fact, encryption_fact, project, project_fact, role_grant,
};
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::{Alias, Expr, ExprTrait, JoinType, Query};
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter};

use super::{CHUNK, Writer};
use crate::domain::{
    Account, AccountKind, Cluster, Deployment, EncryptionAtRest, Grant, GrantPath, GrantScope, Project, ScopeKind,
};
use crate::store::StoreError;
use crate::store::convert::{UNDATED, from_json, instant, micros, to_json, word};

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

#[derive(FromQueryResult)]
struct GrantRow {
    account_id: i64,
    role: String,
    scope: String,
    project: Option<String>,
    via: String,
    team: Option<String>,
}

impl Writer {
    /// What is true today of an integration.
    pub async fn estate(&self, integration: i64) -> Result<Estate, StoreError> {
        Ok(Estate {
            projects: self.stored_projects(integration).await?,
            clusters: self.stored_documents("cluster_fact", "asset_id", integration).await?,
            accounts: self.stored_accounts(integration).await?,
            encryption: self.stored_encryption(integration).await?,
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
        let mut touched = Touched::default();
        touched.assets = self.put_clusters(integration, &projects, scopes, &change.put_clusters).await?;
        touched.accounts = self.put_accounts(integration, &projects, scopes, change.put_accounts).await?;
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

    async fn stored_projects(&self, integration: i64) -> Result<Vec<Stored<Project>>, StoreError> {
        let identities = self.project_ids(integration).await?;
        let names: HashMap<i64, String> = identities.into_iter().map(|(atlas, id)| (id, atlas)).collect();
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

    async fn stored_documents<T: serde::de::DeserializeOwned>(
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

    async fn stored_accounts(&self, integration: i64) -> Result<Vec<Stored<Account>>, StoreError> {
        let mut accounts: Vec<Stored<Account>> =
            self.stored_documents("account_fact", "account_id", integration).await?;
        let select = Query::select()
            .columns(["account_id", "role", "scope", "via", "team"].map(|column| ("g", column)))
            .expr_as(Expr::col(("p", "atlas_id")), Alias::new("project"))
            .from_as("role_grant", "g")
            .join_as(JoinType::InnerJoin, "account", "a", Expr::col(("a", "id")).equals(("g", "account_id")))
            .join_as(JoinType::LeftJoin, "project", "p", Expr::col(("p", "id")).equals(("g", "project_id")))
            .and_where(Expr::col(("a", "integration_id")).eq(integration))
            .and_where(Expr::col(("g", "valid_to")).is_null())
            .to_owned();
        let mut grants: HashMap<i64, Vec<Grant>> = HashMap::new();
        for row in self.all::<GrantRow>(&select).await? {
            grants.entry(row.account_id).or_default().push(Grant {
                role: row.role,
                scope: word(&row.scope, GrantScope::from_word, "role_grant", "scope")?,
                project: row.project,
                via: word(&row.via, GrantPath::from_word, "role_grant", "via")?,
                team: row.team,
            });
        }
        for account in &mut accounts {
            account.value.grants = grants.remove(&account.id).unwrap_or_default();
            account.value.grants.sort();
        }
        Ok(accounts)
    }

    async fn stored_encryption(&self, integration: i64) -> Result<BTreeMap<String, EncryptionAtRest>, StoreError> {
        let stored: Vec<Stored<EncryptionAtRest>> =
            self.stored_documents("encryption_fact", "project_id", integration).await?;
        let names: HashMap<i64, String> =
            self.project_ids(integration).await?.into_iter().map(|(atlas, id)| (id, atlas)).collect();
        Ok(stored.into_iter().filter_map(|row| Some((names.get(&row.id)?.clone(), row.value))).collect())
    }

    async fn project_ids(&self, integration: i64) -> Result<HashMap<String, i64>, StoreError> {
        let rows = project::Entity::find()
            .filter(project::Column::IntegrationId.eq(integration))
            .all(self.tx.as_ref())
            .await?;
        Ok(rows.into_iter().map(|row| (row.atlas_id, row.id)).collect())
    }

    /// Identities of every project that the change names, in facts or in grants.
    async fn ensure_projects(
        &self,
        integration: i64,
        change: &EstateChange,
    ) -> Result<HashMap<String, i64>, StoreError> {
        let known = self.project_ids(integration).await?;
        let facts = change.put_projects.iter().map(|project| project.atlas_id.as_str());
        let clusters = change.put_clusters.iter().map(|cluster| cluster.project.as_str());
        let grants = change.put_accounts.iter().flat_map(|put| &put.account.grants);
        let granted = grants.filter_map(|grant| grant.project.as_deref());
        let mut missing: Vec<&str> =
            facts.chain(clusters).chain(granted).filter(|atlas| !known.contains_key(*atlas)).collect();
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

    async fn put_clusters(
        &self,
        integration: i64,
        projects: &HashMap<String, i64>,
        scopes: &HashMap<(ScopeKind, String), i64>,
        clusters: &[Cluster],
    ) -> Result<Vec<i64>, StoreError> {
        let identities = self.ensure_assets(integration, clusters).await?;
        let mut rows = Vec::with_capacity(clusters.len());
        let mut touched = Vec::with_capacity(clusters.len());
        for cluster in clusters {
            let kind = match cluster.deployment {
                Deployment::Flex => ScopeKind::FlexClusters,
                Deployment::Dedicated | Deployment::Shared => ScopeKind::Clusters,
            };
            let asset = identities.get(&cluster.atlas_id).copied();
            let project = projects.get(&cluster.project).copied();
            let scope = scopes.get(&(kind, cluster.project.clone())).copied();
            if let (Some(asset), Some(project), Some(scope)) = (asset, project, scope) {
                touched.push(asset);
                rows.push(self.cluster_row(integration, asset, project, scope, cluster));
            }
        }
        self.close("cluster_fact", "asset_id", &touched).await?;
        self.insert(rows).await?;
        self.put_facets(clusters, &identities).await?;
        Ok(touched)
    }

    fn cluster_row(
        &self,
        integration: i64,
        asset: i64,
        project: i64,
        scope: i64,
        cluster: &Cluster,
    ) -> cluster_fact::ActiveModel {
        cluster_fact::ActiveModel {
            id: NotSet,
            workspace_id: Set(self.workspace),
            integration_id: Set(integration),
            asset_id: Set(asset),
            project_id: Set(project),
            scope_id: Set(scope),
            name: Set(cluster.name.clone()),
            search_text: Set(cluster.name.to_lowercase()),
            deployment: Set(cluster.deployment.word().to_owned()),
            created_at: Set(cluster.created_at.map_or(UNDATED, micros)),
            document: Set(to_json(cluster)),
            valid_from: Set(self.at),
            valid_to: Set(None),
        }
    }

    async fn put_facets(&self, clusters: &[Cluster], identities: &HashMap<String, i64>) -> Result<(), StoreError> {
        let by_asset: HashMap<i64, &Cluster> =
            clusters.iter().filter_map(|cluster| Some((*identities.get(&cluster.atlas_id)?, cluster))).collect();
        let assets: Vec<i64> = by_asset.keys().copied().collect();
        let mut rows = Vec::new();
        for chunk in assets.chunks(CHUNK) {
            let facts = cluster_fact::Entity::find()
                .filter(cluster_fact::Column::AssetId.is_in(chunk.to_vec()))
                .filter(cluster_fact::Column::ValidTo.is_null())
                .all(self.tx.as_ref())
                .await?;
            for fact in facts {
                let Some(cluster) = by_asset.get(&fact.asset_id) else { continue };
                for (facet, value) in facets(cluster) {
                    rows.push(asset_facet::ActiveModel {
                        id: NotSet,
                        fact_id: Set(fact.id),
                        facet: Set(facet.to_owned()),
                        value: Set(value),
                    });
                }
            }
        }
        self.insert(rows).await
    }

    async fn ensure_assets(&self, integration: i64, clusters: &[Cluster]) -> Result<HashMap<String, i64>, StoreError> {
        let known = self.asset_ids(integration).await?;
        let missing: Vec<asset::ActiveModel> = clusters
            .iter()
            .filter(|cluster| !known.contains_key(&cluster.atlas_id))
            .map(|cluster| asset::ActiveModel {
                id: NotSet,
                workspace_id: Set(self.workspace),
                integration_id: Set(integration),
                atlas_id: Set(cluster.atlas_id.clone()),
                first_seen_at: Set(self.at),
                manual_owner_id: Set(None),
                manual_description: Set(None),
                manual_user_data: Set(None),
            })
            .collect();
        if missing.is_empty() {
            return Ok(known);
        }
        self.insert(missing).await?;
        self.asset_ids(integration).await
    }

    async fn asset_ids(&self, integration: i64) -> Result<HashMap<String, i64>, StoreError> {
        let rows =
            asset::Entity::find().filter(asset::Column::IntegrationId.eq(integration)).all(self.tx.as_ref()).await?;
        Ok(rows.into_iter().map(|row| (row.atlas_id, row.id)).collect())
    }

    async fn assets_of_projects(&self, projects: &[i64]) -> Result<Vec<i64>, StoreError> {
        #[derive(FromQueryResult)]
        struct Row {
            asset_id: i64,
        }
        let mut assets = Vec::new();
        for chunk in projects.chunks(CHUNK) {
            let select = Query::select()
                .column("asset_id")
                .from("cluster_fact")
                .and_where(Expr::col("project_id").is_in(chunk.to_vec()))
                .and_where(Expr::col("valid_to").is_null())
                .to_owned();
            assets.extend(self.all::<Row>(&select).await?.into_iter().map(|row| row.asset_id));
        }
        Ok(assets)
    }

    async fn put_accounts(
        &self,
        integration: i64,
        projects: &HashMap<String, i64>,
        scopes: &HashMap<(ScopeKind, String), i64>,
        puts: Vec<AccountPut>,
    ) -> Result<Vec<i64>, StoreError> {
        let known = self.ensure_accounts(integration, puts).await?;
        let touched: Vec<i64> = known.iter().map(|(id, _)| *id).collect();
        self.close("account_fact", "account_id", &touched).await?;
        self.close("role_grant", "account_id", &touched).await?;
        let mut facts = Vec::with_capacity(known.len());
        let mut grants = Vec::new();
        for (id, account) in &known {
            let kind = match account.kind {
                AccountKind::User => ScopeKind::Users,
                AccountKind::ApiKey => ScopeKind::ApiKeys,
                AccountKind::ServiceAccount => ScopeKind::ServiceAccounts,
            };
            let Some(scope) = scopes.get(&(kind, String::new())) else { continue };
            facts.push(self.account_row(integration, *id, *scope, account));
            grants.extend(account.grants.iter().map(|grant| self.grant_row(*id, projects, grant)));
        }
        self.insert(facts).await?;
        self.insert(grants).await?;
        Ok(touched)
    }

    fn account_row(&self, integration: i64, id: i64, scope: i64, account: &Account) -> account_fact::ActiveModel {
        let bare = Account { grants: Vec::new(), ..account.clone() };
        let words = [Some(&account.login), account.display_name.as_ref(), account.email.as_ref()];
        let search: Vec<&str> = words.into_iter().flatten().map(String::as_str).collect();
        account_fact::ActiveModel {
            id: NotSet,
            workspace_id: Set(self.workspace),
            integration_id: Set(integration),
            account_id: Set(id),
            scope_id: Set(scope),
            kind: Set(account.kind.word().to_owned()),
            status: Set(account.status.word().to_owned()),
            login: Set(account.login.clone()),
            search_text: Set(search.join("\n").to_lowercase()),
            email: Set(account.email.clone()),
            privileged: Set(account.is_privileged()),
            last_authenticated_at: Set(account.last_authenticated_at.map_or(UNDATED, micros)),
            document: Set(to_json(&bare)),
            valid_from: Set(self.at),
            valid_to: Set(None),
        }
    }

    fn grant_row(&self, account: i64, projects: &HashMap<String, i64>, grant: &Grant) -> role_grant::ActiveModel {
        role_grant::ActiveModel {
            id: NotSet,
            workspace_id: Set(self.workspace),
            account_id: Set(account),
            role: Set(grant.role.clone()),
            scope: Set(grant.scope.word().to_owned()),
            project_id: Set(grant.project.as_ref().and_then(|atlas| projects.get(atlas).copied())),
            via: Set(grant.via.word().to_owned()),
            team: Set(grant.team.clone()),
            valid_from: Set(self.at),
            valid_to: Set(None),
        }
    }

    /// Finds each account's identity: the given one, else by Atlas's id, else by natural key; else makes one.
    async fn ensure_accounts(
        &self,
        integration: i64,
        puts: Vec<AccountPut>,
    ) -> Result<Vec<(i64, Account)>, StoreError> {
        if puts.is_empty() {
            return Ok(Vec::new());
        }
        let before = self.account_identities(integration).await?;
        let fresh: Vec<account::ActiveModel> = puts
            .iter()
            .filter(|put| put.id.is_none() && before.find(&put.account).is_none())
            .map(|put| account::ActiveModel {
                id: NotSet,
                workspace_id: Set(self.workspace),
                integration_id: Set(integration),
                kind: Set(put.account.kind.word().to_owned()),
                natural_key: Set(put.account.natural_key()),
                atlas_id: Set(put.account.atlas_id.clone()),
                first_seen_at: Set(self.at),
                manual_person_id: Set(None),
            })
            .collect();
        let now = if fresh.is_empty() {
            before
        } else {
            self.insert(fresh).await?;
            self.account_identities(integration).await?
        };
        let mut known = Vec::with_capacity(puts.len());
        for put in puts {
            let Some(id) = put.id.or_else(|| now.find(&put.account)) else { continue };
            self.rename_account(&now, id, &put.account).await?;
            known.push((id, put.account));
        }
        Ok(known)
    }

    /// Keeps the identity findable after a changed login or id.
    async fn rename_account(&self, known: &Identities, id: i64, account: &Account) -> Result<(), StoreError> {
        let key = (account.kind.word().to_owned(), account.natural_key());
        let taken = known.by_key.get(&key).is_some_and(|holder| *holder != id);
        let same = known.by_key.get(&key) == Some(&id)
            && known.by_atlas.get(&(key.0.clone(), account.atlas_id.clone())) == Some(&id);
        if taken || same {
            return Ok(());
        }
        let update = Query::update()
            .table("account")
            .value("natural_key", key.1)
            .value("atlas_id", account.atlas_id.as_str())
            .and_where(Expr::col("id").eq(id))
            .to_owned();
        sea_orm::ConnectionTrait::execute(self.tx.as_ref(), &update).await?;
        Ok(())
    }

    async fn account_identities(&self, integration: i64) -> Result<Identities, StoreError> {
        let rows = account::Entity::find()
            .filter(account::Column::IntegrationId.eq(integration))
            .all(self.tx.as_ref())
            .await?;
        let mut identities = Identities::default();
        for row in rows {
            identities.by_atlas.insert((row.kind.clone(), row.atlas_id), row.id);
            identities.by_key.insert((row.kind, row.natural_key), row.id);
        }
        Ok(identities)
    }
}

#[derive(Default)]
struct Identities {
    by_atlas: HashMap<(String, String), i64>,
    by_key: HashMap<(String, String), i64>,
}

impl Identities {
    fn find(&self, account: &Account) -> Option<i64> {
        let kind = account.kind.word().to_owned();
        let by_atlas = self.by_atlas.get(&(kind.clone(), account.atlas_id.clone()));
        by_atlas.or_else(|| self.by_key.get(&(kind, account.natural_key()))).copied()
    }
}

fn facets(cluster: &Cluster) -> Vec<(&'static str, String)> {
    let regions = cluster.regions();
    let mut facets: Vec<(&'static str, String)> = regions.iter().map(|(cloud, _)| ("cloud", cloud.clone())).collect();
    facets.extend(regions.into_iter().map(|(_, region)| ("region", region)));
    facets.extend(cluster.tiers().into_iter().map(|tier| ("tier", tier)));
    facets.sort();
    facets.dedup();
    facets
}

fn ids<T>(stored: &[Stored<T>]) -> Vec<i64> {
    stored.iter().map(|row| row.id).collect()
}
