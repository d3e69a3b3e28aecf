//! What is asked of the database.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;

#[derive(Debug, Clone, Default)]
pub struct DatabaseMetrics {
    statements: Counter,
}

impl DatabaseMetrics {
    pub fn statement(&self) {
        self.statements.inc();
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("database_statements", "Statements that were executed", self.statements.clone());
    }
}
