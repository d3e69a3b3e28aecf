//! One run: fetch everything, plan the difference, and write it with its verdicts in one transaction.

use std::convert::Infallible;
use std::time::Duration;

use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use super::connect::remedy;
use super::engine::{Engine, EngineError, KEY_COLUMN};
use super::fetch::{FetchFailure, FetchProgress, FetchStage, fetch};
use super::judge::{Subjects, rejudge, restate};
use super::plan::{Held, Plan, plan};
use crate::atlas::{AtlasCategory, Client, Credentials};
use crate::domain::{Instant, ScopeFailure, Snapshot};
use crate::store::leases::Claim;
use crate::store::views::{Changes, IntegrationFault, SyncStage, SyncStatus};
use crate::store::write::RunEnd;
use crate::store::{StoreError, Writer};

/// After a refusal that only a person can mend, Atlas is asked again no sooner than this.
const PROBE_AFTER: chrono::TimeDelta = chrono::TimeDelta::minutes(15);

/// Progress is written no more often than this.
const PROGRESS_EVERY: Duration = Duration::from_millis(400);

/// How a claimed run went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunOutcome {
    Ended(SyncStatus),
    /// A newer claim took over; nothing was written.
    Fenced,
    /// The process is stopping; the run was given back.
    GivenBack,
}

impl Engine {
    /// Works a claimed run to its end. Cancelling gives it back unfinished.
    pub async fn work(&self, claim: &Claim, cancel: &CancellationToken) -> Result<RunOutcome, EngineError> {
        let outcome = tokio::select! {
            outcome = self.fetch_and_write(claim) => outcome,
            () = self.keep_lease(claim) => Ok(RunOutcome::Fenced),
            () = cancel.cancelled() => {
                self.store.give_back(claim).await?;
                Ok(RunOutcome::GivenBack)
            }
        };
        match outcome {
            Err(EngineError::Store(StoreError::Fenced)) => Ok(RunOutcome::Fenced),
            other => other,
        }
    }

