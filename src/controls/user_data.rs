//! Resources are classified for user data.

use super::control::{AssetFacts, CLUSTER_SCOPES, Control, Origin, Rule, Severity, iso27001, soc2};
use super::derive::UserDataClassification;
use super::saying::{seen, verdict, weighed};
use crate::domain::{Outcome, Verdict};

pub(super) const CONTROL: Control = Control {
    key: "resources-classified-for-user-data",
    title: "Resources classified for user data",
    description: "Every resource says whether it holds user data: decided by hand, or by the user-data tag in Atlas. \
        Either answer passes.",
    rationale: "Data cannot be protected, kept or erased as promised while nobody knows where it is.",
    remediation: "Classify the resource here, or put the user-data tag with the value true or false on it in Atlas.",
    severity: Severity::Medium,
    frameworks: &[soc2("CC6.1"), soc2("C1.1"), iso27001("A.5.12"), iso27001("A.5.13")],
    origin: Origin::Core,
    scopes: CLUSTER_SCOPES,
    rule: Rule::Annotation(judge),
};

fn judge(facts: &AssetFacts<'_>) -> Verdict {
    let name = &facts.cluster.name;
    let class = facts.standing.user_data;
    let observed = Some(class.word().to_owned());
    let mut evidence = vec![weighed("user data", observed, "CONTAINS_USER_DATA or NO_USER_DATA")];
    evidence.extend(facts.standing.user_data_source.map(|source| seen("user data source", source.word())));
    let (outcome, reason, message) = match class {
        UserDataClassification::ContainsUserData => {
            (Outcome::Pass, "CLASSIFIED", format!("{name} is classified: it contains user data."))
        }
        UserDataClassification::NoUserData => {
            (Outcome::Pass, "CLASSIFIED", format!("{name} is classified: it contains no user data."))
        }
        UserDataClassification::Unclassified => (
            Outcome::Fail,
            "NOT_CLASSIFIED",
            format!("{name} is not classified: say whether it contains user data, here or with a tag in Atlas."),
        ),
    };
    verdict(outcome, reason, message, evidence)
}
