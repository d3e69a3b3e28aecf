//! The catalogue itself, and what holds for every control.

use std::collections::BTreeSet;

use super::*;
use crate::domain::ScopeKind;

#[test]
fn the_catalogue_is_the_agreed_one() {
    let listed: Vec<(&str, &str, &str, SubjectKind)> =
        ALL.iter().map(|control| (control.key, control.title, control.severity.word(), control.subjects())).collect();
    let (asset, account) = (SubjectKind::Asset, SubjectKind::Account);
    let agreed = [
        ("inventory-items-have-owners", "Inventory items have active owners assigned", "MEDIUM", asset),
        ("inventory-items-have-descriptions", "Inventory items have descriptions", "LOW", asset),
        ("resources-classified-for-user-data", "Resources classified for user data", "MEDIUM", asset),
        ("accounts-associated-with-users", "Accounts associated with users", "HIGH", account),
        (
            "accounts-deprovisioned-when-personnel-leave",
            "Accounts deprovisioned when personnel leave",
            "CRITICAL",
            account,
        ),
        ("cluster-storage-autoscaling", "Cluster storage autoscaling (M10+)", "MEDIUM", asset),
        ("cluster-tier-autoscaling", "Cluster tier autoscaling (M10+)", "LOW", asset),
        ("clusters-backed-up", "Clusters backed up (Cloud Backup enabled)", "HIGH", asset),
        ("clusters-encrypted", "Clusters encrypted at rest and in transit", "CRITICAL", asset),
        ("clusters-on-dedicated-nodes", "Clusters on dedicated nodes (M10+ rather than shared tiers)", "MEDIUM", asset),
        ("clusters-replicated", "Clusters replicated (replica set with automatic failover)", "HIGH", asset),
        ("access-reviews-completed-on-time", "Access reviews completed on time", "MEDIUM", account),
        ("no-dormant-privileged-accounts", "No dormant privileged accounts", "HIGH", account),
    ];
    assert_eq!(listed, agreed);
    let added = ALL.iter().filter(|control| control.origin == Origin::Extended);
    assert_eq!(added.map(|control| control.key).collect::<Vec<_>>(), [agreed[11].0, agreed[12].0]);
}

#[test]
fn every_control_cites_the_agreed_criteria() {
    let cited: Vec<String> = ALL
        .iter()
        .map(|control| {
            let of = |framework| {
                let found = control.frameworks.iter().filter(move |reference| reference.framework == framework);
                found.map(|reference| reference.criterion).collect::<Vec<_>>().join(", ")
            };
            format!("{} | {}", of("SOC 2"), of("ISO 27001:2022"))
        })
        .collect();
    let agreed = [
        "CC6.1 | A.5.9",
        "CC6.1 | A.5.9",
        "CC6.1, C1.1 | A.5.12, A.5.13",
        "CC6.1, CC6.2 | A.5.16, A.5.18",
        "CC6.2, CC6.3 | A.5.18, A.6.5",
        "A1.1 | A.8.6",
        "A1.1 | A.8.6",
        "A1.2 | A.8.13",
        "CC6.1, CC6.7 | A.8.24",
        "A1.1, CC6.6 | A.8.22",
        "A1.2 | A.8.14",
        "CC6.2, CC6.3 | A.5.18",
        "CC6.2, CC6.3 | A.5.18, A.8.2",
    ];
    assert_eq!(cited, agreed);
}

#[test]
fn scopes_follow_the_subjects() {
    use ScopeKind::{ApiKeys, Clusters, EncryptionAtRest, FlexClusters, Projects, ServiceAccounts, Users};
    for control in ALL {
        let agreed: &[ScopeKind] = match (control.subjects(), control.key) {
            (SubjectKind::Account, "no-dormant-privileged-accounts") => &[Users],
            (SubjectKind::Account, _) => &[Users, ApiKeys, ServiceAccounts],
            (SubjectKind::Asset, "clusters-encrypted") => &[Projects, Clusters, FlexClusters, EncryptionAtRest],
            (SubjectKind::Asset, _) => &[Projects, Clusters, FlexClusters],
        };
        assert_eq!(control.scopes, agreed, "{}", control.key);
    }
}

#[test]
fn keys_are_found_and_distinct() {
    let keys: BTreeSet<&str> = ALL.iter().map(|control| control.key).collect();
    assert_eq!(keys.len(), ALL.len());
    assert!(ALL.iter().all(|control| find(control.key).is_some_and(|found| found.title == control.title)));
    assert!(find("no-such-control").is_none());
}

#[test]
fn every_text_is_a_sentence() {
    for control in ALL {
        for text in [control.description, control.rationale, control.remediation] {
            assert!(text.len() > 40 && text.ends_with('.') && !text.contains("  "), "{}: {text}", control.key);
        }
    }
}

#[test]
fn a_control_is_silent_about_the_other_kind_of_subject() {
    let (cluster, account, policy) = (decode(&good()), user("ada@example.com", "ACTIVE"), Policy::default());
    let standing = standing(&cluster, &Manual::default(), &PeopleIndex::default(), &policy);
    let asset = AssetFacts { cluster: &cluster, standing: &standing, owner: None, encryption: None };
    let holder = AccountFacts {
        account: &account,
        privileged: false,
        link: &Link::default(),
        person: None,
        any_personnel: false,
        first_seen_at: now(),
        review: ReviewRecord::default(),
    };
    for control in ALL {
        let speaks_of = (
            control.judge_asset(&asset, &policy, now()).is_some(),
            control.judge_account(&holder, &policy, now()).is_some(),
        );
        assert_eq!(speaks_of, (control.subjects() == SubjectKind::Asset, control.subjects() == SubjectKind::Account));
    }
}

#[test]
fn a_stale_verdict_is_unknown_and_tells_both_instants() {
    let verdict = Verdict::stale(now(), noon(2026, 3, 3));
    assert_eq!((verdict.outcome, verdict.reason.as_str()), (Outcome::Unknown, "STALE_EVIDENCE"));
    assert!(verdict.message.contains("2026-03-02T12:00:00Z") && verdict.message.contains("2026-03-03T12:00:00Z"));
}

#[test]
fn any_changed_setting_changes_the_fingerprint() {
    let plain = Policy::default();
    let changed = [
        Policy { owner_tag: "team".to_owned(), ..plain.clone() },
        Policy { description_tag: "purpose".to_owned(), ..plain.clone() },
        Policy { user_data_tag: "pii".to_owned(), ..plain.clone() },
        Policy { require_customer_managed_keys: true, ..plain.clone() },
        Policy { deprovision_grace: 3, ..plain.clone() },
        Policy { time_zone: chrono_tz::Europe::Berlin, ..plain.clone() },
        // Must not read as the same text when the parts are put side by side.
        Policy { owner_tag: "owner\",\"description".to_owned(), ..plain.clone() },
    ];
    let distinct: BTreeSet<String> = changed.iter().chain([&plain]).map(Policy::fingerprint).collect();
    assert_eq!(distinct.len(), changed.len() + 1);
    assert_eq!(plain.fingerprint(), Policy::default().fingerprint());
}
