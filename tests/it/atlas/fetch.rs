//! The fetch of a whole organization: what it asks for, what it keeps, and what ends it.

use std::sync::Mutex;

use serde_json::json;
use slategate::atlas::{AtlasError, Client};
use slategate::domain::{Account, AccountKind, Grant, GrantPath, GrantScope, KeyVerdict, ScopeKind, Snapshot};
use slategate::sync::fetch::{FetchFailure, FetchProgress, FetchStage, fetch};

use super::estate::{ALPHA, BETA, Estate, SERVICE_ACCOUNT, cluster, root};
use super::{ORG, client};

async fn fetch_from(estate: &Estate) -> Result<Snapshot, FetchFailure> {
    fetch(&client(&estate.server.uri()), ORG, &[], &|_| {}).await
}

/// The scopes that failed: kind, project, code.
fn failures(snapshot: &Snapshot) -> Vec<(ScopeKind, Option<&str>, &str)> {
    let failed = |scope: &'_ slategate::domain::ScopeRead| scope.failure.is_some();
    let scopes = snapshot.scopes.iter().filter(|scope| failed(scope));
    scopes.map(|scope| (scope.kind, scope.project.as_deref(), scope.failure.as_ref().unwrap().code.as_str())).collect()
}

fn account(snapshot: &Snapshot, kind: AccountKind) -> &Account {
    snapshot.accounts.iter().find(|account| account.kind == kind).unwrap()
}

fn cluster_names(snapshot: &Snapshot) -> Vec<&str> {
    snapshot.clusters.iter().map(|cluster| cluster.name.as_str()).collect()
}

fn project_grant(role: &str, project: &str, team: Option<&str>) -> Grant {
    Grant {
        role: role.to_owned(),
        scope: GrantScope::Project,
        project: Some(project.to_owned()),
        via: if team.is_some() { GrantPath::Team } else { GrantPath::Direct },
        team: team.map(str::to_owned),
    }
}

#[tokio::test]
async fn a_whole_organization_is_read_with_every_list_whole() {
    let estate = Estate::start().await;
    let client = client(&estate.server.uri());
    let snapshot = fetch(&client, ORG, &[], &|_| {}).await.unwrap();

    assert_eq!(
        (snapshot.organization.as_ref().unwrap().name.as_str(), snapshot.key.verdict()),
        ("Slate", KeyVerdict::Fit)
    );
    assert_eq!(snapshot.projects.iter().map(|project| project.name.as_str()).collect::<Vec<_>>(), ["Alpha", "Beta"]);
    assert_eq!(cluster_names(&snapshot), ["of-a", "of-b"]);
    assert_eq!(snapshot.encryption.iter().map(|(project, _)| project.as_str()).collect::<Vec<_>>(), [ALPHA, BETA]);
    assert_eq!(snapshot.encryption[0].1.aws.valid, Some(false));
    assert_eq!(failures(&snapshot), []);
    assert_eq!((snapshot.scopes.len(), client.requests_sent()), (16, 17));
}

#[tokio::test]
async fn grants_by_team_and_grants_of_service_accounts_reach_their_accounts() {
    let snapshot = fetch_from(&Estate::start().await).await.unwrap();
    let user = account(&snapshot, AccountKind::User);
    for project in [ALPHA, BETA] {
        assert!(user.grants.contains(&project_grant("GROUP_READ_ONLY", project, Some("Readers"))), "{:?}", user.grants);
        let robot = account(&snapshot, AccountKind::ServiceAccount);
        assert_eq!(robot.atlas_id, SERVICE_ACCOUNT);
        assert!(robot.grants.contains(&project_grant("GROUP_OWNER", project, None)), "{:?}", robot.grants);
    }
}

#[tokio::test]
async fn lists_that_must_be_empty_are_not_asked_for() {
    let estate = Estate::start().await;
    estate.lists_now(&format!("/orgs/{ORG}/teams"), json!([])).await;
    estate.lists_now(&format!("/orgs/{ORG}/serviceAccounts"), json!([])).await;
    fetch_from(&estate).await.unwrap();
    let asked = estate.asked().await;
    assert_eq!(asked.len(), 13);
    assert!(!asked.iter().any(|path| path.starts_with("/groups") && path.ends_with("s/teams")), "{asked:?}");
    assert!(!asked.contains(&format!("/groups/{ALPHA}/serviceAccounts")));
}

