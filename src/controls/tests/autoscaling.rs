//! Storage and tier autoscaling.

use serde_json::json;

use super::*;

const STORAGE: &str = "cluster-storage-autoscaling";
const TIER: &str = "cluster-tier-autoscaling";
const NA: Outcome = Outcome::NotApplicable;

fn at(field: &str) -> String {
    format!("{REGION}/{field}")
}

#[test]
fn storage_autoscaling_must_be_on_in_every_region() {
    let (on, off, unread) = ("STORAGE_AUTOSCALING_ON", "STORAGE_AUTOSCALING_OFF", "STORAGE_AUTOSCALING_UNREAD");
    let disk = |value| good_but(&at("autoScaling/diskGB"), value);
    check(
        STORAGE,
        &[
            ("on", good(), Outcome::Pass, on),
            ("false", disk(json!({ "enabled": false })), Outcome::Fail, off),
            ("null", disk(json!({ "enabled": null })), Outcome::Fail, off),
            ("no flag", disk(json!({})), Outcome::Fail, off),
            ("null diskGB", disk(json!(null)), Outcome::Fail, off),
            ("null autoScaling", good_but(&at("autoScaling"), json!(null)), Outcome::Fail, off),
            ("no autoScaling", take(good(), &at("autoScaling")), Outcome::Fail, off),
            ("a text for a flag", disk(json!({ "enabled": "true" })), Outcome::Unknown, unread),
            ("a flag for diskGB", disk(json!(true)), Outcome::Unknown, unread),
            ("a list for autoScaling", good_but(&at("autoScaling"), json!([])), Outcome::Unknown, unread),
            ("no topology", take(good(), "/replicationSpecs"), Outcome::Unknown, unread),
            ("an unreadable shard", good_but("/replicationSpecs/0", json!("?")), Outcome::Unknown, unread),
            ("M0", shared("M0", "M0"), NA, "SHARED_TIER"),
            ("M2 that became flex", shared("M2", "FLEX"), NA, "SHARED_TIER"),
            ("flex", flex(), NA, "SHARED_TIER"),
            ("M200", good_but(&at("electableSpecs/instanceSize"), json!("M200")), Outcome::Pass, on),
            ("NVMe", good_but(&at("electableSpecs/instanceSize"), json!("M60_NVME")), NA, "LOCAL_NVME"),
            ("newer NVMe", good_but(&at("electableSpecs/instanceSize"), json!("R40_NVME_GEN_2")), NA, "LOCAL_NVME"),
            (
                "NVMe analytics nodes",
                good_but(&at("analyticsSpecs"), json!({ "instanceSize": "M60_NVME", "nodeCount": 1 })),
                NA,
                "LOCAL_NVME",
            ),
            (
                "an NVMe group without nodes",
                good_but(&at("analyticsSpecs"), json!({ "instanceSize": "M60_NVME", "nodeCount": 0 })),
                Outcome::Pass,
                on,
            ),
            ("creating", good_but("/stateName", json!("CREATING")), NA, "CLUSTER_CREATING"),
            ("updating", good_but("/stateName", json!("UPDATING")), Outcome::Pass, on),
            ("a state of tomorrow", good_but("/stateName", json!("MIGRATING")), Outcome::Pass, on),
        ],
    );
}

#[test]
fn an_off_region_is_named_by_shard_cloud_and_region() {
    let mut off = region("AWS", "EU_WEST_1", 7, 3);
    put(&mut off, "/autoScaling/diskGB/enabled", json!(false));
    let verdict = judge(STORAGE, &dedicated(&[vec![region("AWS", "EU_WEST_1", 7, 3)], vec![off]]));
    let expected = Verdict {
        outcome: Outcome::Fail,
        reason: "STORAGE_AUTOSCALING_OFF".to_owned(),
        message: "Storage autoscaling of orders is off in shard 2, AWS EU_WEST_1: switch it on in Atlas.".to_owned(),
        evidence: vec![item("shard 2, AWS EU_WEST_1: diskGB.enabled", Some("false"), Some("true"))],
    };
    assert_eq!(verdict, expected);
}

