//! Who works on which integration: leases with a fencing epoch, by the database's clock only.
//!
//! A claim raises the integration's epoch. Whatever an older claim tries to write afterwards is refused, so a paused
//! process cannot overwrite newer data. The same code on SQLite (`BEGIN IMMEDIATE`) and PostgreSQL (`SKIP LOCKED`).

use std::time::Duration;

use entity::{integration, sync_run};
use sea_orm::sea_query::{Condition, Expr, ExprTrait, LockBehavior, LockType, Order, Query};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, FromQueryResult, QueryFilter, QueryOrder,
};

use super::changes::Change;
use super::connect::{Store, database_now};
use super::convert::{instant, micros};
use super::{StoreError, Writer};
use crate::domain::Instant;
use crate::store::views::{SyncStage, SyncStatus, SyncTrigger};

/// The right to sync one integration, until the lease runs out or a newer claim is made.
#[derive(Debug, Clone)]
pub struct Claim {
    pub workspace: i64,
    pub integration_id: i64,
    pub run_id: i64,
    pub epoch: i64,
    pub organization_id: String,
    pub public_key: String,
    pub sealed_private_key: Vec<u8>,
    /// When the run began to read.
    pub read_at: Instant,
}

impl Claim {
    const fn progress(&self) -> Change {
        Change::Progress { workspace: self.workspace, integration: self.integration_id }
    }
}

impl Store {
    /// Claims the integration that has been due for longest, if there is one that nobody works on.
    ///
    /// A run left over by a crashed process is taken up again; otherwise a scheduled one begins.
    pub async fn claim_due(&self, owner: &str, ttl: Duration) -> Result<Option<Claim>, StoreError> {
        let tx = self.begin_write().await?;
        let now = micros(database_now(&tx, &self.clock).await?);
        let Some(id) = due(&tx, now).await? else { return Ok(None) };
        let until = now.saturating_add(i64::try_from(ttl.as_micros()).unwrap_or(i64::MAX));
        let claim = Query::update()
            .table("integration")
            .value("lease_owner", owner)
            .value("lease_until", until)
            .value("epoch", Expr::col("epoch").add(1))
            .value("attempt", Expr::col("attempt").add(1))
            .and_where(Expr::col("id").eq(id))
            .to_owned();
        tx.execute(&claim).await?;
        let Some(row) = integration::Entity::find_by_id(id).one(&tx).await? else { return Ok(None) };
        let run_id = begin_run(&tx, &row, now).await?;
        let change = Change::Progress { workspace: row.workspace_id, integration: row.id };
        self.changes.commit(tx, change).await?;
        Ok(Some(Claim {
            workspace: row.workspace_id,
            integration_id: row.id,
            run_id,
            epoch: row.epoch,
            organization_id: row.organization_id,
            public_key: row.public_key,
            sealed_private_key: row.sealed_private_key.unwrap_or_default(),
            read_at: instant(now),
        }))
    }

    /// When the next integration is due, leased ones aside.
    pub async fn next_due(&self) -> Result<Option<Instant>, StoreError> {
        let row = integration::Entity::find()
            .filter(integration::Column::NextRunAt.is_not_null())
            .filter(integration::Column::LeaseOwner.is_null())
            .order_by_asc(integration::Column::NextRunAt)
            .one(&self.read)
            .await?;
        Ok(row.and_then(|row| row.next_run_at).map(instant))
    }

    /// Prolongs the lease. False: it was lost, and the run must stop.
    pub async fn renew(&self, claim: &Claim, ttl: Duration) -> Result<bool, StoreError> {
        let now = micros(database_now(&self.write, &self.clock).await?);
        let until = now.saturating_add(i64::try_from(ttl.as_micros()).unwrap_or(i64::MAX));
        let renew = Query::update()
            .table("integration")
            .value("lease_until", until)
            .and_where(Expr::col("id").eq(claim.integration_id))
            .and_where(Expr::col("epoch").eq(claim.epoch))
            .and_where(Expr::col("lease_until").gt(now))
            .to_owned();
        Ok(self.write.execute(&renew).await?.rows_affected() == 1)
    }

    /// Gives an unfinished run back, so that another process takes it up at once.
    pub async fn give_back(&self, claim: &Claim) -> Result<(), StoreError> {
        let tx = self.begin_write().await?;
        let release = Query::update()
            .table("integration")
            .value("lease_owner", Option::<String>::None)
            .value("lease_until", Option::<i64>::None)
            .and_where(Expr::col("id").eq(claim.integration_id))
            .and_where(Expr::col("epoch").eq(claim.epoch))
            .to_owned();
        if tx.execute(&release).await?.rows_affected() == 1 {
            set_run(&tx, claim.run_id, SyncStatus::Queued, SyncStage::Queued, None).await?;
        }
        self.changes.commit(tx, claim.progress()).await
    }

