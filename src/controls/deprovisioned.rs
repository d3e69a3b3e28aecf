//! Accounts are gone when their people are.

use super::control::{ACCOUNT_SCOPES, AccountFacts, Control, Origin, Rule, Severity, iso27001, soc2};
use super::leaving::{last_day_over, person_left};
use super::policy::Policy;
use super::saying::{seen, verdict, weighed};
use crate::domain::{AccountStatus, Evidence, Instant, Outcome, Person, Verdict};

pub(super) const CONTROL: Control = Control {
    key: "accounts-deprovisioned-when-personnel-leave",
    title: "Accounts deprovisioned when personnel leave",
    description: "No account, pending invitation, API key or service account is left once its person's last day and \
        the agreed grace are over.",
    rationale: "Access that outlives employment is the shortest way into data for somebody who has nothing to lose.",
    remediation: "Remove the account or withdraw the invitation in Atlas. Hand keys and service accounts over by \
        replacing them and linking the new ones.",
    severity: Severity::Critical,
    frameworks: &[soc2("CC6.2"), soc2("CC6.3"), iso27001("A.5.18"), iso27001("A.6.5")],
    origin: Origin::Core,
    scopes: ACCOUNT_SCOPES,
    rule: Rule::Account { judge, deadline },
};

fn judge(facts: &AccountFacts<'_>, policy: &Policy, now: Instant) -> Verdict {
    let login = &facts.account.login;
    if !facts.any_personnel {
        let message = format!("Whether the person behind {login} has left is not known: no personnel are on record.");
        return verdict(
            Outcome::Unknown,
            "NO_PERSONNEL",
            message,
            vec![weighed("personnel", None, "at least one person")],
        );
    }
    let Some(person) = facts.person else {
        let message = format!("Whether the person behind {login} has left is not known: link the account first.");
        return verdict(Outcome::Unknown, "ACCOUNT_NOT_LINKED", message, vec![weighed("person", None, "one person")]);
    };
    let evidence = evidence(facts, person, policy);
    let who = &person.full_name;
    if !person_left(person, policy, policy.deprovision_grace, now) {
        if person_left(person, policy, 0, now) {
            let message = format!("{login} belongs to {who}, who has left; it may stay until the grace is over.");
            return verdict(Outcome::Pass, "PERSON_ACTIVE", message, evidence);
        }
        return verdict(Outcome::Pass, "PERSON_ACTIVE", format!("{login} belongs to {who}, who is here."), evidence);
    }
    let message = match facts.account.status {
        AccountStatus::Active => format!("{login} belongs to {who}, who has left: remove it in Atlas."),
        AccountStatus::Pending => format!("{login} is an invitation to {who}, who has left: withdraw it in Atlas."),
    };
    verdict(Outcome::Fail, "ACCOUNT_OF_LEAVER", message, evidence)
}

fn deadline(facts: &AccountFacts<'_>, policy: &Policy, _now: Instant) -> Option<Instant> {
    last_day_over(facts.person?, policy, policy.deprovision_grace)
}

fn evidence(facts: &AccountFacts<'_>, person: &Person, policy: &Policy) -> Vec<Evidence> {
    let mut evidence = vec![
        seen("person", &person.full_name),
        weighed("person status", Some(person.status.word().to_owned()), "ACTIVE, or a last day that is not over"),
    ];
    if let Some(day) = person.ends_on {
        let expected = match policy.deprovision_grace {
            0 => format!("today or later in {}", policy.time_zone),
            1 => format!("yesterday or later in {} (1 day of grace)", policy.time_zone),
            days => format!("{days} days ago or later in {} ({days} days of grace)", policy.time_zone),
        };
        evidence.push(weighed("person endsOn", Some(day.to_string()), expected));
    }
    evidence.push(seen("account status", facts.account.status.word()));
    evidence
}
