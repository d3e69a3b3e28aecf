//! Clusters of every kind.

use serde_json::{Value, json};

use super::super::*;
use crate::domain::{AtRest, Cluster, Deployment, Shard, ShardRegion, Tag};

const PROJECT: &str = "64ecb5ca726c787590a9aaf3";
const ID: &str = "6a793f6c2c88faeba59bb4cc";

fn dedicated() -> Value {
    json!({
        "id": ID, "groupId": PROJECT, "name": "orders", "clusterType": "REPLICASET", "stateName": "IDLE",
        "paused": false, "mongoDBVersion": "8.0.29", "backupEnabled": true, "pitEnabled": true,
        "createDate": "2026-08-10T03:02:39Z", "encryptionAtRestProvider": "AWS", "internalClusterRole": "NONE",
        "advancedConfiguration": { "minimumEnabledTlsProtocol": "TLS1_2" }, "terminationProtectionEnabled": true,
        "tags": [{ "key": "owner", "value": "ada@example.com" }],
        "effectiveReplicationSpecs": [],
        "replicationSpecs": [{
            "id": "6a793f4ec0eb9e7a17713754", "zoneId": "6a793f4ec0eb9e7a17713753", "zoneName": "Zone 1", "numShards": 9,
            "regionConfigs": [
                { "providerName": "AZURE", "regionName": "EUROPE_WEST", "priority": 0,
                  "analyticsSpecs": { "instanceSize": "M40", "nodeCount": 1 },
                  "analyticsAutoScaling": { "compute": { "enabled": true } } },
                { "providerName": "AWS", "regionName": "EU_WEST_1", "priority": 7,
                  "electableSpecs": { "instanceSize": "M30", "nodeCount": 3 },
                  "readOnlySpecs": { "instanceSize": "M30", "nodeCount": 0 },
                  "analyticsSpecs": { "instanceSize": "M30", "nodeCount": 0 },
                  "autoScaling": { "compute": { "enabled": false }, "diskGB": { "enabled": true } } }
            ]
        }]
    })
}

fn with(mut row: Value, pointer: &str, value: Value) -> Value {
    *row.pointer_mut(pointer).unwrap() = value;
    row
}

fn read(row: &Value) -> Cluster {
    cluster(row, PROJECT).unwrap().unwrap()
}

#[test]
fn a_dedicated_cluster_is_read_whole_with_regions_by_priority() {
    let base = ShardRegion {
        cloud: "AWS".to_owned(),
        name: "EU_WEST_1".to_owned(),
        priority: Some(7),
        tier: Some("M30".to_owned()),
        analytics_tier: None,
        electable_nodes: Some(3),
        read_only_nodes: Some(0),
        analytics_nodes: Some(0),
        storage_autoscaling: Some(true),
        tier_autoscaling: Some(false),
        analytics_tier_autoscaling: None,
    };
    let analytics = ShardRegion {
        cloud: "AZURE".to_owned(),
        name: "EUROPE_WEST".to_owned(),
        priority: Some(0),
        tier: None,
        analytics_tier: Some("M40".to_owned()),
        electable_nodes: Some(0),
        read_only_nodes: Some(0),
        analytics_nodes: Some(1),
        storage_autoscaling: Some(false),
        tier_autoscaling: Some(false),
        analytics_tier_autoscaling: Some(true),
    };
    let expected = Cluster {
        atlas_id: ID.to_owned(),
        project: PROJECT.to_owned(),
        name: "orders".to_owned(),
        deployment: Deployment::Dedicated,
        cluster_type: "REPLICASET".to_owned(),
        state: "IDLE".to_owned(),
        paused: Some(false),
        mongodb_version: Some("8.0.29".to_owned()),
        backup_enabled: Some(true),
        point_in_time: Some(true),
        at_rest: AtRest::AwsCustomerKey,
        minimum_tls: Some("TLS1_2".to_owned()),
        shards: vec![Shard { zone: Some("Zone 1".to_owned()), regions: vec![base, analytics] }],
        tags: vec![Tag { key: "owner".to_owned(), value: "ada@example.com".to_owned() }],
        termination_protected: Some(true),
        created_at: Some("2026-08-10T03:02:39Z".parse().unwrap()),
    };
    assert_eq!(cluster(&dedicated(), PROJECT), Ok(Some(expected)));
}

#[test]
fn what_is_going_away_or_internal_is_no_inventory() {
    let role = |word: Value| cluster(&with(dedicated(), "/internalClusterRole", word), PROJECT).unwrap().is_some();
    assert!(role(json!("NONE")) && role(json!(null)));
    assert!(!role(json!("SYSTEM_CLUSTER")) && !role(json!("INTERNAL_SHADOW_CLUSTER")) && !role(json!("TOMORROW")));
    assert_eq!(cluster(&with(dedicated(), "/stateName", json!("DELETING")), PROJECT), Ok(None));
    let flex = json!({ "id": ID, "name": "notes", "stateName": "DELETING" });
    assert_eq!(flex_cluster(&flex, PROJECT), Ok(None));
}

