//! Accounts whose access is reviewed, and power that is used.

use chrono::TimeDelta;
use serde_json::json;

use super::*;

const REVIEWED: &str = "access-reviews-completed-on-time";
const DORMANT: &str = "no-dormant-privileged-accounts";

fn member(role: &str, last_auth: Option<&str>, created: Option<&str>) -> Account {
    let row = json!({
        "id": "5e4bc367c6b0f41bb9bbb178", "username": "ada@example.com", "orgMembershipStatus": "ACTIVE",
        "roles": { "orgRoles": [role] }, "lastAuth": last_auth, "createdAt": created,
    });
    convert::user(&row).unwrap().unwrap().account
}

fn judged(key: &str, account: &Account, first_seen_at: Instant, review: ReviewRecord) -> Judged {
    let (link, policy) = (Link::default(), Policy::default());
    let privileged = account.grants.iter().any(|grant| grant.role == "ORG_OWNER");
    let facts =
        AccountFacts { account, privileged, link: &link, person: None, any_personnel: true, first_seen_at, review };
    find(key).unwrap().judge_account(&facts, &policy, now()).unwrap()
}

fn said(judged: &Judged) -> (Outcome, &str) {
    (judged.verdict.outcome, judged.verdict.reason.as_str())
}

#[test]
fn an_account_is_to_be_reviewed_in_time() {
    let (ada, days) = (member("ORG_MEMBER", None, None), |days: i64| now() + TimeDelta::days(days));
    let reviewed = |ended: i64, due: i64| ReviewRecord { reviewed: Some((days(ended), days(due))), due_at: None };
    let open = |due: i64| ReviewRecord { reviewed: None, due_at: Some(days(due)) };
    let table = [
        (-99, ReviewRecord::default(), (Outcome::NotApplicable, "REVIEW_NOT_DUE"), Some((1, "NEVER_REVIEWED"))),
        (-100, ReviewRecord::default(), (Outcome::Fail, "NEVER_REVIEWED"), None),
        (-500, reviewed(-10, -9), (Outcome::Pass, "REVIEWED"), Some((90, "REVIEW_MISSED"))),
        (-500, reviewed(-9, -9), (Outcome::Fail, "REVIEW_COMPLETED_LATE"), Some((91, "REVIEW_MISSED"))),
        (-500, reviewed(-100, -99), (Outcome::Fail, "REVIEW_MISSED"), None),
        (-1, open(3), (Outcome::NotApplicable, "REVIEW_NOT_DUE"), Some((3, "REVIEW_OVERDUE"))),
        (-1, open(0), (Outcome::Fail, "REVIEW_OVERDUE"), None),
        (-500, open(3), (Outcome::Fail, "NEVER_REVIEWED"), Some((3, "REVIEW_OVERDUE"))),
    ];
    for (first_seen, review, expected, later) in table {
        let judged = judged(REVIEWED, &ada, days(first_seen), review);
        assert_eq!(said(&judged), expected, "{review:?}");
        let flip = judged.flip.as_ref().map(|(at, verdict)| (*at, verdict.reason.as_str()));
        assert_eq!(flip, later.map(|(at, reason)| (days(at), reason)), "{review:?}");
    }
}

#[test]
fn power_that_nobody_uses_fails() {
    let (owner, reader) = ("ORG_OWNER", "ORG_READ_ONLY");
    let (lately, long_ago) = (Some("2026-02-20T08:00:00Z"), Some("2025-12-02T11:59:59Z"));
    let table = [
        (member(owner, lately, None), (Outcome::Pass, "IN_USE")),
        (member(owner, Some("2025-12-02T12:00:00Z"), None), (Outcome::Pass, "IN_USE")),
        (member(owner, long_ago, lately), (Outcome::Fail, "DORMANT")),
        (member(owner, None, lately), (Outcome::Pass, "IN_USE")),
        (member(owner, None, long_ago), (Outcome::Fail, "NEVER_SIGNED_IN")),
        (member(owner, None, None), (Outcome::Unknown, "LAST_SIGN_IN_UNREAD")),
        (member(reader, long_ago, None), (Outcome::NotApplicable, "NOT_PRIVILEGED")),
        (user("ada@example.com", "PENDING"), (Outcome::NotApplicable, "INVITATION_PENDING")),
    ];
    for (account, expected) in table {
        let judged = judged(DORMANT, &account, now(), ReviewRecord::default());
        assert_eq!(said(&judged), expected, "{account:?}");
        assert_eq!(judged.flip.is_some(), expected.0 == Outcome::Pass, "{account:?}");
    }
    let fresh = judged(DORMANT, &member(owner, lately, None), now(), ReviewRecord::default());
    let (at, later) = fresh.flip.unwrap();
    assert_eq!(
        (later.reason.as_str(), at - TimeDelta::days(90)),
        ("DORMANT", "2026-02-20T08:00:00.000001Z".parse().unwrap())
    );
}
