//! Assets: the inventory, a row for each cluster.

use std::sync::Arc;

use async_graphql::{Context, Object};
use futures_util::FutureExt as _;
use futures_util::future::try_join_all;
use tokio::try_join;

use super::super::asset::{AssetOrder, Sorted};
use super::super::cluster_parts::customer_key_valid;
use super::super::error::ApiError;
use super::super::filters::AssetFilter;
use super::super::ids::IdKind;
use super::super::provider::ATLAS;
use super::super::scalars::DateTime;
use super::super::session::Moment;
use super::names::{self, item};
use super::{AS_OF, FILTER, Kind, ORDER_BY, Reading, Table, parted, want, window};
use crate::domain::{AnnotationSource, Shard, ShardRegion};
use crate::export::{Cell, Column, Row};
use crate::store::read;
use crate::store::read::page::Cursor;
use crate::store::views::AssetView;

pub const KIND: Kind = Kind {
    name: "assets",
    is_of_one: false,
    parameters: &[FILTER, ORDER_BY, AS_OF],
    document: "query($filter: AssetFilter, $orderBy: AssetOrder, $asOf: DateTime) {
        assets(filter: $filter, orderBy: $orderBy, asOf: $asOf) }",
};

const COLUMNS: &[Column] = &[
    Column::new("platform", 15),
    Column::new("organization", 20),
    Column::new("project", 20),
    Column::new("name", 24),
    Column::new("kind", 18),
    Column::new("deployment", 12),
    Column::new("clusterType", 12),
    Column::new("state", 10),
    Column::new("paused", 8),
    Column::new("tiers", 12),
    Column::new("regions", 24),
    Column::new("mongoDbVersion", 16),
    Column::new("owner", 24),
    Column::new("ownerEmail", 32),
    Column::new("ownerSource", 14),
    Column::new("description", 40),
    Column::new("descriptionSource", 18),
    Column::new("userData", 20),
    Column::new("userDataSource", 16),
    Column::new("tags", 30),
    Column::new("backupEnabled", 14),
    Column::new("pointInTimeBackup", 18),
    Column::new("encryptionAtRest", 24),
    Column::new("customerKeyValid", 16),
    Column::new("minimumTls", 12),
    Column::new("storageAutoscaling", 18),
    Column::new("tierAutoscaling", 16),
    Column::new("terminationProtected", 20),
    Column::new("topology", 40),
    Column::instant("createdAt"),
    Column::instant("firstSeenAt"),
    Column::instant("lastSeenAt"),
    Column::instant("removedAt"),
    Column::new("atlasId", 26),
    Column::new("id", 24),
];

#[derive(Default)]
pub struct AssetParameters;

#[Object]
impl AssetParameters {
    async fn assets(
        &self,
        ctx: &Context<'_>,
        filter: Option<AssetFilter>,
        order_by: Option<AssetOrder>,
        as_of: Option<DateTime>,
    ) -> bool {
        want(ctx, as_of, Assets { filter: filter.unwrap_or_default().into(), sorted: order_by.into() })
    }
}

struct Assets {
    filter: read::AssetFilter,
    sorted: Sorted,
}

impl Table for Assets {
    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn page<'a>(&'a self, moment: &'a Arc<Moment>, after: Option<Cursor>) -> Reading<'a> {
        async move {
            let Sorted { order, direction } = self.sorted;
            let slice = moment.reader.assets(&self.filter, order, direction, &window(after)).await?;
            let (views, end) = parted(slice);
            Ok((try_join_all(views.iter().map(|view| row(moment, view))).await?, end))
        }
        .boxed()
    }
}

async fn row(moment: &Moment, view: &AssetView) -> Result<Row, ApiError> {
    let cluster = &view.cluster;
    // Together, so that the rows of a page ask for each kind of thing at the same time.
    let (organization, project, [owner, owner_email], key_valid, last_seen_at) = try_join!(
        names::organization(moment, view.integration_id),
        names::project(moment, Some(view.project_id)),
        names::person_cells(moment, view.owner_id),
        customer_key_valid(moment, view),
        moment.last_seen_at(view.scope_id, view.first_seen_at, view.removed_at),
    )?;
    let tags = cluster.tags.iter().map(|tag| format!("{}={}", item(&tag.key), item(&tag.value)));
    let regions = cluster.regions().into_iter().map(|(cloud, name)| format!("{} {}", item(&cloud), item(&name)));
    let cells = vec![
        ATLAS.into(),
        organization,
        Cell::some(project),
        cluster.name.as_str().into(),
        "DATABASE_CLUSTER".into(),
        cluster.deployment.word().into(),
        cluster.cluster_type.as_str().into(),
        cluster.state.as_str().into(),
        Cell::some(cluster.paused),
        Cell::list(cluster.tiers()),
        Cell::list(regions),
        Cell::some(cluster.mongodb_version.as_deref()),
        owner,
        owner_email,
        Cell::some(view.owner_source.map(AnnotationSource::word)),
        Cell::some(view.description.as_deref()),
        Cell::some(view.description_source.map(AnnotationSource::word)),
        view.user_data.word().into(),
        Cell::some(view.user_data_source.map(AnnotationSource::word)),
        Cell::list(tags),
        Cell::some(cluster.backup_enabled),
        Cell::some(cluster.point_in_time),
        cluster.at_rest.word().into(),
        Cell::some(key_valid),
        Cell::some(cluster.minimum_tls.as_deref()),
        cluster.storage_autoscaling().word().into(),
        cluster.tier_autoscaling().word().into(),
        Cell::some(cluster.termination_protected),
        Cell::list((1..).zip(&cluster.shards).map(|(number, shard)| topology(number, shard))),
        Cell::some(cluster.created_at),
        view.first_seen_at.into(),
        last_seen_at.0.into(),
        Cell::some(view.removed_at),
        cluster.atlas_id.as_str().into(),
        moment.id(IdKind::AtlasCluster, view.id).as_str().into(),
    ];
    Ok(Row { platform: ATLAS, cells })
}

/// A shard and its live regions, such as `shard 1: AWS EU_WEST_1 M30 3 electable`.
fn topology(number: usize, shard: &Shard) -> String {
    let zone = shard.zone.as_deref().map(|zone| format!(" in zone {}", item(zone))).unwrap_or_default();
    let live = shard.regions.iter().filter(|region| region.is_live());
    format!("shard {number}{zone}: {}", live.map(nodes).collect::<Vec<_>>().join(", "))
}

fn nodes(region: &ShardRegion) -> String {
    let tier = if region.is_analytics_only() { &region.analytics_tier } else { &region.tier };
    let tier = tier.as_deref().map(|tier| format!(" {}", item(tier))).unwrap_or_default();
    let counted = [
        (region.electable_nodes, "electable"),
        (region.read_only_nodes, "read-only"),
        (region.analytics_nodes, "analytics"),
    ];
    let counted = counted.into_iter().filter_map(|(count, word)| match count {
        Some(0) => None,
        Some(count) => Some(format!(" {count} {word}")),
        None => Some(format!(" ? {word}")),
    });
    format!("{} {}{tier}{}", item(&region.cloud), item(&region.name), counted.collect::<String>())
}
