//! Clusters encrypted at rest and in transit.

use serde_json::json;

use super::*;

const KEY: &str = "clusters-encrypted";
const TLS: &str = "/advancedConfiguration/minimumEnabledTlsProtocol";

fn strict() -> Policy {
    Policy { require_customer_managed_keys: true, ..Policy::default() }
}

fn provider(word: &str) -> Value {
    good_but("/encryptionAtRestProvider", json!(word))
}

fn keys(body: &Value) -> EncryptionAtRest {
    convert::encryption_at_rest(body).unwrap()
}

#[test]
fn the_lowest_tls_version_must_be_at_least_1_2() {
    let unread = "TLS_FLOOR_UNREAD";
    let mut old_flex = shared("M5", "M5");
    put(&mut old_flex, "/advancedConfiguration", json!({ "minimumEnabledTlsProtocol": "TLS1_1" }));
    let mut odd_shared = old_flex.clone();
    put(&mut odd_shared, TLS, json!("STRONG"));
    check(
        KEY,
        &[
            ("1.2", good(), Outcome::Pass, "ENCRYPTED"),
            ("1.3", good_but(TLS, json!("TLS1_3")), Outcome::Pass, "ENCRYPTED"),
            ("1.10", good_but(TLS, json!("TLS1_10")), Outcome::Pass, "ENCRYPTED"),
            ("2.0", good_but(TLS, json!("TLS2_0")), Outcome::Pass, "ENCRYPTED"),
            ("1.1", good_but(TLS, json!("TLS1_1")), Outcome::Fail, "WEAK_TLS"),
            ("1.0", good_but(TLS, json!("TLS1_0")), Outcome::Fail, "WEAK_TLS"),
            ("SSL", good_but(TLS, json!("SSL3_0")), Outcome::Unknown, unread),
            ("no minor", good_but(TLS, json!("TLS1_")), Outcome::Unknown, unread),
            ("a sign", good_but(TLS, json!("TLS+1_2")), Outcome::Unknown, unread),
            ("a number", good_but(TLS, json!(1.2)), Outcome::Unknown, unread),
            ("null", good_but(TLS, json!(null)), Outcome::Unknown, unread),
            ("missing", take(good(), "/advancedConfiguration"), Outcome::Unknown, unread),
            ("missing on M0", shared("M0", "M0"), Outcome::Pass, "ENCRYPTED"),
            ("missing on flex", flex(), Outcome::Pass, "ENCRYPTED"),
            ("1.1 on a shared tier", old_flex, Outcome::Fail, "WEAK_TLS"),
            ("no version on a shared tier", odd_shared, Outcome::Unknown, unread),
            ("a provider of tomorrow", provider("ORACLE"), Outcome::Unknown, "KEY_VALIDITY_UNREAD"),
            ("no provider", take(good(), "/encryptionAtRestProvider"), Outcome::Unknown, "KEY_VALIDITY_UNREAD"),
            ("a customer key nobody could read about", provider("AWS"), Outcome::Unknown, "KEY_VALIDITY_UNREAD"),
            ("creating", good_but("/stateName", json!("CREATING")), Outcome::NotApplicable, "CLUSTER_CREATING"),
        ],
    );
}

#[test]
fn a_customer_key_must_be_enabled_and_valid_in_the_matching_block() {
    let fine = json!({ "enabled": true, "valid": true });
    let (pass, fail, unknown) = (
        (Outcome::Pass, "ENCRYPTED"),
        (Outcome::Fail, "CUSTOMER_KEY_INVALID"),
        (Outcome::Unknown, "KEY_VALIDITY_UNREAD"),
    );
    let table = [
        ("AWS", json!({ "awsKms": fine }), pass),
        ("AZURE", json!({ "azureKeyVault": fine }), pass),
        ("GCP", json!({ "googleCloudKms": fine }), pass),
        ("AWS", json!({ "azureKeyVault": fine, "googleCloudKms": fine }), unknown),
        ("AWS", json!({ "awsKms": { "enabled": true, "valid": false } }), fail),
        ("AWS", json!({ "awsKms": { "enabled": false, "valid": true } }), fail),
        ("AWS", json!({ "awsKms": { "enabled": false } }), fail),
        ("AWS", json!({ "awsKms": { "valid": false } }), fail),
        ("AWS", json!({ "awsKms": { "enabled": true } }), unknown),
        ("AWS", json!({ "awsKms": { "valid": true } }), unknown),
        ("AWS", json!({ "awsKms": { "enabled": "true", "valid": true } }), unknown),
        ("AWS", json!({ "awsKms": [] }), unknown),
        ("AWS", json!({}), unknown),
    ];
    for (word, body, expected) in table {
        for policy in [Policy::default(), strict()] {
            let verdict = judge_with(KEY, &provider(word), Some(&keys(&body)), &policy);
            assert_eq!((verdict.outcome, verdict.reason.as_str()), expected, "{word} {body}");
        }
    }
}

#[test]
fn a_demand_for_customer_keys_fails_the_providers_key() {
    for body in [good(), shared("M0", "M0"), flex()] {
        let verdict = judge_with(KEY, &body, None, &strict());
        assert_eq!((verdict.outcome, verdict.reason.as_str()), (Outcome::Fail, "NO_CUSTOMER_KEY"));
        assert_eq!(verdict.evidence[0], item("encryptionAtRestProvider", Some("NONE"), Some("AWS, AZURE or GCP")));
    }
}

#[test]
fn the_worse_half_decides_and_evidence_shows_both() {
    let mut body = provider("AWS");
    put(&mut body, TLS, json!("TLS1_1"));
    let valid = keys(&json!({ "awsKms": { "enabled": true, "valid": true } }));
    let verdict = judge_with(KEY, &body, Some(&valid), &Policy::default());
    let expected = Verdict {
        outcome: Outcome::Fail,
        reason: "WEAK_TLS".to_owned(),
        message: "orders: connections with TLS 1.1 are let in; raise the minimum to 1.2 or later; its storage is \
                  encrypted with a valid customer key."
            .to_owned(),
        evidence: vec![
            item("encryptionAtRestProvider", Some("AWS"), None),
            item("encryptionAtRest.awsKms.enabled", Some("true"), Some("true")),
            item("encryptionAtRest.awsKms.valid", Some("true"), Some("true")),
            item("advancedConfiguration.minimumEnabledTlsProtocol", Some("TLS1_1"), Some("TLS1_2 or later")),
        ],
    };
    assert_eq!(verdict, expected);
    assert_eq!(judge_with(KEY, &body, None, &Policy::default()).reason, "WEAK_TLS", "a fail outweighs what is unread");
    let invalid = keys(&json!({ "awsKms": { "enabled": true, "valid": false } }));
    let both = judge_with(KEY, &body, Some(&invalid), &Policy::default());
    assert_eq!(both.reason, "CUSTOMER_KEY_INVALID", "the storage speaks first when both fail");
    assert!(both.message.contains("TLS 1.1"), "{}", both.message);
    put(&mut body, TLS, json!(null));
    assert_eq!(judge_with(KEY, &body, Some(&invalid), &Policy::default()).reason, "CUSTOMER_KEY_INVALID");
    assert_eq!(judge_with(KEY, &body, Some(&valid), &Policy::default()).reason, "TLS_FLOOR_UNREAD");
}