#[tokio::test]
async fn a_team_list_that_failed_does_not_hide_the_teams_of_projects() {
    let estate = Estate::start().await;
    estate.refuses(&format!("/orgs/{ORG}/teams"), 403, "ACCESS_FORBIDDEN").await;
    let snapshot = fetch_from(&estate).await.unwrap();
    assert_eq!(failures(&snapshot), [(ScopeKind::Teams, None, "ACCESS_FORBIDDEN")]);
    let grants = &account(&snapshot, AccountKind::User).grants;
    let nameless = Grant { via: GrantPath::Team, ..project_grant("GROUP_READ_ONLY", ALPHA, None) };
    assert!(grants.contains(&nameless), "{grants:?}");
}

#[tokio::test]
async fn each_list_fails_for_itself() {
    let estate = Estate::start().await;
    estate.refuses(&format!("/orgs/{ORG}/users"), 503, "SERVICE_UNAVAILABLE").await;
    estate.refuses(&format!("/groups/{ALPHA}/flexClusters"), 404, "GROUP_NOT_FOUND").await;
    estate.refuses(&format!("/groups/{BETA}/encryptionAtRest"), 403, "ACCESS_FORBIDDEN").await;
    let snapshot = fetch_from(&estate).await.unwrap();
    assert_eq!(
        failures(&snapshot),
        [
            (ScopeKind::Users, None, "SERVICE_UNAVAILABLE"),
            (ScopeKind::FlexClusters, Some(ALPHA), "GROUP_NOT_FOUND"),
            (ScopeKind::EncryptionAtRest, Some(BETA), "ACCESS_FORBIDDEN"),
        ]
    );
    assert_eq!(cluster_names(&snapshot), ["of-a", "of-b"]);
    assert_eq!(snapshot.encryption.len(), 1);
}

#[tokio::test]
async fn known_projects_stand_in_for_a_list_that_failed() {
    let estate = Estate::start().await;
    estate.refuses(&format!("/orgs/{ORG}/groups"), 403, "ACCESS_FORBIDDEN").await;
    let known = [BETA.to_owned(), "not an id".to_owned()];
    let snapshot = fetch(&client(&estate.server.uri()), ORG, &known, &|_| {}).await.unwrap();
    assert_eq!((snapshot.projects.len(), cluster_names(&snapshot)), (0, vec!["of-b"]));
    let failed = failures(&snapshot);
    assert_eq!(failed[0], (ScopeKind::Projects, None, "ACCESS_FORBIDDEN"));
    assert!(
        failed[1..].iter().all(|(_, project, code)| (*project, *code) == (Some("not an id"), "UNEXPECTED_RESPONSE"))
    );
    assert!(!estate.asked().await.iter().any(|path| path.contains("not")));
}

#[tokio::test]
async fn known_projects_are_not_asked_for_when_the_list_is_whole() {
    let estate = Estate::start().await;
    let known = ["0123456789abcdef01234567".to_owned()];
    fetch(&client(&estate.server.uri()), ORG, &known, &|_| {}).await.unwrap();
    assert!(!estate.asked().await.iter().any(|path| path.contains(&known[0])));
}

#[tokio::test]
async fn an_odd_row_costs_itself_and_the_completeness_of_its_list() {
    let estate = Estate::start().await;
    let nameless = json!({ "id": "1234567890abcdef12345678" });
    estate.lists_now(&format!("/groups/{ALPHA}/clusters"), json!([nameless, 7, cluster(ALPHA)])).await;
    let snapshot = fetch_from(&estate).await.unwrap();
    assert_eq!(cluster_names(&snapshot), ["of-a", "of-b"]);
    assert_eq!(failures(&snapshot), [(ScopeKind::Clusters, Some(ALPHA), "UNEXPECTED_RESPONSE")]);
    let failed = snapshot.scopes.iter().find_map(|scope| scope.failure.as_ref()).unwrap();
    assert!(failed.message.starts_with("2 rows could not be read. The first: "), "{}", failed.message);
}

