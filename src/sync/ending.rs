//! How a run ends: its data, its verdicts, its own row and its lease, in one transaction.

use std::time::Duration;

use chrono::TimeDelta;

use super::connect::remedy;
use super::engine::{Engine, EngineError};
use super::fetch::FetchFailure;
use super::held::held_fault;
use super::judge::{Subjects, rejudge, restate};
use super::next::{next_run, rest_after};
use super::plan::{Plan, plan};
use super::review::note_remediations;
use crate::atlas::AtlasError;
use crate::domain::{Instant, ScopeFailure, ScopeKind, Snapshot};
use crate::store::leases::Claim;
use crate::store::views::{Changes, IntegrationFault, SyncStatus};
use crate::store::write::RunEnd;

const WRONG_ORGANIZATION: &str = "Give the integration a key of its own organization with rotateCredentials, or disconnect it and connect the key's organization.";

/// Why a run read nothing.
#[derive(Debug, Clone)]
pub struct Failure {
    /// What kind of problem it is for the integration.
    code: &'static str,
    /// What each list's read ended with: Atlas's own code where it gave one.
    scope_code: String,
    message: String,
    remedy: String,
    /// How long Atlas is to be left alone.
    rest: Option<TimeDelta>,
}

impl Failure {
    pub fn of(failure: &FetchFailure) -> Self {
        let category = failure.error.category();
        Self {
            code: category.word(),
            scope_code: failure.error.code().to_owned(),
            message: format!("{}.", failure.error),
            remedy: match failure.error {
                AtlasError::WrongOrganization => WRONG_ORGANIZATION.to_owned(),
                _ => remedy(category).to_owned(),
            },
            rest: rest_after(&failure.error),
        }
    }

    pub fn too_long(limit: Duration) -> Self {
        let minutes = limit.as_secs().div_ceil(60);
        Self::ours(
            "SYNC_TOO_LONG",
            format!("Reading Atlas took longer than a sync may take ({minutes} min)."),
            "Look for what makes Atlas slow: other tools that use up the organization's request limits, or a proxy. In a very large organization, raise SLATEGATE_ATLAS_LANES. The next sync starts afresh.",
        )
    }

    pub fn stuck(failures: i32) -> Self {
        Self::ours(
            "SYNC_STUCK",
            format!("The sync broke off {failures} times, or the process that ran it died."),
            "Look into the server's log for the reason, such as too little memory or a key file that does not open the credentials. The next scheduled sync tries again; syncIntegration tries at once.",
        )
    }

    fn ours(code: &'static str, message: String, remedy: &str) -> Self {
        Self { code, scope_code: code.to_owned(), message, remedy: remedy.to_owned(), rest: None }
    }

    fn fault(&self, occurred_at: Instant) -> IntegrationFault {
        IntegrationFault {
            code: self.code.to_owned(),
            message: self.message.clone(),
            remedy: self.remedy.clone(),
            occurred_at,
        }
    }
}

/// How a run has ended, once that is committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    pub status: SyncStatus,
    pub changes: Changes,
    pub requests: u64,
}

impl Engine {
    /// Writes what was read. Lists that could not be read keep their rows.
    pub(super) async fn end_well(
        &self,
        claim: &Claim,
        snapshot: Snapshot,
        requests: u64,
    ) -> Result<Ended, EngineError> {
        let writer = self.store.writer(claim.workspace).await?;
        writer.guard(claim).await?;
        let stored = writer.estate(claim.integration_id).await?;
        let held = self.held(&writer, claim.integration_id).await?;
        let Plan { change, mut changes, held } = plan(&stored, &snapshot, &held);
        let scopes = writer.ensure_scopes(claim.integration_id, &snapshot.scopes).await?;
        writer.note_reads(claim.integration_id, &snapshot.scopes, &scopes, claim.read_at).await?;
        let status = if !held.is_empty() {
            SyncStatus::Held
        } else if snapshot.scopes.iter().any(|scope| scope.failure.is_some()) {
            SyncStatus::Partial
        } else {
            SyncStatus::Succeeded
        };
        writer.close_run(claim, status).await?;
        let touched = writer.apply(claim.integration_id, change, &scopes).await?;
        let read = |kind| snapshot.scopes.iter().any(|scope| scope.kind == kind && scope.failure.is_none());
        note_remediations(&writer, claim.integration_id, |item| read(ScopeKind::of_accounts(item.kind))).await?;
        let flips = rejudge(&self.store, &writer, &self.policy, Subjects::These(touched)).await?;
        changes.results_flipped = i32::try_from(flips).unwrap_or(i32::MAX);
        let name = snapshot.organization.as_ref().map(|organization| organization.name.as_str());
        writer.refresh_integration(claim.integration_id, name, &snapshot.key).await?;
        let fault = held_fault(&held, writer.at());
        writer.put_fault(claim.integration_id, fault.clone()).await?;
        let (withheld, removals) = if held.is_empty() {
            (None, None)
        } else {
            (Some(held.shown(&stored)), Some((claim.run_id, serde_json::json!(held).to_string())))
        };
        writer.put_held_removals(claim.integration_id, removals).await?;
        let next = next_run(&self.schedule, writer.at(), claim.last_slot, None);
        writer.end_run(claim, RunEnd { status, requests, changes, fault, withheld, next }).await?;
        writer.commit().await?;
        Ok(Ended { status, changes, requests })
    }

    /// Nothing could be read: every list says so, and all data stays.
    pub(super) async fn end_badly(
        &self,
        claim: &Claim,
        failure: &Failure,
        requests: u64,
    ) -> Result<Ended, EngineError> {
        tracing::warn!(
            integration.id = claim.integration_id,
            sync.run_id = claim.run_id,
            code = failure.scope_code,
            "sync failed"
        );
        let writer = self.store.writer(claim.workspace).await?;
        writer.guard(claim).await?;
        let scope_failure =
            ScopeFailure { code: failure.scope_code.clone(), message: failure.message.clone(), rows_were_read: false };
        writer.note_unreadable(claim.integration_id, &scope_failure).await?;
        let fault = failure.fault(writer.at());
        writer.put_fault(claim.integration_id, Some(fault.clone())).await?;
        writer.close_run(claim, SyncStatus::Failed).await?;
        restate(&self.store, &writer).await?;
        let end = RunEnd {
            status: SyncStatus::Failed,
            requests,
            changes: Changes::default(),
            fault: Some(fault),
            withheld: None,
            next: next_run(&self.schedule, writer.at(), claim.last_slot, failure.rest),
        };
        writer.end_run(claim, end).await?;
        writer.commit().await?;
        Ok(Ended { status: SyncStatus::Failed, changes: Changes::default(), requests })
    }
}
