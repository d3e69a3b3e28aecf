//! Clusters are backed up.

use super::control::{AssetFacts, CLUSTER_SCOPES, Control, Origin, Rule, Severity, iso27001, soc2};
use super::policy::Policy;
use super::saying::{seen, verdict, weighed};
use crate::domain::{Cluster, Deployment, Outcome, Verdict};

pub(super) const CONTROL: Control = Control {
    key: "clusters-backed-up",
    title: "Clusters backed up (Cloud Backup enabled)",
    description: "Cloud Backup is on for each cluster. Continuous backup alone does not count, and free clusters \
        cannot have any.",
    rationale: "Without a backup a mistake, a fault or an attacker can end data for good.",
    remediation: "Switch on Cloud Backup in the cluster's configuration in Atlas. Move a free cluster to a tier that \
        has backups.",
    severity: Severity::High,
    frameworks: &[soc2("A1.2"), iso27001("A.8.13")],
    origin: Origin::Core,
    scopes: CLUSTER_SCOPES,
    rule: Rule::Cluster(judge),
};

fn judge(facts: &AssetFacts<'_>, _: &Policy) -> Verdict {
    let cluster = facts.cluster;
    let name = &cluster.name;
    let field = if cluster.deployment == Deployment::Flex { "backupSettings.enabled" } else { "backupEnabled" };
    let mut evidence = vec![weighed(field, cluster.backup_enabled.map(|on| on.to_string()), "true")];
    evidence.extend(cluster.point_in_time.map(|on| seen("pitEnabled", on.to_string())));
    if is_free(cluster) {
        evidence.push(seen("instanceSize", "M0"));
        let message = format!("{name} is a free M0 cluster, which cannot be backed up: move it to a tier that can.");
        return verdict(Outcome::Fail, "TIER_HAS_NO_BACKUP", message, evidence);
    }
    match cluster.backup_enabled {
        Some(true) => verdict(Outcome::Pass, "BACKUP_ON", format!("Cloud Backup of {name} is on."), evidence),
        Some(false) => {
            let message = format!("Cloud Backup of {name} is off: switch it on in Atlas.");
            verdict(Outcome::Fail, "BACKUP_OFF", message, evidence)
        }
        None => verdict(
            Outcome::Unknown,
            "BACKUP_UNREAD",
            format!("Whether {name} is backed up could not be read."),
            evidence,
        ),
    }
}

fn is_free(cluster: &Cluster) -> bool {
    cluster.deployment == Deployment::Shared && cluster.tiers().iter().any(|tier| tier == "M0")
}
