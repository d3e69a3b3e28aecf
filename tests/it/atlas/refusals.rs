//! What each kind of refusal is taken for, how often it is tried again, and what is waited.

use std::time::Duration;

use serde_json::json;
use slategate::atlas::{AtlasConfig, AtlasError, Client, SetupError};
use wiremock::matchers::{any, header_exists};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::{PRIVATE_KEY, config, credentials, users};

const CHALLENGE: &str =
    r#"Digest realm="MMS Public API", domain="", nonce="n", algorithm=MD5, qop="auth", stale=false"#;

struct Asked {
    outcome: Result<serde_json::Value, AtlasError>,
    requests: u64,
    waits: Vec<Duration>,
}

/// One call to a server that answers in turn, the last answer for ever.
async fn ask(answers: Vec<ResponseTemplate>) -> Asked {
    let server = MockServer::start().await;
    let last = answers.len() - 1;
    for (index, answer) in answers.into_iter().enumerate() {
        let mock = Mock::given(any()).respond_with(answer);
        let mock = if index < last { mock.up_to_n_times(1) } else { mock };
        mock.mount(&server).await;
    }
    let config = config(&server.uri());
    let pace = config.pace.clone();
    let client = Client::new(config, &credentials(PRIVATE_KEY)).unwrap();
    let outcome = client.object(&users()).await;
    Asked { outcome, requests: client.requests_sent(), waits: pace.skipped() }
}

fn refusal(status: u16, code: &str) -> ResponseTemplate {
    ResponseTemplate::new(status)
        .set_body_json(json!({ "error": status, "errorCode": code, "parameters": ["203.0.113.9"] }))
}

fn good() -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({}))
}

#[tokio::test]
async fn a_role_that_is_too_small_is_no_wrong_key() {
    let server = MockServer::start().await;
    let denied = refusal(401, "USER_UNAUTHORIZED").insert_header("www-authenticate", CHALLENGE);
    Mock::given(header_exists("authorization")).respond_with(denied).mount(&server).await;
    Mock::given(any())
        .respond_with(ResponseTemplate::new(401).insert_header("www-authenticate", CHALLENGE))
        .mount(&server)
        .await;
    let client = super::client(&server.uri());
    for requests in [2, 3] {
        let error = client.object(&users()).await.unwrap_err();
        assert!(matches!(error, AtlasError::RoleTooSmall { .. }), "{error:?}");
        assert_eq!((error.code(), client.requests_sent()), ("USER_UNAUTHORIZED", requests));
    }
}

#[tokio::test]
async fn refusals_that_stay_are_not_tried_again() {
    let cases = [
        (402, "ACCOUNT_SUSPENDED"),
        (403, "IP_ADDRESS_NOT_ON_ACCESS_LIST"),
        (403, "ACCESS_FORBIDDEN"),
        (404, "GROUP_NOT_FOUND"),
        (406, "INVALID_VERSION_DATE"),
        (410, "VERSION_GONE"),
    ];
    for (status, code) in cases {
        let asked = ask(vec![refusal(status, code)]).await;
        assert_eq!((asked.outcome.unwrap_err().code(), asked.requests, asked.waits), (code, 1, vec![]));
    }
}

#[tokio::test]
async fn an_outage_is_tried_three_times_more_with_short_waits() {
    let asked = ask(vec![ResponseTemplate::new(503)]).await;
    let error = asked.outcome.unwrap_err();
    assert_eq!((error.code(), error.is_transient(), asked.requests), ("ATLAS_UNAVAILABLE", true, 4));
    assert_eq!(asked.waits.len(), 3);
    assert!(asked.waits.iter().zip([200, 400, 800]).all(|(wait, most)| *wait <= Duration::from_millis(most)));

    let asked = ask(vec![ResponseTemplate::new(500), ResponseTemplate::new(502), good()]).await;
    assert_eq!((asked.outcome.unwrap(), asked.requests), (json!({}), 3));
}

#[tokio::test]
async fn an_upstream_that_is_not_there_is_unavailable() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let client = super::client(&url);
    let error = client.object(&users()).await.unwrap_err();
    assert!(matches!(error, AtlasError::Unavailable { cause: Some(_), .. }), "{error:?}");
    assert!(!format!("{error:?}").contains(super::ORG), "{error:?}");
    assert_eq!(client.requests_sent(), 4);
}

