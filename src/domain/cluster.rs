//! A cluster: what runs, where, on which tier and with which safeguards.

use serde::{Deserialize, Serialize};

use super::{Instant, Tag};

crate::words! {
    /// How a cluster is hosted.
    Deployment {
        /// Own nodes, M10 and up.
        Dedicated = "DEDICATED",
        /// `TENANT` clusters: M0, M2, M5.
        Shared = "SHARED",
        /// Flex clusters.
        Flex = "FLEX",
    }
}

crate::words! {
    /// Whose key encrypts the storage. Atlas always encrypts it.
    AtRest {
        ProviderManagedKey = "PROVIDER_MANAGED_KEY",
        AwsCustomerKey = "AWS_CUSTOMER_KEY",
        AzureCustomerKey = "AZURE_CUSTOMER_KEY",
        GcpCustomerKey = "GCP_CUSTOMER_KEY",
        /// Atlas said nothing, or a word that is not known yet, about a dedicated cluster.
        Unrecognized = "UNRECOGNIZED",
    }
}

impl AtRest {
    /// Whether one of the customer's own keys encrypts it, as far as is known.
    pub const fn is_by_customer_key(self) -> bool {
        matches!(self, Self::AwsCustomerKey | Self::AzureCustomerKey | Self::GcpCustomerKey)
    }
}

crate::words! {
    /// A yes-or-no fact that may be unreadable.
    Tristate { Yes = "YES", No = "NO", Unknown = "UNKNOWN" }
}

/// One cluster of the inventory. DELETING and internal clusters never become one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cluster {
    /// Atlas's 24-hex id; stable over renames.
    pub atlas_id: String,
    /// The 24-hex id of its project.
    pub project: String,
    pub name: String,
    pub deployment: Deployment,
    /// As Atlas spells it: `REPLICASET`, `SHARDED`, `GEOSHARDED`, or a word of tomorrow.
    pub cluster_type: String,
    /// As Atlas spells it: `IDLE`, `CREATING`, `UPDATING`, `REPAIRING`, or a word of tomorrow.
    pub state: String,
    /// None where Atlas does not say (flex).
    pub paused: Option<bool>,
    pub mongodb_version: Option<String>,
    /// Cloud Backup. None when the field was missing or of a wrong type.
    pub backup_enabled: Option<bool>,
    pub point_in_time: Option<bool>,
    pub at_rest: AtRest,
    /// As Atlas spells it (`TLS1_2`). None when missing or of a wrong type.
    pub minimum_tls: Option<String>,
    /// One entry per shard; a replica set has one.
    pub shards: Vec<Shard>,
    pub tags: Vec<Tag>,
    pub termination_protected: Option<bool>,
    pub created_at: Option<Instant>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shard {
    pub zone: Option<String>,
    /// Every region config that Atlas lists, highest priority first; see [`ShardRegion::is_live`].
    pub regions: Vec<ShardRegion>,
}

/// One region of one shard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShardRegion {
    /// `AWS`, `AZURE`, `GCP`, or a word of tomorrow; on shared tiers and flex the backing cloud.
    pub cloud: String,
    /// Atlas's region name, such as `EU_WEST_1`.
    pub name: String,
    /// 7 is the most preferred; 0 holds no electable node.
    pub priority: Option<i32>,
    /// The tier of electable and read-only nodes, such as `M30`; `FLEX` on flex clusters.
    pub tier: Option<String>,
    /// The tier of analytics nodes, where there are any.
    pub analytics_tier: Option<String>,
    /// None when the count was missing or of a wrong type. A node group that is not there counts 0.
    pub electable_nodes: Option<u32>,
    pub read_only_nodes: Option<u32>,
    pub analytics_nodes: Option<u32>,
    /// `autoScaling.diskGB.enabled`: missing or null is Some(false), a wrong type is None.
    pub storage_autoscaling: Option<bool>,
    /// `autoScaling.compute.enabled`, read in the same way.
    pub tier_autoscaling: Option<bool>,
    /// `analyticsAutoScaling.compute.enabled`, reported only. None when Atlas does not say.
    pub analytics_tier_autoscaling: Option<bool>,
}

