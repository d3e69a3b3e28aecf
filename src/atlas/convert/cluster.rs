//! Dedicated, shared and flex clusters.
//!
//! `replicationSpecs` is read, never its effective twin: without the `Use-Effective-*` headers both say the same.

use std::cmp::Reverse;

use serde_json::Value;

use super::project::tags;
use crate::atlas::dto::{Child, OddRow, Row};
use crate::domain::{AtRest, Cluster, Deployment, Shard, ShardRegion};

const MAX_SHARDS: usize = 100;
const MAX_REGIONS: usize = 50;
/// The provider of M0, M2 and M5.
const TENANT: &str = "TENANT";
/// The provider that old answers gave to flex clusters in the list of dedicated ones.
const FLEX: &str = "FLEX";
/// Stands for a word that the domain needs and Atlas did not give.
const UNREAD: &str = "UNKNOWN";

/// One row of `/groups/{groupId}/clusters` (2024-08-05). None for what is no inventory.
pub fn cluster(row: &Value, project: &str) -> Result<Option<Cluster>, OddRow> {
    let row = Row::of(row, "cluster")?;
    if !is_inventory(row) {
        return Ok(None);
    }
    let (shards, deployment) = shards(row)?;
    let is_dedicated = deployment == Deployment::Dedicated;
    Ok(Some(Cluster {
        deployment,
        paused: row.flag("paused"),
        backup_enabled: row.flag("backupEnabled"),
        point_in_time: row.flag("pitEnabled"),
        at_rest: if is_dedicated { at_rest(row) } else { AtRest::ProviderManagedKey },
        minimum_tls: row.child("advancedConfiguration").row().and_then(|c| c.text("minimumEnabledTlsProtocol")),
        shards,
        ..common(row, project)?
    }))
}

/// One row of `/groups/{groupId}/flexClusters` (2024-11-13). None for what is no inventory.
pub fn flex_cluster(row: &Value, project: &str) -> Result<Option<Cluster>, OddRow> {
    let row = Row::of(row, "flexCluster")?;
    if !is_inventory(row) {
        return Ok(None);
    }
    let provider = row.child("providerSettings").row();
    let said = |field| provider.and_then(|settings| settings.text(field));
    let region = ShardRegion {
        cloud: said("backingProviderName").unwrap_or_else(|| FLEX.to_owned()),
        name: said("regionName").unwrap_or_else(|| UNREAD.to_owned()),
        tier: Some(FLEX.to_owned()),
        storage_autoscaling: Some(false),
        tier_autoscaling: Some(false),
        ..unread_region()
    };
    Ok(Some(Cluster {
        deployment: Deployment::Flex,
        backup_enabled: row.child("backupSettings").row().and_then(|settings| settings.flag("enabled")),
        at_rest: AtRest::ProviderManagedKey,
        shards: vec![Shard { zone: None, regions: vec![region] }],
        ..common(row, project)?
    }))
}

fn is_inventory(row: Row<'_>) -> bool {
    let word = |field| row.get(field).and_then(Value::as_str);
    word("stateName") != Some("DELETING") && word("internalClusterRole").is_none_or(|role| role == "NONE")
}

/// What both kinds of row say in the same words; the rest stands as unread.
fn common(row: Row<'_>, project: &str) -> Result<Cluster, OddRow> {
    Ok(Cluster {
        atlas_id: row.id("id", "id")?,
        project: project.to_owned(),
        name: row.needed_text("name", "name")?,
        deployment: Deployment::Dedicated,
        cluster_type: row.text("clusterType").unwrap_or_else(|| UNREAD.to_owned()),
        state: row.text("stateName").unwrap_or_else(|| UNREAD.to_owned()),
        paused: None,
        mongodb_version: row.text("mongoDBVersion"),
        backup_enabled: None,
        point_in_time: None,
        at_rest: AtRest::Unrecognized,
        minimum_tls: None,
        shards: Vec::new(),
        tags: tags(row),
        termination_protected: row.flag("terminationProtectionEnabled"),
        created_at: row.instant("createDate"),
    })
}

fn at_rest(row: Row<'_>) -> AtRest {
    match row.get("encryptionAtRestProvider").and_then(Value::as_str) {
        Some("NONE") => AtRest::ProviderManagedKey,
        Some("AWS") => AtRest::AwsCustomerKey,
        Some("AZURE") => AtRest::AzureCustomerKey,
        Some("GCP") => AtRest::GcpCustomerKey,
        _ => AtRest::Unrecognized,
    }
}

