//! GraphQL operations, by names that clients choose: only so many of them are kept.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

const SECONDS: [f64; 12] = [0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Distinct names of a process that have series of their own.
const MOST_NAMES: usize = 100;
/// A longer name has no series of its own.
const LONGEST_NAME: usize = 64;
const ANONYMOUS: &str = "anonymous";
const OTHER: &str = "other";

crate::words! { OperationKind { Query = "query", Mutation = "mutation", Subscription = "subscription" } }

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Ended {
    operation: Arc<str>,
    kind: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Operation {
    operation: Arc<str>,
}

/// Clones are one.
#[derive(Debug, Clone, Default)]
pub struct GraphQlMetrics(Arc<Handles>);

#[derive(Debug)]
struct Handles {
    operations: Family<Ended, Counter>,
    seconds: Family<Operation, Histogram, fn() -> Histogram>,
    names: Names,
}

impl Default for Handles {
    fn default() -> Self {
        let seconds = Family::new_with_constructor((|| Histogram::new(SECONDS)) as fn() -> Histogram);
        Self { operations: Family::default(), seconds, names: Names::default() }
    }
}

impl GraphQlMetrics {
    /// An operation begins. `name` comes from a document that was parsed, so it is a name of GraphQL.
    pub fn begin(&self, name: Option<&str>, kind: OperationKind) -> UnderWay {
        let operation = name.map_or_else(|| ANONYMOUS.into(), |name| self.0.names.bounded(name));
        UnderWay { metrics: self.clone(), operation, kind, begun: Instant::now(), is_good: false }
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        let help = "Operations that ended, with an error where an answer had any; the first 100 names, then \"other\"";
        registry.register("graphql_operations", help, self.0.operations.clone());
        registry.register_with_unit(
            "graphql_operation_duration",
            "How long queries and mutations ran",
            Unit::Seconds,
            self.0.seconds.clone(),
        );
    }
}

/// An operation that runs. It counts when it is dropped: as failed, unless it was said to be good.
#[derive(Debug)]
pub struct UnderWay {
    metrics: GraphQlMetrics,
    operation: Arc<str>,
    kind: OperationKind,
    begun: Instant,
    is_good: bool,
}

impl UnderWay {
    /// The name that it counts under.
    pub fn name(&self) -> &str {
        &self.operation
    }

    pub const fn kind(&self) -> OperationKind {
        self.kind
    }

    pub const fn ends(&mut self, is_good: bool) {
        self.is_good = is_good;
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let operation = Arc::clone(&self.operation);
        let outcome = if self.is_good { "ok" } else { "error" };
        self.metrics.0.operations.get_or_create(&Ended { operation, kind: self.kind.word(), outcome }).inc();
        if self.kind != OperationKind::Subscription {
            let seconds = self.metrics.0.seconds.get_or_create(&Operation { operation: Arc::clone(&self.operation) });
            seconds.observe(self.begun.elapsed().as_secs_f64());
        }
    }
}

/// The names that came first.
#[derive(Debug, Default)]
struct Names(RwLock<HashSet<Arc<str>>>);

impl Names {
    fn bounded(&self, name: &str) -> Arc<str> {
        if name.len() > LONGEST_NAME {
            return OTHER.into();
        }
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get(name) {
            return Arc::clone(known);
        }
        let is_full = known.len() >= MOST_NAMES;
        drop(known);
        if is_full { OTHER.into() } else { self.take_in(name) }
    }

    fn take_in(&self, name: &str) -> Arc<str> {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if !known.contains(name) && known.len() >= MOST_NAMES {
            return OTHER.into();
        }
        let name: Arc<str> = name.into();
        known.insert(Arc::clone(&name));
        name
    }
}
