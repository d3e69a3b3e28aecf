//! Runs of syncs, and the leases that they are worked under.

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::Held;

const SECONDS: [f64; 11] = [0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0];
/// As runs end. Their series are there from the start, so that the first failure is a rise.
const STATUSES: [&str; 4] = ["SUCCEEDED", "PARTIAL", "HELD", "FAILED"];

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Run {
    status: &'static str,
}

/// Clones are one.
#[derive(Debug, Clone, Default)]
pub struct SyncMetrics(Arc<Handles>);

#[derive(Debug)]
struct Handles {
    runs: Family<Run, Counter>,
    seconds: Histogram,
    leases_held: Gauge,
    leases_lost: Counter,
}

impl Default for Handles {
    fn default() -> Self {
        let runs = Family::<Run, Counter>::default();
        for status in STATUSES {
            drop(runs.get_or_create(&Run { status }));
        }
        Self { runs, seconds: Histogram::new(SECONDS), leases_held: Gauge::default(), leases_lost: Counter::default() }
    }
}

impl SyncMetrics {
    pub fn ended(&self, status: &'static str, took: Duration) {
        self.0.runs.get_or_create(&Run { status }).inc();
        self.0.seconds.observe(took.as_secs_f64());
    }

    /// A lease is held until what this gives is dropped.
    pub fn lease(&self) -> impl Drop + Send + use<> {
        Held::of(&self.0.leases_held)
    }

    pub fn lost_lease(&self) {
        self.0.leases_lost.inc();
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("sync_runs", "Runs that ended", self.0.runs.clone());
        let help = "From the claim of a run to its end";
        registry.register_with_unit("sync_run_duration", help, Unit::Seconds, self.0.seconds.clone());
        registry.register("sync_leases_held", "Runs that this process works on", self.0.leases_held.clone());
        let help = "Leases that were lost or not renewed in time, so that nothing was written";
        registry.register("sync_leases_lost", help, self.0.leases_lost.clone());
    }
}
