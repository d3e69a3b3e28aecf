//! Clusters run on nodes of their own.

use super::control::{AssetFacts, CLUSTER_SCOPES, Control, Origin, Rule, Severity, iso27001, soc2};
use super::policy::Policy;
use super::saying::{place, seen, verdict, weighed};
use crate::domain::{Cluster, Deployment, Evidence, Outcome, Verdict};

pub(super) const CONTROL: Control = Control {
    key: "clusters-on-dedicated-nodes",
    title: "Clusters on dedicated nodes (M10+ rather than shared tiers)",
    description: "Each cluster runs on dedicated nodes: M10 and up, rather than free, shared or flex tiers.",
    rationale: "Shared tiers share machines with strangers and lack private networking, own keys, auditing and \
        most backups.",
    remediation: "Upgrade the cluster to M10 or larger in Atlas, or remove it when it holds nothing of worth.",
    severity: Severity::Medium,
    frameworks: &[soc2("A1.1"), soc2("CC6.6"), iso27001("A.8.22")],
    origin: Origin::Core,
    scopes: CLUSTER_SCOPES,
    rule: Rule::Cluster(judge),
};

/// How a region says that its provider was not there to be read.
const UNREAD_CLOUD: &str = "UNKNOWN";

fn judge(facts: &AssetFacts<'_>, _: &Policy) -> Verdict {
    let cluster = facts.cluster;
    let name = &cluster.name;
    let hosting = weighed("deployment", Some(cluster.deployment.word().to_owned()), "DEDICATED");
    let mut evidence = vec![hosting];
    evidence.extend(cluster.tiers().into_iter().map(|tier| seen("instanceSize", tier)));
    if cluster.deployment != Deployment::Dedicated {
        let message = format!("{name} runs on a shared tier: upgrade it to M10 or larger.");
        return verdict(Outcome::Fail, "SHARED_TIER", message, evidence);
    }
    let unread = unread_providers(cluster);
    if !unread.is_empty() {
        let message = format!("What {name} runs on could not be read.");
        return verdict(Outcome::Unknown, "PROVIDER_UNREAD", message, unread);
    }
    verdict(Outcome::Pass, "DEDICATED", format!("{name} runs on dedicated nodes."), evidence)
}

/// The region configs, live or not, that do not say who provides them; a cluster without any says it of none.
fn unread_providers(cluster: &Cluster) -> Vec<Evidence> {
    let wanted = |name| weighed(name, None, "a cloud provider");
    let mut unread = Vec::new();
    for (number, shard) in (1..).zip(&cluster.shards) {
        let silent = shard.regions.iter().filter(|region| region.cloud == UNREAD_CLOUD);
        unread.extend(silent.map(|region| wanted(format!("{}: providerName", place(number, region)))));
    }
    if cluster.shards.iter().all(|shard| shard.regions.is_empty()) {
        unread.push(wanted("replicationSpecs".to_owned()));
    }
    unread
}
