//! Which reviews, and which of their items.

use async_graphql::{ID, InputObject};

use super::{AccessReviewChange, AccessReviewDecision, AccessReviewStatus, RemediationStatus};
use crate::graphql::ids::{IdKind, wanted};
use crate::store::read::{ReviewFilter, ReviewItemFilter};

/// Only access reviews that fit all of this.
#[derive(Debug, Default, InputObject)]
pub struct AccessReviewFilter {
    /// It is in one of these states.
    status: Option<Vec<AccessReviewStatus>>,
}

impl From<AccessReviewFilter> for ReviewFilter {
    fn from(filter: AccessReviewFilter) -> Self {
        Self { status: filter.status.map(|words| words.into_iter().map(Into::into).collect()) }
    }
}

/// Only items that fit all of this. An id that names nothing matches nothing.
#[derive(Debug, Default, InputObject)]
pub struct AccessReviewItemFilter {
    /// This person is to decide.
    reviewer_id: Option<ID>,
    /// Somebody has decided, or nobody has.
    decided: Option<bool>,
    /// It was decided in one of these ways.
    decision: Option<Vec<AccessReviewDecision>>,
    /// Against the review before it is one of these.
    change: Option<Vec<AccessReviewChange>>,
    /// It was to be revoked or changed, and that is so far done or not.
    remediation: Option<RemediationStatus>,
    /// It held a role that can change the organization or a project, or none.
    privileged: Option<bool>,
}

impl From<AccessReviewItemFilter> for ReviewItemFilter {
    fn from(filter: AccessReviewItemFilter) -> Self {
        Self {
            reviewer_id: wanted(filter.reviewer_id.as_ref(), IdKind::Person),
            decided: filter.decided,
            decision: filter.decision.map(|words| words.into_iter().map(Into::into).collect()),
            change: filter.change.map(|words| words.into_iter().map(Into::into).collect()),
            remediation: filter.remediation.map(Into::into),
            privileged: filter.privileged,
        }
    }
}
