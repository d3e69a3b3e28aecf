//! The parts of a cluster: safeguards, growth and topology.

use std::sync::Arc;

use async_graphql::{Enum, Object, SimpleObject};

use super::error::ApiError;
use super::scalars::int;
use super::session::Moment;
use crate::domain;
use crate::store::views::AssetView;

/// Whose key encrypts the storage. Atlas always encrypts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::AtRest")]
pub enum AtRestEncryption {
    /// The cloud provider's.
    ProviderManagedKey,
    /// The customer's, in AWS KMS.
    AwsCustomerKey,
    /// The customer's, in Azure Key Vault.
    AzureCustomerKey,
    /// The customer's, in Google Cloud KMS.
    GcpCustomerKey,
    /// Atlas said nothing, or a word that is not known yet.
    Unrecognized,
}

/// Yes, no, or not readable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::Tristate")]
pub enum Tristate {
    /// Yes.
    Yes,
    /// No.
    No,
    /// What was read does not tell.
    Unknown,
}

/// A region of a cloud.
#[derive(Debug, SimpleObject)]
pub struct CloudRegion {
    /// The cloud as Atlas spells it: `AWS`, `AZURE`, `GCP`, or a word of tomorrow.
    cloud: String,
    /// Atlas's name of the region, such as `EU_WEST_1`.
    name: String,
}

impl From<(String, String)> for CloudRegion {
    fn from((cloud, name): (String, String)) -> Self {
        Self { cloud, name }
    }
}

/// How a cluster is backed up.
#[derive(Debug, SimpleObject)]
pub struct BackupSettings {
    /// Whether Cloud Backup takes snapshots. Null where Atlas does not say.
    enabled: Option<bool>,
    /// Whether any point in time can be restored. Null where Atlas does not say.
    point_in_time: Option<bool>,
}

impl From<&domain::Cluster> for BackupSettings {
    fn from(cluster: &domain::Cluster) -> Self {
        Self { enabled: cluster.backup_enabled, point_in_time: cluster.point_in_time }
    }
}

pub struct EncryptionSettings {
    moment: Arc<Moment>,
    view: Arc<AssetView>,
}

impl EncryptionSettings {
    pub fn new(moment: &Arc<Moment>, view: &Arc<AssetView>) -> Self {
        Self { moment: Arc::clone(moment), view: Arc::clone(view) }
    }
}

/// How a cluster is encrypted, at rest and in transit.
#[Object]
impl EncryptionSettings {
    /// Whose key encrypts the storage.
    async fn at_rest(&self) -> AtRestEncryption {
        self.view.cluster.at_rest.into()
    }

    /// Whether Atlas can use the customer's key. Null when there is no customer key, or its state could not be read.
    async fn customer_key_valid(&self) -> Result<Option<bool>, ApiError> {
        customer_key_valid(&self.moment, &self.view).await
    }

    /// The lowest TLS version that it accepts, as Atlas spells it, such as `TLS1_2`. Null where Atlas does not say.
    async fn minimum_tls(&self) -> Option<&str> {
        self.view.cluster.minimum_tls.as_deref()
    }
}

/// Whether Atlas can use the key that a cluster is encrypted with, where that is the customer's and its state was read.
pub async fn customer_key_valid(moment: &Moment, view: &AssetView) -> Result<Option<bool>, ApiError> {
    let at_rest = view.cluster.at_rest;
    if domain::EncryptionAtRest::default().key_for(at_rest).is_none() {
        return Ok(None);
    }
    let keys = moment.loaders.encryption.load_one(view.project_id).await?;
    Ok(keys.and_then(|keys| keys.key_for(at_rest)).and_then(|key| key.valid))
}

/// Whether a cluster grows by itself: `YES` only if each of its parts does.
#[derive(Debug, SimpleObject)]
pub struct AutoscalingSettings {
    /// Whether its storage grows.
    storage: Tristate,
    /// Whether its instance size grows. Regions that hold only analytics nodes do not count.
    tier: Tristate,
}

impl From<&domain::Cluster> for AutoscalingSettings {
    fn from(cluster: &domain::Cluster) -> Self {
        Self { storage: cluster.storage_autoscaling().into(), tier: cluster.tier_autoscaling().into() }
    }
}

/// One shard of a cluster.
#[derive(Debug, SimpleObject)]
pub struct Shard {
    /// The zone of a global cluster. Null where there are no zones.
    zone: Option<String>,
    /// The regions in which it has nodes, highest priority first.
    regions: Vec<ShardRegion>,
}

impl From<&domain::Shard> for Shard {
    fn from(shard: &domain::Shard) -> Self {
        let live = shard.regions.iter().filter(|region| region.is_live());
        Self { zone: shard.zone.clone(), regions: live.map(ShardRegion::from).collect() }
    }
}

/// What one shard has in one region.
#[derive(Debug, SimpleObject)]
pub struct ShardRegion {
    /// The cloud as Atlas spells it; on shared and flex clusters the one beneath.
    cloud: String,
    /// Atlas's name of the region, such as `EU_WEST_1`.
    name: String,
    /// Which region is preferred for the primary: 7 is the most preferred, 0 holds no electable node. Null where Atlas
    /// does not say.
    priority: Option<i32>,
    /// The instance size of its nodes, such as `M30`. Null where Atlas does not say.
    tier: Option<String>,
    /// How many nodes can become primary. Null where Atlas does not say.
    electable_nodes: Option<i32>,
    /// How many nodes only serve reads. Null where Atlas does not say.
    read_only_nodes: Option<i32>,
    /// How many nodes serve analytics. Null where Atlas does not say.
    analytics_nodes: Option<i32>,
    /// Whether storage grows by itself. Null when it could not be read.
    storage_autoscaling: Option<bool>,
    /// Whether the instance size grows by itself. Null when it could not be read.
    tier_autoscaling: Option<bool>,
}

impl From<&domain::ShardRegion> for ShardRegion {
    fn from(region: &domain::ShardRegion) -> Self {
        Self {
            cloud: region.cloud.clone(),
            name: region.name.clone(),
            priority: region.priority,
            tier: if region.is_analytics_only() { region.analytics_tier.clone() } else { region.tier.clone() },
            electable_nodes: region.electable_nodes.map(int),
            read_only_nodes: region.read_only_nodes.map(int),
            analytics_nodes: region.analytics_nodes.map(int),
            storage_autoscaling: region.storage_autoscaling,
            tier_autoscaling: region.tier_autoscaling,
        }
    }
}