#[tokio::test]
async fn a_rate_limit_is_waited_out_for_at_least_as_long_as_it_says() {
    let cases = [
        (Some("55"), 55),
        (Some("900000"), 0),
        (Some("99999999999999999999999"), 0),
        (Some("0"), 10),
        (Some("-1"), 10),
        (Some("soon"), 10),
        (Some("Thu, 01 Jan 1970 00:00:00 GMT"), 10),
        (None, 10),
    ];
    for (header, least) in cases {
        let mut limited = refusal(429, "RATE_LIMITED_TOKEN_BUCKET");
        if let Some(value) = header {
            limited = limited.insert_header("retry-after", value);
        }
        let asked = ask(vec![limited, good()]).await;
        if least == 0 {
            let error = asked.outcome.unwrap_err();
            assert!(matches!(error, AtlasError::RateLimited { .. }), "{error:?}");
            assert_eq!((error.code(), asked.requests, asked.waits), ("RATE_LIMITED_TOKEN_BUCKET", 1, vec![]));
        } else {
            assert_eq!((asked.outcome.is_ok(), asked.requests, asked.waits.len()), (true, 2, 1), "{header:?}");
            let least = Duration::from_secs(least);
            assert!(asked.waits[0] >= least && asked.waits[0] <= least + Duration::from_millis(200), "{header:?}");
        }
    }
}

#[tokio::test]
async fn a_bucket_that_is_closed_for_long_is_not_asked_again() {
    let server = MockServer::start().await;
    let limited = refusal(429, "RATE_LIMITED_TOKEN_BUCKET").insert_header("retry-after", "3600");
    Mock::given(any()).respond_with(limited).expect(1).mount(&server).await;
    let client = super::client(&server.uri());
    for _ in 0..3 {
        let error = client.object(&users()).await.unwrap_err();
        assert_eq!(error.category().word(), "RATE_LIMITED");
    }
    assert_eq!(client.requests_sent(), 1);
}

#[tokio::test]
async fn a_rate_limit_that_does_not_end_is_given_up() {
    let asked = ask(vec![refusal(429, "RATE_LIMITED_TOKEN_BUCKET").insert_header("retry-after", "1")]).await;
    assert_eq!((asked.outcome.unwrap_err().code(), asked.requests), ("RATE_LIMITED_TOKEN_BUCKET", 4));
}

#[tokio::test]
async fn bodies_that_make_no_sense_are_unexpected_and_not_tried_again() {
    let html = ResponseTemplate::new(200).set_body_raw("<html>maintenance</html>", "text/html");
    let large = ResponseTemplate::new(200).set_body_bytes(vec![b' '; 32 * 1024 * 1024 + 1]);
    let no_gzip = good().insert_header("content-encoding", "gzip");
    for answer in [html, large, no_gzip, ResponseTemplate::new(204)] {
        let asked = ask(vec![answer]).await;
        assert_eq!((asked.outcome.unwrap_err().code(), asked.requests), ("UNEXPECTED_RESPONSE", 1));
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = MockServer::start().await;
    Mock::given(any()).respond_with(good()).expect(0).mount(&elsewhere).await;
    let asked = ask(vec![ResponseTemplate::new(302).insert_header("location", elsewhere.uri().as_str())]).await;
    assert_eq!((asked.outcome.unwrap_err().code(), asked.requests), ("UNEXPECTED_RESPONSE", 1));
}

#[tokio::test]
async fn a_401_without_a_challenge_says_nothing_of_the_key() {
    let asked = ask(vec![refusal(401, "UNEXPECTED_ERROR")]).await;
    assert_eq!((asked.outcome.unwrap_err().category().word(), asked.requests), ("UNEXPECTED_RESPONSE", 1));
}

#[test]
fn plain_http_is_for_this_machine_only() {
    for (url, accepted) in [
        ("https://cloud.mongodb.com", true),
        ("http://cloud.mongodb.com", false),
        ("http://127.0.0.1:1", true),
        ("http://[::1]:1", true),
        ("http://localhost:1", true),
        ("http://localhost.example.com", false),
        ("ftp://localhost", false),
    ] {
        let made = Client::new(AtlasConfig::new(url.parse().unwrap()), &credentials(PRIVATE_KEY));
        assert_eq!(made.is_ok(), accepted, "{url}");
        assert!(accepted || matches!(made, Err(SetupError::BaseUrl)));
    }
}
