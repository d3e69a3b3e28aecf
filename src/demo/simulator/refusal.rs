//! Refusals that a test or a demonstration puts in the way.

use axum::http::{StatusCode, header};

use super::answer::Refused;
use super::endpoint::Target;
use crate::domain::ScopeKind;

/// What to refuse, how, and how often. Applies to requests with valid credentials.
#[derive(Debug, Clone)]
pub struct Refusal {
    aim: Aim,
    status: u16,
    error_code: String,
    retry_after: Option<u32>,
    left: Option<u32>,
}

/// Names a refusal that is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefusalId(pub(super) u64);

#[derive(Debug, Clone)]
enum Aim {
    Path(String),
    Scope { kind: ScopeKind, project: Option<String> },
}

impl Refusal {
    /// Refuses every path that starts so (`/api/atlas/v2/orgs`).
    pub fn path(prefix: &str, status: u16) -> Self {
        Self::new(Aim::Path(prefix.to_owned()), status)
    }

    /// Refuses what a sync reads for this kind of list; of one project (24-hex id), or of all.
    pub fn scope(kind: ScopeKind, project: Option<&str>, status: u16) -> Self {
        Self::new(Aim::Scope { kind, project: project.map(str::to_owned) }, status)
    }

    fn new(aim: Aim, status: u16) -> Self {
        Self { aim, status, error_code: default_code(status).to_owned(), retry_after: None, left: None }
    }

    /// Another error code than the usual one of the status.
    #[must_use]
    pub fn code(mut self, error_code: &str) -> Self {
        error_code.clone_into(&mut self.error_code);
        self
    }

    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// Only the next requests, then never again.
    #[must_use]
    pub fn times(mut self, count: u32) -> Self {
        self.left = Some(count);
        self
    }

    /// The refusal of this request, which uses one of its times up.
    pub(super) fn strike(&mut self, path: &str, target: &Target) -> Option<Refused> {
        if self.left == Some(0) || !self.hits(path, target) {
            return None;
        }
        self.left = self.left.map(|left| left - 1);
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let refused = Refused::new(status, &self.error_code, "This request was refused.");
        Some(match self.retry_after {
            Some(seconds) => refused.header(header::RETRY_AFTER, seconds.to_string()),
            None => refused,
        })
    }

    fn hits(&self, path: &str, target: &Target) -> bool {
        match &self.aim {
            Aim::Path(prefix) => path.starts_with(prefix.as_str()),
            Aim::Scope { kind, project } => {
                target.endpoint.scope_kind() == Some(*kind)
                    && (project.is_none() || project.as_deref() == target.project())
            }
        }
    }
}

fn default_code(status: u16) -> &'static str {
    match status {
        401 => "USER_UNAUTHORIZED",
        402 => "ACCOUNT_SUSPENDED",
        403 => "ACCESS_FORBIDDEN",
        404 => "RESOURCE_NOT_FOUND",
        410 => "VERSION_GONE",
        429 => "RATE_LIMITED_TOKEN_BUCKET",
        503 => "SERVICE_UNAVAILABLE",
        _ => "UNEXPECTED_ERROR",
    }
}
