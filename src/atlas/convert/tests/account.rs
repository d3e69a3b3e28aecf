//! Users, keys, service accounts and their grants.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::*;
use crate::domain::{Account, AccountKind, AccountStatus, Grant, GrantPath, GrantScope, KeyProfile};

const ID: &str = "5e4bc367c6b0f41bb9bbb178";
const ORG: &str = "64ecb5ca726c787590a9aaea";
const PROJECT: &str = "64ecb5ca726c787590a9aaf3";
const OTHER_PROJECT: &str = "64ecb5ca726c787590a9aaf4";
const TEAM: &str = "6a794032c0eb9e7a1771a2dd";

fn in_organization(role: &str, via: GrantPath) -> Grant {
    Grant { role: role.to_owned(), scope: GrantScope::Organization, project: None, via, team: None }
}

fn in_project(role: &str, project: &str, team: Option<&str>) -> Grant {
    Grant {
        role: role.to_owned(),
        scope: GrantScope::Project,
        project: Some(project.to_owned()),
        via: if team.is_some() { GrantPath::Team } else { GrantPath::Direct },
        team: team.map(str::to_owned),
    }
}

fn active() -> Value {
    json!({
        "id": ID, "username": "Avery.Example@Example.com", "firstName": "Avery", "lastName": "Example",
        "orgMembershipStatus": "ACTIVE", "createdAt": "2020-02-18T10:58:47Z", "lastAuth": "2026-08-08T18:15:51+02:00",
        "country": "IE", "mobileNumber": "+353 1 555 0100",
        "roles": {
            "orgRoles": ["ORG_OWNER", "ORG_MEMBER", "ORG_OWNER"],
            "groupRoleAssignments": [{ "groupId": PROJECT, "groupRoles": ["GROUP_OWNER", "GROUP_OWNER"] }, null]
        },
        "teamIds": [TEAM, null, TEAM]
    })
}

fn with(mut row: Value, field: &str, value: Value) -> Value {
    row[field] = value;
    row
}

#[test]
fn an_active_user_is_read_whole() {
    let expected = UserRow {
        account: Account {
            kind: AccountKind::User,
            atlas_id: ID.to_owned(),
            login: "Avery.Example@Example.com".to_owned(),
            display_name: Some("Avery Example".to_owned()),
            email: Some("avery.example@example.com".to_owned()),
            status: AccountStatus::Active,
            created_at: Some("2020-02-18T10:58:47Z".parse().unwrap()),
            last_authenticated_at: Some("2026-08-08T16:15:51Z".parse().unwrap()),
            invited_at: None,
            grants: vec![
                in_project("GROUP_OWNER", PROJECT, None),
                in_organization("ORG_MEMBER", GrantPath::Direct),
                in_organization("ORG_OWNER", GrantPath::Direct),
                in_organization("ORG_OWNER", GrantPath::Implied),
            ],
        },
        team_ids: vec![TEAM.to_owned()],
    };
    assert_eq!(user(&active()), Ok(Some(expected)));
}

#[test]
fn telephone_and_country_are_dropped() {
    let kept = format!("{:?}", user(&active()).unwrap());
    assert!(!kept.contains("555") && !kept.contains("IE"), "{kept}");
}

#[test]
fn membership_words_decide_whether_there_is_an_account() {
    let status =
        |word: Value| user(&with(active(), "orgMembershipStatus", word)).unwrap().map(|found| found.account.status);
    assert_eq!(status(json!("PENDING")), Some(AccountStatus::Pending));
    assert_eq!(status(json!("INVITATION_EXPIRED")), None);
    assert_eq!(status(json!("INVITATION_REJECTED")), None);
    assert_eq!(status(json!("A_WORD_OF_TOMORROW")), Some(AccountStatus::Active));
    assert_eq!(status(json!(null)), Some(AccountStatus::Active));
}

#[test]
fn an_invitation_has_no_name_and_a_date() {
    let row = json!({ "id": ID, "username": "indigo@example.com", "orgMembershipStatus": "PENDING",
        "invitationCreatedAt": "2026-08-10T03:03:42Z", "roles": { "orgRoles": ["ORG_READ_ONLY"] } });
    let found = user(&row).unwrap().unwrap();
    assert_eq!(found.account.invited_at, Some("2026-08-10T03:03:42Z".parse().unwrap()));
    assert_eq!((found.account.display_name, found.team_ids), (None, vec![]));
    let role = |via| in_organization("ORG_READ_ONLY", via);
    assert_eq!(found.account.grants, [role(GrantPath::Direct), role(GrantPath::Implied)]);
}

#[test]
fn odd_users_say_where_they_are_odd() {
    let assignment = |value: Value| with(active(), "roles", json!({ "groupRoleAssignments": [value] }));
    let table = [
        (with(active(), "username", json!(null)), "username"),
        (with(active(), "id", json!("5E4BC367C6B0F41BB9BBB178")), "id"),
        (assignment(json!({ "groupId": "x", "groupRoles": [] })), "roles.groupRoleAssignments[].groupId"),
        (assignment(json!("x")), "roles.groupRoleAssignments[]"),
        (with(active(), "teamIds", json!(["x"])), "teamIds[]"),
        (with(active(), "teamIds", json!(vec![TEAM; 5_000])), "teamIds"),
    ];
    for (row, field) in table {
        assert_eq!(user(&row).unwrap_err().field, field);
    }
}

