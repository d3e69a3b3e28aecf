//! Projects, organizations, teams and customer keys.

use serde_json::json;

use super::super::*;
use crate::domain::{EncryptionAtRest, KeyState, Organization, Project, Tag};

const ID: &str = "64ecb5ca726c787590a9aaf3";

fn tag(key: &str, value: &str) -> Tag {
    Tag { key: key.to_owned(), value: value.to_owned() }
}

#[test]
fn a_project_keeps_name_date_and_sorted_tags() {
    let row = json!({
        "id": ID, "name": " Orders ", "orgId": "64ecb5ca726c787590a9aaea", "created": "2023-08-28T14:59:22.1234567Z",
        "clusterCount": 2,
        "tags": [{ "key": "team", "value": "a" }, { "key": "env", "value": "prod" }, { "key": "env", "value": "prod" },
                 { "key": "", "value": "x" }, { "key": "bare" }, null, 7]
    });
    let expected = Project {
        atlas_id: ID.to_owned(),
        name: "Orders".to_owned(),
        created_at: Some("2023-08-28T14:59:22.123456Z".parse().unwrap()),
        tags: vec![tag("env", "prod"), tag("team", "a")],
    };
    assert_eq!(project(&row), Ok(expected));
}

#[test]
fn missing_dates_and_tags_are_no_fault() {
    let found = project(&json!({ "id": ID, "name": "Orders", "created": "yesterday", "tags": "none" })).unwrap();
    assert_eq!((found.created_at, found.tags), (None, Vec::new()));
}

#[test]
fn a_row_without_a_proper_id_or_name_is_odd_and_says_where() {
    let odd_id = "is not 24 lower-case hexadecimal digits";
    let table = [
        (json!([]), "project", "is not a JSON object"),
        (json!({ "name": "x" }), "id", "is missing"),
        (json!({ "id": null, "name": "x" }), "id", "is missing"),
        (json!({ "id": "64ECB5CA726C787590A9AAF3", "name": "x" }), "id", odd_id),
        (json!({ "id": "64ecb5ca726c787590a9aaf", "name": "x" }), "id", odd_id),
        (json!({ "id": "64ecb5ca726c787590a9aag3", "name": "x" }), "id", odd_id),
        (json!({ "id": 64, "name": "x" }), "id", odd_id),
        (json!({ "id": ID }), "name", "is missing"),
        (json!({ "id": ID, "name": ["x"] }), "name", "is not text"),
        (json!({ "id": ID, "name": " \u{3000}" }), "name", "is blank"),
    ];
    for (row, field, problem) in table {
        assert_eq!(project(&row), Err(OddRow { field, problem }), "{row}");
    }
}

#[test]
fn an_odd_row_does_not_repeat_the_value() {
    let error = project(&json!({ "id": "x".repeat(5_000), "name": "x" })).unwrap_err();
    assert_eq!(error.to_string(), "id is not 24 lower-case hexadecimal digits");
}

#[test]
fn long_text_is_cut_between_characters_and_control_characters_show() {
    let found = project(&json!({ "id": ID, "name": format!("a\u{1b}[2J\n{}", "ö".repeat(5_000)) })).unwrap();
    assert_eq!(found.name.chars().count(), 1_024);
    assert!(found.name.starts_with("a\u{FFFD}[2J\u{FFFD}öö"));
}

#[test]
fn two_hundred_tags_are_enough() {
    let tags: Vec<_> = (0..5_000).map(|n| json!({ "key": format!("k{n:04}"), "value": "v" })).collect();
    assert_eq!(project(&json!({ "id": ID, "name": "x", "tags": tags })).unwrap().tags.len(), 200);
}

#[test]
fn an_organization_is_an_id_and_a_name() {
    let found = organization(&json!({ "id": ID, "name": "Example", "isDeleted": false }));
    assert_eq!(found, Ok(Organization { atlas_id: ID.to_owned(), name: "Example".to_owned() }));
}

#[test]
fn customer_keys_keep_two_flags_per_cloud_and_no_identifier() {
    let body = json!({
        "awsKms": { "enabled": true, "valid": false, "customerMasterKeyID": "secret-key-id" },
        "azureKeyVault": { "enabled": "yes", "valid": true },
        "googleCloudKms": null
    });
    let state = |enabled, valid| KeyState { enabled, valid };
    let expected = EncryptionAtRest {
        aws: state(Some(true), Some(false)),
        azure: state(None, Some(true)),
        gcp: KeyState::default(),
    };
    assert_eq!(encryption_at_rest(&body), Ok(expected));
    assert!(encryption_at_rest(&json!("off")).is_err());
}

#[test]
fn teams_and_their_roles_are_read() {
    assert_eq!(
        team(&json!({ "id": ID, "name": "Platform" })),
        Ok(Team { id: ID.to_owned(), name: "Platform".to_owned() })
    );
    let row = json!({ "teamId": ID, "roleNames": ["GROUP_READ_ONLY", "GROUP_OWNER", "GROUP_OWNER", null, " "] });
    let roles = vec!["GROUP_OWNER".to_owned(), "GROUP_READ_ONLY".to_owned()];
    assert_eq!(team_roles(&row), Ok(TeamRoles { team_id: ID.to_owned(), roles }));
    assert_eq!(team_roles(&json!({ "roleNames": [] })).unwrap_err().field, "teamId");
}
