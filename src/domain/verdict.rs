//! What a control says about a subject, and about a whole population.

use serde::{Deserialize, Serialize};

use super::Instant;

crate::words! {
    Outcome {
        /// The facts were read and satisfy the rule.
        Pass = "PASS",
        /// The facts were read and break it.
        Fail = "FAIL",
        /// A fact that the rule needs is missing, unreadable or too old.
        Unknown = "UNKNOWN",
        /// The rule does not speak about this subject.
        NotApplicable = "NOT_APPLICABLE",
    }
}

crate::words! {
    ControlStatus { Passing = "PASSING", Failing = "FAILING", Unknown = "UNKNOWN", NotApplicable = "NOT_APPLICABLE" }
}

crate::words! {
    /// What a control speaks about.
    SubjectKind { Asset = "ASSET", Account = "ACCOUNT" }
}

/// One outcome with its reason and what was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    pub outcome: Outcome,
    /// A `SCREAMING_SNAKE` code.
    pub reason: String,
    /// One sentence that a person can act on, with the observed values.
    pub message: String,
    pub evidence: Vec<Evidence>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// The field that was looked at, with shard and region where there is one.
    pub name: String,
    /// None: the value was not there.
    pub observed: Option<String>,
    /// None: shown for information, nothing was required.
    pub expected: Option<String>,
}

/// How many subjects of a control ended how. Every subject counts once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Coverage {
    pub passed: u32,
    pub failed: u32,
    pub unknown: u32,
    pub not_applicable: u32,
    /// The control's scopes whose last read failed.
    pub unreadable_scopes: u32,
}

impl Coverage {
    pub fn in_scope(&self) -> u32 {
        self.passed + self.failed + self.unknown + self.not_applicable
    }

    /// "0 of 0" never passes; what could not be read is never a pass.
    pub fn status(&self) -> ControlStatus {
        if self.failed > 0 {
            ControlStatus::Failing
        } else if self.unknown > 0 || self.unreadable_scopes > 0 {
            ControlStatus::Unknown
        } else if self.passed > 0 {
            ControlStatus::Passing
        } else {
            ControlStatus::NotApplicable
        }
    }
}

impl Verdict {
    /// The verdict on a subject whose list was last read too long ago.
    pub fn stale(last_read_at: Instant, deadline: Instant) -> Self {
        let written = |at: Instant| at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true);
        let (read, limit) = (written(last_read_at), written(deadline));
        Self {
            outcome: Outcome::Unknown,
            reason: "STALE_EVIDENCE".to_owned(),
            message: format!(
                "The facts were last read at {read} and counted until {limit}: see why later syncs could not read them."
            ),
            evidence: vec![Evidence {
                name: "lastGoodRead".to_owned(),
                observed: Some(read),
                expected: Some(format!("recent enough to count; this read counted until {limit}")),
            }],
        }
    }
}
