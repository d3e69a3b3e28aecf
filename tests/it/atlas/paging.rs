//! Lists: order, ends, and answers that would lead the client astray.

use serde_json::{Value, json};
use slategate::atlas::{Endpoint, Listing, Read};
use wiremock::matchers::{header, header_exists, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate, Times};

use super::{ORG, client, users};

const CHALLENGE: &str =
    r#"Digest realm="MMS Public API", domain="", nonce="n", algorithm=MD5, qop="auth", stale=false"#;

fn page(ids: &[&str], next: Option<&str>) -> Value {
    let rows: Vec<Value> = ids.iter().map(|id| json!({ "id": id })).collect();
    let links: Vec<Value> = next.iter().map(|href| json!({ "rel": "next", "href": href })).collect();
    json!({ "results": rows, "links": links })
}

/// A page of a list that says how many rows it has.
fn counted(ids: &[&str], total: u32, next: bool) -> Value {
    let mut body = page(ids, next.then_some("x"));
    body["totalCount"] = json!(total);
    body
}

/// Serves two pages, each time the next pair of bodies, the last for ever.
async fn changing(reads: Vec<(Value, Value)>) -> MockServer {
    let server = MockServer::start().await;
    let last = reads.len() - 1;
    for (index, (first, second)) in reads.into_iter().enumerate() {
        for (number, body) in [("1", first), ("2", second)] {
            let mock = Mock::given(query_param("pageNum", number))
                .respond_with(ResponseTemplate::new(200).set_body_json(body));
            if index < last { mock.up_to_n_times(1) } else { mock }.mount(&server).await;
        }
    }
    server
}

fn ids(listing: &Listing<Value>) -> Vec<&str> {
    listing.rows.iter().map(|row| row["id"].as_str().unwrap()).collect()
}

fn failure(listing: &Listing<Value>) -> Option<(&str, String)> {
    listing.failure.as_ref().map(|error| (error.code(), error.to_string()))
}

async fn mount_page(server: &MockServer, number: &str, body: Value, times: impl Into<Times>) {
    Mock::given(method("GET"))
        .and(path(format!("/api/atlas/v2/orgs/{ORG}/users")))
        .and(query_param("pageNum", number))
        .and(query_param("itemsPerPage", "500"))
        .and(header("accept", "application/vnd.atlas.2025-02-19+json"))
        .respond_with(ResponseTemplate::new(200).set_body_json(body))
        .expect(times)
        .mount(server)
        .await;
}

#[tokio::test]
async fn several_pages_cost_one_challenge_and_keep_their_order() {
    let server = MockServer::start().await;
    let users_path = format!("/api/atlas/v2/orgs/{ORG}/users");
    for (number, body) in [("2", page(&["c", "d"], None)), ("1", page(&["b", "a"], Some("x")))] {
        Mock::given(path(users_path.clone()))
            .and(query_param("pageNum", number))
            .and(header_exists("authorization"))
            .respond_with(ResponseTemplate::new(200).set_body_json(body))
            .expect(1)
            .mount(&server)
            .await;
    }
    let challenge = ResponseTemplate::new(401).insert_header("www-authenticate", CHALLENGE);
    Mock::given(path(users_path)).respond_with(challenge).expect(1).mount(&server).await;

    let client = client(&server.uri());
    let listing = client.list(&users(), Value::clone).await;
    assert_eq!((ids(&listing), failure(&listing)), (vec!["b", "a", "c", "d"], None));
    assert_eq!(client.requests_sent(), 3);
}

#[tokio::test]
async fn a_row_that_slid_to_the_next_page_is_kept_once() {
    let server = MockServer::start().await;
    mount_page(&server, "1", page(&["a", "b"], Some("x")), 1).await;
    mount_page(&server, "2", page(&["b", "c"], None), 1).await;
    let listing = client(&server.uri()).list(&users(), Value::clone).await;
    assert_eq!((ids(&listing), failure(&listing)), (vec!["a", "b", "c"], None));
}

