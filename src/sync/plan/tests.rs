//! Plans over small estates: what is put, what is removed, what is withheld.

use chrono::DateTime;
use proptest::prelude::*;

use super::*;
use crate::domain::{
    AccountStatus, AtRest, Cluster, GrantScope, KeyProfile, Organization, Project, ScopeFailure, ScopeRead,
};

const P: &str = "aaaaaaaaaaaaaaaaaaaaaaaa";

fn project(id: &str) -> Project {
    Project { atlas_id: id.to_owned(), name: format!("project {id}"), created_at: None, tags: Vec::new() }
}

fn cluster(id: &str, project: &str) -> Cluster {
    Cluster {
        atlas_id: id.to_owned(),
        project: project.to_owned(),
        name: format!("cluster {id}"),
        deployment: Deployment::Dedicated,
        cluster_type: "REPLICASET".to_owned(),
        state: "IDLE".to_owned(),
        paused: Some(false),
        mongodb_version: None,
        backup_enabled: Some(true),
        point_in_time: None,
        at_rest: AtRest::ProviderManagedKey,
        minimum_tls: None,
        shards: Vec::new(),
        tags: Vec::new(),
        termination_protected: None,
        created_at: None,
    }
}

fn user(id: &str, login: &str, grants: &[Grant]) -> Account {
    Account {
        kind: AccountKind::User,
        atlas_id: id.to_owned(),
        login: login.to_owned(),
        display_name: None,
        email: Some(login.to_owned()),
        status: AccountStatus::Active,
        created_at: Some(DateTime::UNIX_EPOCH),
        last_authenticated_at: None,
        invited_at: None,
        grants: grants.to_vec(),
    }
}

fn team_grant(project: &str) -> Grant {
    Grant {
        role: "GROUP_OWNER".to_owned(),
        scope: GrantScope::Project,
        project: Some(project.to_owned()),
        via: GrantPath::Team,
        team: Some("on call".to_owned()),
    }
}

fn stored<T>(values: Vec<T>) -> Vec<Stored<T>> {
    values.into_iter().zip(1..).map(|(value, id)| Stored { id, value }).collect()
}

fn read(kind: ScopeKind, project: Option<&str>) -> ScopeRead {
    ScopeRead { kind, project: project.map(str::to_owned), failure: None }
}

fn refused(kind: ScopeKind, project: Option<&str>) -> ScopeRead {
    let failure =
        ScopeFailure { code: "ACCESS_FORBIDDEN".to_owned(), message: "No.".to_owned(), rows_were_read: false };
    ScopeRead { failure: Some(failure), ..read(kind, project) }
}

/// A snapshot of one project in which every list was read.
fn fetched(clusters: Vec<Cluster>, accounts: Vec<Account>) -> Snapshot {
    let key = KeyProfile {
        public_key: "abcdefgh".to_owned(),
        organization: None,
        organization_roles: Vec::new(),
        project_roles: Vec::new(),
        access_listed: false,
    };
    Snapshot {
        organization: Some(Organization { atlas_id: P.to_owned(), name: "org".to_owned() }),
        key,
        projects: vec![project(P)],
        clusters,
        accounts,
        encryption: Vec::new(),
        scopes: vec![
            read(ScopeKind::Users, None),
            read(ScopeKind::Teams, None),
            read(ScopeKind::ApiKeys, None),
            read(ScopeKind::ServiceAccounts, None),
            read(ScopeKind::Projects, None),
            read(ScopeKind::Clusters, Some(P)),
            read(ScopeKind::FlexClusters, Some(P)),
            read(ScopeKind::Teams, Some(P)),
        ],
    }
}

fn estate(clusters: Vec<Cluster>, accounts: Vec<Account>) -> Estate {
    Estate {
        projects: stored(vec![project(P)]),
        clusters: stored(clusters),
        accounts: stored(accounts),
        ..Estate::default()
    }
}

fn clusters(count: usize) -> Vec<Cluster> {
    (0..count).map(|index| cluster(&format!("{index:024x}"), P)).collect()
}

#[test]
fn an_unchanged_estate_plans_nothing() {
    let (all, people) = (clusters(3), vec![user("1", "a@x", &[team_grant(P)])]);
    let plan = plan(&estate(all.clone(), people.clone()), &fetched(all, people), &Held::default());
    assert_eq!(plan.changes, Changes::default());
    assert!(plan.change.put_clusters.is_empty() && plan.change.put_accounts.is_empty() && plan.held.is_empty());
}

