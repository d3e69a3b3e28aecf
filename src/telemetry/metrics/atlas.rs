//! Requests to Atlas, and the lanes that they are sent on.

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::Held;

const SECONDS: [f64; 10] = [0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0];
/// Why something is tried again. Their series are there from the start, so that the first is a rise.
const REASONS: [&str; 3] = ["rate_limited", "unavailable", "unstable_list"];
const TOO_MANY_REQUESTS: u16 = 429;

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Request {
    endpoint: &'static str,
    status: String,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Retry {
    reason: &'static str,
}

/// Clones are one.
#[derive(Debug, Clone, Default)]
pub struct AtlasMetrics(Arc<Handles>);

#[derive(Debug)]
struct Handles {
    requests: Family<Request, Counter>,
    seconds: Histogram,
    retries: Family<Retry, Counter>,
    throttled: Counter,
    lanes_busy: Gauge,
}

impl Default for Handles {
    fn default() -> Self {
        let retries = Family::<Retry, Counter>::default();
        for reason in REASONS {
            drop(retries.get_or_create(&Retry { reason }));
        }
        Self {
            requests: Family::default(),
            seconds: Histogram::new(SECONDS),
            retries,
            throttled: Counter::default(),
            lanes_busy: Gauge::default(),
        }
    }
}

impl AtlasMetrics {
    /// One request was sent. `status` is none where no answer came.
    pub fn sent(&self, endpoint: &'static str, status: Option<u16>, took: Duration) {
        let word = status.map_or_else(|| "none".to_owned(), |status| status.to_string());
        self.0.requests.get_or_create(&Request { endpoint, status: word }).inc();
        self.0.seconds.observe(took.as_secs_f64());
        if status == Some(TOO_MANY_REQUESTS) {
            self.0.throttled.inc();
        }
    }

    pub fn retried(&self, reason: &'static str) {
        self.0.retries.get_or_create(&Retry { reason }).inc();
    }

    /// A lane is busy until what this gives is dropped.
    pub fn lane(&self) -> impl Drop + Send + use<> {
        Held::of(&self.0.lanes_busy)
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        let help = "Requests to the Atlas Administration API, digest challenges (401) included";
        registry.register("atlas_requests", help, self.0.requests.clone());
        registry.register_with_unit(
            "atlas_request_duration",
            "From sending a request to the head of its answer, or to giving up",
            Unit::Seconds,
            self.0.seconds.clone(),
        );
        registry.register("atlas_retries", "Calls and lists that were tried again", self.0.retries.clone());
        let help = "Answers of Atlas that refused a request by its rate (429)";
        registry.register("atlas_throttled", help, self.0.throttled.clone());
        registry.register("atlas_lanes_busy", "Lanes that wait for an answer of Atlas", self.0.lanes_busy.clone());
    }
}
