//! Queueing runs and ending them.

use entity::sync_run;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};

use super::Writer;
use crate::domain::Instant;
use crate::store::StoreError;
use crate::store::convert::micros;
use crate::store::leases::Claim;
use crate::store::views::{Changes, SyncStage, SyncStatus, SyncTrigger};

/// How a run ended.
#[derive(Debug, Clone, Copy)]
pub struct RunEnd {
    pub status: SyncStatus,
    pub requests: u64,
    pub changes: Changes,
    /// When the integration is due again.
    pub next_run_at: Instant,
}

impl Writer {
    /// Queues a run and makes it due at once.
    pub async fn queue_run(&self, integration: i64, trigger: SyncTrigger) -> Result<i64, StoreError> {
        let row = sync_run::ActiveModel {
            id: NotSet,
            workspace_id: Set(self.workspace),
            integration_id: Set(integration),
            trigger_kind: Set(trigger.word().to_owned()),
            status: Set(SyncStatus::Queued.word().to_owned()),
            queued_at: Set(self.at),
            read_at: Set(None),
            finished_at: Set(None),
            stage: Set(SyncStage::Queued.word().to_owned()),
            done: Set(0),
            total: Set(None),
            requests: Set(0),
            added: Set(0),
            updated: Set(0),
            removed: Set(0),
            results_flipped: Set(0),
        };
        let run = row.insert(self.tx.as_ref()).await?.id;
        self.make_due(integration).await?;
        Ok(run)
    }

    /// The run that is queued or running.
    pub async fn open_run(&self, integration: i64) -> Result<Option<i64>, StoreError> {
        let row = sync_run::Entity::find()
            .filter(sync_run::Column::IntegrationId.eq(integration))
            .filter(sync_run::Column::FinishedAt.is_null())
            .order_by_desc(sync_run::Column::Id)
            .one(self.tx.as_ref())
            .await?;
        Ok(row.map(|row| row.id))
    }

    /// Notes that a run has read what it could: from here on its reads count as evidence.
    pub async fn close_run(&self, claim: &Claim, status: SyncStatus) -> Result<(), StoreError> {
        let update = Query::update()
            .table("sync_run")
            .value("status", status.word())
            .value("finished_at", self.at)
            .and_where(Expr::col("id").eq(claim.run_id))
            .to_owned();
        self.tx.execute(&update).await?;
        Ok(())
    }

    /// Ends a run and gives its lease back, both in this transaction.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] when the lease was lost: the caller must not commit.
    pub async fn end_run(&self, claim: &Claim, end: RunEnd) -> Result<(), StoreError> {
        let update = Query::update()
            .table("sync_run")
            .value("status", end.status.word())
            .value("stage", SyncStage::Done.word())
            .value("finished_at", self.at)
            .value("requests", i64::try_from(end.requests).unwrap_or(i64::MAX))
            .value("added", end.changes.added)
            .value("updated", end.changes.updated)
            .value("removed", end.changes.removed)
            .value("results_flipped", end.changes.results_flipped)
            .and_where(Expr::col("id").eq(claim.run_id))
            .to_owned();
        self.tx.execute(&update).await?;
        let release = Query::update()
            .table("integration")
            .value("lease_owner", Option::<String>::None)
            .value("lease_until", Option::<i64>::None)
            .value("attempt", 0)
            .value("next_run_at", micros(end.next_run_at))
            .and_where(Expr::col("id").eq(claim.integration_id))
            .and_where(Expr::col("epoch").eq(claim.epoch))
            .and_where(Expr::col("lease_until").gt(self.at))
            .to_owned();
        let released = self.tx.execute(&release).await?.rows_affected();
        if released == 1 { Ok(()) } else { Err(StoreError::Fenced) }
    }

    /// Ends runs that nobody will work on any more.
    pub(super) async fn fail_open_runs(&self, integration: i64) -> Result<(), StoreError> {
        let update = Query::update()
            .table("sync_run")
            .value("status", SyncStatus::Failed.word())
            .value("stage", SyncStage::Done.word())
            .value("finished_at", self.at)
            .and_where(Expr::col("integration_id").eq(integration))
            .and_where(Expr::col("finished_at").is_null())
            .to_owned();
        self.tx.execute(&update).await?;
        Ok(())
    }
}
