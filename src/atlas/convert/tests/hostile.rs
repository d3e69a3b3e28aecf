//! Whatever JSON arrives, no converter panics, and what it keeps is within limits.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::super::*;

/// Names and words that steer the converters into every branch.
const NAMES: &[&str] = &[
    "id",
    "name",
    "username",
    "orgMembershipStatus",
    "roles",
    "orgRoles",
    "groupRoleAssignments",
    "groupId",
    "groupRoles",
    "teamIds",
    "teamId",
    "roleNames",
    "roleName",
    "orgId",
    "publicKey",
    "clientId",
    "apiKey",
    "accessList",
    "tags",
    "key",
    "value",
    "replicationSpecs",
    "regionConfigs",
    "providerName",
    "regionName",
    "priority",
    "electableSpecs",
    "readOnlySpecs",
    "analyticsSpecs",
    "nodeCount",
    "instanceSize",
    "effectiveInstanceSize",
    "autoScaling",
    "analyticsAutoScaling",
    "compute",
    "diskGB",
    "enabled",
    "valid",
    "stateName",
    "internalClusterRole",
    "encryptionAtRestProvider",
    "advancedConfiguration",
    "minimumEnabledTlsProtocol",
    "createDate",
    "created",
    "providerSettings",
    "backupSettings",
    "awsKms",
    "azureKeyVault",
    "googleCloudKms",
    "desc",
    "firstName",
];
const WORDS: &[&str] = &[
    "6a793f6c2c88faeba59bb4cc",
    "TENANT",
    "FLEX",
    "AWS",
    "M0",
    "M60_NVME",
    "CREATING",
    "DELETING",
    "PENDING",
    "ORG_OWNER",
    "GROUP_OWNER",
    "TLS1_2",
    "2026-08-10T03:02:39Z",
    "9999-12-31T23:59:60+23:59",
    "",
    "\u{0}\u{1b}",
    "a@b",
];

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
        prop::sample::select(WORDS).prop_map(Value::from),
    ];
    let name = prop_oneof![4 => prop::sample::select(NAMES).prop_map(str::to_owned), 1 => ".{0,8}"];
    leaf.prop_recursive(6, 200, 12, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::Array),
            prop::collection::hash_map(name.clone(), inner, 0..12)
                .prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// A row whose id and names are proper, so that what lies deeper is reached.
fn plausible(mut row: Value) -> Value {
    if let Value::Object(fields) = &mut row {
        for field in ["id", "teamId"] {
            fields.insert(field.to_owned(), json!("6a793f6c2c88faeba59bb4cc"));
        }
        for field in ["name", "username", "publicKey", "clientId"] {
            fields.entry(field).or_insert_with(|| json!("x"));
        }
    }
    row
}

fn convert_all(row: &Value) {
    let project_id = "64ecb5ca726c787590a9aaf3";
    for found in [cluster(row, project_id), flex_cluster(row, project_id)].into_iter().flatten().flatten() {
        assert!(found.shards.len() <= 100 && found.tags.len() <= 200 && found.name.chars().count() <= 1_024);
        assert!(found.shards.iter().all(|shard| (1..=50).contains(&shard.regions.len())));
        let _ = (found.tiers(), found.regions(), found.storage_autoscaling(), found.tier_autoscaling());
    }
    let _ = (project(row), organization(row), encryption_at_rest(row), key_profile(row, "pubkey01"));
    let _ = (api_key(row), service_account(row), service_account_project_roles(row), team(row));
    let granted = team_roles(row).map(|granted| (project_id.to_owned(), granted));
    if let Ok(Some(found)) = user(row) {
        let account = with_team_grants(found, &BTreeMap::new(), &granted.into_iter().collect::<Vec<_>>());
        assert!(account.grants.is_sorted() && account.grants.windows(2).all(|pair| pair[0] != pair[1]));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_json_makes_a_converter_panic(row in json_value()) {
        convert_all(&row);
        convert_all(&plausible(row));
    }

    #[test]
    fn no_topology_makes_a_converter_panic(specs in json_value(), config in json_value(), field in prop::sample::select(NAMES)) {
        let base = json!({ "id": "6a793f6c2c88faeba59bb4cc", "name": "x", "replicationSpecs": specs });
        convert_all(&base);
        let mut configs = json!({ "providerName": "AWS", "electableSpecs": { "nodeCount": 3 } });
        configs[field] = config;
        convert_all(&json!({ "id": "6a793f6c2c88faeba59bb4cc", "name": "x",
            "replicationSpecs": [{ "regionConfigs": [configs] }] }));
    }
}