    /// Renews the lease at a third of its life; returns once it is lost.
    async fn keep_lease(&self, claim: &Claim) {
        let mut tick = tokio::time::interval(self.lease / 3);
        tick.tick().await;
        loop {
            tick.tick().await;
            match self.store.renew(claim, self.lease).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "lease not renewed"),
            }
        }
    }

    async fn fetch_and_write(&self, claim: &Claim) -> Result<RunOutcome, EngineError> {
        let client = self.client(claim).await?;
        let known = self.known_projects(claim).await?;
        let fetched = self.fetch_with_progress(claim, &client, &known).await;
        let requests = client.requests_sent();
        self.store.note_progress(claim, SyncStage::Evaluation, 0, None, requests).await?;
        let status = match fetched {
            Ok(snapshot) => self.write_snapshot(claim, snapshot, requests).await?,
            Err(failure) => self.write_failure(claim, &failure, requests).await?,
        };
        tracing::info!(
            integration.id = claim.integration_id,
            sync.run_id = claim.run_id,
            status = status.word(),
            requests,
            "sync ended"
        );
        Ok(RunOutcome::Ended(status))
    }

    async fn client(&self, claim: &Claim) -> Result<Client, EngineError> {
        let data_key = self.data_key(claim.workspace).await?;
        let private_key: SecretString =
            self.vault.open(claim.workspace, &data_key, KEY_COLUMN, claim.integration_id, &claim.sealed_private_key)?;
        let credentials = Credentials { public_key: claim.public_key.clone(), private_key };
        Ok(Client::new(self.atlas_config(), &credentials)?)
    }

    async fn known_projects(&self, claim: &Claim) -> Result<Vec<String>, EngineError> {
        let reader = self.store.reader(claim.workspace).await?;
        let known = reader.project_atlas_ids(claim.integration_id).await?;
        reader.finish().await?;
        Ok(known)
    }

    /// Fetches, and notes how far it has come.
    async fn fetch_with_progress(
        &self,
        claim: &Claim,
        client: &Client,
        known: &[String],
    ) -> Result<Snapshot, FetchFailure> {
        let (said, mut heard) =
            tokio::sync::watch::channel(FetchProgress { stage: FetchStage::Credentials, done: 0, total: None });
        let listener = move |progress| {
            said.send_replace(progress);
        };
        let noting = async {
            while heard.changed().await.is_ok() {
                let progress = *heard.borrow_and_update();
                let stage = SyncStage::from_word(progress.stage.word()).unwrap_or(SyncStage::Credentials);
                let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
                let noted = self
                    .store
                    .note_progress(
                        claim,
                        stage,
                        count(progress.done),
                        progress.total.map(count),
                        client.requests_sent(),
                    )
                    .await;
                if let Err(error) = noted {
                    tracing::warn!(error = &error as &dyn std::error::Error, "progress not noted");
                }
                tokio::time::sleep(PROGRESS_EVERY).await;
            }
            std::future::pending::<Infallible>().await
        };
        let fetching = fetch(client, &claim.organization_id, known, &listener);
        tokio::select! {
            fetched = fetching => fetched,
            never = noting => match never {},
        }
    }

    async fn write_snapshot(
        &self,
        claim: &Claim,
        snapshot: Snapshot,
        requests: u64,
    ) -> Result<SyncStatus, EngineError> {
        let writer = self.store.writer(claim.workspace).await?;
        writer.guard(claim).await?;
        let stored = writer.estate(claim.integration_id).await?;
        let held = self.held(&writer, claim).await?;
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
        let flips = rejudge(&self.store, &writer, &self.policy, Subjects::These(touched)).await?;
        changes.results_flipped = i32::try_from(flips).unwrap_or(i32::MAX);
        writer.refresh_integration(claim.integration_id, &snapshot.organization.name, &snapshot.key).await?;
        writer.put_fault(claim.integration_id, held_fault(&held, writer.at())).await?;
        let stored_held = (!held.is_empty()).then(|| serde_json::json!(held).to_string());
        writer.put_held_removals(claim.integration_id, stored_held).await?;
        let next_run_at = self.next_tick(writer.at());
        writer.end_run(claim, RunEnd { status, requests, changes, next_run_at }).await?;
        writer.commit().await?;
        Ok(status)
    }

    /// Nothing could be read: every list says so, and all data stays.
    async fn write_failure(
        &self,
        claim: &Claim,
        failure: &FetchFailure,
        requests: u64,
    ) -> Result<SyncStatus, EngineError> {
        let category = failure.error.category();
        tracing::warn!(
            integration.id = claim.integration_id,
            sync.run_id = claim.run_id,
            code = failure.error.code(),
            stage = failure.stage.word(),
            "sync failed"
        );
        let writer = self.store.writer(claim.workspace).await?;
        writer.guard(claim).await?;
        let scope_failure = ScopeFailure {
            code: failure.error.code().to_owned(),
            message: format!("{}.", failure.error),
            rows_were_read: false,
        };
        writer.note_unreadable(claim.integration_id, &scope_failure).await?;
        let fault = IntegrationFault {
            code: category.word().to_owned(),
            message: format!("{}.", failure.error),
            remedy: remedy(category).to_owned(),
            occurred_at: writer.at(),
        };
        writer.put_fault(claim.integration_id, Some(fault)).await?;
        writer.close_run(claim, SyncStatus::Failed).await?;
        restate(&self.store, &writer).await?;
        let next = self.next_tick(writer.at());
        let next_run_at = if needs_a_person(category) { next.max(writer.at() + PROBE_AFTER) } else { next };
        let end = RunEnd { status: SyncStatus::Failed, requests, changes: Changes::default(), next_run_at };
        writer.end_run(claim, end).await?;
        writer.commit().await?;
        Ok(SyncStatus::Failed)
    }

    /// The next tick; a day later for a schedule that has no more.
    fn next_tick(&self, after: Instant) -> Instant {
        self.schedule.next_after(after).unwrap_or(after + chrono::TimeDelta::days(1))
    }

    async fn held(&self, writer: &Writer, claim: &Claim) -> Result<Held, EngineError> {
        let stored = writer.held_removals(claim.integration_id).await?;
        Ok(stored.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
    }
}

/// What the brake withheld, as a reason for the integration's attention.
fn held_fault(held: &Held, now: Instant) -> Option<IntegrationFault> {
    (!held.is_empty()).then(|| IntegrationFault {
        code: "HELD_FOR_CONFIRMATION".to_owned(),
        message: format!("Atlas no longer lists {} rows at once; they are kept for now.", held.len()),
        remedy: "If they are really gone, sync again: a second agreeing read removes them. If not, check the key's role and projects.".to_owned(),
        occurred_at: now,
    })
}

const fn needs_a_person(category: AtlasCategory) -> bool {
    matches!(
        category,
        AtlasCategory::CredentialsRejected
            | AtlasCategory::IpNotAllowed
            | AtlasCategory::RoleTooSmall
            | AtlasCategory::OrganizationSuspended
    )
}
