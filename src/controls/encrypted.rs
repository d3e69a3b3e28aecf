//! Clusters are encrypted at rest and in transit. Both halves must hold; the worse one decides.

use super::control::{AssetFacts, Control, Origin, Rule, Severity, iso27001, soc2};
use super::policy::Policy;
use super::saying::{seen, verdict, weighed};
use crate::domain::{AtRest, Cluster, Deployment, Evidence, KeyState, Outcome, ScopeKind, Verdict};

pub(super) const CONTROL: Control = Control {
    key: "clusters-encrypted",
    title: "Clusters encrypted at rest and in transit",
    description: "Storage is encrypted with the provider's key or a valid customer key, and connections need TLS 1.2 \
        or later. A setting can demand customer keys.",
    rationale: "Encryption keeps data from whoever gets hold of a disk, a snapshot or a wire. A customer key that \
        is no longer valid stops the cluster.",
    remediation: "In Atlas, set the cluster's minimum TLS protocol to 1.2 or later, and restore or rotate a customer \
        key that the project's encryption at rest calls invalid.",
    severity: Severity::Critical,
    frameworks: &[soc2("CC6.1"), soc2("CC6.7"), iso27001("A.8.24")],
    origin: Origin::Core,
    scopes: &[ScopeKind::Projects, ScopeKind::Clusters, ScopeKind::FlexClusters, ScopeKind::EncryptionAtRest],
    rule: Rule::Cluster(judge),
};

/// What one half says.
struct Half {
    outcome: Outcome,
    reason: &'static str,
    /// Without the full stop.
    sentence: String,
    evidence: Vec<Evidence>,
}

fn judge(facts: &AssetFacts<'_>, policy: &Policy) -> Verdict {
    let (rest, transit) = (at_rest(facts, policy), in_transit(facts.cluster));
    let (worse, other) =
        if gravity(transit.outcome) > gravity(rest.outcome) { (&transit, &rest) } else { (&rest, &transit) };
    let name = &facts.cluster.name;
    let message = format!("{name}: {}; {}.", worse.sentence, other.sentence);
    let (outcome, reason) = (worse.outcome, worse.reason);
    verdict(outcome, reason, message, rest.evidence.into_iter().chain(transit.evidence).collect())
}

fn gravity(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Fail => 2,
        Outcome::Unknown => 1,
        Outcome::Pass | Outcome::NotApplicable => 0,
    }
}

fn half(outcome: Outcome, reason: &'static str, sentence: &str, evidence: Vec<Evidence>) -> Half {
    Half { outcome, reason, sentence: sentence.to_owned(), evidence }
}

fn at_rest(facts: &AssetFacts<'_>, policy: &Policy) -> Half {
    let (word, block) = match facts.cluster.at_rest {
        AtRest::ProviderManagedKey => return provider_key(policy),
        AtRest::Unrecognized => {
            let evidence = vec![weighed(PROVIDER, None, wanted_provider(policy))];
            let sentence = "whose key encrypts its storage could not be read";
            return half(Outcome::Unknown, "KEY_VALIDITY_UNREAD", sentence, evidence);
        }
        AtRest::AwsCustomerKey => ("AWS", "awsKms"),
        AtRest::AzureCustomerKey => ("AZURE", "azureKeyVault"),
        AtRest::GcpCustomerKey => ("GCP", "googleCloudKms"),
    };
    let key = facts.encryption.and_then(|encryption| encryption.key_for(facts.cluster.at_rest)).unwrap_or_default();
    customer_key(word, block, key)
}

const PROVIDER: &str = "encryptionAtRestProvider";

fn wanted_provider(policy: &Policy) -> &'static str {
    if policy.require_customer_managed_keys { "AWS, AZURE or GCP" } else { "NONE, AWS, AZURE or GCP" }
}

fn provider_key(policy: &Policy) -> Half {
    let evidence = vec![weighed(PROVIDER, Some("NONE".to_owned()), wanted_provider(policy))];
    if policy.require_customer_managed_keys {
        let sentence = "its storage is encrypted with the provider's key, where a customer key is required";
        return half(Outcome::Fail, "NO_CUSTOMER_KEY", sentence, evidence);
    }
    half(Outcome::Pass, "ENCRYPTED", "its storage is encrypted with the provider's key", evidence)
}

fn customer_key(word: &str, block: &str, key: KeyState) -> Half {
    let shown = |field: &str, value: Option<bool>| {
        weighed(format!("encryptionAtRest.{block}.{field}"), value.map(|value| value.to_string()), "true")
    };
    let evidence = vec![seen(PROVIDER, word), shown("enabled", key.enabled), shown("valid", key.valid)];
    match (key.enabled, key.valid) {
        (Some(true), Some(true)) => {
            half(Outcome::Pass, "ENCRYPTED", "its storage is encrypted with a valid customer key", evidence)
        }
        (Some(false), _) => {
            half(Outcome::Fail, "CUSTOMER_KEY_INVALID", "its project's customer key is switched off", evidence)
        }
        (_, Some(false)) => {
            half(Outcome::Fail, "CUSTOMER_KEY_INVALID", "its project's customer key is invalid", evidence)
        }
        _ => {
            let sentence = "whether its project's customer key is valid could not be read";
            half(Outcome::Unknown, "KEY_VALIDITY_UNREAD", sentence, evidence)
        }
    }
}

/// The lowest version that passes.
const TLS_FLOOR: (u32, u32) = (1, 2);

fn in_transit(cluster: &Cluster) -> Half {
    let word = cluster.minimum_tls.as_deref();
    let evidence =
        vec![weighed("advancedConfiguration.minimumEnabledTlsProtocol", word.map(str::to_owned), "TLS1_2 or later")];
    match (word.map(tls_version), cluster.deployment) {
        (Some(Some(version)), _) if version >= TLS_FLOOR => {
            half(Outcome::Pass, "ENCRYPTED", "connections need TLS 1.2 or later", evidence)
        }
        (Some(Some((major, minor))), _) => {
            let sentence =
                format!("connections with TLS {major}.{minor} are let in; raise the minimum to 1.2 or later");
            half(Outcome::Fail, "WEAK_TLS", &sentence, evidence)
        }
        (None, Deployment::Shared | Deployment::Flex) => {
            half(Outcome::Pass, "ENCRYPTED", "connections need the platform's minimum of TLS 1.2", evidence)
        }
        _ => {
            half(Outcome::Unknown, "TLS_FLOOR_UNREAD", "the lowest TLS version it lets in could not be read", evidence)
        }
    }
}

/// `TLS1_2` as (1, 2).
fn tls_version(word: &str) -> Option<(u32, u32)> {
    let (major, minor) = word.strip_prefix("TLS")?.split_once('_')?;
    let number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?;
    Some((number(major)?, number(minor)?))
}
