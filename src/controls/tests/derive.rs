//! Owners, descriptions, classifications and links, derived from edits, tags and e-mail addresses.

use serde_json::json;

use super::*;

fn people() -> Vec<(i64, Person)> {
    let mut ada = person("Ada", "ada@example.com");
    ada.aliases = vec!["countess@example.com".to_owned(), "shared@example.com".to_owned()];
    let mut grace = person("Grace", "grace@example.com");
    grace.aliases = vec!["shared@example.com".to_owned()];
    vec![(1, ada), (2, grace)]
}

fn index() -> PeopleIndex {
    let people = people();
    PeopleIndex::new(people.iter().map(|(id, person)| (*id, person)))
}

fn tagged(key: &str, value: &str) -> Cluster {
    decode(&good_but("/tags", json!([{ "key": key, "value": value }])))
}

fn standing_of(cluster: &Cluster, manual: &Manual) -> Standing {
    standing(cluster, manual, &index(), &Policy::default())
}

#[test]
fn people_are_found_by_address_case_blind_and_once() {
    let index = index();
    assert_eq!((index.len(), index.is_empty(), PeopleIndex::default().is_empty()), (2, false, true));
    assert_eq!(index.matches(" ADA@Example.com "), [1]);
    assert_eq!(index.matches("shared@example.com"), [1, 2]);
    assert_eq!(index.matches("nobody@example.com"), [0_i64; 0]);
    assert_eq!(index.matches(""), [0_i64; 0]);
    let mut twice = person("Twice", "twice@example.com");
    twice.aliases = vec!["Twice@example.com".to_owned(), " ".to_owned()];
    let index = PeopleIndex::new([(7, &twice)]);
    assert_eq!((index.matches("twice@example.com"), index.matches(" ")), (&[7][..], &[][..]));
}

#[test]
fn an_owner_tag_speaks_when_nobody_set_an_owner() {
    use AnnotationSource::{Manual as ByHand, ProviderTag};
    let table = [
        ("ada@example.com", None, (Some(1), Some(ProviderTag), Some("ada@example.com"))),
        ("  Countess@Example.COM ", None, (Some(1), Some(ProviderTag), Some("Countess@Example.COM"))),
        ("shared@example.com", None, (None, None, Some("shared@example.com"))),
        ("nobody", None, (None, None, Some("nobody"))),
        (" \u{A0}", None, (None, None, None)),
        ("ada@example.com", Some(2), (Some(2), Some(ByHand), None)),
    ];
    for (value, owner, expected) in table {
        let found = standing_of(&tagged("Owner", value), &Manual { owner, ..Manual::default() });
        assert_eq!((found.owner, found.owner_source, found.owner_tag.as_deref()), expected, "{value:?}");
    }
}

#[test]
fn a_description_by_hand_goes_before_the_tag_unless_it_is_blank() {
    use AnnotationSource::{Manual as ByHand, ProviderTag};
    let table = [
        (Some("Takes orders"), "tag", (Some("Takes orders"), Some(ByHand))),
        (None, " tag ", (Some("tag"), Some(ProviderTag))),
        (Some("\u{2003}\n"), "tag", (Some("tag"), Some(ProviderTag))),
        (Some("\u{200B}\u{FEFF}"), "\u{3000}", (None, None)),
        (None, "\u{0}", (None, None)),
    ];
    for (by_hand, tag, expected) in table {
        let manual = Manual { description: by_hand.map(str::to_owned), ..Manual::default() };
        let found = standing_of(&tagged("description", tag), &manual);
        assert_eq!((found.description.as_deref(), found.description_source), expected, "{by_hand:?} {tag:?}");
    }
}

#[test]
fn only_plain_answers_classify() {
    use UserDataClassification::{ContainsUserData, NoUserData, Unclassified};
    let (by_hand, by_tag) = (Some(AnnotationSource::Manual), Some(AnnotationSource::ProviderTag));
    let table = [
        ("true", None, (ContainsUserData, by_tag)),
        (" YES ", None, (ContainsUserData, by_tag)),
        ("False", None, (NoUserData, by_tag)),
        ("no", None, (NoUserData, by_tag)),
        ("1", None, (Unclassified, None)),
        ("maybe", None, (Unclassified, None)),
        ("", None, (Unclassified, None)),
        ("true", Some(NoUserData), (NoUserData, by_hand)),
        ("true", Some(Unclassified), (Unclassified, by_hand)),
    ];
    for (tag, user_data, expected) in table {
        let found = standing_of(&tagged("contains-user-data", tag), &Manual { user_data, ..Manual::default() });
        assert_eq!((found.user_data, found.user_data_source), expected, "{tag:?} {user_data:?}");
    }
}

#[test]
fn the_keys_of_the_tags_are_a_setting() {
    let policy = Policy { owner_tag: "Team-Lead".to_owned(), ..Policy::default() };
    let found = standing(&tagged("team-lead", "ada@example.com"), &Manual::default(), &index(), &policy);
    assert_eq!(found.owner, Some(1));
    let found = standing(&tagged("owner", "ada@example.com"), &Manual::default(), &index(), &policy);
    assert_eq!((found.owner, found.owner_tag), (None, None));
}

#[test]
fn an_account_is_linked_by_hand_or_by_one_matching_address() {
    let by_email = |id| Link { person: Some(id), source: Some(LinkSource::EmailMatch), ambiguous: false };
    let by_hand = |id| Link { person: Some(id), source: Some(LinkSource::Manual), ambiguous: false };
    let table = [
        ("Ada@Example.com", None, by_email(1)),
        ("countess@example.com", None, by_email(1)),
        ("shared@example.com", None, Link { ambiguous: true, ..Link::default() }),
        ("shared@example.com", Some(2), by_hand(2)),
        ("ada@example.com", Some(2), by_hand(2)),
        ("stranger@example.com", None, Link::default()),
    ];
    for (username, manual, expected) in table {
        assert_eq!(link(&user(username, "ACTIVE"), manual, &index()), expected, "{username} {manual:?}");
    }
}

#[test]
fn a_key_named_like_a_person_is_linked_to_nobody() {
    let row = json!({ "id": "6a793f752c88faeba59bba49", "publicKey": "ada@example.com", "desc": "ada@example.com" });
    let key = convert::api_key(&row).unwrap();
    assert_eq!(link(&key, None, &index()), Link::default());
}

#[test]
fn what_is_derived_survives_being_written_down() {
    let found = standing_of(&tagged("owner", "ada@example.com"), &Manual::default());
    let read: Standing = serde_json::from_value(serde_json::to_value(&found).unwrap()).unwrap();
    assert_eq!(read, found);
    let linked = link(&user("ada@example.com", "ACTIVE"), None, &index());
    let read: Link = serde_json::from_value(serde_json::to_value(&linked).unwrap()).unwrap();
    assert_eq!(read, linked);
}
