//! Accounts and the people behind them.

use serde_json::json;

use super::*;

const ASSOCIATED: &str = "accounts-associated-with-users";
const DEPROVISIONED: &str = "accounts-deprovisioned-when-personnel-leave";

fn api_key() -> Account {
    convert::api_key(&json!({ "id": "6a793f752c88faeba59bba49", "publicKey": "pubkey01", "roles": [] })).unwrap()
}

fn service_account() -> Account {
    convert::service_account(&json!({ "clientId": "mdb_sa_id_6a793f752c88faeba59bba49", "name": "ci" })).unwrap()
}

/// Judges an account in a workspace of these people, whose ids are their positions from 1.
fn judged(key: &str, account: &Account, manual: Option<i64>, people: &[Person], policy: &Policy) -> Judged {
    let link = link(account, manual, &PeopleIndex::new((1..).zip(people)));
    let person = (1..).zip(people).find(|(id, _)| link.person == Some(*id)).map(|(_, person)| person);
    let facts = AccountFacts {
        account,
        privileged: account.is_privileged(),
        link: &link,
        person,
        any_personnel: !people.is_empty(),
        first_seen_at: now(),
        review: ReviewRecord::default(),
    };
    find(key).unwrap().judge_account(&facts, policy, now()).unwrap()
}

fn verdict(key: &str, account: &Account, manual: Option<i64>, people: &[Person]) -> Verdict {
    judged(key, account, manual, people, &Policy::default()).verdict
}

#[test]
fn every_account_of_every_kind_needs_one_person() {
    let mut ada = person("Ada", "ada@example.com");
    ada.aliases = vec!["ops@example.com".to_owned()];
    let mut grace = person("Grace", "grace@example.com");
    grace.aliases = ada.aliases.clone();
    let people = [ada, grace];
    let associated = (Outcome::Pass, "ASSOCIATED");
    let nobody = (Outcome::Fail, "NO_PERSON");
    let table = [
        (user("Ada@Example.com", "ACTIVE"), None, associated),
        (user("grace@example.com", "PENDING"), None, associated),
        (user("grace@example.com", "A_WORD_OF_TOMORROW"), None, associated),
        (user("stranger@example.com", "ACTIVE"), None, nobody),
        (user("stranger@example.com", "PENDING"), None, nobody),
        (user("stranger@example.com", "ACTIVE"), Some(2), associated),
        (user("ops@example.com", "ACTIVE"), None, (Outcome::Fail, "AMBIGUOUS_PERSON")),
        (user("ops@example.com", "ACTIVE"), Some(1), associated),
        (user("ada@example.com", "ACTIVE"), Some(9), nobody),
        (api_key(), None, nobody),
        (api_key(), Some(1), associated),
        (service_account(), None, nobody),
        (service_account(), Some(1), associated),
    ];
    for (account, manual, expected) in table {
        let found = verdict(ASSOCIATED, &account, manual, &people);
        assert_eq!((found.outcome, found.reason.as_str()), expected, "{} {manual:?}", account.login);
    }
    assert_eq!(verdict(ASSOCIATED, &api_key(), None, &[]).reason, "NO_PERSON", "with no personnel at all too");
}

#[test]
fn a_person_who_left_is_still_a_person() {
    let left = Person { status: EmploymentStatus::Left, ..person("Ada", "ada@example.com") };
    assert_eq!(verdict(ASSOCIATED, &user("ada@example.com", "ACTIVE"), None, &[left]).outcome, Outcome::Pass);
}

#[test]
fn an_association_shows_how_it_came_about() {
    let found = verdict(ASSOCIATED, &user("Ada@example.com", "ACTIVE"), None, &[person("Ada", "ada@example.com")]);
    assert_eq!(
        found.evidence,
        [
            item("person", Some("Ada"), Some("one person")),
            item("account kind", Some("USER"), None),
            item("account email", Some("ada@example.com"), None),
            item("link source", Some("EMAIL_MATCH"), None),
        ]
    );
}

#[test]
fn no_account_outlives_its_person() {
    let ada = person("Ada", "ada@example.com");
    let left = Person { status: EmploymentStatus::Left, ..ada.clone() };
    let ended = Person { ends_on: Some(day(2026, 3, 1)), ..ada.clone() };
    let left_later = Person { ends_on: Some(day(2026, 3, 2)), ..left.clone() };
    let stranger = person("Bob", "bob@example.com");
    let leaver = (Outcome::Fail, "ACCOUNT_OF_LEAVER");
    let active = (Outcome::Pass, "PERSON_ACTIVE");
    let mine = || user("ada@example.com", "ACTIVE");
    let table = [
        (mine(), None, vec![ada.clone()], active),
        (mine(), None, vec![left.clone()], leaver),
        (mine(), None, vec![ended.clone()], leaver),
        (mine(), None, vec![left_later], active),
        (user("ada@example.com", "PENDING"), None, vec![left.clone()], leaver),
        (api_key(), Some(1), vec![left.clone()], leaver),
        (service_account(), Some(1), vec![ended], leaver),
        (api_key(), None, vec![left], (Outcome::Unknown, "ACCOUNT_NOT_LINKED")),
        (mine(), None, vec![stranger], (Outcome::Unknown, "ACCOUNT_NOT_LINKED")),
        (mine(), None, vec![], (Outcome::Unknown, "NO_PERSONNEL")),
        (api_key(), None, vec![], (Outcome::Unknown, "NO_PERSONNEL")),
    ];
    for (account, manual, people, expected) in table {
        let found = verdict(DEPROVISIONED, &account, manual, &people);
        assert_eq!((found.outcome, found.reason.as_str()), expected, "{} {people:?}", account.login);
    }
}

#[test]
fn an_invitation_is_to_be_withdrawn_and_an_account_removed() {
    let left = [Person { status: EmploymentStatus::Left, ..person("Ada", "ada@example.com") }];
    let message = |status| verdict(DEPROVISIONED, &user("ada@example.com", status), None, &left).message;
    assert_eq!(message("ACTIVE"), "ada@example.com belongs to Ada, who has left: remove it in Atlas.");
    assert_eq!(message("PENDING"), "ada@example.com is an invitation to Ada, who has left: withdraw it in Atlas.");
}

#[test]
fn grace_moves_the_flip_and_the_flip_is_what_would_be_judged_then() {
    let ada = [Person { ends_on: Some(day(2026, 2, 27)), ..person("Ada", "ada@example.com") }];
    let account = user("ada@example.com", "ACTIVE");
    assert_eq!(verdict(DEPROVISIONED, &account, None, &ada).reason, "ACCOUNT_OF_LEAVER");
    let policy = Policy { deprovision_grace: 7, ..Policy::default() };
    let found = judged(DEPROVISIONED, &account, None, &ada, &policy);
    assert_eq!(found.verdict.reason, "PERSON_ACTIVE");
    let (at, later) = found.flip.unwrap();
    assert_eq!(at, Utc.with_ymd_and_hms(2026, 3, 7, 0, 0, 0).unwrap());
    assert_eq!(later.reason, "ACCOUNT_OF_LEAVER");
}

#[test]
fn the_past_never_flips() {
    let ended = [Person { ends_on: Some(day(2026, 2, 27)), ..person("Ada", "ada@example.com") }];
    let account = user("ada@example.com", "ACTIVE");
    assert_eq!(judged(DEPROVISIONED, &account, None, &ended, &Policy::default()).flip, None);
    assert_eq!(judged(DEPROVISIONED, &api_key(), None, &ended, &Policy::default()).flip, None);
}