/// The shards, and how they are hosted: one `TENANT` region makes the cluster shared.
fn shards(row: Row<'_>) -> Result<(Vec<Shard>, Deployment), OddRow> {
    let mut deployment = Deployment::Dedicated;
    let mut shards = Vec::new();
    for spec in row.list("replicationSpecs", "replicationSpecs", MAX_SHARDS)? {
        let spec = Row::of(spec, "replicationSpecs[]").ok();
        let configs = match spec {
            Some(spec) => spec.list("regionConfigs", "replicationSpecs[].regionConfigs", MAX_REGIONS)?,
            None => Vec::new(),
        };
        let mut regions = Vec::new();
        for config in configs {
            let config = Row::of(config, "replicationSpecs[].regionConfigs[]").ok();
            match config.and_then(provider) {
                Some(TENANT) => deployment = Deployment::Shared,
                Some(FLEX) => deployment = Deployment::Flex,
                _ => {}
            }
            regions.push(config.map_or_else(unread_region, region));
        }
        if regions.is_empty() {
            // A shard whose regions cannot be read still is there, and nothing may pass on its behalf.
            regions.push(unread_region());
        }
        regions.sort_by_cached_key(|region| {
            (Reverse(region.priority.unwrap_or(-1)), region.cloud.clone(), region.name.clone())
        });
        shards.push(Shard { zone: spec.and_then(|spec| spec.text("zoneName")), regions });
    }
    Ok((shards, deployment))
}

fn provider(config: Row<'_>) -> Option<&str> {
    config.get("providerName").and_then(Value::as_str)
}

fn unread_region() -> ShardRegion {
    ShardRegion {
        cloud: UNREAD.to_owned(),
        name: UNREAD.to_owned(),
        priority: None,
        tier: None,
        analytics_tier: None,
        electable_nodes: None,
        read_only_nodes: None,
        analytics_nodes: None,
        storage_autoscaling: None,
        tier_autoscaling: None,
        analytics_tier_autoscaling: None,
    }
}

fn region(config: Row<'_>) -> ShardRegion {
    let settled = ShardRegion {
        name: config.text("regionName").unwrap_or_else(|| UNREAD.to_owned()),
        priority: config.get("priority").and_then(Value::as_i64).and_then(|priority| i32::try_from(priority).ok()),
        storage_autoscaling: autoscales(config, "diskGB"),
        tier_autoscaling: autoscales(config, "compute"),
        analytics_tier_autoscaling: analytics_autoscales(config),
        ..unread_region()
    };
    match provider(config) {
        Some(provider @ (TENANT | FLEX)) => tenant_region(config, provider, settled),
        _ => dedicated_region(config, settled),
    }
}

fn tenant_region(config: Row<'_>, provider: &str, region: ShardRegion) -> ShardRegion {
    let specs = config.child("electableSpecs").row();
    let tier = |field| specs.and_then(|specs| specs.text(field));
    ShardRegion {
        cloud: config.text("backingProviderName").unwrap_or_else(|| provider.to_owned()),
        tier: tier("effectiveInstanceSize").or_else(|| tier("instanceSize")),
        ..region
    }
}

fn dedicated_region(config: Row<'_>, region: ShardRegion) -> ShardRegion {
    let groups = ["electableSpecs", "readOnlySpecs", "analyticsSpecs"].map(|field| config.child(field));
    let counts = groups.map(|group| group.row().and_then(node_count));
    let any_known = counts.iter().any(Option::is_some);
    let [electable, read_only, analytics] = [0, 1, 2].map(|group| match groups[group] {
        Child::Missing if any_known => Some(0),
        _ => counts[group],
    });
    let tier = |group: usize, count: Option<u32>| {
        groups[group].row().filter(|_| count != Some(0)).and_then(|specs| specs.text("instanceSize"))
    };
    ShardRegion {
        cloud: config.text("providerName").unwrap_or_else(|| UNREAD.to_owned()),
        tier: tier(0, electable).or_else(|| tier(1, read_only)),
        analytics_tier: tier(2, analytics),
        electable_nodes: electable,
        read_only_nodes: read_only,
        analytics_nodes: analytics,
        ..region
    }
}

fn node_count(specs: Row<'_>) -> Option<u32> {
    specs.get("nodeCount").and_then(Value::as_u64).and_then(|count| u32::try_from(count).ok())
}

/// `autoScaling.{what}.enabled`. Atlas omits what is off, so absence is false; a wrong type is not read.
fn autoscales(config: Row<'_>, what: &str) -> Option<bool> {
    let Child::Object(all) = config.child("autoScaling") else { return absent_is_off(config.child("autoScaling")) };
    let Child::Object(one) = all.child(what) else { return absent_is_off(all.child(what)) };
    one.get("enabled").map_or(Some(false), Value::as_bool)
}

fn absent_is_off(parent: Child<'_>) -> Option<bool> {
    matches!(parent, Child::Missing).then_some(false)
}

fn analytics_autoscales(config: Row<'_>) -> Option<bool> {
    config.child("analyticsAutoScaling").row()?.child("compute").row()?.flag("enabled")
}
