//! The rule that storage and tier autoscaling share: on in every region config that counts.

use super::control::AssetFacts;
use super::saying::{first_of, place, seen, verdict, weighed};
use crate::domain::{Cluster, Deployment, Evidence, Outcome, ShardRegion, Verdict};

/// One kind of autoscaling.
pub(super) struct Kind {
    /// How messages call it.
    pub name: &'static str,
    /// Below `autoScaling`.
    pub field: &'static str,
    pub on: &'static str,
    pub off: &'static str,
    pub unread: &'static str,
    pub read: fn(&ShardRegion) -> Option<bool>,
    pub counts: fn(&ShardRegion) -> bool,
}

/// One region config that counts, and what it says.
struct Seen {
    place: String,
    enabled: Option<bool>,
}

pub(super) fn judge(kind: &Kind, facts: &AssetFacts<'_>) -> Verdict {
    let cluster = facts.cluster;
    if let Some(verdict) = not_applicable(kind, cluster) {
        return verdict;
    }
    let regions: Vec<Seen> = cluster
        .live_regions()
        .filter(|(_, region)| (kind.counts)(region))
        .map(|(shard, region)| Seen { place: place(shard, region), enabled: (kind.read)(region) })
        .collect();
    let those = |enabled| regions.iter().filter(move |seen| seen.enabled == enabled);
    let places = |enabled| first_of(&those(enabled).map(|seen| seen.place.clone()).collect::<Vec<_>>());
    let listed = |enabled| those(enabled).map(|seen| evidence(kind, seen)).collect();
    let (name, what) = (&cluster.name, kind.name);
    if those(Some(false)).next().is_some() {
        let message = format!("{what} of {name} is off in {}: switch it on in Atlas.", places(Some(false)));
        return verdict(Outcome::Fail, kind.off, message, listed(Some(false)));
    }
    if those(None).next().is_some() {
        let message = format!("{what} of {name} could not be read in {}.", places(None));
        return verdict(Outcome::Unknown, kind.unread, message, listed(None));
    }
    if regions.is_empty() {
        let message =
            format!("{what} of {name} could not be read: Atlas lists no region of it with nodes that store data.");
        let evidence = vec![weighed("replicationSpecs", None, "at least one region with nodes")];
        return verdict(Outcome::Unknown, kind.unread, message, evidence);
    }
    verdict(Outcome::Pass, kind.on, format!("{what} of {name} is on in every region."), listed(Some(true)))
}

fn evidence(kind: &Kind, seen: &Seen) -> Evidence {
    let observed = seen.enabled.map(|enabled| enabled.to_string());
    weighed(format!("{}: {}.enabled", seen.place, kind.field), observed, "true")
}

fn not_applicable(kind: &Kind, cluster: &Cluster) -> Option<Verdict> {
    let (name, what) = (&cluster.name, kind.name);
    if cluster.deployment != Deployment::Dedicated {
        let message = format!("{name} runs on a shared tier, which has no {}.", what.to_lowercase());
        return Some(verdict(Outcome::NotApplicable, "SHARED_TIER", message, vec![hosting(cluster)]));
    }
    let tier = cluster.tiers().into_iter().find(|tier| tier.contains("_NVME"))?;
    let message =
        format!("{name} runs on {tier}, whose storage is tied to the tier: {} does not apply.", what.to_lowercase());
    Some(verdict(Outcome::NotApplicable, "LOCAL_NVME", message, vec![seen("instanceSize", tier)]))
}

fn hosting(cluster: &Cluster) -> Evidence {
    seen("deployment", cluster.deployment.word())
}