#[test]
fn roles_that_are_not_there_are_none_and_roles_of_a_wrong_type_are_odd() {
    for roles in [json!(null), json!({}), json!({ "orgRoles": null }), json!({ "orgRoles": [null, ""] })] {
        assert_eq!(user(&with(active(), "roles", roles)).unwrap().unwrap().account.grants, []);
    }
    let odd = [
        (json!([]), "roles"),
        (json!("ORG_OWNER"), "roles"),
        (json!({ "orgRoles": "ORG_OWNER" }), "roles.orgRoles"),
        (json!({ "orgRoles": [{ "roleName": "ORG_OWNER" }] }), "roles.orgRoles"),
        (json!({ "groupRoleAssignments": {} }), "roles.groupRoleAssignments"),
    ];
    for (roles, field) in odd {
        assert_eq!(user(&with(active(), "roles", roles)).unwrap_err().field, field);
    }
    assert_eq!(user(&with(active(), "teamIds", json!("x"))).unwrap_err().field, "teamIds");
    assert_eq!(team_roles(&json!({ "teamId": TEAM, "roleNames": "x" })).unwrap_err().field, "roleNames");
}

#[test]
fn teams_bring_their_roles_in_each_project() {
    let row = with(active(), "roles", json!({ "groupRoleAssignments": [{ "groupId": PROJECT, "groupRoles": ["R"] }] }));
    let unnamed = "6a794032c0eb9e7a1771a2de";
    let row = with(row, "teamIds", json!([TEAM, unnamed]));
    let held = |team: &str, roles: &[&str]| TeamRoles {
        team_id: team.to_owned(),
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
    };
    let teams = BTreeMap::from([(TEAM.to_owned(), "Platform".to_owned())]);
    let team_roles = [
        (PROJECT.to_owned(), held(TEAM, &["R", "S"])),
        (OTHER_PROJECT.to_owned(), held(TEAM, &["R"])),
        (OTHER_PROJECT.to_owned(), held(unnamed, &["R"])),
        (OTHER_PROJECT.to_owned(), held("6a794032c0eb9e7a1771a2df", &["GROUP_OWNER"])),
    ];
    let account = with_team_grants(user(&row).unwrap().unwrap(), &teams, &team_roles);
    let unnamed_team = Grant { via: GrantPath::Team, ..in_project("R", OTHER_PROJECT, None) };
    assert_eq!(
        account.grants,
        [
            in_project("R", PROJECT, None),
            in_project("R", PROJECT, Some("Platform")),
            unnamed_team,
            in_project("R", OTHER_PROJECT, Some("Platform")),
            in_project("S", PROJECT, Some("Platform")),
        ]
    );
}

#[test]
fn an_api_key_keeps_everything_but_its_secret() {
    let row = json!({
        "id": ID, "desc": "backup job", "publicKey": "pubkey01", "privateKey": "********-****-****-c0ffee000000",
        "roles": [{ "orgId": ORG, "roleName": "ORG_READ_ONLY" }, { "groupId": PROJECT, "roleName": "GROUP_OWNER" },
                  { "orgId": ORG, "roleName": null }, null]
    });
    let found = api_key(&row).unwrap();
    assert!(!format!("{found:?}").contains("c0ffee"));
    let expected = Account {
        kind: AccountKind::ApiKey,
        atlas_id: ID.to_owned(),
        login: "pubkey01".to_owned(),
        display_name: Some("backup job".to_owned()),
        email: None,
        status: AccountStatus::Active,
        created_at: None,
        last_authenticated_at: None,
        invited_at: None,
        grants: vec![
            in_project("GROUP_OWNER", PROJECT, None),
            in_organization("ORG_READ_ONLY", GrantPath::Direct),
            in_organization("ORG_READ_ONLY", GrantPath::Implied),
        ],
    };
    assert_eq!(found, expected);
}

#[test]
fn a_role_in_one_project_implies_nothing() {
    let row = json!({ "id": ID, "publicKey": "pubkey01", "roles": [{ "groupId": PROJECT, "roleName": "ORG_OWNER" }] });
    assert_eq!(api_key(&row).unwrap().grants, [in_project("ORG_OWNER", PROJECT, None)]);
}

#[test]
fn odd_roles_of_a_key_are_told_not_dropped() {
    let key = |role: Value| api_key(&json!({ "id": ID, "publicKey": "pubkey01", "roles": [role] }));
    assert_eq!(key(json!({ "groupId": "x", "roleName": "GROUP_OWNER" })).unwrap_err().field, "roles[].groupId");
    assert_eq!(key(json!({ "orgId": 1, "roleName": "ORG_OWNER" })).unwrap_err().field, "roles[].orgId");
    for odd in [json!({ "roleName": "GROUP_OWNER" }), json!({ "orgId": ORG, "roleName": ["ORG_OWNER"] }), json!(7)] {
        assert_eq!(key(odd).unwrap_err().field, "roles[]");
    }
    assert_eq!(api_key(&json!({ "id": ID, "publicKey": "k", "roles": "ORG_OWNER" })).unwrap_err().field, "roles");
    assert!(key(json!({ "roleName": "ORG_OWNER" })).unwrap().is_privileged());
    assert_eq!(api_key(&json!({ "id": ID })).unwrap_err().field, "publicKey");
}

