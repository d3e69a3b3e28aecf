//! Accounts are associated with people.

use super::control::{ACCOUNT_SCOPES, AccountFacts, Control, Origin, Rule, Severity, iso27001, soc2};
use super::saying::{seen, verdict, weighed};
use crate::domain::{AccountKind, Outcome, Verdict};

pub(super) const CONTROL: Control = Control {
    key: "accounts-associated-with-users",
    title: "Accounts associated with users",
    description: "Every account, invitation, API key and service account belongs to a person: by hand, or because \
        its e-mail is that person's.",
    rationale: "An account that is nobody's is reviewed by nobody and outlives the person who made it.",
    remediation: "Link the account to the person who answers for it, add that person or alias to personnel, or \
        remove the account in Atlas. API keys and service accounts always need a link by hand.",
    severity: Severity::High,
    frameworks: &[soc2("CC6.1"), soc2("CC6.2"), iso27001("A.5.16"), iso27001("A.5.18")],
    origin: Origin::Core,
    scopes: ACCOUNT_SCOPES,
    rule: Rule::Association(judge),
};

fn judge(facts: &AccountFacts<'_>) -> Verdict {
    let account = facts.account;
    let login = &account.login;
    let observed = facts.person.map(|person| person.full_name.clone());
    let mut evidence = vec![weighed("person", observed, "one person"), seen("account kind", account.kind.word())];
    evidence.extend(account.email.as_ref().map(|email| seen("account email", email)));
    if let Some(person) = facts.person {
        evidence.extend(facts.link.source.map(|source| seen("link source", source.word())));
        let message = format!("{login} is the account of {}.", person.full_name);
        return verdict(Outcome::Pass, "ASSOCIATED", message, evidence);
    }
    if facts.link.ambiguous {
        let message = format!(
            "The e-mail of {login} is that of more than one person: link the account by hand or correct personnel."
        );
        return verdict(Outcome::Fail, "AMBIGUOUS_PERSON", message, evidence);
    }
    let message = match account.kind {
        AccountKind::User => {
            format!("{login} matches nobody in personnel: link it, add the person, or remove it in Atlas.")
        }
        AccountKind::ApiKey => format!("API key {login} is linked to nobody: link it by hand or remove it in Atlas."),
        AccountKind::ServiceAccount => {
            format!("Service account {login} is linked to nobody: link it by hand or remove it in Atlas.")
        }
    };
    verdict(Outcome::Fail, "NO_PERSON", message, evidence)
}
