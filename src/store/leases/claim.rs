//! Claiming: which integration is due, and the run that the claim is for.

use std::time::Duration;

use entity::{integration, sync_run};
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::{Condition, Expr, ExprTrait, LockBehavior, LockType, Order, Query};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, FromQueryResult,
    QueryFilter, QueryOrder, QuerySelect,
};

use super::{Claim, after};
use crate::store::StoreError;
use crate::store::changes::Change;
use crate::store::connect::{Store, database_now};
use crate::store::convert::{instant, micros};
use crate::store::sight::{self, Sight};
use crate::store::views::{SyncStage, SyncStatus, SyncTrigger};

#[derive(FromQueryResult)]
struct Due {
    id: i64,
    workspace_id: i64,
    /// Whose lease ran out; None where the lease was given back.
    lease_owner: Option<String>,
}

impl Store {
    /// Claims the integration that has been due for longest, if there is one that nobody works on.
    ///
    /// A run that is open is taken up; otherwise a scheduled one begins. Downtime is caught up with by one run.
    pub async fn claim_due(&self, owner: &str, ttl: Duration) -> Result<Option<Claim>, StoreError> {
        let since = std::time::Instant::now();
        let tx = self.begin_write(Sight::Clerk).await?;
        let now = micros(database_now(&tx, &self.clock).await?);
        let Some(due) = due(&tx, now).await? else { return Ok(None) };
        sight::take(&tx, Sight::Workspace(due.workspace_id), &self.clock).await?;
        let claim = Query::update()
            .table("integration")
            .value("lease_owner", owner)
            .value("lease_until", after(now, ttl))
            .value("epoch", Expr::col("epoch").add(1))
            .value("attempt", Expr::col("attempt").add(1))
            .and_where(Expr::col("id").eq(due.id))
            .to_owned();
        tx.execute(&claim).await?;
        let Some(row) = integration::Entity::find_by_id(due.id).one(&tx).await? else { return Ok(None) };
        let last_slot = last_slot(&tx, row.id).await?;
        let slot = row.slot_at.filter(|slot| *slot <= now && Some(*slot) > last_slot);
        let run = match open_run(&tx, row.id).await? {
            Some(open) => open,
            None => new_run(&tx, &row, now).await?,
        };
        let died = i32::from(due.lease_owner.is_some());
        let run = sync_run::ActiveModel {
            status: Set(SyncStatus::Running.word().to_owned()),
            stage: Set(SyncStage::Credentials.word().to_owned()),
            read_at: Set(Some(now)),
            next_run_at: Set(None),
            scheduled_at: Set(run.scheduled_at.or(slot)),
            owner: Set(Some(owner.to_owned())),
            epoch: Set(row.epoch),
            attempts: Set(run.attempts + 1),
            taken_over: Set(run.taken_over + died),
            ..run.into()
        };
        let run = run.update(&tx).await?;
        let change = Change::Progress { workspace: row.workspace_id, integration: row.id };
        self.changes.commit(tx, change).await?;
        Ok(Some(Claim {
            workspace: row.workspace_id,
            integration_id: row.id,
            run_id: run.id,
            epoch: row.epoch,
            organization_id: row.organization_id,
            public_key: row.public_key,
            sealed_private_key: row.sealed_private_key.unwrap_or_default(),
            read_at: instant(now),
            scheduled_at: run.scheduled_at.map(instant),
            slot_at: row.slot_at.map(instant),
            last_slot: Ord::max(last_slot, run.scheduled_at).map(instant),
            failures: run.taken_over + run.broke_off,
            since,
            ttl,
        }))
    }
}

async fn due(tx: &DatabaseTransaction, now: i64) -> Result<Option<Due>, StoreError> {
    let backend = tx.get_database_backend();
    let mut select = Query::select()
        .columns(["id", "workspace_id", "lease_owner"])
        .from("integration")
        .and_where(Expr::col("disconnected_at").is_null())
        .and_where(Expr::col("next_run_at").lte(now))
        .cond_where(Condition::any().add(Expr::col("lease_until").is_null()).add(Expr::col("lease_until").lte(now)))
        .order_by("next_run_at", Order::Asc)
        .limit(1)
        .to_owned();
    if backend == DbBackend::Postgres {
        select.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    }
    Ok(Due::find_by_statement(backend.build(&select)).one(tx).await?)
}

async fn open_run(tx: &DatabaseTransaction, integration: i64) -> Result<Option<sync_run::Model>, StoreError> {
    let open = sync_run::Entity::find()
        .filter(sync_run::Column::IntegrationId.eq(integration))
        .filter(sync_run::Column::FinishedAt.is_null())
        .one(tx);
    Ok(open.await?)
}

/// The latest slot that has a run.
async fn last_slot(tx: &DatabaseTransaction, integration: i64) -> Result<Option<i64>, StoreError> {
    let last = sync_run::Entity::find()
        .select_only()
        .column(sync_run::Column::ScheduledAt)
        .filter(sync_run::Column::IntegrationId.eq(integration))
        .filter(sync_run::Column::ScheduledAt.is_not_null())
        .order_by_desc(sync_run::Column::ScheduledAt)
        .into_tuple::<Option<i64>>()
        .one(tx);
    Ok(last.await?.flatten())
}

async fn new_run(tx: &DatabaseTransaction, row: &integration::Model, now: i64) -> Result<sync_run::Model, StoreError> {
    Ok(queued(row.workspace_id, row.id, SyncTrigger::Schedule, now).insert(tx).await?)
}

/// A run that waits for its turn.
pub(in crate::store) fn queued(
    workspace: i64,
    integration: i64,
    trigger: SyncTrigger,
    at: i64,
) -> sync_run::ActiveModel {
    sync_run::ActiveModel {
        id: NotSet,
        workspace_id: Set(workspace),
        integration_id: Set(integration),
        trigger_kind: Set(trigger.word().to_owned()),
        status: Set(SyncStatus::Queued.word().to_owned()),
        queued_at: Set(at),
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
        ..Default::default()
    }
}
