//! Nobody holds power without using it.

use chrono::TimeDelta;

use super::control::{AccountFacts, Control, Origin, Rule, Severity, iso27001, soc2};
use super::policy::Policy;
use super::saying::{seen, verdict, weighed};
use crate::domain::{AccountKind, AccountStatus, Evidence, Instant, Outcome, ScopeKind, Verdict};

pub(super) const CONTROL: Control = Control {
    key: "no-dormant-privileged-accounts",
    title: "No dormant privileged accounts",
    description: "Every user who can change the organization or a project has signed in lately.",
    rationale: "Power that nobody uses is nobody's to notice when it is stolen.",
    remediation: "Remove the account in Atlas, or take its privileged roles away until they are needed again.",
    severity: Severity::High,
    frameworks: &[soc2("CC6.2"), soc2("CC6.3"), iso27001("A.5.18"), iso27001("A.8.2")],
    origin: Origin::Extended,
    scopes: &[ScopeKind::Users],
    rule: Rule::Account { judge, deadline },
};

fn judge(facts: &AccountFacts<'_>, policy: &Policy, now: Instant) -> Verdict {
    let account = facts.account;
    let login = &account.login;
    let apart = |reason, message: String, evidence| verdict(Outcome::NotApplicable, reason, message, vec![evidence]);
    if account.kind != AccountKind::User {
        let kind = seen("kind", account.kind.word());
        return apart("NO_SIGN_IN_RECORD", format!("Atlas does not say when {login} was last used."), kind);
    }
    if account.status == AccountStatus::Pending {
        let status = seen("account status", account.status.word());
        return apart("INVITATION_PENDING", format!("{login} is an invitation that was not accepted yet."), status);
    }
    if !facts.privileged {
        return apart("NOT_PRIVILEGED", format!("{login} can change nothing."), seen("privileged", "false"));
    }
    let Some((used, since)) = last_use(facts) else {
        let message = format!(
            "Whether {login} is in use is not known: Atlas says neither when it signed in nor since when it is there."
        );
        return verdict(Outcome::Unknown, "LAST_SIGN_IN_UNREAD", message, evidence(facts, policy));
    };
    let evidence = evidence(facts, policy);
    if since + window(policy) > now {
        let message = if used {
            format!("{login} has signed in within {} days.", policy.dormant_after_days)
        } else {
            format!("{login} is younger than {} days and has not signed in yet.", policy.dormant_after_days)
        };
        return verdict(Outcome::Pass, "IN_USE", message, evidence);
    }
    let day = since.format("%F");
    let (reason, message) = if used {
        ("DORMANT", format!("{login} is privileged and has not signed in since {day}: remove it, or its roles."))
    } else {
        let message = format!("{login} is privileged and has never signed in since {day}: remove it, or its roles.");
        ("NEVER_SIGNED_IN", message)
    };
    verdict(Outcome::Fail, reason, message, evidence)
}

fn deadline(facts: &AccountFacts<'_>, policy: &Policy, _now: Instant) -> Option<Instant> {
    last_use(facts).map(|(_, since)| since + window(policy))
}

/// Whether it ever signed in, and the last sign-in or else its beginning.
fn last_use(facts: &AccountFacts<'_>) -> Option<(bool, Instant)> {
    let account = facts.account;
    account.last_authenticated_at.map(|at| (true, at)).or_else(|| account.created_at.map(|at| (false, at)))
}

fn window(policy: &Policy) -> TimeDelta {
    TimeDelta::days(policy.dormant_after_days.into()) + TimeDelta::microseconds(1)
}

fn evidence(facts: &AccountFacts<'_>, policy: &Policy) -> Vec<Evidence> {
    let account = facts.account;
    let at = |instant: Option<Instant>| instant.map(|at| at.format("%FT%TZ").to_string());
    vec![
        seen("privileged", "true"),
        weighed(
            "lastAuthenticatedAt",
            at(account.last_authenticated_at),
            format!("within {} days", policy.dormant_after_days),
        ),
        seen("createdAt", at(account.created_at).unwrap_or_else(|| "unknown".to_owned())),
    ]
}
