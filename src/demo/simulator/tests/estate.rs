//! What is served, and that changes show.

use serde_json::json;

use super::{Caller, FLEET, LAB, ORGANIZATION, PUBLIC, plain_client, start};
use crate::demo::build::cluster;

#[tokio::test]
async fn the_root_names_the_key_and_its_roles() {
    let simulator = start().await;
    let caller = Caller::new(&simulator, PUBLIC);
    let bare = caller.get("").await.body;
    assert_eq!(bare["apiKey"]["publicKey"], PUBLIC);
    assert_eq!(bare["apiKey"]["roles"], json!([{ "orgId": ORGANIZATION, "roleName": "ORG_READ_ONLY" }]));
    assert_eq!(caller.get("/").await.body, bare);
}

#[tokio::test]
async fn pages_follow_each_other_to_the_end() {
    let simulator = start().await;
    let caller = Caller::new(&simulator, PUBLIC);
    let page =
        async |number: u32| caller.get(&format!("/groups/{FLEET}/clusters?itemsPerPage=2&pageNum={number}")).await;
    let (first, second) = (page(1).await, page(2).await);
    assert_eq!((first.names("name"), first.relations()), (vec!["core", "maps"], vec!["self", "next"]));
    assert_eq!((second.names("name"), second.relations()), (vec!["orders"], vec!["self", "previous"]));
    assert_eq!(first.body["totalCount"], 3);
    let uncounted = caller.get(&format!("/groups/{FLEET}/clusters?includeCount=false")).await;
    assert_eq!(uncounted.body.get("totalCount"), None);
}

#[tokio::test]
async fn users_are_active_or_pending_unless_asked_otherwise() {
    let simulator = start().await;
    let caller = Caller::new(&simulator, PUBLIC);
    let path = format!("/orgs/{ORGANIZATION}/users");
    let usual = caller.get(&path).await;
    assert_eq!(usual.names("username"), ["ada@own.example", "bo@own.example", "cy@own.example", "di@own.example"]);
    let lapsed = format!("{path}?orgMembershipStatuses=INVITATION_EXPIRED&orgMembershipStatuses=INVITATION_REJECTED");
    assert_eq!(caller.get(&lapsed).await.names("username"), ["ed@own.example", "flo@own.example"]);
    let unknown = caller.get(&format!("{path}?orgMembershipStatuses=GONE")).await;
    assert_eq!(unknown.refusal(), (400, "VALIDATION_ERROR"));
}

#[tokio::test]
async fn teams_and_projects_list_their_own_users() {
    let simulator = start().await;
    let caller = Caller::new(&simulator, PUBLIC);
    let teams = caller.get(&format!("/orgs/{ORGANIZATION}/teams")).await;
    let team = teams.names("id")[0];
    let members = caller.get(&format!("/orgs/{ORGANIZATION}/teams/{team}/users")).await;
    assert_eq!(members.names("username"), ["bo@own.example"]);
    let path = format!("/groups/{FLEET}/users");
    let direct = caller.get(&path).await;
    assert_eq!(direct.names("username"), ["cy@own.example"]);
    assert_eq!(direct.body["results"][0]["roles"], json!(["GROUP_OWNER"]));
    let all = caller.get(&format!("{path}?flattenTeams=true&includeOrgUsers=true")).await;
    assert_eq!(all.names("username"), ["ada@own.example", "bo@own.example", "cy@own.example"]);
    let project_teams = caller.get(&format!("/groups/{FLEET}/teams")).await;
    assert_eq!(project_teams.names("teamId"), [team]);
}

#[tokio::test]
async fn keys_are_masked_but_for_their_tail() {
    let simulator = start().await;
    let keys = Caller::new(&simulator, PUBLIC).get(&format!("/orgs/{ORGANIZATION}/apiKeys")).await;
    assert_eq!(keys.names("publicKey"), [PUBLIC, "membersx", "partlyxx"]);
    assert_eq!(keys.names("privateKey")[0], "********-****-****-0a1b2c3d4e5f");
}

#[tokio::test]
async fn a_project_counts_its_clusters_and_shows_its_key_blocks() {
    let simulator = start().await;
    let caller = Caller::new(&simulator, PUBLIC);
    let project = caller.get(&format!("/groups/{FLEET}")).await.body;
    assert_eq!((&project["clusterCount"], &project["orgId"]), (&json!(4), &json!(ORGANIZATION)));
    let encryption = caller.get(&format!("/groups/{FLEET}/encryptionAtRest")).await.body;
    assert_eq!(encryption["awsKms"]["valid"], true);
    assert_eq!(caller.get(&format!("/groups/{LAB}/encryptionAtRest")).await.body, json!({}));
}

#[tokio::test]
async fn an_edit_is_seen_by_the_next_read() {
    let simulator = start().await;
    let caller = Caller::new(&simulator, PUBLIC);
    let path = format!("/groups/{LAB}/clusters");
    assert_eq!(caller.get(&path).await.names("name"), ["notebook"]);
    let clusters = simulator.edit(|estate| {
        let lab = estate[0].project_mut(LAB).unwrap();
        lab.cluster_mut("notebook").unwrap()["paused"] = json!("perhaps");
        lab.clusters.push(cluster(LAB, "bench").body());
        lab.clusters.len()
    });
    assert_eq!(clusters, 2);
    let got = caller.get(&path).await;
    assert_eq!(got.names("name"), ["notebook", "bench"]);
    assert_eq!(got.body["results"][0]["paused"], "perhaps");
    assert_eq!(simulator.organizations()[0].projects[1].clusters.len(), 2);
}

#[tokio::test]
async fn an_envelope_holds_the_status() {
    let simulator = start().await;
    let caller = Caller::new(&simulator, PUBLIC);
    assert_eq!(caller.get(&format!("/groups/{LAB}?envelope=true")).await.body["content"]["id"], LAB);
    assert_eq!(caller.get("/groups?envelope=true").await.body["status"], 200);
}

#[tokio::test]
async fn a_panic_in_an_edit_leaves_the_server_serving() {
    let simulator = start().await;
    let edit = std::panic::AssertUnwindSafe(|| simulator.edit(|_| panic!("a mistake in a test")));
    assert!(std::panic::catch_unwind(edit).is_err());
    assert_eq!(Caller::new(&simulator, PUBLIC).get("/orgs").await.status, 200);
}

#[tokio::test]
async fn nobody_listens_after_a_shutdown() {
    let simulator = start().await;
    let url = simulator.base_url();
    assert_eq!(plain_client().get(url.clone()).send().await.unwrap().status(), 404);
    simulator.shutdown().await;
    assert!(plain_client().get(url).send().await.unwrap_err().is_connect());
}
