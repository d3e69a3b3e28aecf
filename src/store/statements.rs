//! What becomes of each statement beside its answer: it is counted, and it is part of the trace of who asked.

use sea_orm::DatabaseConnection;

use super::Backend;
use crate::telemetry::metrics::DatabaseMetrics;
use crate::telemetry::traces;

impl Backend {
    /// As OpenTelemetry spells it.
    const fn system(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgresql",
        }
    }
}

/// From now on `db` tells of its statements, to `also` too.
pub(super) fn observe(
    db: &mut DatabaseConnection,
    backend: Backend,
    metrics: &DatabaseMetrics,
    also: impl Fn(&str) + Send + Sync + 'static,
) {
    let (metrics, system) = (metrics.clone(), backend.system());
    db.set_metric_callback(move |told| {
        metrics.statement();
        traces::statement(system, &told.statement.sql, told.elapsed, told.failed);
        also(&told.statement.sql);
    });
}
