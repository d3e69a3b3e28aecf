//! Queueing runs and ending them.

use entity::sync_run;
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::Writer;
use crate::domain::Instant;
use crate::store::StoreError;
use crate::store::convert::{micros, to_json, word};
use crate::store::leases::{Claim, queued};
use crate::store::views::{Changes, IntegrationFault, SyncStage, SyncStatus, SyncTrigger, Withheld};

/// How a run ended, and what comes next.
#[derive(Debug, Clone)]
pub struct RunEnd {
    pub status: SyncStatus,
    pub requests: u64,
    pub changes: Changes,
    /// Why it failed or needs a person.
    pub fault: Option<IntegrationFault>,
    pub withheld: Option<Withheld>,
    pub next: NextRun,
}

/// When an integration is due again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NextRun {
    /// The scheduled instant that the next run stands for.
    pub slot_at: Instant,
    /// When it is due: never before its slot.
    pub due_at: Instant,
    /// Until then Atlas is to be left alone.
    pub not_before: Option<Instant>,
}

impl Writer {
    /// Queues a run and makes it due at once.
    pub async fn queue_run(&self, integration: i64, trigger: SyncTrigger) -> Result<i64, StoreError> {
        let run = queued(self.workspace, integration, trigger, self.at).insert(self.tx.as_ref()).await?.id;
        self.make_due(integration).await?;
        Ok(run)
    }

    /// The run that is queued or running.
    pub async fn open_run(&self, integration: i64) -> Result<Option<i64>, StoreError> {
        let row = sync_run::Entity::find()
            .filter(sync_run::Column::IntegrationId.eq(integration))
            .filter(sync_run::Column::FinishedAt.is_null())
            .one(self.tx.as_ref())
            .await?;
        Ok(row.map(|row| row.id))
    }

    /// Whether this is a run of the integration.
    pub async fn has_run(&self, integration: i64, run: i64) -> Result<bool, StoreError> {
        let row = sync_run::Entity::find_by_id(run)
            .filter(sync_run::Column::IntegrationId.eq(integration))
            .one(self.tx.as_ref())
            .await?;
        Ok(row.is_some())
    }

    /// Whether the last run that ended was asked for by hand after one had ended with the same error, and ended with it
    /// again.
    pub async fn has_probed_in_vain(&self, integration: i64) -> Result<bool, StoreError> {
        let ended = sync_run::Entity::find()
            .filter(sync_run::Column::IntegrationId.eq(integration))
            .filter(sync_run::Column::FinishedAt.is_not_null())
            .order_by_desc(sync_run::Column::Id)
            .limit(2)
            .all(self.tx.as_ref())
            .await?;
        let [last, before] = ended.as_slice() else { return Ok(false) };
        let trigger = word(&last.trigger_kind, SyncTrigger::from_word, "sync_run", "trigger_kind")?;
        Ok(trigger == SyncTrigger::Manual && last.error_code.is_some() && last.error_code == before.error_code)
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

    /// Ends a run and gives its lease back, both in this transaction. A slot that came due meanwhile is its as well.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] when the lease was lost: the caller must not commit.
    pub async fn end_run(&self, claim: &Claim, end: RunEnd) -> Result<(), StoreError> {
        let absorbed = claim.slot_at.filter(|slot| micros(*slot) <= self.at && Some(*slot) > claim.last_slot);
        let fault = end.fault;
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
            .value("scheduled_at", claim.scheduled_at.or(absorbed).map(micros))
            .value("error_code", fault.as_ref().map(|fault| fault.code.clone()))
            .value("error_message", fault.as_ref().map(|fault| fault.message.clone()))
            .value("error_remedy", fault.map(|fault| fault.remedy))
            .value("withheld", end.withheld.as_ref().map(to_json))
            .value("next_run_at", micros(end.next.due_at))
            .and_where(Expr::col("id").eq(claim.run_id))
            .to_owned();
        self.tx.execute(&update).await?;
        let release = Query::update()
            .table("integration")
            .value("lease_owner", Option::<String>::None)
            .value("lease_until", Option::<i64>::None)
            .value("attempt", 0)
            .value("slot_at", micros(end.next.slot_at))
            .value("next_run_at", micros(end.next.due_at))
            .value("not_before", end.next.not_before.map(micros))
            .and_where(Expr::col("id").eq(claim.integration_id))
            .and_where(Expr::col("epoch").eq(claim.epoch))
            .and_where(Expr::col("lease_until").gt(self.now))
            .to_owned();
        let released = self.tx.execute(&release).await?.rows_affected();
        if released == 1 { Ok(()) } else { Err(StoreError::Fenced) }
    }

    /// Notes that a person had a run's withheld removals done.
    pub async fn note_confirmed(&self, run: i64) -> Result<(), StoreError> {
        let update = Query::update()
            .table("sync_run")
            .value("confirmed_at", self.at)
            .and_where(Expr::col("id").eq(run))
            .to_owned();
        self.tx.execute(&update).await?;
        Ok(())
    }

    /// Ends the run that nobody will work on any more.
    pub(super) async fn fail_open_run(&self, integration: i64) -> Result<(), StoreError> {
        let update = Query::update()
            .table("sync_run")
            .value("status", SyncStatus::Failed.word())
            .value("stage", SyncStage::Done.word())
            .value("finished_at", self.at)
            .value("next_run_at", Option::<i64>::None)
            .value("error_code", "DISCONNECTED")
            .value("error_message", "The integration was disconnected before the sync had ended.")
            .value("error_remedy", "Connect the organization again with connectMongoDbAtlas to sync it.")
            .and_where(Expr::col("integration_id").eq(integration))
            .and_where(Expr::col("finished_at").is_null())
            .to_owned();
        self.tx.execute(&update).await?;
        Ok(())
    }
}