#[test]
fn absence_counts_only_in_a_list_that_was_read_to_the_end() {
    let before = estate(clusters(3), Vec::new());
    let mut snapshot = fetched(clusters(2), Vec::new());
    assert_eq!(plan(&before, &snapshot, &Held::default()).change.remove_clusters, [3]);
    snapshot.scopes.retain(|scope| scope.kind != ScopeKind::Clusters);
    snapshot.scopes.push(refused(ScopeKind::Clusters, Some(P)));
    assert!(plan(&before, &snapshot, &Held::default()).change.remove_clusters.is_empty());
}

#[test]
fn the_brake_holds_everything_or_many_until_a_second_read_agrees() {
    // stored, still there, withheld
    let cases = [(1, 0, 1), (3, 0, 3), (3, 1, 0), (50, 40, 0), (50, 39, 11), (56, 45, 0), (54, 43, 11)];
    for (count, left, withheld) in cases {
        let before = estate(clusters(count), Vec::new());
        let snapshot = fetched(clusters(left), Vec::new());
        let first = plan(&before, &snapshot, &Held::default());
        assert_eq!(first.held.len(), withheld, "{count} to {left}");
        assert_eq!(first.change.remove_clusters.len(), if withheld == 0 { count - left } else { 0 });
        let second = plan(&before, &snapshot, &first.held);
        assert_eq!((second.change.remove_clusters.len(), second.held.len()), (count - left, 0), "{count} to {left}");
    }
}

#[test]
fn what_comes_back_while_held_is_not_removed() {
    let before = estate(clusters(3), Vec::new());
    let held = plan(&before, &fetched(Vec::new(), Vec::new()), &Held::default()).held;
    let back = plan(&before, &fetched(clusters(2), Vec::new()), &held);
    assert_eq!(back.change.remove_clusters, [3]);
}

#[test]
fn a_removed_project_takes_its_clusters_along() {
    let mut before = estate(clusters(2), Vec::new());
    before.projects.push(Stored { id: 2, value: project("bbbbbbbbbbbbbbbbbbbbbbbb") });
    before.clusters.push(Stored { id: 9, value: cluster("c", "bbbbbbbbbbbbbbbbbbbbbbbb") });
    let plan = plan(&before, &fetched(clusters(2), Vec::new()), &Held::default());
    assert_eq!((plan.change.remove_projects, plan.change.remove_clusters), (vec![2], vec![9]));
    assert_eq!(plan.changes.removed, 2);
}

/// Three of five projects go, and with them more clusters than the brake lets pass.
#[test]
fn clusters_of_projects_that_went_before_them_go_with_a_second_read() {
    let others: Vec<String> = (1..=4).map(|number| format!("{number:024x}")).collect();
    let mut before = estate(clusters(2), Vec::new());
    for (id, other) in (2..).zip(&others) {
        before.projects.push(Stored { id, value: project(other) });
    }
    for id in 10..22 {
        let value = cluster(&format!("{id:024x}"), &others[usize::try_from(id).unwrap() % 4]);
        before.clusters.push(Stored { id, value });
    }
    let after = fetched(clusters(2), Vec::new());
    let first = plan(&before, &after, &Held::default());
    assert_eq!((first.change.remove_projects.len(), first.change.remove_clusters.len()), (4, 0));
    assert_eq!(first.held.len(), 12);
    before.projects.truncate(1);
    let second = plan(&before, &after, &first.held);
    assert_eq!((second.change.remove_clusters.len(), second.held.len()), (12, 0));
}

#[test]
fn team_grants_in_projects_whose_removal_is_withheld_stay() {
    let before = estate(clusters(1), vec![user("1", "a@x", &[team_grant(P)])]);
    let mut after = fetched(Vec::new(), vec![user("1", "a@x", &[])]);
    after.projects.clear();
    after.scopes.retain(|scope| scope.project.is_none());
    let first = plan(&before, &after, &Held::default());
    assert_eq!(first.held.len(), 2);
    assert!(first.change.put_accounts.is_empty(), "{:?}", first.change.put_accounts);
    let second = plan(&before, &after, &first.held);
    assert_eq!((second.held.len(), second.change.put_accounts[0].account.grants.len()), (0, 0));
}

