//! What a scrape of the metrics shows: what was counted, and what is looked at now.
//!
//! A scrape never fails and is never late: what the database does not tell in time is left out of it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use tokio::time::timeout;

use crate::clock::Clock;
use crate::controls;
use crate::domain::{Instant, ScopeKind};
use crate::http::{Exposition, Pending};
use crate::store::{Store, StoreError};
use crate::sync::Engine;
use crate::telemetry::metrics::{ControlSeries, Metrics, Scraped, Stored};

/// What was read stands for so long.
const KEPT_FOR: TimeDelta = TimeDelta::seconds(10);
const UP_WITHIN: Duration = Duration::from_millis(1_200);
const READ_WITHIN: Duration = Duration::from_secs(2);

/// Whose series are shown: one workspace's, by id and name, or everybody's.
type Shown = Option<(i64, String)>;

pub(super) struct Scrape {
    metrics: Metrics,
    store: Store,
    engine: Engine,
    clock: Clock,
    kept: Mutex<HashMap<Option<i64>, Slot>>,
}

/// Who comes while somebody reads waits for that.
type Slot = Arc<tokio::sync::Mutex<Option<(Instant, Arc<Stored>)>>>;

impl Scrape {
    pub fn new(metrics: Metrics, store: Store, engine: Engine, clock: Clock) -> Self {
        Self { metrics, store, engine, clock, kept: Mutex::default() }
    }

    pub async fn of(&self, shown: Shown) -> String {
        // Looked at first: the reading of this scrape is not what it tells about.
        let (buckets, connections) = (self.engine.bucket_tokens(), self.store.connections());
        let is_database_up = self.is_up().await;
        let stored = if is_database_up { self.stored(&shown).await } else { None };
        self.metrics.text(&Scraped { buckets, connections, is_database_up, stored })
    }

    /// Whether the database answers, whatever its schema is.
    async fn is_up(&self) -> bool {
        let checked = timeout(UP_WITHIN, self.store.check()).await;
        checked.is_ok_and(|checked| !matches!(checked, Err(StoreError::Unavailable(..))))
    }

    async fn stored(&self, shown: &Shown) -> Option<Arc<Stored>> {
        let slot = self.slot(shown.as_ref().map(|(id, _)| *id));
        let reading = async {
            let mut kept = slot.lock().await;
            let now = self.clock.now();
            if let Some((at, stored)) = kept.as_ref()
                && (*at..*at + KEPT_FOR).contains(&now)
            {
                return Ok(Arc::clone(stored));
            }
            let stored = Arc::new(self.read(shown).await?);
            *kept = Some((now, Arc::clone(&stored)));
            Ok::<_, StoreError>(stored)
        };
        match timeout(READ_WITHIN, reading).await {
            Ok(Ok(stored)) => Some(stored),
            Ok(Err(error)) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "metrics of the database were not read");
                None
            }
            Err(_) => {
                tracing::warn!("metrics of the database were not read in time");
                None
            }
        }
    }

    fn slot(&self, workspace: Option<i64>) -> Slot {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(kept.entry(workspace).or_default())
    }

    async fn read(&self, shown: &Shown) -> Result<Stored, StoreError> {
        let catalogue: Vec<(&str, &[ScopeKind])> =
            controls::ALL.iter().map(|control| (control.key, control.scopes)).collect();
        let workspaces = match shown {
            Some(one) => vec![one.clone()],
            None => self.store.workspaces().await?,
        };
        let mut stored = Stored::default();
        for (id, workspace) in workspaces {
            let reader = self.store.reader(id).await?;
            let standing = reader.sync_standing().await?;
            let readings = reader.control_readings(&catalogue).await?;
            reader.finish().await?;
            stored.overdue = stored.overdue.max(standing.overdue);
            stored.last_success = [stored.last_success, standing.last_success].into_iter().flatten().min();
            stored.controls.extend(controls::ALL.iter().filter_map(|control| {
                let status = readings.get(control.key)?.status;
                Some(ControlSeries { workspace: workspace.clone(), control: control.key, status })
            }));
        }
        Ok(stored)
    }
}

impl Exposition for Scrape {
    fn text(&self) -> Pending<'_, String> {
        Box::pin(self.of(None))
    }
}
