//! The workers that take up due syncs, and the ticker that wakes them.
//!
//! `tokio-cron-scheduler` only rings; the database decides what runs, so several processes share the work.

use std::time::Duration;

use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::engine::Engine;
use super::run::RunOutcome;

/// Looks for due work at least so often, whatever the schedule: retaken leases, other processes' requests.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// A run that broke off for a reason of ours is tried again after so long.
const RETRY_AFTER: Duration = Duration::from_secs(30);
/// After a database error the next look waits a little.
const PAUSE_AFTER_ERROR: Duration = Duration::from_secs(1);

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
            match self.work_next(&owner, cancel).await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "sync run broke off");
                    tokio::time::sleep(PAUSE_AFTER_ERROR).await;
                }
            }
            tokio::select! {
                () = cancel.cancelled() => {}
                () = self.due.notified() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    /// Claims and works one due run. False: nothing is due.
    pub async fn work_next(&self, owner: &str, cancel: &CancellationToken) -> Result<bool, super::EngineError> {
        let Some(claim) = self.store.claim_due(owner, self.lease).await? else { return Ok(false) };
        let outcome = self.work(&claim, cancel).await;
        match &outcome {
            Ok(RunOutcome::Fenced) => {
                tracing::warn!(sync.run_id = claim.run_id, "a newer claim took over; nothing was written");
            }
            Ok(RunOutcome::GivenBack) => tracing::info!(sync.run_id = claim.run_id, "run given back"),
            Ok(RunOutcome::Ended(_)) => {}
            Err(_) => self.store.put_off(&claim, RETRY_AFTER).await?,
        }
        outcome.map(|_| true)
    }
}
