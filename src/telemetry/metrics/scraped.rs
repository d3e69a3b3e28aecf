//! What is not counted but looked at, for each scrape anew.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::{Registry, Unit};

use super::PREFIX;
use crate::domain::{ControlStatus, Instant};

/// Connections to the database.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Connections {
    pub idle: u32,
    pub used: u32,
}

/// What one scrape has found.
#[derive(Debug, Clone)]
pub struct Scraped {
    /// The endpoint sets, and how many tokens the emptiest bucket of each has.
    pub buckets: Vec<(&'static str, u32)>,
    pub connections: Connections,
    pub is_database_up: bool,
    /// None: the database did not tell.
    pub stored: Option<Arc<Stored>>,
}

/// What only the database knows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stored {
    /// How late the sync is that has been due for longest.
    pub overdue: Duration,
    /// When the connected integration that has waited for longest last had a sync that succeeded.
    pub last_success: Option<Instant>,
    pub controls: Vec<ControlSeries>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlSeries {
    /// By its name.
    pub workspace: String,
    pub control: &'static str,
    pub status: ControlStatus,
}

type Labelled<const N: usize> = Family<[(&'static str, String); N], Gauge>;

impl Scraped {
    pub(super) fn registry(&self) -> Registry {
        let mut registry = Registry::with_prefix(PREFIX);
        let buckets = Labelled::default();
        for (set, tokens) in &self.buckets {
            buckets.get_or_create(&[("endpoint_set", (*set).to_owned())]).set((*tokens).into());
        }
        let help = "Requests that Atlas still allows, by our count, in the emptiest bucket of each endpoint set";
        registry.register("atlas_bucket_tokens", help, buckets);
        let connections = Labelled::default();
        for (state, count) in [("idle", self.connections.idle), ("used", self.connections.used)] {
            connections.get_or_create(&[("state", state.to_owned())]).set(count.into());
        }
        registry.register("database_connections", "Open connections to the database", connections);
        let up = ConstGauge::new(u32::from(self.is_database_up));
        registry.register("database_up", "Whether the database answers", up);
        if let Some(stored) = &self.stored {
            stored.register(&mut registry);
        }
        registry
    }
}

impl Stored {
    fn register(&self, registry: &mut Registry) {
        let overdue = ConstGauge::new(self.overdue.as_secs_f64());
        let help = "How late the sync is that has been due for longest and that nobody works on";
        registry.register_with_unit("sync_overdue", help, Unit::Seconds, overdue);
        if let Some(last) = self.last_success {
            let last: Gauge<f64, AtomicU64> = {
                let gauge = Gauge::default();
                gauge.set(seconds(last));
                gauge
            };
            let help = "When a sync last succeeded, of the connected integration for which that is longest ago";
            registry.register_with_unit("sync_last_success_timestamp", help, Unit::Seconds, last);
        }
        let (counts, statuses) = (Labelled::default(), Labelled::default());
        for series in &self.controls {
            for status in ControlStatus::ALL {
                let labels = [("workspace", series.workspace.clone()), ("status", status.word().to_owned())];
                counts.get_or_create(&labels).inc_by(i64::from(*status == series.status));
            }
            let workspace = ("workspace", series.workspace.clone());
            let control = ("control", series.control.to_owned());
            statuses.get_or_create(&[workspace, control, ("status", series.status.word().to_owned())]).set(1);
        }
        registry.register("controls", "Controls by their status", counts);
        registry.register("control_status", "1 for the status that each control has", statuses);
    }
}

fn seconds(instant: Instant) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "microseconds since 1970 fit until the year 2255")]
    let micros = instant.timestamp_micros() as f64;
    micros / 1_000_000.0
}
