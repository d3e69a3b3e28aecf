//! The workers that take up due syncs, and the ticker that wakes them.
//!
//! `tokio-cron-scheduler` only rings; the database decides what runs, so several processes share the work.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::engine::{Engine, EngineError};
use super::run::{MOST_FAILURES, RunOutcome};
use crate::store::leases::Claim;
use crate::store::views::SyncStatus;
use crate::store::{Outage, StoreError};
use crate::telemetry::traces;

/// Looks for due work at least so often, whatever the schedule: other processes' requests and leases. No lease is
/// shorter, so each is seen before it runs out.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Looks no more often: what is due may be in the hands of a process that does not let go of it.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(100);
/// A run that broke off for a reason of ours is tried again after so long.
const RETRY_AFTER: Duration = Duration::from_secs(30);
/// One whose database could not be reached for a moment.
const RECONNECT_AFTER: Duration = Duration::from_secs(1);

impl Engine {
    /// Starts the ticker and the workers on `tasks`; they end when `cancel` does.
    pub async fn start(
        &self,
        tasks: &TaskTracker,
        cancel: &CancellationToken,
        workers: usize,
    ) -> Result<(), JobSchedulerError> {
        let ticker = JobScheduler::new().await?;
        let due = self.due.clone();
        ticker
            .add(Job::new(self.schedule.to_string().as_str(), move |_id, _ticker| {
                due.notify_waiters();
                due.notify_one();
            })?)
            .await?;
        ticker.start().await?;
        let stop = cancel.clone();
        tasks.spawn(async move {
            let mut ticker = ticker;
            stop.cancelled().await;
            if let Err(error) = ticker.shutdown().await {
                tracing::warn!(error = &error as &dyn std::error::Error, "ticker not stopped");
            }
        });
        for worker in 0..workers {
            let (engine, cancel) = (self.clone(), cancel.clone());
            tasks.spawn(async move { engine.serve_due(worker, &cancel).await });
        }
        Ok(())
    }

    /// Takes up due runs one after the other until cancelled.
    async fn serve_due(&self, worker: usize, cancel: &CancellationToken) {
        let owner = format!("{}-{worker}", self.owner);
        while !cancel.is_cancelled() {
            let looked = self.work_next(&owner, cancel).await;
            if looked.is_ok() {
                self.outage.over();
            }
            let pause = match &looked {
                Ok(true) => continue,
                Ok(false) => self.next_look().await,
                Err(error) => self.outage.note(error),
            };
            tokio::select! {
                () = cancel.cancelled() => {}
                () = self.due.notified(), if looked.is_ok() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// How long until something can be claimed, as far as is known now.
    async fn next_look(&self) -> Duration {
        match self.store.next_claim_in().await {
            Ok(Some(until)) => until.clamp(LOOK_AGAIN_AFTER, LOOK_EVERY),
            Ok(None) => LOOK_EVERY,
            Err(error) => self.outage.note(&error.into()),
        }
    }

    /// Claims and works one due run. False: nothing is due.
    ///
    /// A run that breaks off, by an error or a panic, is put off. Where even that fails its lease runs out, and then
    /// it is taken up again: the run is not lost.
    pub async fn work_next(&self, owner: &str, cancel: &CancellationToken) -> Result<bool, EngineError> {
        let Some(claim) = self.store.claim_due(owner, self.limits.lease).await? else { return Ok(false) };
        let _lease = self.metrics.lease();
        let span = traces::sync_run(claim.run_id, claim.integration_id);
        let worked = span.around(AssertUnwindSafe(Box::pin(self.work(&claim, cancel))).catch_unwind()).await;
        match &worked {
            Ok(Ok(RunOutcome::Ended(SyncStatus::Failed))) => span.fail(SyncStatus::Failed.word()),
            Ok(Ok(RunOutcome::Ended(status))) => span.set("slategate.sync.status", status.word()),
            Ok(Ok(RunOutcome::GivenBack)) => span.set("slategate.sync.status", "GIVEN_BACK"),
            _ => span.fail("BROKE_OFF"),
        }
        drop(span);
        match worked {
            Ok(Ok(RunOutcome::GivenBack)) => tracing::info!(sync.run_id = claim.run_id, "run given back"),
            Ok(Ok(RunOutcome::Unsure)) => {
                tracing::warn!(sync.run_id = claim.run_id, "lease not renewed in time; the run is begun again");
            }
            Ok(Ok(RunOutcome::Ended(_) | RunOutcome::Fenced)) => {}
            Ok(Err(error)) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    sync.run_id = claim.run_id,
                    "sync run broke off"
                );
                self.try_again_after(&claim, &error).await?;
            }
            Err(_panic) => {
                tracing::error!(sync.run_id = claim.run_id, "sync run panicked");
                self.try_again_later(&claim).await?;
            }
        }
        Ok(true)
    }

    /// An outage of the database is no fault of the run.
    async fn try_again_after(&self, claim: &Claim, error: &EngineError) -> Result<(), EngineError> {
        let EngineError::Store(StoreError::Unavailable(outage, _)) = error else {
            return self.try_again_later(claim).await;
        };
        let pause = if *outage == Outage::Unreachable { RECONNECT_AFTER } else { RETRY_AFTER };
        self.store.begin_again(claim, Some(pause)).await?;
        Ok(())
    }

    async fn try_again_later(&self, claim: &Claim) -> Result<(), EngineError> {
        // The last failure needs no pause: what follows it only writes that the run is stuck.
        let pause = if claim.failures + 1 >= MOST_FAILURES { Duration::ZERO } else { RETRY_AFTER };
        self.store.put_off(claim, pause).await?;
        Ok(())
    }
}
