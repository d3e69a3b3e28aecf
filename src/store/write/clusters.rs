//! Clusters: identities, facts and the facets that filters look at.

use std::collections::HashMap;

use entity::{asset, asset_facet, cluster_fact};
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter};

use super::{CHUNK, Writer};
use crate::domain::{Cluster, Deployment, ScopeKind};
use crate::store::StoreError;
use crate::store::convert::{UNDATED, micros, to_json};

#[derive(FromQueryResult)]
struct FactRow {
    id: i64,
    asset_id: i64,
}

impl Writer {
    pub(super) async fn put_clusters(
        &self,
        integration: i64,
        projects: &HashMap<String, i64>,
        scopes: &HashMap<(ScopeKind, String), i64>,
        clusters: &[Cluster],
    ) -> Result<Vec<i64>, StoreError> {
        if clusters.is_empty() {
            return Ok(Vec::new());
        }
        let before = self.asset_ids(integration).await?;
        let identities = self.ensure_assets(integration, &before, clusters).await?;
        let mut touched = Vec::with_capacity(clusters.len());
        for chunk in clusters.chunks(CHUNK) {
            let (mut assets, mut rows) = (Vec::with_capacity(CHUNK), Vec::with_capacity(CHUNK));
            for cluster in chunk {
                let kind = match cluster.deployment {
                    Deployment::Flex => ScopeKind::FlexClusters,
                    Deployment::Dedicated | Deployment::Shared => ScopeKind::Clusters,
                };
                let asset = identities.get(&cluster.atlas_id).copied();
                let project = projects.get(&cluster.project).copied();
                let scope = scopes.get(&(kind, cluster.project.clone())).copied();
                if let (Some(asset), Some(project), Some(scope)) = (asset, project, scope) {
                    assets.push(asset);
                    rows.push(self.cluster_row(integration, asset, project, scope, cluster));
                }
            }
            let known = chunk.iter().filter_map(|cluster| before.get(&cluster.atlas_id).copied());
            self.close("cluster_fact", "asset_id", &known.collect::<Vec<_>>()).await?;
            self.insert(rows).await?;
            self.put_facets(chunk, &identities).await?;
            touched.append(&mut assets);
        }
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

    /// Notes what filters look at. At most [`CHUNK`] clusters.
    async fn put_facets(&self, clusters: &[Cluster], identities: &HashMap<String, i64>) -> Result<(), StoreError> {
        let by_asset: HashMap<i64, &Cluster> =
            clusters.iter().filter_map(|cluster| Some((*identities.get(&cluster.atlas_id)?, cluster))).collect();
        let select = Query::select()
            .columns(["id", "asset_id"])
            .from("cluster_fact")
            .and_where(self.among("asset_id", &by_asset.keys().copied().collect::<Vec<_>>()))
            .and_where(Expr::col("valid_to").is_null())
            .to_owned();
        let mut rows = Vec::new();
        for fact in self.all::<FactRow>(&select).await? {
            let Some(cluster) = by_asset.get(&fact.asset_id) else { continue };
            rows.extend(facets(cluster).into_iter().map(|(facet, value)| asset_facet::ActiveModel {
                id: NotSet,
                fact_id: Set(fact.id),
                facet: Set(facet.to_owned()),
                value: Set(value),
                workspace_id: Set(self.workspace),
            }));
        }
        self.insert(rows).await
    }

    async fn ensure_assets(
        &self,
        integration: i64,
        known: &HashMap<String, i64>,
        clusters: &[Cluster],
    ) -> Result<HashMap<String, i64>, StoreError> {
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
            return Ok(known.clone());
        }
        self.insert(missing).await?;
        self.asset_ids(integration).await
    }

    async fn asset_ids(&self, integration: i64) -> Result<HashMap<String, i64>, StoreError> {
        let rows =
            asset::Entity::find().filter(asset::Column::IntegrationId.eq(integration)).all(self.tx.as_ref()).await?;
        Ok(rows.into_iter().map(|row| (row.atlas_id, row.id)).collect())
    }

    pub(super) async fn assets_of_projects(&self, projects: &[i64]) -> Result<Vec<i64>, StoreError> {
        #[derive(FromQueryResult)]
        struct Row {
            asset_id: i64,
        }
        let mut assets = Vec::new();
        for chunk in projects.chunks(CHUNK) {
            let select = Query::select()
                .column("asset_id")
                .from("cluster_fact")
                .and_where(self.among("project_id", chunk))
                .and_where(Expr::col("valid_to").is_null())
                .to_owned();
            assets.extend(self.all::<Row>(&select).await?.into_iter().map(|row| row.asset_id));
        }
        Ok(assets)
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
