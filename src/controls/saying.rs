//! How verdicts are put together: outcome, reason, sentence and evidence.

use crate::domain::{Evidence, Outcome, ShardRegion, Verdict};

/// Evidence beyond this is counted, not listed.
const MAX_EVIDENCE: usize = 100;

pub(super) fn verdict(outcome: Outcome, reason: &str, message: String, mut evidence: Vec<Evidence>) -> Verdict {
    if evidence.len() > MAX_EVIDENCE {
        let left_out = evidence.len() - MAX_EVIDENCE;
        evidence.truncate(MAX_EVIDENCE);
        evidence.push(seen("further evidence", left_out.to_string()));
    }
    Verdict { outcome, reason: reason.to_owned(), message, evidence }
}

/// What was looked at, against what the rule wants.
pub(super) fn weighed(name: impl Into<String>, observed: Option<String>, expected: impl Into<String>) -> Evidence {
    Evidence { name: name.into(), observed, expected: Some(expected.into()) }
}

/// What is shown for information.
pub(super) fn seen(name: impl Into<String>, observed: impl Into<String>) -> Evidence {
    Evidence { name: name.into(), observed: Some(observed.into()), expected: None }
}

/// `shard 2, AWS EU_WEST_1`.
pub(super) fn place(shard: usize, region: &ShardRegion) -> String {
    format!("shard {shard}, {} {}", region.cloud, region.name)
}

/// The first place, and how many more there are.
pub(super) fn first_of(places: &[String]) -> String {
    match places {
        [] => String::new(),
        [only] => only.clone(),
        [first, more @ ..] => format!("{first} and {} more", more.len()),
    }
}
