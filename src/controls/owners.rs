//! Inventory items have active owners.

use super::control::{AssetFacts, CLUSTER_SCOPES, Control, Origin, Rule, Severity, iso27001, soc2};
use super::leaving::{last_day_over, person_left};
use super::policy::Policy;
use super::saying::{seen, verdict, weighed};
use crate::domain::{EmploymentStatus, Instant, Outcome, Person, Verdict};

pub(super) const CONTROL: Control = Control {
    key: "inventory-items-have-owners",
    title: "Inventory items have active owners assigned",
    description: "Every inventory item has an owner who works here: set by hand, or named by the owner tag in Atlas.",
    rationale: "Somebody who is still here must answer for each item, or questions about access, cost and \
        incidents reach nobody.",
    remediation: "Set an owner on the item, or put the owner tag with the e-mail address of an active person on it \
        in Atlas. When an owner leaves, hand the item over.",
    severity: Severity::Medium,
    frameworks: &[soc2("CC6.1"), iso27001("A.5.9")],
    origin: Origin::Core,
    scopes: CLUSTER_SCOPES,
    rule: Rule::Owner { judge, deadline },
};

/// An owner who leaves answers for nothing from the next day on: no grace.
const GRACE_DAYS: u32 = 0;

fn judge(facts: &AssetFacts<'_>, policy: &Policy, now: Instant) -> Verdict {
    match (facts.owner, facts.standing.owner, &facts.standing.owner_tag) {
        (Some(owner), _, _) => judge_owner(facts, owner, policy, now),
        (None, Some(_), _) => unknown_owner(facts, "the owner set by hand", None),
        (None, None, Some(tag)) => unknown_owner(facts, &format!("the owner in its tag, {tag},"), Some(tag)),
        (None, None, None) => verdict(
            Outcome::Fail,
            "NO_OWNER",
            format!("{} has no owner: set one, or tag it {} in Atlas.", facts.cluster.name, policy.owner_tag),
            vec![weighed("owner", None, "an active person")],
        ),
    }
}

fn deadline(facts: &AssetFacts<'_>, policy: &Policy) -> Option<Instant> {
    last_day_over(facts.owner?, policy, GRACE_DAYS)
}

fn judge_owner(facts: &AssetFacts<'_>, owner: &Person, policy: &Policy, now: Instant) -> Verdict {
    let mut evidence = vec![weighed("owner", Some(owner.full_name.clone()), "an active person")];
    evidence.extend(facts.standing.owner_source.map(|source| seen("owner source", source.word())));
    evidence.push(weighed("owner status", Some(owner.status.word().to_owned()), "ACTIVE"));
    evidence.extend(owner.ends_on.map(|day| weighed("owner endsOn", Some(day.to_string()), "today or later, or none")));
    let name = &facts.cluster.name;
    if owner.status == EmploymentStatus::Left || person_left(owner, policy, GRACE_DAYS, now) {
        let message = format!("{name} is owned by {}, who has left: assign somebody who is here.", owner.full_name);
        return verdict(Outcome::Fail, "OWNER_LEFT", message, evidence);
    }
    verdict(Outcome::Pass, "OWNED", format!("{name} is owned by {}.", owner.full_name), evidence)
}

fn unknown_owner(facts: &AssetFacts<'_>, who: &str, tag: Option<&str>) -> Verdict {
    verdict(
        Outcome::Fail,
        "OWNER_NOT_IN_PERSONNEL",
        format!("{}: {who} is not exactly one person in personnel; correct it or add the person.", facts.cluster.name),
        vec![weighed("owner", tag.map(str::to_owned), "the e-mail or alias of one person in personnel")],
    )
}