#[tokio::test]
async fn a_list_that_changed_while_it_was_read_is_read_again() {
    let slid = (counted(&["a", "b"], 4, true), counted(&["d"], 3, false));
    let twice = (counted(&["a", "b"], 4, true), counted(&["b", "c"], 4, false));
    let quiet = (counted(&["a", "b"], 3, true), counted(&["d"], 3, false));
    for (reads, requests) in [(vec![slid.clone(), quiet.clone()], 4), (vec![twice, slid, quiet], 6)] {
        let server = changing(reads).await;
        let client = client(&server.uri());
        let listing = client.list(&users(), Value::clone).await;
        assert_eq!((ids(&listing), failure(&listing)), (vec!["a", "b", "d"], None));
        assert_eq!(client.requests_sent(), requests);
    }
}

#[tokio::test]
async fn a_list_that_never_holds_still_is_incomplete_after_three_reads() {
    for (first, second) in [(4, 3), (4, 4), (2, 2)] {
        let server = changing(vec![(counted(&["a", "b"], first, true), counted(&["c"], second, false))]).await;
        let client = client(&server.uri());
        let listing = client.list(&users(), Value::clone).await;
        assert_eq!((ids(&listing), failure(&listing).unwrap().0), (vec!["a", "b", "c"], "UNSTABLE_LIST"));
        assert_eq!(client.requests_sent(), 6);
    }
}

#[tokio::test]
async fn a_single_page_that_counts_more_rows_than_it_has_is_believed_when_it_comes_again() {
    let server = MockServer::start().await;
    mount_page(&server, "1", counted(&["a"], 7, false), 2).await;
    assert_eq!(failure(&client(&server.uri()).list(&users(), Value::clone).await), None);
}

#[tokio::test]
async fn a_single_page_that_was_cut_short_is_read_again() {
    let server = MockServer::start().await;
    let cut = ResponseTemplate::new(200).set_body_json(counted(&["a"], 2, false));
    Mock::given(method("GET")).respond_with(cut).up_to_n_times(1).mount(&server).await;
    mount_page(&server, "1", counted(&["a", "b"], 2, false), 1).await;
    let listing = client(&server.uri()).list(&users(), Value::clone).await;
    assert_eq!((ids(&listing), failure(&listing)), (vec!["a", "b"], None));
}

#[tokio::test]
async fn a_list_with_new_rows_for_ever_ends_as_incomplete() {
    let server = MockServer::start().await;
    let fresh = std::sync::atomic::AtomicU32::new(0);
    let endless = move |_: &wiremock::Request| {
        let id = fresh.fetch_add(1, std::sync::atomic::Ordering::Relaxed).to_string();
        ResponseTemplate::new(200).set_body_json(page(&[&id], Some("x")))
    };
    Mock::given(method("GET")).respond_with(endless).expect(1_000).mount(&server).await;
    let listing = client(&server.uri()).list(&users(), Value::clone).await;
    assert_eq!((listing.rows.len(), failure(&listing).unwrap().0), (1_000, "UNEXPECTED_RESPONSE"));
}

