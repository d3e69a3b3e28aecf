//! Clusters replicated.

use serde_json::json;

use super::*;

const KEY: &str = "clusters-replicated";
const FEW: &str = "TOO_FEW_ELECTABLE_NODES";
const UNREAD: &str = "NODE_COUNT_UNREAD";

fn regions(counts: &[u32]) -> Vec<Value> {
    let clouds = ["AWS", "AZURE", "GCP"];
    (7..).zip(counts).enumerate().map(|(i, (_, count))| region(clouds[i % 3], &format!("R{i}"), 7, *count)).collect()
}

#[test]
fn every_shard_needs_three_electable_nodes_over_all_regions() {
    let electable = format!("{REGION}/electableSpecs");
    let mut helpers_only = good_but(&format!("{electable}/nodeCount"), json!(2));
    put(&mut helpers_only, &format!("{REGION}/readOnlySpecs/nodeCount"), json!(5));
    put(&mut helpers_only, &format!("{REGION}/analyticsSpecs/nodeCount"), json!(5));
    let specs_gone =
        take(take(take(good(), &electable), &format!("{REGION}/readOnlySpecs")), &format!("{REGION}/analyticsSpecs"));
    check(
        KEY,
        &[
            ("three", good(), Outcome::Pass, "REPLICATED"),
            ("two", dedicated(&[regions(&[2])]), Outcome::Fail, FEW),
            ("one in each of three regions", dedicated(&[regions(&[1, 1, 1])]), Outcome::Pass, "REPLICATED"),
            ("one in each of two regions", dedicated(&[regions(&[1, 1])]), Outcome::Fail, FEW),
            ("a second shard with two", dedicated(&[regions(&[3]), regions(&[2])]), Outcome::Fail, FEW),
            ("two shards with three", dedicated(&[regions(&[3]), regions(&[2, 1])]), Outcome::Pass, "REPLICATED"),
            ("many that do not vote", helpers_only, Outcome::Fail, FEW),
            ("no count", good_but(&format!("{electable}/nodeCount"), json!(null)), Outcome::Unknown, UNREAD),
            ("a text", good_but(&format!("{electable}/nodeCount"), json!("3")), Outcome::Unknown, UNREAD),
            ("a fraction", good_but(&format!("{electable}/nodeCount"), json!(2.5)), Outcome::Unknown, UNREAD),
            ("below zero", good_but(&format!("{electable}/nodeCount"), json!(-3)), Outcome::Unknown, UNREAD),
            ("beyond counting", good_but(&format!("{electable}/nodeCount"), json!(u64::MAX)), Outcome::Unknown, UNREAD),
            ("no specs", specs_gone, Outcome::Unknown, UNREAD),
            ("read-only nodes alone", take(good(), &electable), Outcome::Fail, FEW),
            ("specs of a wrong type", good_but(&electable, json!("M30")), Outcome::Unknown, UNREAD),
            ("no topology", take(good(), "/replicationSpecs"), Outcome::Unknown, UNREAD),
            ("M0", shared("M0", "M0"), Outcome::Pass, "REPLICATED"),
            ("flex", flex(), Outcome::Pass, "REPLICATED"),
            ("creating", good_but("/stateName", json!("CREATING")), Outcome::NotApplicable, "CLUSTER_CREATING"),
        ],
    );
}

#[test]
fn a_second_shard_without_a_topology_never_passes_on_the_first() {
    let mut body = dedicated(&[regions(&[3]), regions(&[3])]);
    put(&mut body, "/replicationSpecs/1", json!(null));
    assert_eq!(judge(KEY, &body).reason, UNREAD);
}

#[test]
fn the_small_shard_is_named() {
    let verdict = judge(KEY, &dedicated(&[regions(&[3]), regions(&[1, 1])]));
    let expected = "orders has fewer than 3 electable nodes in shard 2 (2): add electable nodes there.";
    assert_eq!(verdict.message, expected);
    let evidence = item("shard 2: electableSpecs.nodeCount", Some("2"), Some("at least 3 in the shard"));
    assert_eq!(verdict.evidence, [evidence]);
}

#[test]
fn too_few_in_one_shard_outweighs_unread_in_another() {
    let mut body = dedicated(&[regions(&[3]), regions(&[1])]);
    put(&mut body, "/replicationSpecs/0/regionConfigs/0/electableSpecs/nodeCount", json!("?"));
    assert_eq!(judge(KEY, &body).reason, FEW);
}

#[test]
fn vast_counts_add_up() {
    let verdict = judge(KEY, &dedicated(&[regions(&[u32::MAX, u32::MAX])]));
    assert_eq!(verdict.outcome, Outcome::Pass);
    assert_eq!(verdict.evidence[0].observed.as_deref(), Some("8589934590"));
}
