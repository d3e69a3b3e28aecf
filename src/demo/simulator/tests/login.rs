//! Digest: the challenge, the nonce and its counts.

use std::time::Duration;

use chrono::TimeDelta;
use md5::{Digest, Md5};
use reqwest::header::{ACCEPT, AUTHORIZATION};
use serde_json::json;

use super::{Caller, Got, PRIVATE, PUBLIC, options, plain_client, start, start_with};
use crate::demo::simulator::{NonceRules, Simulator, SimulatorOptions};

const ORGS: &str = "/api/atlas/v2/orgs?pageNum=1";

fn hash(text: &str) -> String {
    format!("{:032x}", u128::from_be_bytes(Md5::digest(text.as_bytes()).into()))
}

/// A digest header made by hand, so that its parts can be wrong.
fn digest(nonce: &str, count: &str, signed: &str, private: &str) -> String {
    let secret = hash(&format!("{PUBLIC}:MMS Public API:{private}"));
    let response = hash(&format!("{secret}:{nonce}:{count}:c0ffee:auth:{}", hash(&format!("GET:{signed}"))));
    format!(
        r#"Digest username="{PUBLIC}", realm="MMS Public API", nonce="{nonce}", uri="{signed}", algorithm="MD5", response="{response}", qop=auth, nc={count}, cnonce="c0ffee""#
    )
}

async fn ask(simulator: &Simulator, authorization: Option<String>) -> Got {
    let url = simulator.base_url().join(ORGS).unwrap();
    let mut request = plain_client().get(url).header(ACCEPT, "application/vnd.atlas.2023-01-01+json");
    if let Some(value) = authorization {
        request = request.header(AUTHORIZATION, value);
    }
    Got::of(request.send().await.unwrap()).await
}

fn nonce(challenge: &Got) -> String {
    challenge.header("www-authenticate").split('"').nth(5).unwrap().to_owned()
}

fn stale(got: &Got) -> (u16, bool) {
    (got.status, got.header("www-authenticate").ends_with("stale=true"))
}

#[tokio::test]
async fn the_challenge_has_atlas_layout_and_body() {
    let simulator = start().await;
    let challenge = ask(&simulator, None).await;
    let nonce = nonce(&challenge);
    assert_eq!(nonce.len(), 32);
    assert_eq!(
        challenge.header("www-authenticate"),
        format!(r#"Digest realm="MMS Public API", domain="", nonce="{nonce}", algorithm=MD5, qop="auth", stale=false"#)
    );
    assert_eq!(
        challenge.body,
        json!({
            "error": 401,
            "reason": "Unauthorized",
            "detail": "You are not authorized for this resource.",
            "errorCode": "UNEXPECTED_ERROR",
        })
    );
    assert_eq!((challenge.status, challenge.header("content-type")), (401, "application/json"));
    assert_eq!((challenge.header("ratelimit-limit"), challenge.header("x-error-code")), ("", ""));
}

#[tokio::test]
async fn a_nonce_serves_growing_counts_and_refuses_a_repeated_one_plainly() {
    let simulator = start().await;
    let nonce = nonce(&ask(&simulator, None).await);
    let call = async |count: &str| stale(&ask(&simulator, Some(digest(&nonce, count, ORGS, PRIVATE))).await);
    assert_eq!(call("00000001").await, (200, false));
    assert_eq!(call("00000002").await, (200, false));
    assert_eq!(call("00000002").await, (401, false));
    assert_eq!(call("00000003").await, (200, false));
}

#[tokio::test]
async fn a_used_up_expired_or_unknown_nonce_is_stale() {
    let nonces = NonceRules { life: Duration::from_mins(1), uses: 2, shared: false };
    let options = SimulatorOptions { nonces, ..options() };
    let clock = options.clock.clone();
    let simulator = start_with(options).await;
    let first = nonce(&ask(&simulator, None).await);
    let second = nonce(&ask(&simulator, None).await);
    assert_ne!(first, second);
    let call =
        async |nonce: &str, count: &str| stale(&ask(&simulator, Some(digest(nonce, count, ORGS, PRIVATE))).await);
    assert_eq!(call(&first, "00000001").await, (200, false));
    assert_eq!(call(&first, "00000002").await, (200, false));
    assert_eq!(call(&first, "00000003").await, (401, true));
    clock.advance(TimeDelta::seconds(59));
    assert_eq!(call(&second, "00000001").await, (200, false));
    clock.advance(TimeDelta::seconds(1));
    assert_eq!(call(&second, "00000002").await, (401, true));
    assert_eq!(call("bm90IG9uZSBvZiBvdXJzLCBub3QgYXQ=", "00000001").await, (401, true));
}

#[tokio::test]
async fn a_wrong_key_is_told_apart_from_a_stale_nonce() {
    let simulator = start().await;
    let nonce = nonce(&ask(&simulator, None).await);
    let wrong = ask(&simulator, Some(digest(&nonce, "00000001", ORGS, "not the key"))).await;
    assert_eq!(stale(&wrong), (401, false));
    assert_eq!(wrong.body["errorCode"], "UNEXPECTED_ERROR");
}

#[tokio::test]
async fn the_signed_uri_must_be_the_request_line_with_its_query() {
    let simulator = start().await;
    let nonce = nonce(&ask(&simulator, None).await);
    let without_query = digest(&nonce, "00000001", "/api/atlas/v2/orgs", PRIVATE);
    assert_eq!(ask(&simulator, Some(without_query)).await.status, 401);
    assert_eq!(ask(&simulator, Some(digest(&nonce, "00000002", ORGS, PRIVATE))).await.status, 200);
}

#[tokio::test]
async fn a_shared_nonce_is_handed_to_everybody_until_it_dies() {
    let nonces = NonceRules { shared: true, ..NonceRules::default() };
    let options = SimulatorOptions { nonces, ..options() };
    let clock = options.clock.clone();
    let simulator = start_with(options).await;
    let first = nonce(&ask(&simulator, None).await);
    assert_eq!(nonce(&ask(&simulator, None).await), first);
    clock.advance(TimeDelta::seconds(60));
    assert_ne!(nonce(&ask(&simulator, None).await), first);
}

#[tokio::test]
async fn a_session_pays_one_challenge_and_every_request_is_counted() {
    let simulator = start().await;
    let caller = Caller::new(&simulator, PUBLIC);
    for _ in 0..3 {
        assert_eq!(caller.get("/orgs?itemsPerPage=1&pageNum=1").await.status, 200);
    }
    assert_eq!(simulator.requests(), 4);
    let statuses: Vec<u16> = simulator.request_log().iter().map(|request| request.status).collect();
    assert_eq!(statuses, [401, 200, 200, 200]);
    assert_eq!(simulator.request_log()[3].target, "/api/atlas/v2/orgs?itemsPerPage=1&pageNum=1");
}

#[tokio::test]
async fn a_revoked_key_answers_no_challenge_any_more() {
    let simulator = start().await;
    let caller = Caller::new(&simulator, PUBLIC);
    assert_eq!(caller.get("/orgs").await.status, 200);
    simulator.revoke_key(PUBLIC);
    let revoked = caller.get("/orgs").await;
    assert_eq!(stale(&revoked), (401, false));
    assert_eq!(revoked.body["errorCode"], "UNEXPECTED_ERROR");
}
