//! When syncs are due, and the workers that take them up.
//!
//! `tokio-cron-scheduler` only rings; the database decides what runs, so several processes share the work.

use std::str::FromStr;
use std::time::Duration;

use chrono::TimeDelta;
use croner::Cron;
use croner::parser::{CronParser, Seconds};
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::engine::Engine;
use super::run::RunOutcome;
use crate::domain::Instant;

/// Cron text of five or six fields (seconds first), in UTC.
#[derive(Debug, Clone)]
pub struct Schedule {
    text: String,
    cron: Box<Cron>,
}

#[derive(Debug, thiserror::Error)]
#[error("{text:?} is not a cron schedule of five or six fields: {reason}")]
pub struct BadSchedule {
    text: String,
    reason: String,
}

impl FromStr for Schedule {
    type Err = BadSchedule;

    fn from_str(text: &str) -> Result<Self, BadSchedule> {
        let bad = |reason: String| BadSchedule { text: text.to_owned(), reason };
        let six = match text.split_whitespace().count() {
            5 => format!("0 {}", text.trim()),
            6 => text.trim().to_owned(),
            count => return Err(bad(format!("it has {count} fields"))),
        };
        let cron = CronParser::builder()
            .seconds(Seconds::Required)
            .build()
            .parse(&six)
            .map_err(|error| bad(error.to_string()))?;
        Ok(Self { text: six, cron: Box::new(cron) })
    }
}

impl Schedule {
    /// The six-field text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The first tick after `instant`; a day later for a schedule that never ticks again.
    pub fn next_after(&self, instant: Instant) -> Instant {
        self.cron.find_next_occurrence(&instant, false).unwrap_or(instant + TimeDelta::days(1))
    }

    /// The longest time between the next few ticks.
    pub fn interval(&self, from: Instant) -> TimeDelta {
        let mut longest = TimeDelta::zero();
        let mut at = self.next_after(from);
        for _ in 0..10 {
            let next = self.next_after(at);
            longest = longest.max(next - at);
            at = next;
        }
        longest
    }
}

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
            .add(Job::new(self.schedule.text(), move |_id, _ticker| {
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
