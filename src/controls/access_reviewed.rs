//! Somebody looks at every account's access in time.

use chrono::TimeDelta;

use super::control::{ACCOUNT_SCOPES, AccountFacts, Control, Origin, Rule, Severity, iso27001, soc2};
use super::policy::Policy;
use super::saying::{verdict, weighed};
use crate::domain::{Evidence, Instant, Outcome, Verdict};

pub(super) const CONTROL: Control = Control {
    key: "access-reviews-completed-on-time",
    title: "Access reviews completed on time",
    description: "Every account's access was decided on in an access review of the last months, and that review ended \
        before it was due.",
    rationale: "Access piles up by itself; only people who look at it take it away again.",
    remediation: "Start an access review with startAccessReview, have its reviewers decide on every item, and complete \
        it before it is due.",
    severity: Severity::Medium,
    frameworks: &[soc2("CC6.2"), soc2("CC6.3"), iso27001("A.5.18")],
    origin: Origin::Extended,
    scopes: ACCOUNT_SCOPES,
    rule: Rule::Account { judge, deadline },
};

fn judge(facts: &AccountFacts<'_>, policy: &Policy, now: Instant) -> Verdict {
    let (login, days) = (&facts.account.login, policy.access_review_days);
    let evidence = evidence(facts, policy);
    let say = |outcome, reason, message: String| verdict(outcome, reason, message, evidence.clone());
    if facts.review.due_at.is_some_and(|due| due <= now) {
        let message = format!("{login} stands in an access review that is overdue: decide and complete it.");
        return say(Outcome::Fail, "REVIEW_OVERDUE", message);
    }
    match facts.review.reviewed {
        Some((ended, _)) if ended + window(policy) <= now => {
            let message = format!("{login} was last reviewed on {}, more than {days} days ago.", ended.format("%F"));
            say(Outcome::Fail, "REVIEW_MISSED", message)
        }
        Some((ended, due)) if ended >= due => {
            let (ended, due) = (ended.format("%F"), due.format("%F"));
            let message =
                format!("The review of {login} ended late, on {ended}; the next one has to end in time ({due}).");
            say(Outcome::Fail, "REVIEW_COMPLETED_LATE", message)
        }
        Some((ended, _)) => {
            say(Outcome::Pass, "REVIEWED", format!("{login} was reviewed in time, on {}.", ended.format("%F")))
        }
        None if facts.first_seen_at + window(policy) <= now => {
            let message = format!("{login} has been here for more than {days} days and was never reviewed.");
            say(Outcome::Fail, "NEVER_REVIEWED", message)
        }
        None => {
            let message = format!("{login} is known for less than {days} days; its first review is not due yet.");
            say(Outcome::NotApplicable, "REVIEW_NOT_DUE", message)
        }
    }
}

fn deadline(facts: &AccountFacts<'_>, policy: &Policy, now: Instant) -> Option<Instant> {
    let since = facts.review.reviewed.map_or(facts.first_seen_at, |(ended, _)| ended);
    let turns = [Some(since + window(policy)), facts.review.due_at];
    turns.into_iter().flatten().filter(|at| *at > now).min()
}

fn window(policy: &Policy) -> TimeDelta {
    TimeDelta::days(policy.access_review_days.into())
}

fn evidence(facts: &AccountFacts<'_>, policy: &Policy) -> Vec<Evidence> {
    let at = |instant: Instant| instant.format("%FT%TZ").to_string();
    let reviewed = facts.review.reviewed;
    vec![
        weighed(
            "last review ended",
            reviewed.map(|(ended, _)| at(ended)),
            format!("within {} days", policy.access_review_days),
        ),
        weighed("it was due", reviewed.map(|(_, due)| at(due)), "after it ended"),
        weighed("review under way is due", facts.review.due_at.map(at), "none, or later than now"),
    ]
}
