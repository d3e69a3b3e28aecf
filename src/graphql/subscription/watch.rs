//! What one subscription waits for.

use std::sync::Arc;
use std::time::Duration;

use async_graphql::Context;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::ControlChange;
use super::chain::StatusChange;
use crate::graphql::State;
use crate::graphql::access::{Action, require};
use crate::graphql::batches::Batches;
use crate::graphql::control::Control;
use crate::graphql::error::ApiError;
use crate::graphql::scalars::DateTime;
use crate::graphql::session::Moment;
use crate::graphql::sync_run::SyncRun;
use crate::store::views::SyncRunView;
use crate::store::{Store, Wakes};

/// Word of a change may get lost.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// A database that does not answer is asked again after so long.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Reads one workspace again and again.
pub struct Watcher {
    pub workspace: i64,
    store: Store,
}

impl Watcher {
    pub fn new(ctx: &Context<'_>) -> Result<Self, ApiError> {
        let caller = require(ctx, Action::Read)?;
        let state = ctx.data_opt::<State>().ok_or(ApiError::Internal)?;
        Ok(Self { store: state.store.clone(), workspace: caller.workspace })
    }

    pub async fn moment(&self) -> Result<Moment, ApiError> {
        Ok(Moment::new(self.store.reader(self.workspace).await?, &Batches::default()))
    }

    /// The present, once the database answers.
    async fn next_moment(&self) -> Result<Arc<Moment>, ApiError> {
        loop {
            match self.moment().await {
                Err(ApiError::Unavailable(_)) => tokio::time::sleep(ASK_AGAIN_AFTER).await,
                answered => return answered.map(Arc::new),
            }
        }
    }
}

/// Follows one run of an integration to its end.
pub struct RunWatch {
    watcher: Watcher,
    integration: i64,
    /// Older than any look, so that no change falls between.
    wakes: Wakes,
    seen: Option<SyncRunView>,
}

impl RunWatch {
    pub fn new(watcher: Watcher, integration: i64) -> Self {
        let wakes = watcher.store.wakes(watcher.workspace, Some(integration));
        Self { watcher, integration, wakes, seen: None }
    }

    /// The next state that differs from the last one, and whether to go on.
    pub async fn next(mut self) -> Result<Option<(SyncRun, Option<Self>)>, ApiError> {
        loop {
            if self.seen.is_some() {
                self.wakes.next(LOOK_EVERY).await;
            }
            let moment = self.watcher.next_moment().await?;
            let Some(run) = self.look(&moment).await? else { return Ok(None) };
            if self.seen.as_ref().is_some_and(|seen| is_same(seen, &run)) {
                continue;
            }
            self.seen = Some(run.as_ref().clone());
            let rest = run.finished_at.is_none().then_some(self);
            return Ok(Some((SyncRun::new(&moment, run), rest)));
        }
    }

    async fn look(&self, moment: &Moment) -> Result<Option<Arc<SyncRunView>>, ApiError> {
        if let Some(seen) = &self.seen {
            return moment.loaders.runs.load_one(seen.id).await;
        }
        let latest = moment.loaders.latest_runs.load_one(self.integration).await?.unwrap_or_default();
        Ok(latest.current.or(latest.ended))
    }
}

fn is_same(seen: &SyncRunView, run: &SyncRunView) -> bool {
    let progress =
        |run: &SyncRunView| (run.status, run.stage, run.done, run.total, run.requests, run.finished_at, run.changes);
    let past = |run: &SyncRunView| (run.attempts, run.next_run_at);
    progress(seen) == progress(run) && past(seen) == past(run)
}

/// Passes on changes of controls.
pub struct StatusWatch {
    pub watcher: Watcher,
    /// None: all.
    pub keys: Option<Vec<String>>,
    pub changes: broadcast::Receiver<StatusChange>,
}

impl StatusWatch {
    pub async fn next(mut self) -> Result<Option<(ControlChange, Self)>, ApiError> {
        loop {
            let StatusChange { control, previous, current, at } = match self.changes.recv().await {
                Ok(change) => change,
                Err(RecvError::Lagged(_)) => return Err(too_slow()),
                Err(RecvError::Closed) => return Err(ApiError::Internal),
            };
            if self.keys.as_ref().is_some_and(|keys| !keys.iter().any(|key| key == control.key)) {
                continue;
            }
            let control = Control::new(&self.watcher.next_moment().await?, control);
            let (previous, current) = (previous.into(), current.into());
            return Ok(Some((ControlChange { control, previous, current, at: DateTime(at) }, self)));
        }
    }
}

fn too_slow() -> ApiError {
    ApiError::Conflict("changes came faster than they were taken, and some are lost: subscribe again".to_owned())
}
