//! Owners, descriptions and classifications of inventory items.

use serde_json::json;

use super::*;

const OWNERS: &str = "inventory-items-have-owners";
const DESCRIPTIONS: &str = "inventory-items-have-descriptions";
const USER_DATA: &str = "resources-classified-for-user-data";

fn tagged(key: &str, value: &str) -> Value {
    good_but("/tags", json!([{ "key": key, "value": value }]))
}

/// Judges a body in a workspace whose only person has id 1.
fn judged(key: &str, body: &Value, manual: &Manual, owner: &Person, policy: &Policy, now: Instant) -> Judged {
    let cluster = decode(body);
    let standing = standing(&cluster, manual, &PeopleIndex::new([(1, owner)]), policy);
    let owner = (standing.owner == Some(1)).then_some(owner);
    let facts = AssetFacts { cluster: &cluster, standing: &standing, owner, encryption: None };
    find(key).unwrap().judge_asset(&facts, policy, now).unwrap()
}

fn owned_by(owner: &Person) -> Judged {
    let manual = Manual { owner: Some(1), ..Manual::default() };
    judged(OWNERS, &good(), &manual, owner, &Policy::default(), now())
}

fn said(judged: &Judged) -> (Outcome, &str) {
    (judged.verdict.outcome, judged.verdict.reason.as_str())
}

#[test]
fn an_owner_must_be_one_active_person() {
    let ada = person("Ada", "ada@example.com");
    let table = [
        ("nobody", good(), None, (Outcome::Fail, "NO_OWNER")),
        ("by hand", good(), Some(1), (Outcome::Pass, "OWNED")),
        ("by tag", tagged("owner", "ADA@example.com"), None, (Outcome::Pass, "OWNED")),
        ("a blank tag", tagged("owner", "  "), None, (Outcome::Fail, "NO_OWNER")),
        ("a tag for a stranger", tagged("owner", "bob@example.com"), None, (Outcome::Fail, "OWNER_NOT_IN_PERSONNEL")),
        ("by hand over a stranger's tag", tagged("owner", "bob"), Some(1), (Outcome::Pass, "OWNED")),
        ("by hand, and gone from personnel", good(), Some(9), (Outcome::Fail, "OWNER_NOT_IN_PERSONNEL")),
        ("creating clusters too", good_but("/stateName", json!("CREATING")), None, (Outcome::Fail, "NO_OWNER")),
        ("shared clusters too", shared("M0", "M0"), Some(1), (Outcome::Pass, "OWNED")),
    ];
    for (what, body, owner, expected) in table {
        let manual = Manual { owner, ..Manual::default() };
        let found = judged(OWNERS, &body, &manual, &ada, &Policy::default(), now());
        assert_eq!(said(&found), expected, "{what}");
        assert_eq!(found.flip, None, "{what}");
    }
}

#[test]
fn a_tag_that_matches_nobody_is_shown() {
    let ada = person("Ada", "ada@example.com");
    let body = tagged("owner", "platform-team");
    let found = judged(OWNERS, &body, &Manual::default(), &ada, &Policy::default(), now());
    let evidence = item("owner", Some("platform-team"), Some("the e-mail or alias of one person in personnel"));
    assert_eq!(found.verdict.evidence, [evidence]);
    assert!(found.verdict.message.contains("platform-team"));
}

#[test]
fn an_owner_who_left_is_none() {
    let ada = person("Ada", "ada@example.com");
    let left = Person { status: EmploymentStatus::Left, ..ada.clone() };
    let left_later = Person { ends_on: Some(day(2026, 12, 31)), ..left.clone() };
    let over = Person { ends_on: Some(day(2026, 3, 1)), ..ada.clone() };
    for owner in [left, left_later, over] {
        let found = owned_by(&owner);
        assert_eq!(said(&found), (Outcome::Fail, "OWNER_LEFT"), "{owner:?}");
        assert_eq!(found.flip, None, "{owner:?}");
    }
    let last_day = owned_by(&Person { ends_on: Some(day(2026, 3, 2)), ..ada });
    assert_eq!(said(&last_day), (Outcome::Pass, "OWNED"));
}

#[test]
fn an_owner_flips_when_the_last_day_is_over_without_any_grace() {
    let ada = Person { ends_on: Some(day(2026, 3, 5)), ..person("Ada", "ada@example.com") };
    let policy = Policy { deprovision_grace: 30, time_zone: chrono_tz::America::New_York, ..Policy::default() };
    let manual = Manual { owner: Some(1), ..Manual::default() };
    let found = judged(OWNERS, &good(), &manual, &ada, &policy, now());
    let (at, later) = found.flip.unwrap();
    assert_eq!(at, Utc.with_ymd_and_hms(2026, 3, 6, 5, 0, 0).unwrap());
    assert_eq!(later.reason, "OWNER_LEFT");
    assert_eq!(judged(OWNERS, &good(), &manual, &ada, &policy, at).verdict, later);
}

#[test]
fn a_description_needs_a_visible_character() {
    let ada = person("Ada", "ada@example.com");
    let by_hand = |text: &str| Manual { description: Some(text.to_owned()), ..Manual::default() };
    let table = [
        (good(), Manual::default(), (Outcome::Fail, "NO_DESCRIPTION")),
        (good(), by_hand("\u{2003}\t"), (Outcome::Fail, "NO_DESCRIPTION")),
        (good(), by_hand("."), (Outcome::Pass, "DESCRIBED")),
        (tagged("Description", "Takes orders"), Manual::default(), (Outcome::Pass, "DESCRIBED")),
        (tagged("description", " "), Manual::default(), (Outcome::Fail, "NO_DESCRIPTION")),
    ];
    for (body, manual, expected) in table {
        let found = judged(DESCRIPTIONS, &body, &manual, &ada, &Policy::default(), now());
        assert_eq!((said(&found), &found.flip), (expected, &None), "{manual:?}");
    }
}

#[test]
fn either_class_passes_and_anything_else_fails() {
    let ada = person("Ada", "ada@example.com");
    let by_hand = |class| Manual { user_data: Some(class), ..Manual::default() };
    let table = [
        (good(), Manual::default(), (Outcome::Fail, "NOT_CLASSIFIED")),
        (good(), by_hand(UserDataClassification::Unclassified), (Outcome::Fail, "NOT_CLASSIFIED")),
        (good(), by_hand(UserDataClassification::ContainsUserData), (Outcome::Pass, "CLASSIFIED")),
        (good(), by_hand(UserDataClassification::NoUserData), (Outcome::Pass, "CLASSIFIED")),
        (tagged("contains-user-data", "no"), Manual::default(), (Outcome::Pass, "CLASSIFIED")),
        (tagged("contains-user-data", "perhaps"), Manual::default(), (Outcome::Fail, "NOT_CLASSIFIED")),
    ];
    for (body, manual, expected) in table {
        let found = judged(USER_DATA, &body, &manual, &ada, &Policy::default(), now());
        assert_eq!((said(&found), &found.flip), (expected, &None), "{manual:?}");
    }
}
