//! One run: reads everything, then writes it in one transaction. Ends well, ends badly, or is left to another process.

use std::convert::Infallible;
use std::time::Duration;

use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use super::ending::{Ended, Failure};
use super::engine::{Engine, EngineError, KEY_COLUMN};
use super::fetch::{FetchFailure, FetchProgress, FetchStage, fetch};
use super::lease::{self, LeaseEnd};
use crate::atlas::{Client, Credentials};
use crate::domain::Snapshot;
use crate::store::StoreError;
use crate::store::leases::Claim;
use crate::store::views::{SyncStage, SyncStatus};
use crate::telemetry::traces;

/// A run that died or broke off so often is not tried again.
pub const MOST_FAILURES: i32 = 5;

/// Progress is written no more often than this.
const PROGRESS_EVERY: Duration = Duration::from_millis(400);

/// When the process is to stop, a run that is being written may still take so long.
const FINISH_WITHIN: Duration = Duration::from_secs(5);

/// How a claimed run went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunOutcome {
    Ended(SyncStatus),
    /// The lease was lost; nothing was written.
    Fenced,
    /// The lease could not be renewed in time, so work stopped; nothing was written.
    Unsure,
    /// The process is stopping; the run was given back.
    GivenBack,
}

impl Engine {
    /// Works a claimed run to its end. Cancelling gives it back unfinished.
    pub async fn work(&self, claim: &Claim, cancel: &CancellationToken) -> Result<RunOutcome, EngineError> {
        let mut outcome = match self.attempt(claim, cancel).await {
            Err(EngineError::Store(StoreError::Fenced)) => RunOutcome::Fenced,
            other => other?,
        };
        if matches!(outcome, RunOutcome::Fenced | RunOutcome::Unsure) {
            self.metrics.lost_lease();
        }
        if outcome == RunOutcome::Unsure && !self.store.begin_again(claim, None).await? {
            outcome = RunOutcome::Fenced;
        }
        if outcome == RunOutcome::Fenced {
            tracing::warn!(
                integration.id = claim.integration_id,
                sync.run_id = claim.run_id,
                "lease lost to a newer claim or to time; nothing was written"
            );
            self.store.note_turned_away(claim).await?;
        }
        Ok(outcome)
    }

    async fn attempt(&self, claim: &Claim, cancel: &CancellationToken) -> Result<RunOutcome, EngineError> {
        if claim.failures >= MOST_FAILURES {
            let ended = self.end_badly(claim, &Failure::stuck(claim.failures), 0).await?;
            return Ok(self.note_end(claim, &ended));
        }
        let client = self.client(claim).await?;
        let fetched = tokio::select! {
            biased;
            end = self.keep_lease(claim) => return Ok(match end {
                LeaseEnd::Lost => RunOutcome::Fenced,
                LeaseEnd::Unsure => RunOutcome::Unsure,
            }),
            () = cancel.cancelled() => return self.give_back(claim).await,
            fetched = tokio::time::timeout(self.limits.run, self.read(claim, &client)) => fetched,
        };
        // From here on the transaction decides whether the lease holds.
        let writing = self.write(claim, fetched, client.requests_sent());
        let overdue = async {
            cancel.cancelled().await;
            tokio::time::sleep(FINISH_WITHIN).await;
        };
        tokio::select! {
            biased;
            ended = writing => Ok(self.note_end(claim, &ended?)),
            () = overdue => self.give_back(claim).await,
        }
    }

    async fn keep_lease(&self, claim: &Claim) -> LeaseEnd {
        lease::keep(claim.ttl, claim.since, || self.store.renew(claim)).await
    }

    async fn give_back(&self, claim: &Claim) -> Result<RunOutcome, EngineError> {
        Ok(if self.store.give_back(claim).await? { RunOutcome::GivenBack } else { RunOutcome::Fenced })
    }

    async fn write(
        &self,
        claim: &Claim,
        fetched: Result<Result<Result<Snapshot, FetchFailure>, EngineError>, tokio::time::error::Elapsed>,
        requests: u64,
    ) -> Result<Ended, EngineError> {
        let fetched = match fetched {
            Err(_elapsed) => Err(Failure::too_long(self.limits.run)),
            Ok(read) => read?.map_err(|failure| Failure::of(&failure)),
        };
        self.store.note_progress(claim, SyncStage::Evaluation, 0, None, requests).await?;
        match fetched {
            Ok(snapshot) => self.end_well(claim, snapshot, requests).await,
            Err(failure) => self.end_badly(claim, &failure, requests).await,
        }
    }

    fn note_end(&self, claim: &Claim, ended: &Ended) -> RunOutcome {
        let (status, changes, took) = (ended.status, ended.changes, claim.since.elapsed());
        self.metrics.ended(status.word(), took);
        let ids = traces::current_ids();
        tracing::info!(
            sync.run_id = claim.run_id,
            integration.id = claim.integration_id,
            status = status.word(),
            duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            requests = ended.requests,
            changes = changes.added + changes.updated + changes.removed,
            trace_id = ids.as_ref().map(|ids| ids.trace.as_str()),
            span_id = ids.as_ref().map(|ids| ids.span.as_str()),
            "sync run ended"
        );
        RunOutcome::Ended(status)
    }

    async fn client(&self, claim: &Claim) -> Result<Client, EngineError> {
        let data_key = self.data_key(claim.workspace).await?;
        let private_key: SecretString =
            self.vault.open(claim.workspace, &data_key, KEY_COLUMN, claim.integration_id, &claim.sealed_private_key)?;
        let credentials = Credentials { public_key: claim.public_key.clone(), private_key };
        Ok(Client::new(self.atlas_config(), &credentials)?)
    }

    async fn read(&self, claim: &Claim, client: &Client) -> Result<Result<Snapshot, FetchFailure>, EngineError> {
        let reader = self.store.reader(claim.workspace).await?;
        let known = reader.project_atlas_ids(claim.integration_id).await?;
        reader.finish().await?;
        Ok(self.fetch_with_progress(claim, client, &known).await)
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
                    tracing::debug!(error = &error as &dyn std::error::Error, "progress not noted");
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
}
