//! Signing under every nonce policy: nobody is falsely rejected, and no request is wasted.

use futures_util::{StreamExt, stream};
use slategate::atlas::{AtlasError, Client};

use super::digest_server::{DigestServer, Policy, Spelling};
use super::{PRIVATE_KEY, client, config, credentials, users};

const FOREVER: Policy = Policy::Uses(u32::MAX);

/// Makes `calls` calls, `in_flight` at a time, and asserts that each came through.
async fn all_come_through(client: &Client, calls: usize, in_flight: usize) {
    let endpoint = users();
    let outcomes: Vec<_> =
        stream::iter((0..calls).map(|_| client.object(&endpoint))).buffer_unordered(in_flight).collect().await;
    let failed: Vec<AtlasError> = outcomes.into_iter().filter_map(Result::err).collect();
    assert_eq!(failed.iter().map(AtlasError::code).collect::<Vec<_>>(), Vec::<&str>::new());
}

/// The same against a fresh server; gives back the server and the requests it took.
async fn requests_for(policy: Policy, spelling: Spelling, calls: u32, in_flight: usize) -> (DigestServer, u64) {
    let server = DigestServer::start(policy, spelling).await;
    let client = client(&server.url);
    all_come_through(&client, calls.try_into().unwrap(), in_flight).await;
    assert_eq!(server.accepted(), calls);
    assert_eq!(server.replays(), 0);
    assert_eq!(server.others(), 0);
    assert_eq!(client.requests_sent(), server.requests());
    let requests = client.requests_sent();
    (server, requests)
}

#[tokio::test]
async fn a_lasting_nonce_costs_one_challenge_per_lane() {
    let (_, alone) = requests_for(FOREVER, Spelling::Atlas, 100, 1).await;
    assert_eq!(alone, 101);
    let (_, together) = requests_for(FOREVER, Spelling::Atlas, 400, 16).await;
    assert!(together <= 404, "{together}");
}

#[tokio::test]
async fn a_nonce_for_ten_uses_costs_one_request_in_ten_more() {
    let (_, requests) = requests_for(Policy::Uses(10), Spelling::Atlas, 400, 16).await;
    assert!(requests <= 444, "{requests}");
}

#[tokio::test]
async fn one_time_nonces_cost_two_requests_a_call() {
    let (_, requests) = requests_for(Policy::Uses(1), Spelling::Atlas, 100, 1).await;
    assert_eq!(requests, 200);
    let (_, requests) = requests_for(Policy::Uses(1), Spelling::Atlas, 400, 16).await;
    assert_eq!(requests, 800);
}

#[tokio::test]
async fn a_nonce_that_all_lanes_are_handed_is_counted_by_one_of_them() {
    let (_, requests) = requests_for(Policy::Window(u32::MAX), Spelling::Atlas, 400, 16).await;
    assert!(requests <= 404, "{requests}");
    let (_, requests) = requests_for(Policy::Window(100), Spelling::Atlas, 400, 16).await;
    assert!(requests <= 408, "{requests}");
}

#[tokio::test]
async fn a_client_that_is_handed_the_nonce_of_another_counts_on_where_nobody_is() {
    let server = DigestServer::start(Policy::Window(u32::MAX), Spelling::Atlas).await;
    let clients = [(); 3].map(|()| client(&server.url));
    for round in 0..3 {
        for (number, client) in clients.iter().enumerate() {
            let before = client.requests_sent();
            all_come_through(client, 40, 16).await;
            let most = if round == 0 { 5 } else { 1 };
            assert!(client.requests_sent() - before <= 40 + most, "client {number}, round {round}");
        }
    }
    let wrong = Client::new(config(&server.url), &credentials("not the key")).unwrap();
    let error = wrong.object(&users()).await.unwrap_err();
    assert!(matches!(error, AtlasError::CredentialsRejected), "{error:?}");
    assert_eq!(wrong.requests_sent(), 3);
}

#[tokio::test]
async fn a_nonce_that_ages_is_replaced_without_a_false_rejection() {
    let (_, requests) = requests_for(Policy::Ages(40), Spelling::Atlas, 400, 16).await;
    assert!(requests <= 480, "{requests}");
}

#[tokio::test]
async fn a_nonce_that_is_stale_at_birth_says_nothing_of_the_key() {
    let (_, requests) = requests_for(Policy::StillBorn(3), Spelling::Atlas, 10, 1).await;
    assert_eq!(requests, 14);

    let server = DigestServer::start(Policy::StillBorn(u32::MAX), Spelling::Atlas).await;
    let error = client(&server.url).object(&users()).await.unwrap_err();
    assert!(matches!(error, AtlasError::Unavailable { .. }), "{error:?}");
    assert!(server.requests() <= 20, "{}", server.requests());
}

#[tokio::test]
async fn the_spelling_of_the_challenge_makes_no_difference() {
    for spelling in [Spelling::BearerFirst, Spelling::LowerCase] {
        let (_, requests) = requests_for(FOREVER, spelling, 40, 1).await;
        assert_eq!(requests, 41, "{spelling:?}");
    }
}