#[test]
fn the_words_of_tomorrow_are_kept() {
    let body = with(with(dedicated(), "/stateName", json!("MIGRATING")), "/clusterType", json!("TIMESERIES"));
    let found = read(&with(body, "/replicationSpecs/0/regionConfigs/1/providerName", json!("ORACLE")));
    assert_eq!((found.state.as_str(), found.cluster_type.as_str()), ("MIGRATING", "TIMESERIES"));
    assert_eq!(found.deployment, Deployment::Dedicated);
    assert_eq!(found.shards[0].regions[0].cloud, "ORACLE");
}

#[test]
fn whose_key_is_read_from_four_words() {
    let at_rest = |word: Value| read(&with(dedicated(), "/encryptionAtRestProvider", word)).at_rest;
    assert_eq!(at_rest(json!("NONE")), AtRest::ProviderManagedKey);
    assert_eq!(at_rest(json!("AZURE")), AtRest::AzureCustomerKey);
    assert_eq!(at_rest(json!("GCP")), AtRest::GcpCustomerKey);
    for odd in [json!(null), json!("none"), json!("ORACLE"), json!(false)] {
        assert_eq!(at_rest(odd), AtRest::Unrecognized);
    }
}

#[test]
fn one_tenant_region_makes_a_shared_cluster() {
    let tenant = json!({ "providerName": "TENANT", "backingProviderName": "AWS", "regionName": "US_EAST_1", "priority": 7,
        "electableSpecs": { "instanceSize": "M2", "effectiveInstanceSize": "FLEX", "nodeCount": 1 } });
    let found = read(&with(dedicated(), "/replicationSpecs/0/regionConfigs/0", tenant.clone()));
    assert_eq!((found.deployment, found.at_rest), (Deployment::Shared, AtRest::ProviderManagedKey));
    let region = found.shards[0].regions.iter().find(|region| region.name == "US_EAST_1").unwrap();
    assert_eq!((region.cloud.as_str(), region.tier.as_deref()), ("AWS", Some("FLEX")));
    assert_eq!((region.electable_nodes, region.read_only_nodes, region.analytics_nodes), (None, None, None));
    let bare =
        with(with(tenant, "/backingProviderName", json!(null)), "/electableSpecs", json!({ "instanceSize": "M0" }));
    let found = read(&with(dedicated(), "/replicationSpecs/0/regionConfigs", json!([bare])));
    let region = &found.shards[0].regions[0];
    assert_eq!((region.cloud.as_str(), region.tier.as_deref()), ("TENANT", Some("M0")));
}

#[test]
fn a_flex_cluster_has_one_region_and_no_counts() {
    let row = json!({
        "id": ID, "name": "notes", "clusterType": "REPLICASET", "stateName": "IDLE", "mongoDBVersion": "8.0.29",
        "createDate": "2023-03-27T17:22:20Z", "backupSettings": { "enabled": true }, "terminationProtectionEnabled": false,
        "providerSettings": { "providerName": "FLEX", "backingProviderName": "GCP", "regionName": "WESTERN_EUROPE" }
    });
    let found = flex_cluster(&row, PROJECT).unwrap().unwrap();
    assert_eq!((found.deployment, found.at_rest), (Deployment::Flex, AtRest::ProviderManagedKey));
    assert_eq!((found.paused, found.backup_enabled, found.minimum_tls.clone()), (None, Some(true), None));
    assert_eq!(found.created_at, Some("2023-03-27T17:22:20Z".parse().unwrap()));
    assert_eq!(
        (found.tiers(), found.regions()),
        (vec!["FLEX".to_owned()], vec![("GCP".to_owned(), "WESTERN_EUROPE".to_owned())])
    );
    assert_eq!((found.shards.len(), found.shards[0].regions.len()), (1, 1));
    assert_eq!(found.shards[0].regions[0].electable_nodes, None);
    let bare = flex_cluster(&json!({ "id": ID, "name": "notes" }), PROJECT).unwrap().unwrap();
    assert_eq!((bare.backup_enabled, bare.shards[0].regions[0].cloud.as_str()), (None, "FLEX"));
}

#[test]
fn the_list_position_of_ties_does_not_matter() {
    let config = |name: &str| {
        json!({ "providerName": "AWS", "regionName": name, "priority": 0,
        "readOnlySpecs": { "instanceSize": "M30", "nodeCount": 1 } })
    };
    let body = |configs: Value| with(dedicated(), "/replicationSpecs/0/regionConfigs", configs);
    let (a, b) = (config("A"), config("B"));
    assert_eq!(read(&body(json!([a, b]))), read(&body(json!([b, a]))));
}

#[test]
fn a_cluster_beyond_all_limits_is_odd() {
    let table = [
        (with(dedicated(), "/replicationSpecs", json!(vec![json!({}); 101])), "replicationSpecs"),
        (
            with(dedicated(), "/replicationSpecs/0/regionConfigs", json!(vec![json!({}); 51])),
            "replicationSpecs[].regionConfigs",
        ),
        (with(dedicated(), "/id", json!("x")), "id"),
        (with(dedicated(), "/name", json!("")), "name"),
        (json!("orders"), "cluster"),
    ];
    for (row, field) in table {
        assert_eq!(cluster(&row, PROJECT).unwrap_err().field, field);
    }
    assert_eq!(read(&with(dedicated(), "/replicationSpecs", json!(vec![json!({}); 100]))).shards.len(), 100);
}