#[tokio::test]
async fn a_list_of_more_than_64_mib_is_not_read_on() {
    let server = MockServer::start().await;
    let fresh = std::sync::atomic::AtomicU32::new(0);
    let heavy = move |_: &wiremock::Request| {
        let id = fresh.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let body = format!(r#"{{"results":[{{"id":"{id}"}}],"links":[{{"rel":"next"}}]{}}}"#, " ".repeat(20 << 20));
        ResponseTemplate::new(200).set_body_raw(body, "application/json")
    };
    Mock::given(method("GET")).respond_with(heavy).expect(4).mount(&server).await;
    let listing = client(&server.uri()).list(&users(), Value::clone).await;
    assert_eq!((listing.rows.len(), failure(&listing).unwrap().0), (3, "UNEXPECTED_RESPONSE"));
}

#[tokio::test]
async fn an_empty_list_is_whole() {
    let server = MockServer::start().await;
    mount_page(&server, "1", page(&[], None), 1).await;
    let listing = client(&server.uri()).list(&users(), Value::clone).await;
    assert_eq!((ids(&listing), failure(&listing)), (vec![], None));
}

#[tokio::test]
async fn a_server_that_ignores_page_numbers_gives_an_incomplete_list() {
    let server = MockServer::start().await;
    let same = ResponseTemplate::new(200).set_body_json(page(&["a", "b"], Some("x")));
    Mock::given(method("GET")).respond_with(same).expect(2).mount(&server).await;
    let listing = client(&server.uri()).list(&users(), Value::clone).await;
    assert_eq!(ids(&listing), ["a", "b"]);
    assert_eq!(failure(&listing).unwrap().0, "UNEXPECTED_RESPONSE");
}

#[tokio::test]
async fn a_page_with_nothing_new_and_a_next_link_ends_the_list_as_incomplete() {
    let server = MockServer::start().await;
    mount_page(&server, "1", page(&["a", "b"], Some("x")), 1).await;
    mount_page(&server, "2", page(&["b"], Some("x")), 1).await;
    let listing = client(&server.uri()).list(&users(), Value::clone).await;
    assert_eq!(ids(&listing), ["a", "b"]);
    assert_eq!(failure(&listing).unwrap().0, "UNEXPECTED_RESPONSE");
}

#[tokio::test]
async fn rows_before_a_failing_page_are_kept() {
    let server = MockServer::start().await;
    mount_page(&server, "1", page(&["a"], Some("x")), 1).await;
    let gone = ResponseTemplate::new(404).set_body_json(json!({ "error": 404, "errorCode": "ORG_NOT_FOUND" }));
    Mock::given(query_param("pageNum", "2")).respond_with(gone).expect(1).mount(&server).await;
    let listing = client(&server.uri()).list(&users(), Value::clone).await;
    assert_eq!(ids(&listing), ["a"]);
    assert_eq!(failure(&listing).unwrap().0, "ORG_NOT_FOUND");
}

#[tokio::test]
async fn a_next_link_to_another_host_is_not_followed() {
    let (server, elsewhere) = (MockServer::start().await, MockServer::start().await);
    Mock::given(method("GET")).respond_with(ResponseTemplate::new(200)).expect(0).mount(&elsewhere).await;
    mount_page(&server, "1", page(&["a"], Some(&elsewhere.uri())), 1).await;
    mount_page(&server, "2", page(&["b"], None), 1).await;
    let listing = client(&server.uri()).list(&users(), Value::clone).await;
    assert_eq!((ids(&listing), failure(&listing)), (vec!["a", "b"], None));
}

#[tokio::test]
async fn lists_without_an_array_of_results_or_with_other_links_are_incomplete() {
    let (null, object) = (json!({ "results": null }), json!({ "results": { "id": "a" } }));
    for body in [json!([]), json!({}), null, object, json!({ "results": [], "links": "x" })] {
        let server = MockServer::start().await;
        mount_page(&server, "1", body.clone(), 1).await;
        let listing = client(&server.uri()).list(&users(), Value::clone).await;
        assert_eq!(failure(&listing).unwrap().0, "UNEXPECTED_RESPONSE", "{body}");
    }
}

#[tokio::test]
async fn an_id_that_is_not_hex_is_never_asked_for() {
    let server = MockServer::start().await;
    let client = client(&server.uri());
    for id in ["..", "64ecb5ca726c787590a9aaea/../x", "64ECB5CA726C787590A9AAEA"] {
        assert_eq!(Endpoint::new(Read::Clusters, id).unwrap_err().code(), "UNEXPECTED_RESPONSE");
        assert_eq!(client.organization(id).await.unwrap_err().code(), "UNEXPECTED_RESPONSE");
    }
    assert_eq!(client.requests_sent(), 0);
}