#[tokio::test]
async fn another_algorithm_costs_no_more_than_md5() {
    let (_, requests) = requests_for(FOREVER, Spelling::Sha256, 40, 1).await;
    assert_eq!(requests, 41);
    let (_, requests) = requests_for(Policy::Uses(10), Spelling::Sha256, 400, 16).await;
    assert!(requests <= 444, "{requests}");
}

/// Ten thousand calls, sixteen at a time: each comes through, and no more than `most` requests are needed.
async fn ten_thousand_come_through(policy: Policy, spelling: Spelling, most: u64) {
    let (_, requests) = requests_for(policy, spelling, 10_000, 16).await;
    assert!(requests <= most, "{policy:?} {spelling:?}: {requests}");
}

#[tokio::test]
async fn ten_thousand_calls_on_lasting_nonces_cost_a_challenge_per_lane() {
    ten_thousand_come_through(FOREVER, Spelling::BearerFirst, 10_004).await;
}

#[tokio::test]
async fn ten_thousand_calls_with_sha_256_cost_no_more() {
    ten_thousand_come_through(FOREVER, Spelling::Sha256, 10_004).await;
}

/// At one request in a millisecond a nonce that ages by 2,000 requests lives for two seconds.
#[tokio::test]
async fn ten_thousand_calls_on_ageing_nonces_cost_five_percent_more_at_most() {
    ten_thousand_come_through(Policy::Ages(2_000), Spelling::Atlas, 10_500).await;
}

#[tokio::test]
async fn ten_thousand_calls_on_shared_nonces_cost_five_percent_more_at_most() {
    ten_thousand_come_through(Policy::Window(3_000), Spelling::LowerCase, 10_500).await;
}

#[tokio::test]
async fn ten_thousand_calls_on_nonces_of_ten_uses_cost_one_more_in_ten() {
    ten_thousand_come_through(Policy::Uses(10), Spelling::Atlas, 11_100).await;
}

#[tokio::test]
async fn ten_thousand_calls_on_one_time_nonces_cost_twice_as_many_requests() {
    ten_thousand_come_through(Policy::Uses(1), Spelling::Atlas, 20_000).await;
}

#[tokio::test]
async fn a_worn_nonce_that_is_refused_plainly_says_nothing_of_the_key() {
    for uses in [1, 10] {
        requests_for(Policy::UnsaidUses(uses), Spelling::Atlas, 400, 16).await;
    }
}

#[tokio::test]
async fn a_wrong_key_costs_at_most_three_requests_and_opens_the_circuit() {
    let cases = [
        (FOREVER, Spelling::Atlas, 2),
        (Policy::Uses(1), Spelling::Atlas, 2),
        (FOREVER, Spelling::Sha256, 2),
        (Policy::Window(u32::MAX), Spelling::Atlas, 3),
    ];
    for (policy, spelling, requests) in cases {
        let server = DigestServer::start(policy, spelling).await;
        let client = Client::new(config(&server.url), &credentials("not the key")).unwrap();
        for _ in 0..3 {
            let error = client.object(&users()).await.unwrap_err();
            assert!(matches!(error, AtlasError::CredentialsRejected), "{error:?}");
            assert_eq!(server.requests(), requests, "{policy:?} {spelling:?}");
        }
        assert_eq!(client.requests_sent(), requests);
    }
}

#[tokio::test]
async fn a_key_revoked_in_mid_run_costs_at_most_three_requests_per_lane() {
    let cases = [
        (FOREVER, Spelling::Atlas),
        (FOREVER, Spelling::Sha256),
        (Policy::Uses(1), Spelling::Atlas),
        (Policy::Window(u32::MAX), Spelling::Atlas),
    ];
    for (policy, spelling) in cases {
        let server = DigestServer::start(policy, spelling).await;
        let client = client(&server.url);
        all_come_through(&client, 40, 16).await;
        let before = server.requests();
        server.revoke();
        let endpoint = users();
        let outcomes: Vec<_> =
            stream::iter((0..40).map(|_| client.object(&endpoint))).buffer_unordered(16).collect().await;
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Err(AtlasError::CredentialsRejected))));
        let spent = server.requests() - before;
        assert!(spent <= 12, "{policy:?}: {spent}");
        assert_eq!(server.replays(), 0, "{policy:?}");
        client.object(&endpoint).await.unwrap_err();
        assert_eq!(server.requests(), before + spent, "{policy:?}");
    }
}

#[tokio::test]
async fn nothing_that_can_be_printed_shows_the_private_key() {
    let server = DigestServer::start(FOREVER, Spelling::Atlas).await;
    let credentials = credentials(PRIVATE_KEY);
    let client = Client::new(config(&server.url), &credentials).unwrap();
    all_come_through(&client, 1, 1).await;
    server.revoke();
    let error = client.object(&users()).await.unwrap_err();
    for printed in [format!("{credentials:?}"), format!("{client:?}"), format!("{error:?} {error}")] {
        assert!(!printed.contains(PRIVATE_KEY), "{printed}");
    }
}
