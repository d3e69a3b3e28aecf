//! Inventory items have descriptions.

use super::control::{AssetFacts, CLUSTER_SCOPES, Control, Origin, Rule, Severity, iso27001, soc2};
use super::saying::{seen, verdict, weighed};
use crate::domain::{Outcome, Verdict};

pub(super) const CONTROL: Control = Control {
    key: "inventory-items-have-descriptions",
    title: "Inventory items have descriptions",
    description: "Every inventory item says what it is for: written by hand, or in the description tag in Atlas.",
    rationale: "An inventory that does not say what an item is for cannot tell what may be changed, moved or deleted.",
    remediation: "Write a description on the item, or put the description tag on it in Atlas.",
    severity: Severity::Low,
    frameworks: &[soc2("CC6.1"), iso27001("A.5.9")],
    origin: Origin::Core,
    scopes: CLUSTER_SCOPES,
    rule: Rule::Annotation(judge),
};

fn judge(facts: &AssetFacts<'_>) -> Verdict {
    let name = &facts.cluster.name;
    let standing = facts.standing;
    let mut evidence = vec![weighed("description", standing.description.clone(), "some text")];
    if standing.description.is_none() {
        let message = format!("{name} has no description: write one, or tag it in Atlas.");
        return verdict(Outcome::Fail, "NO_DESCRIPTION", message, evidence);
    }
    evidence.extend(standing.description_source.map(|source| seen("description source", source.word())));
    verdict(Outcome::Pass, "DESCRIBED", format!("{name} has a description."), evidence)
}
