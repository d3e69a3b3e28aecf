//! What became of statuses since a commit, for who follows them.

use std::collections::HashMap;

use sea_orm::sea_query::{Condition, Expr, ExprTrait, Order, Query};

use super::Reader;
use super::statuses::{StatusRow, status_of};
use crate::domain::{ControlStatus, Instant, ScopeKind};
use crate::store::StoreError;
use crate::store::convert::instant;

/// A status, and the instant from which it held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusPoint {
    pub status: ControlStatus,
    pub at: Instant,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StatusLog {
    /// The last commit. To be given when the log is asked for again.
    pub commit: i64,
    /// Every status that began after the commit which was given, by control key, oldest first.
    pub begun: HashMap<String, Vec<StatusPoint>>,
    /// The status of each control that has one.
    pub present: HashMap<String, StatusPoint>,
}

impl Reader {
    /// The log since a commit. Changes by time alone are in it; those since the last commit come again with the next
    /// log, at the same instants.
    pub async fn status_log(
        &self,
        controls: &[(&str, &[ScopeKind])],
        since_commit: i64,
    ) -> Result<StatusLog, StoreError> {
        let since = Condition::any().add(Expr::col("valid_to").is_null()).add(Expr::col("valid_from").gt(since_commit));
        let select = Query::select()
            .columns(["control_key", "status", "valid_from"])
            .expr_as(Expr::val(since_commit), "generation_at")
            .expr_as(Expr::cust("CAST(NULL AS BIGINT)"), "history_from")
            .from("control_status")
            .and_where(Expr::col("workspace_id").eq(self.workspace))
            .cond_where(since)
            .order_by("valid_from", Order::Asc)
            .to_owned();
        let mut log = StatusLog { commit: self.generation().await?, ..StatusLog::default() };
        for row in self.all::<StatusRow>(&select).await? {
            let point = StatusPoint { status: status_of(&row)?, at: instant(row.valid_from) };
            log.enter(row.control_key, point, row.valid_from > since_commit);
        }
        for (at, statuses) in self.turns_since_commit(controls).await? {
            for (key, status) in statuses {
                let known = log.present.get(&key);
                if known.is_some_and(|known| known.status != status) {
                    log.enter(key, StatusPoint { status, at: instant(at) }, true);
                }
            }
        }
        Ok(log)
    }
}

impl StatusLog {
    fn enter(&mut self, key: String, point: StatusPoint, has_begun: bool) {
        if has_begun {
            self.begun.entry(key.clone()).or_default().push(point);
        }
        self.present.insert(key, point);
    }
}