#[test]
fn a_team_whose_name_cannot_be_read_keeps_the_one_it_had() {
    let nameless = |project| Grant { team: None, ..team_grant(project) };
    let before = estate(Vec::new(), vec![user("1", "a@x", &[team_grant(P)])]);
    let mut after = fetched(Vec::new(), vec![user("1", "a@x", &[nameless(P)])]);
    after.scopes.retain(|scope| scope.kind != ScopeKind::Teams || scope.project.is_some());
    after.scopes.push(refused(ScopeKind::Teams, None));
    assert!(plan(&before, &after, &Held::default()).change.put_accounts.is_empty());
    after.accounts = vec![user("1", "a@x", &[nameless(P), nameless("bbbbbbbbbbbbbbbbbbbbbbbb")])];
    let put = &plan(&before, &after, &Held::default()).change.put_accounts[0].account;
    assert_eq!(put.grants, [team_grant(P), nameless("bbbbbbbbbbbbbbbbbbbbbbbb")]);
}

#[test]
fn a_user_is_known_by_id_and_else_by_login() {
    let before = estate(Vec::new(), vec![user("invited", "a@x", &[]), user("2", "b@x", &[])]);
    let after = fetched(Vec::new(), vec![user("joined", "A@x", &[]), user("2", "new@x", &[])]);
    let plan = plan(&before, &after, &Held::default());
    let ids: Vec<_> = plan.change.put_accounts.iter().map(|put| put.id).collect();
    assert_eq!((ids, plan.changes.added, plan.changes.updated), (vec![Some(1), Some(2)], 0, 2));
    assert!(plan.change.remove_accounts.is_empty());
}

#[test]
fn a_login_that_passed_to_somebody_else_is_a_new_account() {
    let before = estate(Vec::new(), vec![user("1", "a@x", &[])]);
    let after = fetched(Vec::new(), vec![user("1", "b@x", &[]), user("2", "a@x", &[])]);
    let plan = plan(&before, &after, &Held::default());
    let ids: Vec<_> = plan.change.put_accounts.iter().map(|put| put.id).collect();
    assert_eq!((ids, plan.changes.added, plan.changes.updated), (vec![Some(1), None], 1, 1));
}

#[test]
fn team_grants_stay_while_the_teams_of_their_project_cannot_be_read() {
    let before = estate(Vec::new(), vec![user("1", "a@x", &[team_grant(P)])]);
    let mut snapshot = fetched(Vec::new(), vec![user("1", "a@x", &[])]);
    assert_eq!(plan(&before, &snapshot, &Held::default()).change.put_accounts[0].account.grants, []);
    snapshot.scopes.retain(|scope| scope.kind != ScopeKind::Teams || scope.project.is_none());
    snapshot.scopes.push(refused(ScopeKind::Teams, Some(P)));
    assert!(plan(&before, &snapshot, &Held::default()).change.put_accounts.is_empty());
}

proptest! {
    /// Whatever is listed how often: each identity is written once, and nothing listed is removed.
    #[test]
    fn every_identity_is_written_once(before in lists(), after in lists()) {
        let people = |ids: &[(u8, u8)]| -> Vec<Account> {
            ids.iter().map(|(id, login)| user(&format!("{id}"), &format!("{login}@x"), &[])).collect()
        };
        let mut distinct = people(&before);
        let (mut ids, mut logins) = (HashSet::new(), HashSet::new());
        distinct.retain(|account| ids.insert(account.atlas_id.clone()) & logins.insert(account.login.clone()));
        let planned = plan(&estate(Vec::new(), distinct), &fetched(Vec::new(), people(&after)), &Held::default());
        let puts: Vec<i64> = planned.change.put_accounts.iter().filter_map(|put| put.id).collect();
        prop_assert_eq!(puts.iter().collect::<HashSet<_>>().len(), puts.len());
        prop_assert!(planned.change.remove_accounts.iter().all(|id| !puts.contains(id)));
    }
}

fn lists() -> impl Strategy<Value = Vec<(u8, u8)>> {
    proptest::collection::vec((0_u8..6, 0_u8..6), 0..8)
}
