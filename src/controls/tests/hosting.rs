//! Clusters on dedicated nodes.

use serde_json::json;

use super::*;

const KEY: &str = "clusters-on-dedicated-nodes";

fn sized(tier: &str) -> Value {
    good_but(&format!("{REGION}/electableSpecs/instanceSize"), json!(tier))
}

#[test]
fn the_provider_tells_shared_from_dedicated_and_never_the_tier_name() {
    let mut mixed = good();
    let tenant = shared("M2", "M2").pointer(REGION).unwrap().clone();
    mixed.pointer_mut("/replicationSpecs/0/regionConfigs").unwrap().as_array_mut().unwrap().push(tenant);
    let flex_listed_as_dedicated = good_but(&format!("{REGION}/providerName"), json!("FLEX"));
    check(
        KEY,
        &[
            ("M10", sized("M10"), Outcome::Pass, "DEDICATED"),
            ("M200, which begins like M2", sized("M200"), Outcome::Pass, "DEDICATED"),
            ("M50, which begins like M5", sized("M50"), Outcome::Pass, "DEDICATED"),
            ("a tier of tomorrow", sized("X1_TURBO"), Outcome::Pass, "DEDICATED"),
            ("no tier at all", take(good(), &format!("{REGION}/electableSpecs")), Outcome::Pass, "DEDICATED"),
            ("M0", shared("M0", "M0"), Outcome::Fail, "SHARED_TIER"),
            ("M2 that became flex", shared("M2", "FLEX"), Outcome::Fail, "SHARED_TIER"),
            ("M5", shared("M5", "M5"), Outcome::Fail, "SHARED_TIER"),
            ("one tenant region among others", mixed, Outcome::Fail, "SHARED_TIER"),
            ("flex", flex(), Outcome::Fail, "SHARED_TIER"),
            ("flex in the wrong list", flex_listed_as_dedicated, Outcome::Fail, "SHARED_TIER"),
            ("no topology", take(good(), "/replicationSpecs"), Outcome::Unknown, "PROVIDER_UNREAD"),
            ("no region configs", good_but("/replicationSpecs/0", json!({})), Outcome::Unknown, "PROVIDER_UNREAD"),
            ("no provider", take(good(), &format!("{REGION}/providerName")), Outcome::Unknown, "PROVIDER_UNREAD"),
            ("creating", good_but("/stateName", json!("CREATING")), Outcome::NotApplicable, "CLUSTER_CREATING"),
        ],
    );
}

#[test]
fn the_effective_tier_of_a_shared_cluster_is_shown() {
    let verdict = judge(KEY, &shared("M2", "FLEX"));
    assert_eq!(
        verdict.evidence,
        [item("deployment", Some("SHARED"), Some("DEDICATED")), item("instanceSize", Some("FLEX"), None)]
    );
}
