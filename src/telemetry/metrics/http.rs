//! Requests at the HTTP edge.

use std::sync::Arc;
use std::time::Instant;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::Held;

const SECONDS: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Every other method is "other".
const METHODS: [&str; 9] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "CONNECT", "TRACE"];

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Request {
    method: &'static str,
    route: String,
    status: u16,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Route {
    route: String,
}

/// Clones are one.
#[derive(Debug, Clone, Default)]
pub struct HttpMetrics(Arc<Handles>);

#[derive(Debug)]
struct Handles {
    requests: Family<Request, Counter>,
    seconds: Family<Route, Histogram, fn() -> Histogram>,
    in_flight: Gauge,
}

impl Default for Handles {
    fn default() -> Self {
        let seconds = Family::new_with_constructor((|| Histogram::new(SECONDS)) as fn() -> Histogram);
        Self { requests: Family::default(), seconds, in_flight: Gauge::default() }
    }
}

impl HttpMetrics {
    /// A request has arrived.
    pub fn begin(&self) -> Answering {
        Answering { metrics: self.clone(), begun: Instant::now(), _held: Held::of(&self.0.in_flight) }
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("http_requests", "Requests that were answered", self.0.requests.clone());
        registry.register_with_unit(
            "http_request_duration",
            "From a request's head to the head of its answer",
            Unit::Seconds,
            self.0.seconds.clone(),
        );
        registry.register("http_requests_in_flight", "Requests that wait for their answer", self.0.in_flight.clone());
    }
}

/// The method, if it is one that there is; what somebody made up is "other".
pub fn known_method(method: &str) -> &'static str {
    METHODS.into_iter().find(|known| *known == method).unwrap_or("other")
}

/// A request in flight, until this is dropped.
#[derive(Debug)]
pub struct Answering {
    metrics: HttpMetrics,
    begun: Instant,
    _held: Held,
}

impl Answering {
    /// `route` is a pattern of ours, never a path that somebody sent.
    pub fn answered(self, method: &str, route: &str, status: u16) {
        let (handles, method) = (&self.metrics.0, known_method(method));
        handles.requests.get_or_create(&Request { method, route: route.to_owned(), status }).inc();
        let seconds = handles.seconds.get_or_create(&Route { route: route.to_owned() });
        seconds.observe(self.begun.elapsed().as_secs_f64());
    }
}
