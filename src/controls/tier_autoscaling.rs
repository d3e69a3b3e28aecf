//! The tier of dedicated clusters grows by itself.

use super::autoscaling::{self, Kind};
use super::control::{AssetFacts, CLUSTER_SCOPES, Control, Origin, Rule, Severity, iso27001, soc2};
use super::policy::Policy;
use super::saying::{place, seen};
use crate::domain::{Outcome, Verdict};

pub(super) const CONTROL: Control = Control {
    key: "cluster-tier-autoscaling",
    title: "Cluster tier autoscaling (M10+)",
    description: "Tier autoscaling is on in every region of every shard of each dedicated cluster. Scaling up is \
        enough; regions of analytics nodes only, shared, flex and local-NVMe clusters are left out.",
    rationale: "Load that outgrows a tier slows everything that depends on the cluster. Growing by itself bridges \
        the time until somebody looks.",
    remediation: "In Atlas, edit the cluster's configuration and switch on cluster tier scaling with a maximum that \
        leaves room, or set autoScaling.compute.enabled to true in every region config.",
    severity: Severity::Low,
    frameworks: &[soc2("A1.1"), iso27001("A.8.6")],
    origin: Origin::Core,
    scopes: CLUSTER_SCOPES,
    rule: Rule::Cluster(judge),
};

const KIND: Kind = Kind {
    name: "Tier autoscaling",
    field: "compute",
    on: "TIER_AUTOSCALING_ON",
    off: "TIER_AUTOSCALING_OFF",
    unread: "TIER_AUTOSCALING_UNREAD",
    read: |region| region.tier_autoscaling,
    counts: |region| !region.is_analytics_only(),
};

fn judge(facts: &AssetFacts<'_>, _: &Policy) -> Verdict {
    let mut verdict = autoscaling::judge(&KIND, facts);
    if verdict.outcome != Outcome::NotApplicable {
        let analytics = facts.cluster.live_regions().filter_map(|(shard, region)| {
            let enabled = region.analytics_tier_autoscaling?;
            let name = format!("{}: analyticsAutoScaling.compute.enabled", place(shard, region));
            Some(seen(name, enabled.to_string()))
        });
        verdict.evidence.extend(analytics);
    }
    verdict
}
