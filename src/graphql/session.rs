//! What one request reads through: one transaction, and one [`Moment`] for each instant that is asked for.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::Context;
use tokio::sync::OnceCell;

use super::access::{self, Action};
use super::batches::Batches;
use super::error::ApiError;
use super::loaders::Loaders;
use super::scalars::DateTime;
use crate::controls;
use crate::domain::{Instant, ScopeKind};
use crate::store::read::page::Window;
use crate::store::read::{ControlReading, Reader};
use crate::store::views::IntegrationView;
use crate::store::{Store, StoreError};

/// More integrations than any workspace has.
const ALL_INTEGRATIONS: u64 = 10_000;

/// The reads of one request.
pub struct Session {
    store: Store,
    workspace: i64,
    batches: Batches,
    generation: Mutex<Arc<Generation>>,
    is_personal: AtomicBool,
}

/// Reads that share one transaction.
#[derive(Default)]
struct Generation {
    base: OnceCell<Reader>,
    history_from: OnceCell<Option<Instant>>,
    moments: Mutex<HashMap<Option<Instant>, Arc<Moment>>>,
}

impl Session {
    pub fn new(store: Store, workspace: i64, batches: Batches) -> Self {
        Self { store, workspace, batches, generation: Mutex::default(), is_personal: AtomicBool::new(false) }
    }

    /// Everything as of an instant; None means now. The same instant gives the same moment.
    ///
    /// # Errors
    /// [`ApiError::BeforeHistory`] where the past is no longer kept from then.
    pub async fn at(&self, as_of: Option<Instant>) -> Result<Arc<Moment>, ApiError> {
        let generation = Arc::clone(&self.generation.lock().unwrap_or_else(PoisonError::into_inner));
        let base = generation.base.get_or_try_init(|| self.store.reader(self.workspace)).await?;
        let reader = base.at(as_of);
        if let Some(at) = reader.as_of() {
            let history_from = *generation.history_from.get_or_try_init(|| base.history_from()).await?;
            if let Some(horizon) = history_from.filter(|horizon| at < *horizon) {
                return Err(ApiError::BeforeHistory(horizon));
            }
        }
        let mut moments = generation.moments.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Arc::clone(moments.entry(reader.as_of()).or_insert_with(|| Arc::new(Moment::new(reader, &self.batches)))))
    }

    /// What is answered tells about the caller, and so is nobody else's answer.
    pub fn is_personal(&self) {
        self.is_personal.store(true, Ordering::Relaxed);
    }

    /// The generation that was read, when, and until when its answers hold; None where something else was read than what
    /// commits have left.
    pub async fn read_of_commits(&self) -> Option<(i64, Instant, Instant)> {
        if self.is_personal.load(Ordering::Relaxed) {
            return None;
        }
        let generation = Arc::clone(&self.generation.lock().unwrap_or_else(PoisonError::into_inner));
        let reader = generation.base.get()?;
        let at = reader.read_commits_only()?;
        // Whoever cannot read it keeps nothing.
        Some((reader.generation().await.ok()?, at, reader.unchanged_until().await.ok()?))
    }

    /// Now, read anew: what an edit has just changed is seen.
    pub async fn renewed(&self) -> Result<Arc<Moment>, ApiError> {
        self.finish().await;
        self.at(None).await
    }

    /// Another moment of the same reader, with nothing loaded yet.
    pub fn beside(&self, reader: &Reader) -> Arc<Moment> {
        Arc::new(Moment::new(reader.clone(), &self.batches))
    }

    /// Ends the transaction. What still reads keeps it open until it is dropped.
    pub async fn finish(&self) {
        let generation = std::mem::take(&mut *self.generation.lock().unwrap_or_else(PoisonError::into_inner));
        let Some(generation) = Arc::into_inner(generation) else { return };
        drop(generation.moments);
        if let Some(reader) = generation.base.into_inner()
            && let Err(error) = reader.finish().await
        {
            tracing::warn!(error = &error as &dyn std::error::Error, "read transaction did not end well");
        }
    }
}

/// The request's session, for callers who may read.
pub fn session<'ctx>(ctx: &Context<'ctx>) -> Result<&'ctx Session, ApiError> {
    access::require(ctx, Action::Read)?;
    ctx.data_opt::<Arc<Session>>().map(Arc::as_ref).ok_or(ApiError::Unauthenticated)
}

/// One instant of one workspace: its reader, its loaders, and what is read once for all.
pub struct Moment {
    pub reader: Reader,
    pub loaders: Loaders,
    readings: OnceCell<HashMap<String, ControlReading>>,
    last_synced_at: OnceCell<Option<Instant>>,
    integrations: OnceCell<Vec<IntegrationView>>,
    head_counts: OnceCell<(u64, u64)>,
}

impl Moment {
    pub fn new(reader: Reader, batches: &Batches) -> Self {
        Self {
            loaders: Loaders::new(&reader, batches),
            reader,
            readings: OnceCell::new(),
            last_synced_at: OnceCell::new(),
            integrations: OnceCell::new(),
            head_counts: OnceCell::new(),
        }
    }

    /// Coverage and status of every control of the catalogue.
    pub async fn readings(&self) -> Result<&HashMap<String, ControlReading>, ApiError> {
        let readings = self.readings.get_or_try_init(|| async {
            let catalogue: Vec<(&str, &[ScopeKind])> =
                controls::ALL.iter().map(|control| (control.key, control.scopes)).collect();
            self.reader.control_readings(&catalogue).await
        });
        Ok(readings.await?)
    }

    /// How many assets and how many accounts there are.
    pub async fn head_counts(&self) -> Result<(u64, u64), ApiError> {
        Ok(*self.head_counts.get_or_try_init(|| self.reader.head_counts()).await?)
    }

    /// When the last sync that read something had ended.
    pub async fn last_synced_at(&self) -> Result<Option<Instant>, ApiError> {
        Ok(*self.last_synced_at.get_or_try_init(|| self.reader.last_synced_at()).await?)
    }

    /// When a list was last read to the end with a subject of it still there.
    pub async fn last_seen_at(
        &self,
        scope: i64,
        first_seen_at: Instant,
        removed_at: Option<Instant>,
    ) -> Result<DateTime, ApiError> {
        let read_at = match removed_at {
            None => self.loaders.last_reads.load_one(scope).await?,
            Some(removed_at) => self.loaders.reads_before.load_one((scope, removed_at)).await?,
        };
        Ok(DateTime(read_at.map_or(first_seen_at, |read_at| read_at.max(first_seen_at))))
    }

    /// Every integration of the workspace, disconnected ones too.
    pub async fn integrations(&self) -> Result<&[IntegrationView], ApiError> {
        let integrations = self.integrations.get_or_try_init(|| async {
            let all = Window { limit: ALL_INTEGRATIONS, ..Window::default() };
            let slice = self.reader.integrations(&all).await?;
            Ok::<_, StoreError>(slice.rows.into_iter().map(|(view, _)| view).collect())
        });
        Ok(integrations.await?)
    }
}