    /// Gives an unfinished run back to be tried again after `pause`.
    pub async fn put_off(&self, claim: &Claim, pause: Duration) -> Result<(), StoreError> {
        self.give_back(claim).await?;
        let now = micros(database_now(&self.write, &self.clock).await?);
        let update = Query::update()
            .table("integration")
            .value("next_run_at", now.saturating_add(i64::try_from(pause.as_micros()).unwrap_or(i64::MAX)))
            .and_where(Expr::col("id").eq(claim.integration_id))
            .and_where(Expr::col("epoch").eq(claim.epoch))
            .to_owned();
        self.write.execute(&update).await?;
        Ok(())
    }

    /// Notes how far a run has come. Ignored once the claim is outdated.
    pub async fn note_progress(
        &self,
        claim: &Claim,
        stage: SyncStage,
        done: u32,
        total: Option<u32>,
        requests: u64,
    ) -> Result<(), StoreError> {
        let held = Query::select()
            .expr(Expr::val(1))
            .from("integration")
            .and_where(Expr::col("id").eq(claim.integration_id))
            .and_where(Expr::col("epoch").eq(claim.epoch))
            .to_owned();
        let update = Query::update()
            .table("sync_run")
            .value("stage", stage.word())
            .value("done", i32::try_from(done).unwrap_or(i32::MAX))
            .value("total", total.map(|total| i32::try_from(total).unwrap_or(i32::MAX)))
            .value("requests", i64::try_from(requests).unwrap_or(i64::MAX))
            .and_where(Expr::col("id").eq(claim.run_id))
            .and_where(Expr::col("finished_at").is_null())
            .and_where(Expr::exists(held))
            .to_owned();
        let tx = self.begin_write().await?;
        tx.execute(&update).await?;
        self.changes.commit(tx, claim.progress()).await
    }
}

impl Writer {
    /// Refuses to go on when the claim is outdated. Asked early, to spare the work; [`Writer::end_run`] decides.
    pub async fn guard(&self, claim: &Claim) -> Result<(), StoreError> {
        let row = integration::Entity::find_by_id(claim.integration_id).one(self.tx.as_ref()).await?;
        match row {
            Some(row) if row.epoch == claim.epoch && row.lease_until.is_some_and(|until| until > self.at) => Ok(()),
            _ => Err(StoreError::Fenced),
        }
    }
}

async fn due(tx: &DatabaseTransaction, now: i64) -> Result<Option<i64>, StoreError> {
    #[derive(FromQueryResult)]
    struct Due {
        id: i64,
    }
    let backend = tx.get_database_backend();
    let mut select = Query::select()
        .column("id")
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
    Ok(Due::find_by_statement(backend.build(&select)).one(tx).await?.map(|row| row.id))
}

/// Takes up the open run, or begins a scheduled one.
async fn begin_run(tx: &DatabaseTransaction, row: &integration::Model, now: i64) -> Result<i64, StoreError> {
    use sea_orm::ActiveModelTrait;
    use sea_orm::ActiveValue::{NotSet, Set};
    let open = sync_run::Entity::find()
        .filter(sync_run::Column::IntegrationId.eq(row.id))
        .filter(sync_run::Column::FinishedAt.is_null())
        .order_by_desc(sync_run::Column::Id)
        .one(tx)
        .await?;
    if let Some(open) = open {
        set_run(tx, open.id, SyncStatus::Running, SyncStage::Credentials, Some(now)).await?;
        return Ok(open.id);
    }
    let run = sync_run::ActiveModel {
        id: NotSet,
        workspace_id: Set(row.workspace_id),
        integration_id: Set(row.id),
        trigger_kind: Set(SyncTrigger::Schedule.word().to_owned()),
        status: Set(SyncStatus::Running.word().to_owned()),
        queued_at: Set(now),
        read_at: Set(Some(now)),
        finished_at: Set(None),
        stage: Set(SyncStage::Credentials.word().to_owned()),
        done: Set(0),
        total: Set(None),
        requests: Set(0),
        added: Set(0),
        updated: Set(0),
        removed: Set(0),
        results_flipped: Set(0),
    };
    Ok(run.insert(tx).await?.id)
}

async fn set_run(
    tx: &DatabaseTransaction,
    run: i64,
    status: SyncStatus,
    stage: SyncStage,
    read_at: Option<i64>,
) -> Result<(), StoreError> {
    let update = Query::update()
        .table("sync_run")
        .value("status", status.word())
        .value("stage", stage.word())
        .value("read_at", read_at)
        .and_where(Expr::col("id").eq(run))
        .and_where(Expr::col("finished_at").is_null())
        .to_owned();
    tx.execute(&update).await?;
    Ok(())
}
