//! Time-outs and budgets at the client: what is waited for, and how long.

use std::time::Duration;

use serde_json::json;
use slategate::atlas::{AtlasConfig, AtlasError, Client, Endpoint, Pace, Read};
use wiremock::matchers::{any, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::faulty::{Fault, Faulty, answer};
use super::{ORG, PRIVATE_KEY, client, config, credentials, users};

/// How one call ends with this fault and these time-outs; never later than the usual ones would let it.
async fn call(fault: Fault, change: impl FnOnce(&mut AtlasConfig)) -> (AtlasError, u64) {
    let faulty = Faulty::start().await;
    faulty.strike("/users", fault);
    let mut config = config(&faulty.url);
    change(&mut config);
    let client = Client::new(config, &credentials(PRIVATE_KEY)).unwrap();
    let endpoint = users();
    let outcome = tokio::time::timeout(Duration::from_secs(14), client.object(&endpoint)).await;
    (outcome.expect("the time-out that was set comes first").unwrap_err(), client.requests_sent())
}

#[tokio::test]
async fn each_part_of_a_call_has_its_time() {
    let short = Duration::from_millis(200);
    let half = answer("content-length: 90\r\n", b"{");
    let ends = [
        call(Fault::Hang(Vec::new()), |config| config.timeouts.head = short).await,
        call(Fault::Hang(half), |config| config.timeouts.idle = short).await,
        call(Fault::Drip(Duration::from_millis(20)), |config| config.timeouts.total = short).await,
    ];
    for (error, requests) in ends {
        assert_eq!((error.code(), requests), ("ATLAS_UNAVAILABLE", 4));
    }
}

#[tokio::test]
async fn the_usual_time_outs_are_those_that_are_documented() {
    let usual = AtlasConfig::new("https://cloud.mongodb.com".parse().unwrap()).timeouts;
    let seconds = [usual.connect, usual.head, usual.idle, usual.total].map(|limit| limit.as_secs());
    assert_eq!(seconds, [5, 15, 15, 60]);
}

fn endpoint(read: Read) -> Endpoint {
    Endpoint::new(read, ORG).unwrap()
}

/// A server that says of every bucket that so many calls remain.
async fn telling(headers: &[(&str, &str)]) -> MockServer {
    let server = MockServer::start().await;
    let mut good = ResponseTemplate::new(200).set_body_json(json!({}));
    for (name, value) in headers {
        good = good.append_header(*name, *value);
    }
    Mock::given(any()).respond_with(good).mount(&server).await;
    server
}

#[tokio::test]
async fn an_empty_bucket_makes_its_own_calls_wait_for_the_refill() {
    let server = telling(&[("ratelimit-limit", "3"), ("ratelimit-remaining", "0")]).await;
    let config = config(&server.uri());
    let pace = config.pace.clone();
    let client = Client::new(config, &credentials(PRIVATE_KEY)).unwrap();
    client.object(&endpoint(Read::Organization)).await.unwrap();
    client.object(&endpoint(Read::Users)).await.unwrap();
    assert!(pace.skipped().is_empty());
    client.object(&endpoint(Read::Projects)).await.unwrap();
    let waits = pace.skipped();
    assert_eq!(waits.len(), 1, "{waits:?}");
    assert!(waits[0] <= Duration::from_mins(1) && waits[0] > Duration::from_secs(59), "{waits:?}");
}

#[tokio::test]
async fn headers_that_make_no_sense_are_not_believed() {
    for (limit, remaining) in [("-1", "-1"), ("soon", ""), ("99999999999999999999", "1e9"), ("0.5", "null")] {
        let server = telling(&[("ratelimit-limit", limit), ("ratelimit-remaining", remaining)]).await;
        let config = config(&server.uri());
        let pace = config.pace.clone();
        let client = Client::new(config, &credentials(PRIVATE_KEY)).unwrap();
        for _ in 0..3 {
            client.object(&endpoint(Read::Users)).await.unwrap();
        }
        assert!(pace.skipped().is_empty(), "{limit} {remaining}");
    }
}

#[tokio::test]
async fn a_429_stops_its_own_bucket_only_and_for_every_client_of_the_configuration() {
    let server = MockServer::start().await;
    let limited = ResponseTemplate::new(429).insert_header("retry-after", "1000");
    let limited_path = format!("/api/atlas/v2/orgs/{ORG}/apiKeys");
    Mock::given(path(limited_path)).respond_with(limited).expect(1).mount(&server).await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200).set_body_json(json!({}))).mount(&server).await;
    let config = AtlasConfig { pace: Pace::Real, ..config(&server.uri()) };
    for _ in 0..2 {
        let client = Client::new(config.clone(), &credentials(PRIVATE_KEY)).unwrap();
        for shut in [Read::ApiKeys, Read::ServiceAccounts] {
            let error = client.object(&endpoint(shut)).await.unwrap_err();
            assert!(matches!(error, AtlasError::RateLimited { .. }), "{error:?}");
        }
        for open in [Read::Users, Read::Teams, Read::Projects] {
            client.object(&endpoint(open)).await.unwrap();
        }
    }
}

#[tokio::test]
async fn each_further_429_is_answered_by_a_clearly_longer_wait() {
    let server = MockServer::start().await;
    let limited = ResponseTemplate::new(429).insert_header("retry-after", "30");
    Mock::given(any()).respond_with(limited).mount(&server).await;
    let config = config(&server.uri());
    let pace = config.pace.clone();
    let client = Client::new(config, &credentials(PRIVATE_KEY)).unwrap();
    client.object(&users()).await.unwrap_err();
    let waits: Vec<u64> = pace.skipped().iter().map(Duration::as_secs).collect();
    let bounds = [(30, 30), (40, 50), (50, 70)];
    assert_eq!(waits.len(), bounds.len(), "{waits:?}");
    assert!(waits.iter().zip(bounds).all(|(wait, (least, most))| (least..=most).contains(wait)), "{waits:?}");
}

#[tokio::test]
async fn a_refusal_without_an_end_is_drained_only_so_far() {
    let faulty = Faulty::start().await;
    let mut endless = b"HTTP/1.1 403 Forbidden\r\ncontent-length: 99999999\r\n\r\n".to_vec();
    endless.extend(vec![b' '; 1 << 20]);
    faulty.strike("/users", Fault::Hang(endless));
    let error = client(&faulty.url).object(&users()).await.unwrap_err();
    assert_eq!(error.category().word(), "ROLE_TOO_SMALL");
}

#[tokio::test]
async fn a_gigabyte_in_a_megabyte_is_read_up_to_the_cap() {
    let bomb = super::faulty::bomb();
    assert!(bomb.len() < 2 << 20, "{}", bomb.len());
    let faulty = Faulty::start().await;
    faulty.strike("/users", Fault::Bytes(super::faulty::gzip(&bomb)));
    let error = client(&faulty.url).object(&users()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "Atlas gave an answer that makes no sense here: a body of more than 32 MiB",
        "{error:?}"
    );
    assert_eq!(faulty.requests("/users"), 1);
}
