//! Clusters elect a new primary by themselves.

use super::control::{AssetFacts, CLUSTER_SCOPES, Control, Origin, Rule, Severity, iso27001, soc2};
use super::policy::Policy;
use super::saying::{first_of, place, seen, verdict, weighed};
use crate::domain::{Cluster, Deployment, Evidence, Outcome, Shard, Verdict};

pub(super) const CONTROL: Control = Control {
    key: "clusters-replicated",
    title: "Clusters replicated (replica set with automatic failover)",
    description: "Every shard of each cluster has at least three electable nodes over all regions and clouds. \
        Read-only and analytics nodes do not count.",
    rationale: "Three voters can lose one and still elect a primary, so a failed node or zone is no outage.",
    remediation: "Add electable nodes to the named shard in the cluster's configuration in Atlas until there are \
        three, five or seven.",
    severity: Severity::High,
    frameworks: &[soc2("A1.2"), iso27001("A.8.14")],
    origin: Origin::Core,
    scopes: CLUSTER_SCOPES,
    rule: Rule::Cluster(judge),
};

/// The fewest voters that survive the loss of one.
const ENOUGH: u64 = 3;

/// What one shard shows.
enum Voters {
    Counted(u64),
    /// The fields that held no count.
    Unread(Vec<Evidence>),
}

fn judge(facts: &AssetFacts<'_>, _: &Policy) -> Verdict {
    let cluster = facts.cluster;
    let name = &cluster.name;
    if cluster.deployment != Deployment::Dedicated {
        let message = format!("{name} runs on a shared tier, where every cluster is a replica set of three nodes.");
        return verdict(Outcome::Pass, "REPLICATED", message, vec![seen("deployment", cluster.deployment.word())]);
    }
    judge_shards(cluster)
}

fn judge_shards(cluster: &Cluster) -> Verdict {
    let name = &cluster.name;
    let (mut few, mut enough, mut unread) = (Vec::new(), Vec::new(), Vec::new());
    let mut small_shards = Vec::new();
    for (number, shard) in (1..).zip(&cluster.shards) {
        match voters(number, shard) {
            Voters::Counted(count) if count < ENOUGH => {
                small_shards.push(format!("shard {number} ({count})"));
                few.push(counted(number, count));
            }
            Voters::Counted(count) => enough.push(counted(number, count)),
            Voters::Unread(fields) => unread.extend(fields),
        }
    }
    if !few.is_empty() {
        let message = format!(
            "{name} has fewer than {ENOUGH} electable nodes in {}: add electable nodes there.",
            first_of(&small_shards)
        );
        return verdict(Outcome::Fail, "TOO_FEW_ELECTABLE_NODES", message, few);
    }
    if cluster.shards.is_empty() {
        unread.push(weighed("replicationSpecs", None, "at least one shard"));
    }
    if !unread.is_empty() {
        let message = format!("How many electable nodes {name} has could not be read.");
        return verdict(Outcome::Unknown, "NODE_COUNT_UNREAD", message, unread);
    }
    let message = format!("Every shard of {name} has at least {ENOUGH} electable nodes.");
    verdict(Outcome::Pass, "REPLICATED", message, enough)
}

fn voters(number: usize, shard: &Shard) -> Voters {
    let unread: Vec<Evidence> = shard
        .regions
        .iter()
        .filter(|region| region.electable_nodes.is_none())
        .map(|region| expected(format!("{}: electableSpecs.nodeCount", place(number, region)), None))
        .collect();
    if shard.regions.is_empty() {
        return Voters::Unread(vec![expected(format!("shard {number}: electableSpecs.nodeCount"), None)]);
    }
    if unread.is_empty() {
        Voters::Counted(shard.regions.iter().filter_map(|region| region.electable_nodes).map(u64::from).sum())
    } else {
        Voters::Unread(unread)
    }
}

fn counted(number: usize, count: u64) -> Evidence {
    expected(format!("shard {number}: electableSpecs.nodeCount"), Some(count.to_string()))
}

fn expected(name: String, observed: Option<String>) -> Evidence {
    weighed(name, observed, "at least 3 in the shard")
}