impl ShardRegion {
    /// Some node group has nodes, or a count could not be read.
    pub fn is_live(&self) -> bool {
        [self.electable_nodes, self.read_only_nodes, self.analytics_nodes].iter().any(|count| *count != Some(0))
    }

    /// Only analytics nodes live here.
    pub fn is_analytics_only(&self) -> bool {
        self.electable_nodes == Some(0)
            && self.read_only_nodes == Some(0)
            && self.analytics_nodes.is_some_and(|count| count > 0)
    }
}

impl Cluster {
    /// The regions that hold nodes, each with its shard's number (from 1), in order.
    pub fn live_regions(&self) -> impl Iterator<Item = (usize, &ShardRegion)> {
        self.shards.iter().enumerate().flat_map(|(index, shard)| {
            shard.regions.iter().filter(|region| region.is_live()).map(move |region| (index + 1, region))
        })
    }

    /// Distinct instance sizes of live regions, smallest first. Analytics tiers count.
    pub fn tiers(&self) -> Vec<String> {
        let mut tiers: Vec<&str> = Vec::new();
        for (_, region) in self.live_regions() {
            let main = region.tier.as_deref().filter(|_| !region.is_analytics_only());
            let analytics = region.analytics_tier.as_deref().filter(|_| region.analytics_nodes != Some(0));
            for tier in main.into_iter().chain(analytics) {
                if !tiers.contains(&tier) {
                    tiers.push(tier);
                }
            }
        }
        tiers.sort_by_key(|tier| (tier_size(tier), (*tier).to_owned()));
        tiers.into_iter().map(str::to_owned).collect()
    }

    /// Distinct (cloud, region) pairs of live regions, highest priority first.
    pub fn regions(&self) -> Vec<(String, String)> {
        let mut live: Vec<&ShardRegion> = self.live_regions().map(|(_, region)| region).collect();
        live.sort_by_key(|region| std::cmp::Reverse(region.priority.unwrap_or(-1)));
        let mut distinct: Vec<(String, String)> = Vec::new();
        for region in live {
            let pair = (region.cloud.clone(), region.name.clone());
            if !distinct.contains(&pair) {
                distinct.push(pair);
            }
        }
        distinct
    }

    /// Storage grows by itself in every live region.
    pub fn storage_autoscaling(&self) -> Tristate {
        self.whole(|region| region.storage_autoscaling, |_| true)
    }

    /// The tier grows by itself in every live region that holds more than analytics nodes.
    pub fn tier_autoscaling(&self) -> Tristate {
        self.whole(|region| region.tier_autoscaling, |region| !region.is_analytics_only())
    }

    fn whole(&self, read: impl Fn(&ShardRegion) -> Option<bool>, counts: impl Fn(&ShardRegion) -> bool) -> Tristate {
        if self.deployment != Deployment::Dedicated {
            return Tristate::No;
        }
        let answers: Vec<Option<bool>> =
            self.live_regions().filter(|(_, region)| counts(region)).map(|(_, region)| read(region)).collect();
        if answers.contains(&Some(false)) {
            Tristate::No
        } else if answers.is_empty() || answers.contains(&None) {
            Tristate::Unknown
        } else {
            Tristate::Yes
        }
    }

    /// The value of the tag with this key. Keys are compared case-blind.
    pub fn tag(&self, key: &str) -> Option<&str> {
        self.tags.iter().find(|tag| tag.key.eq_ignore_ascii_case(key)).map(|tag| tag.value.as_str())
    }
}

/// The number in a tier's name, so that M200 sorts behind M30.
fn tier_size(tier: &str) -> u32 {
    let digits: String = tier.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(0)
}
