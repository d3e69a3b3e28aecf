//! Whole answers: each row of each fixture decodes, and nothing that an answer says is left unread.

use std::path::Path;

use serde_json::Value;

use super::super::*;
use crate::domain::{AtRest, Cluster, Deployment};

const OWN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/atlas");
/// Recorded answers that are kept beside the project, where there are any.
const RECORDED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/atlas/examples");
const PROJECT: &str = "64ecb5ca726c787590a9aaf3";

/// How many rows a file holds that a converter takes; None for files about other things.
fn decode(file: &str, body: &Value) -> Option<usize> {
    let rows = match body.get("results").and_then(Value::as_array) {
        Some(rows) => rows.as_slice(),
        None => std::slice::from_ref(body),
    };
    let is = |start: &str| file.starts_with(start);
    for row in rows {
        let odd = if is("cluster-processargs") || is("cluster-backup") {
            return None;
        } else if is("cluster") && file.contains("2024-08-05") {
            cluster(row, PROJECT).map(|found| found.iter().for_each(assert_read)).err()
        } else if is("flexclusters-list") {
            flex_cluster(row, PROJECT).map(|found| found.iter().for_each(assert_read)).err()
        } else if is("groups-list") || is("group-get") {
            project(row).err()
        } else if is("orgs-list") || is("org-get") {
            organization(row).err()
        } else if (is("org-users") || is("org-team-users")) && file.contains("2025-02-19") {
            user(row).err()
        } else if is("org-apikeys-list") {
            api_key(row).err()
        } else if is("org-serviceaccounts-list") {
            service_account(row).err()
        } else if is("group-serviceaccounts-list") {
            service_account_project_roles(row).err()
        } else if is("org-teams-list") {
            team(row).err()
        } else if is("group-teams-list") {
            team_roles(row).err()
        } else if is("root-system-status") {
            key_profile(row, "pubkey05").err()
        } else if is("group-encryption-at-rest") {
            encryption_at_rest(row).err()
        } else {
            return None;
        };
        assert_eq!(odd, None, "{file}");
    }
    Some(rows.len())
}

fn assert_read(found: &Cluster) {
    assert!(!found.shards.is_empty() && found.backup_enabled.is_some() && found.created_at.is_some(), "{found:?}");
    for region in found.shards.iter().flat_map(|shard| &shard.regions) {
        assert!(region.cloud != "UNKNOWN" && region.name != "UNKNOWN", "{region:?}");
        assert!(!region.is_live() || region.tier.is_some() || region.analytics_tier.is_some(), "{region:?}");
        assert!(region.storage_autoscaling.is_some() && region.tier_autoscaling.is_some(), "{region:?}");
    }
    if found.deployment == Deployment::Dedicated {
        assert!(found.at_rest != AtRest::Unrecognized && found.minimum_tls.is_some(), "{found:?}");
        assert!(found.live_regions().all(|(_, region)| region.electable_nodes.is_some()), "{found:?}");
    }
}

/// The files of a folder that were decoded, and their rows.
fn decode_folder(folder: &Path) -> (usize, usize) {
    let (mut files, mut rows) = (0, 0);
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let file = path.file_name().unwrap().to_str().unwrap().to_owned();
        let body = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        if let Some(found) = decode(&file, &body) {
            files += 1;
            rows += found;
        }
    }
    (files, rows)
}

#[test]
fn every_fixture_decodes_whole() {
    assert_eq!(decode_folder(Path::new(OWN)), (9, 15));
}

#[test]
fn every_recorded_answer_decodes_whole_where_there_are_any() {
    let folder = Path::new(RECORDED);
    if folder.exists() {
        let (files, rows) = decode_folder(folder);
        assert!(files >= 20 && rows > files, "{files} files, {rows} rows");
    }
}
