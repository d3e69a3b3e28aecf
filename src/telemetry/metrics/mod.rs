//! What the process counts, in the words of Prometheus: every name of a series stands here or below.
//!
//! Each part of the program holds the handles of its own file. They are cheap to clone, count also where nobody has
//! registered them, and an update is a few atomic operations. [`Metrics`] names them all and writes them down.

mod atlas;
mod database;
mod graphql;
mod http;
mod scraped;
mod sync;

use std::sync::Arc;

use prometheus_client::encoding::prometheus_text;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

pub use atlas::AtlasMetrics;
pub use database::DatabaseMetrics;
pub use graphql::{GraphQlMetrics, OperationKind, UnderWay};
pub use http::{Answering, HttpMetrics, known_method};
pub use scraped::{Connections, ControlSeries, Scraped, Stored};
pub use sync::SyncMetrics;

/// What the text of [`Metrics::text`] is.
pub const CONTENT_TYPE: &str = prometheus_text::CONTENT_TYPE;

/// Before every name.
const PREFIX: &str = "slategate";

/// The series of one process. Clones are one.
#[derive(Debug, Clone)]
pub struct Metrics {
    pub http: HttpMetrics,
    pub graphql: GraphQlMetrics,
    registry: Arc<Registry>,
}

impl Metrics {
    /// Those of the parts, and those of the doors.
    pub fn new(atlas: &AtlasMetrics, sync: &SyncMetrics, database: &DatabaseMetrics) -> Self {
        let (http, graphql) = (HttpMetrics::default(), GraphQlMetrics::default());
        let mut registry = Registry::with_prefix(PREFIX);
        let build = Family::<[(&str, &str); 1], Gauge>::default();
        build.get_or_create(&[("version", env!("CARGO_PKG_VERSION"))]).set(1);
        registry.register("build_info", "The version that runs", build);
        http.register(&mut registry);
        graphql.register(&mut registry);
        sync.register(&mut registry);
        atlas.register(&mut registry);
        database.register(&mut registry);
        Self { http, graphql, registry: Arc::new(registry) }
    }

    /// All series as text, together with what was read for this scrape.
    pub fn text(&self, scraped: &Scraped) -> String {
        let mut text = String::new();
        for registry in [self.registry.as_ref(), &scraped.registry()] {
            prometheus_text::encode(&mut text, registry).expect("a String takes all text");
        }
        text
    }
}

/// A gauge that counts one more until this is dropped.
#[derive(Debug)]
struct Held(Gauge);

impl Held {
    fn of(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests;