#[test]
fn off_in_one_region_outweighs_unreadable_in_another() {
    let mut off = region("AWS", "EU_WEST_1", 7, 3);
    put(&mut off, "/autoScaling/diskGB/enabled", json!(false));
    let mut odd = region("AZURE", "EUROPE_WEST", 6, 2);
    put(&mut odd, "/autoScaling/diskGB/enabled", json!(1));
    assert_eq!(judge(STORAGE, &dedicated(&[vec![odd.clone(), off]])).outcome, Outcome::Fail);
    let unread = judge(STORAGE, &dedicated(&[vec![odd, region("AWS", "EU_WEST_1", 7, 3)]]));
    assert_eq!(unread.outcome, Outcome::Unknown);
    assert_eq!(unread.evidence, [item("shard 1, AZURE EUROPE_WEST: diskGB.enabled", None, Some("true"))]);
}

#[test]
fn a_region_without_nodes_is_not_there() {
    let mut empty = region("GCP", "WESTERN_EUROPE", 0, 0);
    put(&mut empty, "/autoScaling", json!(null));
    let body = dedicated(&[vec![region("AWS", "EU_WEST_1", 7, 3), empty]]);
    assert_eq!(judge(STORAGE, &body).outcome, Outcome::Pass);
    assert_eq!(judge(TIER, &body).outcome, Outcome::Pass);
}

#[test]
fn tier_autoscaling_must_be_on_in_every_region() {
    let (on, off, unread) = ("TIER_AUTOSCALING_ON", "TIER_AUTOSCALING_OFF", "TIER_AUTOSCALING_UNREAD");
    let compute = |value| good_but(&at("autoScaling/compute"), value);
    check(
        TIER,
        &[
            ("up and not down", good(), Outcome::Pass, on),
            ("false", compute(json!({ "enabled": false })), Outcome::Fail, off),
            ("null", compute(json!({ "enabled": null })), Outcome::Fail, off),
            ("missing", take(good(), &at("autoScaling/compute")), Outcome::Fail, off),
            ("a number", compute(json!({ "enabled": 1 })), Outcome::Unknown, unread),
            ("flex", flex(), NA, "SHARED_TIER"),
            ("M0", shared("M0", "M0"), NA, "SHARED_TIER"),
            ("NVMe", good_but(&at("electableSpecs/instanceSize"), json!("M60_NVME")), NA, "LOCAL_NVME"),
            ("creating", good_but("/stateName", json!("CREATING")), NA, "CLUSTER_CREATING"),
        ],
    );
}

#[test]
fn a_region_of_analytics_nodes_only_counts_for_storage_and_not_for_the_tier() {
    let mut analytics = region("AWS", "US_EAST_1", 0, 0);
    put(&mut analytics, "/analyticsSpecs/nodeCount", json!(2));
    put(&mut analytics, "/autoScaling", json!({}));
    put(&mut analytics, "/analyticsAutoScaling", json!({ "compute": { "enabled": false } }));
    let body = dedicated(&[vec![region("AWS", "EU_WEST_1", 7, 3), analytics]]);
    assert_eq!(judge(STORAGE, &body).reason, "STORAGE_AUTOSCALING_OFF");
    let tier = judge(TIER, &body);
    assert_eq!(tier.outcome, Outcome::Pass);
    assert_eq!(
        tier.evidence,
        [
            item("shard 1, AWS EU_WEST_1: compute.enabled", Some("true"), Some("true")),
            item("shard 1, AWS US_EAST_1: analyticsAutoScaling.compute.enabled", Some("false"), None),
        ]
    );
}

#[test]
fn a_paused_cluster_is_judged_and_says_so() {
    let verdict = judge(STORAGE, &good_but("/paused", json!(true)));
    assert_eq!(verdict.outcome, Outcome::Pass);
    assert_eq!(verdict.evidence.last(), Some(&item("paused", Some("true"), None)));
}

#[test]
fn evidence_of_a_vast_cluster_is_counted_beyond_a_hundred() {
    let shard: Vec<_> = (0..50).map(|n| region("AWS", &format!("R{n}"), 7, 3)).collect();
    let verdict = judge(STORAGE, &dedicated(&[shard.clone(), shard.clone(), shard]));
    assert_eq!(verdict.evidence.len(), 101);
    assert_eq!(verdict.evidence[100], item("further evidence", Some("50"), None));
}
