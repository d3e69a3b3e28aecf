//! Changes as they happen, by looking at the store again and again.
//!
//! Replicas share nothing but the database, so that is where changes are seen.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::{Context, ID, SimpleObject, Subscription as Root};
use futures_util::stream::{self, Stream};
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::State;
use super::access::{Action, require};
use super::batches::Batches;
use super::control::{Control, ControlStatus};
use super::error::ApiError;
use super::ids::{IdKind, stored};
use super::scalars::DateTime;
use super::session::Moment;
use super::sync_run::SyncRun;
use crate::store::Store;
use crate::store::views::SyncRunView;
use crate::{controls, domain};

const PROGRESS_EVERY: Duration = Duration::from_millis(500);
const CONTROLS_EVERY: Duration = Duration::from_secs(1);

/// A control whose status changed.
#[derive(SimpleObject)]
pub struct ControlChange {
    /// The control as it is now.
    control: Control,
    /// The status before.
    previous: ControlStatus,
    /// The status now.
    current: ControlStatus,
    /// When it changed.
    at: DateTime,
}

pub struct Subscription;

/// Everything that can be watched.
#[Root]
impl Subscription {
    /// An integration's sync that is queued or running: how it stands now and each change of it, the last when it has
    /// ended. When none is under way, the last one that ended.
    async fn sync_progress(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The integration.")] integration_id: ID,
    ) -> Result<impl Stream<Item = Result<SyncRun, ApiError>> + use<>, ApiError> {
        let poll = Poll::new(ctx, PROGRESS_EVERY)?;
        let missing = || ApiError::NotFound("there is no such integration".to_owned());
        let integration = stored(&integration_id, IdKind::Integration).ok_or_else(missing)?;
        poll.moment().await?.loaders.integrations.load_one(integration).await?.ok_or_else(missing)?;
        let watch = RunWatch { poll, integration, seen: None };
        Ok(stream::try_unfold(Some(watch), |watch| async {
            match watch {
                Some(watch) => watch.next().await,
                None => Ok(None),
            }
        }))
    }

    /// Each change of a control's status from now on, by a sync, an edit or time alone.
    async fn control_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only controls with these keys: all when absent.")] keys: Option<Vec<String>>,
    ) -> Result<impl Stream<Item = Result<ControlChange, ApiError>> + use<>, ApiError> {
        let poll = Poll::new(ctx, CONTROLS_EVERY)?;
        let moment = poll.moment().await?;
        let watched: Vec<_> = controls::ALL
            .iter()
            .filter(|control| keys.as_ref().is_none_or(|keys| keys.iter().any(|key| key == control.key)))
            .collect();
        let seen = statuses(&moment).await?;
        drop(moment);
        let watch = StatusWatch { poll, watched, seen, waiting: Vec::new() };
        Ok(stream::try_unfold(watch, StatusWatch::next))
    }
}

/// Looks at one workspace at a steady pace.
struct Poll {
    store: Store,
    workspace: i64,
    pace: Interval,
}

impl Poll {
    fn new(ctx: &Context<'_>, every: Duration) -> Result<Self, ApiError> {
        let caller = require(ctx, Action::Read)?;
        let state = ctx.data_opt::<State>().ok_or(ApiError::Internal)?;
        let mut pace = interval(every);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Self { store: state.store.clone(), workspace: caller.workspace, pace })
    }

    async fn moment(&self) -> Result<Arc<Moment>, ApiError> {
        Ok(Arc::new(Moment::new(self.store.reader(self.workspace).await?, &Batches::default())))
    }

    async fn next(&mut self) -> Result<Arc<Moment>, ApiError> {
        self.pace.tick().await;
        self.moment().await
    }
}

/// Follows one run of an integration to its end.
struct RunWatch {
    poll: Poll,
    integration: i64,
    seen: Option<SyncRunView>,
}

impl RunWatch {
    /// The next state that differs from the last one, and whether to go on.
    async fn next(mut self) -> Result<Option<(SyncRun, Option<Self>)>, ApiError> {
        loop {
            let moment = self.poll.next().await?;
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

type Statuses = HashMap<&'static str, domain::ControlStatus>;

async fn statuses(moment: &Moment) -> Result<Statuses, ApiError> {
    let readings = moment.readings().await?;
    let read = controls::ALL.iter().filter_map(|control| Some((control.key, readings.get(control.key)?.status)));
    Ok(read.collect())
}

/// Watches the status of controls.
struct StatusWatch {
    poll: Poll,
    watched: Vec<&'static controls::Control>,
    seen: Statuses,
    /// Seen and not yet told.
    waiting: Vec<ControlChange>,
}

impl StatusWatch {
    async fn next(mut self) -> Result<Option<(ControlChange, Self)>, ApiError> {
        loop {
            if let Some(change) = self.waiting.pop() {
                return Ok(Some((change, self)));
            }
            let moment = self.poll.next().await?;
            let current = statuses(&moment).await?;
            self.waiting = self.changes(&moment, &current).await?;
            self.seen = current;
        }
    }

    /// The last first, so that taking from the end tells them in order.
    async fn changes(&self, moment: &Arc<Moment>, current: &Statuses) -> Result<Vec<ControlChange>, ApiError> {
        let readings = moment.readings().await?;
        let changes = self.watched.iter().rev().filter_map(|control| {
            let (previous, now) = (*self.seen.get(control.key)?, *current.get(control.key)?);
            let since = readings.get(control.key).and_then(|reading| reading.since);
            (previous != now).then(|| ControlChange {
                control: Control::new(moment, control),
                previous: previous.into(),
                current: now.into(),
                at: DateTime(since.unwrap_or_else(|| moment.reader.instant())),
            })
        });
        Ok(changes.collect())
    }
}
