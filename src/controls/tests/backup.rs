//! Clusters backed up.

use serde_json::json;

use super::*;

const KEY: &str = "clusters-backed-up";

#[test]
fn only_cloud_backup_counts() {
    let mut point_in_time_only = good_but("/pitEnabled", json!(true));
    put(&mut point_in_time_only, "/backupEnabled", json!(false));
    let mut flex_off = flex();
    put(&mut flex_off, "/backupSettings/enabled", json!(false));
    let mut small = shared("M2", "FLEX");
    put(&mut small, "/backupEnabled", json!(true));
    let dedicated_by_that_name = good_but(&format!("{REGION}/electableSpecs/instanceSize"), json!("M0"));
    check(
        KEY,
        &[
            ("on", good(), Outcome::Pass, "BACKUP_ON"),
            ("off", good_but("/backupEnabled", json!(false)), Outcome::Fail, "BACKUP_OFF"),
            ("point in time alone", point_in_time_only, Outcome::Fail, "BACKUP_OFF"),
            ("missing", take(good(), "/backupEnabled"), Outcome::Unknown, "BACKUP_UNREAD"),
            ("null", good_but("/backupEnabled", json!(null)), Outcome::Unknown, "BACKUP_UNREAD"),
            ("a text", good_but("/backupEnabled", json!("true")), Outcome::Unknown, "BACKUP_UNREAD"),
            ("a dedicated tier called M0", dedicated_by_that_name, Outcome::Pass, "BACKUP_ON"),
            ("M0", shared("M0", "M0"), Outcome::Fail, "TIER_HAS_NO_BACKUP"),
            ("M2 with backup", small, Outcome::Pass, "BACKUP_ON"),
            ("M5 without backup", shared("M5", "M5"), Outcome::Fail, "BACKUP_OFF"),
            ("flex", flex(), Outcome::Pass, "BACKUP_ON"),
            ("flex off", flex_off, Outcome::Fail, "BACKUP_OFF"),
            ("flex that does not say", take(flex(), "/backupSettings"), Outcome::Unknown, "BACKUP_UNREAD"),
            ("creating", good_but("/stateName", json!("CREATING")), Outcome::NotApplicable, "CLUSTER_CREATING"),
        ],
    );
}

#[test]
fn the_field_that_decided_is_named_as_atlas_names_it() {
    let dedicated = judge(KEY, &good_but("/backupEnabled", json!(false)));
    assert_eq!(
        dedicated.evidence,
        [item("backupEnabled", Some("false"), Some("true")), item("pitEnabled", Some("false"), None)]
    );
    let flex = judge(KEY, &flex());
    assert_eq!(flex.evidence, [item("backupSettings.enabled", Some("true"), Some("true"))]);
}
