//! What stands between a valid login and a body.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::json;

use super::{Caller, FLEET, LAB, ORGANIZATION, PUBLIC, options, plain_client, start, start_with};
use crate::demo::build;
use crate::demo::simulator::{EndpointSet, Limit, Refusal, SimulatorOptions};
use crate::domain::ScopeKind;

#[tokio::test]
async fn only_get_is_served() {
    let simulator = start().await;
    let url = simulator.base_url().join("api/atlas/v2/orgs").unwrap();
    for method in [reqwest::Method::POST, reqwest::Method::DELETE, reqwest::Method::PATCH, reqwest::Method::PUT] {
        let response = plain_client().request(method, url.clone()).send().await.unwrap();
        assert_eq!(response.status(), 405);
        assert_eq!(response.headers()["allow"], "GET");
    }
}

#[tokio::test]
async fn the_newest_version_not_later_than_the_date_is_served() {
    let simulator = start().await;
    let caller = Caller::new(&simulator, PUBLIC);
    let clusters = format!("/groups/{FLEET}/clusters");
    let got = caller.get_accepting(&clusters, Some("application/vnd.atlas.2026-01-01+json")).await;
    assert_eq!(got.status, 200);
    assert_eq!(got.header("content-type"), "application/vnd.atlas.2024-08-05+json;charset=utf-8");
    for accept in [None, Some("application/json"), Some("application/vnd.atlas.2024-08-04+json")] {
        let got = caller.get_accepting(&clusters, accept).await;
        assert_eq!(got.refusal(), (406, "INVALID_VERSION_DATE"), "{accept:?}");
    }
    let got = caller.get_accepting("/orgs", Some("application/vnd.atlas.2024-08-04+json")).await;
    assert_eq!(got.header("content-type"), "application/vnd.atlas.2023-01-01+json;charset=utf-8");
}

#[tokio::test]
async fn pages_out_of_bounds_are_refused() {
    let simulator = start().await;
    let caller = Caller::new(&simulator, PUBLIC);
    for query in ["itemsPerPage=0", "itemsPerPage=501", "pageNum=0"] {
        assert_eq!(caller.get(&format!("/groups?{query}")).await.refusal(), (400, "VALIDATION_ERROR"), "{query}");
    }
    assert_eq!(caller.get("/groups?itemsPerPage=500").await.status, 200);
}

#[tokio::test]
async fn an_empty_bucket_says_how_long_to_wait_and_refills() {
    let options =
        SimulatorOptions { limits: vec![(EndpointSet::Organization, Limit { capacity: 2, refill: 1 })], ..options() };
    let clock = options.clock.clone();
    let simulator = start_with(options).await;
    let caller = Caller::new(&simulator, PUBLIC);
    let path = format!("/orgs/{ORGANIZATION}");
    let first = caller.get(&path).await;
    assert_eq!((first.header("ratelimit-limit"), first.header("ratelimit-remaining")), ("2", "1"));
    assert_eq!(caller.get(&path).await.status, 200);
    clock.advance(TimeDelta::seconds(5));
    let refused = caller.get(&path).await;
    assert_eq!(refused.refusal(), (429, "RATE_LIMITED_TOKEN_BUCKET"));
    assert_eq!((refused.header("retry-after"), refused.header("ratelimit-remaining")), ("55", "0"));
    let line = format!("api/atlas/v2/orgs/{ORGANIZATION}");
    assert_eq!(refused.body["parameters"], json!([line, 55, 2, 1, 60]));
    assert_eq!(caller.get("/orgs").await.status, 200, "other buckets are not touched");
    clock.advance(TimeDelta::seconds(55));
    assert_eq!(caller.get(&path).await.status, 200);
}

#[tokio::test]
async fn the_settings_bucket_holds_ten() {
    let simulator = start().await;
    let caller = Caller::new(&simulator, PUBLIC);
    let path = format!("/orgs/{ORGANIZATION}/settings");
    for _ in 0..10 {
        assert_eq!(caller.get(&path).await.status, 200);
    }
    assert_eq!(caller.get(&path).await.status, 429);
}

#[tokio::test]
async fn a_member_sees_only_the_projects_it_has_roles_in() {
    let simulator = start().await;
    let caller = Caller::new(&simulator, "partlyxx");
    assert_eq!(caller.get("/groups").await.names("id"), [FLEET]);
    assert_eq!(caller.get(&format!("/orgs/{ORGANIZATION}/groups")).await.names("id"), [FLEET]);
    assert_eq!(caller.get(&format!("/groups/{FLEET}/clusters")).await.status, 200);
    assert_eq!(caller.get(&format!("/groups/{LAB}/clusters")).await.refusal(), (401, "USER_UNAUTHORIZED"));
    assert_eq!(caller.get(&format!("/orgs/{ORGANIZATION}/users")).await.status, 200);
    let accounts = caller.get(&format!("/orgs/{ORGANIZATION}/serviceAccounts")).await;
    assert_eq!(accounts.refusal(), (401, "USER_UNAUTHORIZED"));
}

#[tokio::test]
async fn a_member_without_projects_sees_an_empty_list() {
    let simulator = start().await;
    let caller = Caller::new(&simulator, "membersx");
    assert_eq!(caller.get("/orgs").await.names("id"), [ORGANIZATION]);
    assert_eq!(caller.get("/groups").await.body["totalCount"], 0);
}

