//! What the controls say about bodies as Atlas sends them, decoded by the converters that production uses.

mod accounts;
mod autoscaling;
mod backup;
mod catalogue;
mod derive;
mod encryption;
mod hosting;
mod leaving;
mod replication;
mod reviewing;
mod standing;

use std::collections::BTreeMap;

use chrono::{NaiveDate, TimeZone, Utc};
use serde_json::{Value, json};

use super::*;
use crate::atlas::convert;
use crate::domain::review::ReviewRecord;
use crate::domain::{
    Account, Cluster, EmploymentStatus, EncryptionAtRest, Evidence, Instant, Outcome, Person, Verdict,
};

const PROJECT: &str = "64ecb5ca726c787590a9aaf3";

fn noon(year: i32, month: u32, day: u32) -> Instant {
    Utc.with_ymd_and_hms(year, month, day, 12, 0, 0).unwrap()
}

fn now() -> Instant {
    noon(2026, 3, 2)
}

fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap()
}

fn person(name: &str, email: &str) -> Person {
    Person {
        full_name: name.to_owned(),
        email: email.to_owned(),
        aliases: Vec::new(),
        status: EmploymentStatus::Active,
        starts_on: None,
        ends_on: None,
        sources: BTreeMap::new(),
    }
}

/// A region config with electable nodes only, everything switched on.
fn region(provider: &str, name: &str, priority: i32, electable: u32) -> Value {
    json!({
        "providerName": provider,
        "regionName": name,
        "priority": priority,
        "electableSpecs": { "instanceSize": "M30", "nodeCount": electable, "diskSizeGB": 40.0 },
        "readOnlySpecs": { "instanceSize": "M30", "nodeCount": 0 },
        "analyticsSpecs": { "instanceSize": "M30", "nodeCount": 0 },
        "autoScaling": {
            "compute": { "enabled": true, "scaleDownEnabled": false, "maxInstanceSize": "M60" },
            "diskGB": { "enabled": true }
        }
    })
}

/// A dedicated cluster whose shards have these region configs.
fn dedicated(shards: &[Vec<Value>]) -> Value {
    let specs: Vec<Value> =
        shards.iter().map(|regions| json!({ "zoneName": "Zone 1", "regionConfigs": regions })).collect();
    json!({
        "id": "6a793f6c2c88faeba59bb4cc",
        "groupId": PROJECT,
        "name": "orders",
        "clusterType": if shards.len() > 1 { "SHARDED" } else { "REPLICASET" },
        "stateName": "IDLE",
        "paused": false,
        "mongoDBVersion": "8.0.29",
        "backupEnabled": true,
        "pitEnabled": false,
        "encryptionAtRestProvider": "NONE",
        "advancedConfiguration": { "minimumEnabledTlsProtocol": "TLS1_2" },
        "replicationSpecs": specs,
        "tags": []
    })
}

/// One shard, one region, three nodes, everything switched on.
fn good() -> Value {
    dedicated(&[vec![region("AWS", "EU_WEST_1", 7, 3)]])
}

/// `good()` with another value at a JSON pointer.
fn good_but(pointer: &str, value: Value) -> Value {
    let mut body = good();
    put(&mut body, pointer, value);
    body
}

const REGION: &str = "/replicationSpecs/0/regionConfigs/0";

/// Sets the field that the pointer names, which may be new.
fn put(body: &mut Value, pointer: &str, value: Value) {
    if let Some(place) = body.pointer_mut(pointer) {
        *place = value;
        return;
    }
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    body.pointer_mut(parent).unwrap()[field] = value;
}

/// Takes the field away that the pointer names.
fn take(mut body: Value, pointer: &str) -> Value {
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    body.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(field).unwrap();
    body
}

/// A `TENANT` cluster of this size.
fn shared(instance_size: &str, effective: &str) -> Value {
    let specs = json!({ "instanceSize": instance_size, "effectiveInstanceSize": effective, "diskSizeGB": 0.5 });
    let config = json!({
        "providerName": "TENANT", "backingProviderName": "AWS", "regionName": "US_EAST_1", "priority": 7,
        "electableSpecs": specs
    });
    let mut body = take(dedicated(&[vec![config]]), "/advancedConfiguration");
    put(&mut body, "/backupEnabled", json!(false));
    body
}

fn flex() -> Value {
    json!({
        "id": "6421b576bfa6c84992728bf7",
        "groupId": PROJECT,
        "name": "notes",
        "clusterType": "REPLICASET",
        "stateName": "IDLE",
        "backupSettings": { "enabled": true },
        "providerSettings": { "providerName": "FLEX", "backingProviderName": "GCP", "regionName": "WESTERN_EUROPE" },
        "tags": []
    })
}

fn decode(body: &Value) -> Cluster {
    let is_flex = body.get("providerSettings").is_some();
    let decoded = if is_flex { convert::flex_cluster(body, PROJECT) } else { convert::cluster(body, PROJECT) };
    decoded.unwrap().unwrap()
}

/// What a control about a cluster's own settings says of a body.
fn judge(key: &str, body: &Value) -> Verdict {
    judge_with(key, body, None, &Policy::default())
}

fn judge_with(key: &str, body: &Value, encryption: Option<&EncryptionAtRest>, policy: &Policy) -> Verdict {
    let cluster = decode(body);
    let standing = standing(&cluster, &Manual::default(), &PeopleIndex::default(), policy);
    let facts = AssetFacts { cluster: &cluster, standing: &standing, owner: None, encryption };
    let judged = find(key).unwrap().judge_asset(&facts, policy, now()).unwrap();
    assert_eq!(judged.flip, None, "settings do not change by time alone");
    judged.verdict
}

/// Holds each body of a table against its outcome and reason.
fn check(key: &str, table: &[(&str, Value, Outcome, &str)]) {
    for (what, body, outcome, reason) in table {
        let verdict = judge(key, body);
        assert_eq!((verdict.outcome, verdict.reason.as_str()), (*outcome, *reason), "{what}");
        assert!(verdict.message.ends_with('.') && !verdict.evidence.is_empty(), "{what}: {verdict:?}");
    }
}

fn item(name: &str, observed: Option<&str>, expected: Option<&str>) -> Evidence {
    Evidence { name: name.to_owned(), observed: observed.map(str::to_owned), expected: expected.map(str::to_owned) }
}

fn user(username: &str, status: &str) -> Account {
    let row = json!({ "id": "5e4bc367c6b0f41bb9bbb178", "username": username, "orgMembershipStatus": status });
    convert::user(&row).unwrap().unwrap().account
}
