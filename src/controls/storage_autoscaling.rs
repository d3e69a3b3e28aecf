//! Storage of dedicated clusters grows by itself.

use super::autoscaling::{self, Kind};
use super::control::{AssetFacts, CLUSTER_SCOPES, Control, Origin, Rule, Severity, iso27001, soc2};
use super::policy::Policy;
use crate::domain::Verdict;

pub(super) const CONTROL: Control = Control {
    key: "cluster-storage-autoscaling",
    title: "Cluster storage autoscaling (M10+)",
    description: "Storage autoscaling is on in every region of every shard of each dedicated cluster. Shared, flex \
        and local-NVMe clusters have none to switch on.",
    rationale: "A full disk stops writes. Growing before that happens keeps the service up while nobody is watching.",
    remediation: "In Atlas, edit the cluster's configuration and switch on storage scaling, or set \
        autoScaling.diskGB.enabled to true in every region config.",
    severity: Severity::Medium,
    frameworks: &[soc2("A1.1"), iso27001("A.8.6")],
    origin: Origin::Core,
    scopes: CLUSTER_SCOPES,
    rule: Rule::Cluster(judge),
};

const KIND: Kind = Kind {
    name: "Storage autoscaling",
    field: "diskGB",
    on: "STORAGE_AUTOSCALING_ON",
    off: "STORAGE_AUTOSCALING_OFF",
    unread: "STORAGE_AUTOSCALING_UNREAD",
    read: |region| region.storage_autoscaling,
    counts: |_| true,
};

fn judge(facts: &AssetFacts<'_>, _: &Policy) -> Verdict {
    autoscaling::judge(&KIND, facts)
}