#[tokio::test]
async fn what_bars_every_call_ends_the_run_at_once() {
    let stages = [
        (String::new(), FetchStage::Credentials),
        (format!("/orgs/{ORG}/users"), FetchStage::Users),
        (format!("/orgs/{ORG}/groups"), FetchStage::Projects),
        (format!("/groups/{ALPHA}/clusters"), FetchStage::Clusters),
    ];
    for (path, stage) in stages {
        for (status, code) in [(402, "ACCOUNT_SUSPENDED"), (403, "IP_ADDRESS_NOT_ON_ACCESS_LIST")] {
            let estate = Estate::start().await;
            estate.refuses(&path, status, code).await;
            let client = client(&estate.server.uri());
            let failure = fetch(&client, ORG, &[], &|_| {}).await.unwrap_err();
            assert_eq!((failure.stage, failure.error.code()), (stage, code));
            assert!(!estate.asked().await.contains(&format!("/groups/{BETA}/encryptionAtRest")), "{path}");
        }
    }
}

#[tokio::test]
async fn an_organization_that_cannot_be_read_costs_its_name_only() {
    let estate = Estate::start().await;
    estate.refuses(&format!("/orgs/{ORG}"), 401, "USER_UNAUTHORIZED").await;
    let snapshot = fetch_from(&estate).await.unwrap();
    assert_eq!(failures(&snapshot), [(ScopeKind::Organization, None, "USER_UNAUTHORIZED")]);
    assert_eq!((snapshot.organization, snapshot.projects.len()), (None, 2));

    for list in ["users", "teams", "apiKeys", "serviceAccounts", "groups"] {
        estate.refuses(&format!("/orgs/{ORG}/{list}"), 401, "USER_UNAUTHORIZED").await;
    }
    let failure = fetch_from(&estate).await.unwrap_err();
    assert_eq!((failure.stage, failure.error.code()), (FetchStage::Credentials, "USER_UNAUTHORIZED"));

    let estate = Estate::start().await;
    estate.has_now("", root(BETA)).await;
    let failure = fetch_from(&estate).await.unwrap_err();
    assert!(matches!(failure.error, AtlasError::WrongOrganization), "{failure:?}");
    assert_eq!(estate.asked().await, [""]);
}

#[tokio::test]
async fn progress_is_told_stage_by_stage_up_to_its_total() {
    let estate = Estate::start().await;
    let told = Mutex::new(Vec::new());
    let listener = |progress: FetchProgress| told.lock().unwrap().push(progress);
    fetch(&client(&estate.server.uri()), ORG, &[], &listener).await.unwrap();
    let told = told.into_inner().unwrap();
    let stage = |stage| told.iter().filter(move |said| said.stage == stage).map(|said| said.done).collect::<Vec<_>>();
    assert_eq!(stage(FetchStage::Credentials), [0, 1, 2]);
    assert_eq!(stage(FetchStage::Users), [0, 1, 2, 3, 4]);
    assert_eq!(stage(FetchStage::Projects), [0, 1]);
    assert_eq!(stage(FetchStage::Clusters), [0, 1, 2]);
    assert_eq!(told.last().unwrap().total, Some(2));
}

#[tokio::test]
async fn project_summaries_carry_the_cluster_count_where_atlas_gives_one() {
    let estate = Estate::start().await;
    let summaries = client(&estate.server.uri()).project_summaries(ORG).await.unwrap();
    let counts: Vec<_> = summaries.iter().map(|(project, count)| (project.name.as_str(), *count)).collect();
    assert_eq!(counts, [("Alpha", Some(1)), ("Beta", None)]);
}

/// A fetch can be spawned: it is `Send`, whatever it waits for.
#[test]
fn a_fetch_may_move_between_threads() {
    fn is_send<T: Send>(_: &T) {}
    fn check(client: &Client) {
        is_send(&fetch(client, ORG, &[], &|_| {}));
    }
    let _: fn(&Client) = check;
}
