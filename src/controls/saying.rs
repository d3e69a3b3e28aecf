//! How verdicts are put together: outcome, reason, sentence and evidence.

use crate::domain::{Evidence, Instant, Outcome, ShardRegion, Verdict};

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

/// The verdict on a subject whose facts were last read too long ago: at `last_read`, good until `deadline`.
pub fn stale_verdict(last_read: Instant, deadline: Instant) -> Verdict {
    let written = |at: Instant| at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true);
    verdict(
        Outcome::Unknown,
        "STALE_EVIDENCE",
        format!(
            "The facts were last read at {} and counted until {}: see why later syncs could not read them.",
            written(last_read),
            written(deadline)
        ),
        vec![weighed(
            "last read",
            Some(written(last_read)),
            format!("no earlier than the freshness limit allows, which ended at {}", written(deadline)),
        )],
    )
}