#[tokio::test]
async fn a_key_of_a_project_alone_sees_no_organization() {
    let simulator = start().await;
    let caller = Caller::new(&simulator, "noorgxxx");
    assert_eq!(caller.get("/orgs").await.body["results"], json!([]));
    assert_eq!(caller.get(&format!("/orgs/{ORGANIZATION}")).await.refusal(), (401, "USER_UNAUTHORIZED"));
    assert_eq!(caller.get(&format!("/groups/{FLEET}")).await.status, 200);
    let roles = &caller.get("/").await.body["apiKey"]["roles"];
    assert_eq!(*roles, json!([{ "groupId": FLEET, "roleName": "GROUP_READ_ONLY" }]));
}

#[tokio::test]
async fn other_organizations_and_unknown_ids_are_told_apart() {
    let simulator = start().await;
    let caller = Caller::new(&simulator, PUBLIC);
    let (other, foreign) = (build::id("other"), build::id("other project"));
    let nobody = "ffffffffffffffffffffffff";
    for (path, expected) in [
        (format!("/orgs/{other}/users"), (401, "USER_CANNOT_ACCESS_ORG")),
        (format!("/orgs/{nobody}/users"), (404, "ORG_NOT_FOUND")),
        (format!("/groups/{foreign}"), (401, "USER_CANNOT_ACCESS_GROUP")),
        (format!("/groups/{nobody}/clusters"), (404, "GROUP_NOT_FOUND")),
        (format!("/orgs/{ORGANIZATION}/teams/{nobody}/users"), (404, "RESOURCE_NOT_FOUND")),
        (format!("/groups/{FLEET}/clusters/absent"), (404, "CLUSTER_NOT_FOUND")),
        (format!("/groups/{FLEET}/clusters/scratch"), (400, "CANNOT_USE_FLEX_CLUSTER_IN_CLUSTER_API")),
        (format!("/groups/{FLEET}/flexClusters/core"), (400, "CANNOT_USE_NON_FLEX_CLUSTER_IN_FLEX_API")),
        ("/nowhere".to_owned(), (404, "RESOURCE_NOT_FOUND")),
    ] {
        assert_eq!(caller.get(&path).await.refusal(), expected, "{path}");
    }
}

#[tokio::test]
async fn a_suspended_organization_answers_402() {
    let simulator = start().await;
    simulator.edit(|estate| estate[0].suspended = true);
    let caller = Caller::new(&simulator, PUBLIC);
    for path in ["", "/orgs", "/groups"] {
        assert_eq!(caller.get(path).await.refusal(), (402, "ACCOUNT_SUSPENDED"), "{path}");
    }
}

#[tokio::test]
async fn an_address_off_the_list_is_refused_by_name() {
    let caller_address = Some("203.0.113.9".parse().unwrap());
    let simulator = start_with(SimulatorOptions { caller: caller_address, ..options() }).await;
    let caller = Caller::new(&simulator, PUBLIC);
    assert_eq!(caller.get("/orgs").await.status, 200);
    simulator.edit(|estate| estate[0].keys[0].access_list = vec!["198.51.100.0/24".to_owned()]);
    let refused = caller.get("/orgs").await;
    assert_eq!(refused.refusal(), (403, "IP_ADDRESS_NOT_ON_ACCESS_LIST"));
    assert_eq!(refused.body["parameters"], json!(["203.0.113.9"]));
    simulator.edit(|estate| estate[0].keys[0].access_list = vec!["203.0.113.0/24".to_owned()]);
    assert_eq!(caller.get("/orgs").await.status, 200);
}

#[tokio::test]
async fn an_organization_can_demand_a_list_and_a_server_can_have_its_own() {
    let simulator = start().await;
    simulator.edit(|estate| estate[0].access_list_required = true);
    let refused = Caller::new(&simulator, PUBLIC).get("/orgs").await;
    assert_eq!(refused.refusal(), (403, "ORG_REQUIRES_ACCESS_LIST"));
    let closed = start_with(SimulatorOptions { allowed_addresses: Some(Vec::new()), ..options() }).await;
    let refused = Caller::new(&closed, PUBLIC).get("/orgs").await;
    assert_eq!(refused.refusal(), (403, "IP_ADDRESS_NOT_ON_ACCESS_LIST"));
}

#[tokio::test]
async fn a_refusal_hits_its_scope_until_it_is_taken_back() {
    let simulator = start().await;
    let caller = Caller::new(&simulator, PUBLIC);
    let refusal = simulator.refuse(Refusal::scope(ScopeKind::Clusters, Some(FLEET), 403));
    let (fleet, lab) = (format!("/groups/{FLEET}/clusters"), format!("/groups/{LAB}/clusters"));
    assert_eq!(caller.get(&fleet).await.refusal(), (403, "ACCESS_FORBIDDEN"));
    assert_eq!(caller.get(&lab).await.status, 200);
    simulator.allow(refusal);
    assert_eq!(caller.get(&fleet).await.status, 200);
}

#[tokio::test]
async fn a_refusal_can_wear_off_and_carry_its_own_words() {
    let simulator = start().await;
    let caller = Caller::new(&simulator, PUBLIC);
    simulator.refuse(Refusal::path("/api/atlas/v2/orgs", 503).code("MAINTENANCE").retry_after(7).times(1));
    let refused = caller.get("/orgs").await;
    assert_eq!(refused.refusal(), (503, "MAINTENANCE"));
    assert_eq!(refused.header("retry-after"), "7");
    assert_eq!(caller.get("/orgs").await.status, 200);
}

#[tokio::test]
async fn latency_delays_every_answer() {
    let simulator = start().await;
    simulator.latency(Duration::from_hours(1));
    let url = simulator.base_url();
    let answer = plain_client().get(url).timeout(Duration::from_millis(50)).send().await;
    assert!(answer.unwrap_err().is_timeout());
    assert!(simulator.request_log().is_empty(), "nothing was answered yet");
}
