//! Doors for the fuzz targets: whatever Atlas, or somebody in its place, may send.

use std::collections::BTreeMap;

use chrono::DateTime;
use digest_auth::WwwAuthenticateHeader;
use reqwest::header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use serde_json::Value;

use super::convert::{
    api_key, cluster as cluster_row, encryption_at_rest, flex_cluster, key_profile, organization,
    project as project_row, service_account, service_account_project_roles, team, team_roles, user,
    with_project_grants, with_team_grants,
};
use super::{challenge as challenges, page as pages, retry_after as rests};

const PROJECT: &str = "64ecb5ca726c787590a9aaf3";
const LONGEST_TEXT: usize = 1_024;

/// Texts that are kept are short and have no control characters.
fn keeps_texts_in_bounds(kept: &impl std::fmt::Debug, texts: &[&str]) {
    for text in texts {
        assert!(text.chars().count() <= LONGEST_TEXT && !text.chars().any(char::is_control), "{kept:?}");
    }
}

pub fn account(input: &[u8]) {
    let Ok(row) = serde_json::from_slice::<Value>(input) else { return };
    let granted: Vec<_> = team_roles(&row).map(|granted| (PROJECT.to_owned(), granted)).into_iter().collect();
    if let Ok(Some(found)) = user(&row) {
        let account = with_team_grants(found, &BTreeMap::new(), &granted);
        assert!(account.grants.is_sorted() && account.grants.windows(2).all(|pair| pair[0] != pair[1]));
        keeps_texts_in_bounds(&account, &[&account.login]);
    }
    let projects: Vec<_> = service_account_project_roles(&row).into_iter().collect();
    for account in [api_key(&row), service_account(&row)].into_iter().flatten() {
        let account = with_project_grants(account, &projects);
        assert!(account.grants.is_sorted());
        keeps_texts_in_bounds(&account, &[&account.login]);
    }
    if let Ok(team) = team(&row) {
        keeps_texts_in_bounds(&team, &[&team.name]);
    }
    let _ = key_profile(&row, "pubkey01");
}

pub fn cluster(input: &[u8]) {
    let Ok(row) = serde_json::from_slice::<Value>(input) else { return };
    for found in [cluster_row(&row, PROJECT), flex_cluster(&row, PROJECT)].into_iter().flatten().flatten() {
        assert!(found.shards.len() <= 100 && found.tags.len() <= 200);
        assert!(found.shards.iter().all(|shard| (1..=50).contains(&shard.regions.len())));
        keeps_texts_in_bounds(&found, &[&found.name]);
        let _ = (found.tiers(), found.regions(), found.storage_autoscaling(), found.tier_autoscaling());
    }
}

pub fn project(input: &[u8]) {
    let Ok(row) = serde_json::from_slice::<Value>(input) else { return };
    if let Ok(found) = project_row(&row) {
        keeps_texts_in_bounds(&found, &[&found.name]);
    }
    if let Ok(found) = organization(&row) {
        keeps_texts_in_bounds(&found, &[&found.name]);
    }
    let _ = encryption_at_rest(&row);
}

/// Pages of a list, one JSON text a line.
pub fn page(input: &[u8]) {
    pages::fuzz(input.split(|byte| *byte == b'\n').map_while(|line| serde_json::from_slice(line).ok()));
}

/// `WWW-Authenticate` headers, one a line. What is found there can be answered.
pub fn challenge(input: &[u8]) {
    let mut headers = HeaderMap::new();
    for value in input.split(|byte| *byte == b'\n').filter_map(|line| HeaderValue::from_bytes(line).ok()).take(64) {
        headers.append(WWW_AUTHENTICATE, value);
    }
    if let Some(found) = challenges::find(&headers) {
        let read = WwwAuthenticateHeader::parse(&found.header);
        let read = read.unwrap_or_else(|error| panic!("{error}: {found:?}"));
        assert_eq!((read.nonce, read.stale), (found.nonce, false), "{}", found.header);
        assert!(HeaderValue::from_str(&found.header).is_ok());
    }
}

/// A number that stands for an instant, and the header.
pub fn retry_after(input: &[u8]) {
    let Some((seconds, text)) = input.split_first_chunk::<4>() else { return };
    let Some(now) = DateTime::from_timestamp(i64::from(u32::from_be_bytes(*seconds)), 0) else { return };
    let told = rests::read(&String::from_utf8_lossy(text), now);
    assert!(told.is_none_or(|wait| !wait.is_zero()));
    let mut before = std::time::Duration::ZERO;
    for attempt in [1, 2, 3, 9, u32::MAX] {
        let (least, chance) = rests::wait(told, attempt);
        assert!(
            least >= before
                && least >= told.unwrap_or_default()
                && least.checked_add(chance).is_none_or(|all| all >= least)
        );
        before = least;
    }
}
