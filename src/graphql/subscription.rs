//! Changes as they happen. Who waits is woken by the store and reads anew what it then tells.

mod chain;
mod feed;
mod watch;

pub use feed::Feeds;

use std::sync::Arc;

use async_graphql::{Context, ID, SimpleObject, Subscription as Root};
use futures_util::stream::{self, Stream};

use super::control::{Control, ControlStatus};
use super::error::ApiError;
use super::ids::{IdKind, stored};
use super::scalars::DateTime;
use super::sync_run::SyncRun;
use watch::{RunWatch, StatusWatch, Watcher};

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
        let watcher = Watcher::new(ctx)?;
        let missing = || ApiError::NotFound("there is no such integration".to_owned());
        let integration = stored(&integration_id, IdKind::Integration).ok_or_else(missing)?;
        let known = Arc::new(watcher.moment().await?).loaders.integrations.load_one(integration).await?;
        known.ok_or_else(missing)?;
        let watch = RunWatch::new(watcher, integration);
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
        let watcher = Watcher::new(ctx)?;
        let feeds = ctx.data_opt::<Feeds>().ok_or(ApiError::Internal)?;
        let changes = feeds.join(watcher.workspace).await?;
        let watch = StatusWatch { watcher, keys, changes };
        Ok(stream::try_unfold(watch, StatusWatch::next))
    }
}