#[test]
fn a_service_account_lists_roles_as_words_or_objects() {
    let client = "mdb_sa_id_6a793f752c88faeba59bba49";
    let bare = json!({ "clientId": client, "name": "ci", "roles": ["ORG_OWNER"], "createdAt": "2026-01-02T03:04:05Z",
        "secrets": [{ "maskedSecretValue": "mdb_sa_sk_...c0ffee" }] });
    let object = with(bare.clone(), "roles", json!([{ "orgId": ORG, "roleName": "ORG_OWNER" }]));
    let found = service_account(&bare).unwrap();
    assert_eq!(service_account(&object).unwrap(), found);
    assert_eq!(
        (found.kind, found.login.as_str(), found.atlas_id.as_str()),
        (AccountKind::ServiceAccount, client, client)
    );
    assert_eq!(found.display_name.as_deref(), Some("ci"));
    assert_eq!(found.created_at, Some("2026-01-02T03:04:05Z".parse().unwrap()));
    let owner = |via| in_organization("ORG_OWNER", via);
    assert_eq!(found.grants, [owner(GrantPath::Direct), owner(GrantPath::Implied)]);
    assert!(!format!("{found:?}").contains("c0ffee"));
}

#[test]
fn a_client_id_is_a_short_plain_word() {
    for odd in [json!(null), json!(""), json!("a b"), json!("a".repeat(65)), json!("mdb/../x"), json!(1)] {
        assert_eq!(service_account(&json!({ "clientId": odd })).unwrap_err().field, "clientId");
    }
}

#[test]
fn a_service_accounts_project_roles_are_added() {
    let row = json!({ "clientId": "mdb_sa_id_1", "roles": ["B", { "groupId": PROJECT, "roleName": "A" }, "B"] });
    let (client, roles) = service_account_project_roles(&row).unwrap();
    assert_eq!((client.as_str(), roles.as_slice()), ("mdb_sa_id_1", &["A".to_owned(), "B".to_owned()][..]));
    let account = service_account(&json!({ "clientId": "mdb_sa_id_1", "roles": ["ORG_MEMBER"] })).unwrap();
    let account = with_project_grants(account, &[(PROJECT.to_owned(), roles)]);
    assert_eq!(
        account.grants,
        [
            in_project("A", PROJECT, None),
            in_project("B", PROJECT, None),
            in_organization("ORG_MEMBER", GrantPath::Direct)
        ]
    );
}

#[test]
fn the_root_tells_the_keys_organization_and_roles() {
    let body = json!({ "appName": "MongoDB Atlas", "apiKey": {
        "id": ID, "publicKey": "pubkey05", "accessList": [{ "ipAddress": "192.0.2.1" }],
        "roles": [{ "orgId": ORG, "roleName": "ORG_READ_ONLY" }, { "orgId": ORG, "roleName": "ORG_MEMBER" },
                  { "groupId": PROJECT, "roleName": "GROUP_READ_ONLY" }, { "orgId": ORG, "roleName": "ORG_MEMBER" }]
    } });
    let expected = KeyProfile {
        public_key: "pubkey05".to_owned(),
        organization: Some(ORG.to_owned()),
        organization_roles: vec!["ORG_MEMBER".to_owned(), "ORG_READ_ONLY".to_owned()],
        project_roles: vec!["GROUP_READ_ONLY".to_owned()],
        access_listed: true,
    };
    assert_eq!(key_profile(&body, "pubkey05"), Ok(expected));
}

#[test]
fn a_key_with_project_roles_only_has_no_organization() {
    let body = json!({ "apiKey": { "roles": [{ "groupId": PROJECT, "roleName": "GROUP_OWNER" }], "accessList": [] } });
    let found = key_profile(&body, "pubkey05").unwrap();
    assert_eq!((found.organization, found.access_listed), (None, false));
}

#[test]
fn a_key_of_two_organizations_always_names_the_same_one() {
    let role = |org: &str| json!({ "orgId": org, "roleName": "ORG_MEMBER" });
    let found = |roles: [Value; 2]| key_profile(&json!({ "apiKey": { "roles": roles } }), "k").unwrap().organization;
    assert_eq!(found([role(ORG), role(PROJECT)]).as_deref(), Some(ORG));
    assert_eq!(found([role(PROJECT), role(ORG)]).as_deref(), Some(ORG));
}

#[test]
fn a_root_that_tells_of_no_key_is_odd() {
    for (body, problem) in [
        (json!({ "appName": "MongoDB Atlas" }), "is missing"),
        (json!({ "apiKey": "pubkey05" }), "is not a JSON object"),
    ] {
        assert_eq!(key_profile(&body, "pubkey05"), Err(OddRow { field: "apiKey", problem }));
    }
}
