//! Who works on which integration: leases with a fencing epoch, by the database's clock only.
//!
//! A claim raises the integration's epoch. Whatever an older claim tries to write afterwards is refused, so a paused
//! process cannot overwrite newer data. The same code on SQLite (`BEGIN IMMEDIATE`) and PostgreSQL (`SKIP LOCKED`).

mod claim;

pub(super) use claim::queued;

use std::time::Duration;

use sea_orm::ConnectionTrait;
use sea_orm::sea_query::{Expr, ExprTrait, Func, Query};

use super::changes::Change;
use super::connect::{Store, database_now};
use super::convert::micros;
use super::sight::Sight;
use super::{StoreError, Writer};
use crate::domain::Instant;
use crate::store::views::{SyncStage, SyncStatus};

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
    /// The slot that the run stands for, if there is one so far.
    pub scheduled_at: Option<Instant>,
    /// The integration's slot, which may lie ahead.
    pub slot_at: Option<Instant>,
    /// The latest slot of the integration that has a run.
    pub last_slot: Option<Instant>,
    /// How many attempts at this run died or broke off.
    pub failures: i32,
    /// No later than the beginning of the lease, by this process's own clock.
    pub since: std::time::Instant,
    /// How long the lease lasts.
    pub ttl: Duration,
}

impl Claim {
    const fn progress(&self) -> Change {
        Change::Progress { workspace: self.workspace, integration: self.integration_id }
    }
}

impl Store {
    /// How long until an integration can be claimed: it is due, and no lease is on it any more. None: not as things
    /// stand.
    pub async fn next_claim_in(&self) -> Result<Option<Duration>, StoreError> {
        let free_at = Expr::case(Expr::col("lease_until").gt(Expr::col("next_run_at")), Expr::col("lease_until"))
            .finally(Expr::col("next_run_at"));
        let select = Query::select()
            .expr_as(Func::min(free_at), "free_at")
            .from("integration")
            .and_where(Expr::col("disconnected_at").is_null())
            .and_where(Expr::col("next_run_at").is_not_null())
            .to_owned();
        let (tx, taken) = self.begin_read(Sight::Clerk).await?;
        let row = tx.query_one(&select).await?;
        let Some(free_at) = row.map(|row| row.try_get::<Option<i64>>("", "free_at")).transpose()?.flatten() else {
            return Ok(None);
        };
        let left = free_at.saturating_sub(micros(taken.now));
        Ok(Some(Duration::from_micros(u64::try_from(left).unwrap_or_default())))
    }

    /// Prolongs the lease. False: it was lost, and the run must stop.
    pub async fn renew(&self, claim: &Claim) -> Result<bool, StoreError> {
        let tx = self.begin_write(Sight::Workspace(claim.workspace)).await?;
        let now = micros(database_now(&tx, &self.clock).await?);
        let renew = Query::update()
            .table("integration")
            .value("lease_until", after(now, claim.ttl))
            .and_where(Expr::col("id").eq(claim.integration_id))
            .and_where(Expr::col("epoch").eq(claim.epoch))
            .and_where(Expr::col("lease_until").gt(now))
            .to_owned();
        let renewed = tx.execute(&renew).await?.rows_affected() == 1;
        tx.commit().await?;
        Ok(renewed)
    }

    /// Gives an unfinished run back, so that another process takes it up at once. False: the lease was lost before.
    pub async fn give_back(&self, claim: &Claim) -> Result<bool, StoreError> {
        self.release(claim, "given_back", None).await
    }

    /// Gives a run back that broke off, to be tried again after `pause`. False: the lease was lost before.
    pub async fn put_off(&self, claim: &Claim, pause: Duration) -> Result<bool, StoreError> {
        self.release(claim, "broke_off", Some(pause)).await
    }

    /// Gives a run back whose process lost hold of it without a fault of the run, to be begun again after `pause` or
    /// at once. False: the lease was lost before.
    pub async fn begin_again(&self, claim: &Claim, pause: Option<Duration>) -> Result<bool, StoreError> {
        self.release(claim, "taken_over", pause).await
    }

    async fn release(&self, claim: &Claim, counter: &'static str, pause: Option<Duration>) -> Result<bool, StoreError> {
        let tx = self.begin_write(Sight::Workspace(claim.workspace)).await?;
        let mut release = Query::update()
            .table("integration")
            .value("lease_owner", Option::<String>::None)
            .value("lease_until", Option::<i64>::None)
            .and_where(Expr::col("id").eq(claim.integration_id))
            .and_where(Expr::col("epoch").eq(claim.epoch))
            .and_where(Expr::col("lease_owner").is_not_null())
            .to_owned();
        let mut requeue = Query::update()
            .table("sync_run")
            .value("status", SyncStatus::Queued.word())
            .value("stage", SyncStage::Queued.word())
            .value("read_at", Option::<i64>::None)
            .value(counter, Expr::col(counter).add(1))
            .and_where(Expr::col("id").eq(claim.run_id))
            .and_where(Expr::col("finished_at").is_null())
            .to_owned();
        if let Some(pause) = pause {
            let next = after(micros(database_now(&tx, &self.clock).await?), pause);
            release.value("next_run_at", next);
            requeue.value("next_run_at", next);
        }
        let released = tx.execute(&release).await?.rows_affected() == 1;
        if released {
            tx.execute(&requeue).await?;
        }
        self.changes.commit(tx, claim.progress()).await?;
        Ok(released)
    }

    /// Counts that a worker without a lease was refused.
    pub async fn note_turned_away(&self, claim: &Claim) -> Result<(), StoreError> {
        let count = Query::update()
            .table("sync_run")
            .value("turned_away", Expr::col("turned_away").add(1))
            .and_where(Expr::col("id").eq(claim.run_id))
            .to_owned();
        let tx = self.begin_write(Sight::Workspace(claim.workspace)).await?;
        tx.execute(&count).await?;
        Ok(tx.commit().await?)
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
        let tx = self.begin_write(Sight::Workspace(claim.workspace)).await?;
        tx.execute(&update).await?;
        self.changes.commit(tx, claim.progress()).await
    }
}

impl Writer {
    /// Takes hold of the lease for the rest of this transaction: nobody can claim or renew it meanwhile.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] when it was lost: nothing may be written.
    pub async fn guard(&self, claim: &Claim) -> Result<(), StoreError> {
        let hold = Query::update()
            .table("integration")
            .value("lease_until", Expr::col("lease_until"))
            .and_where(Expr::col("id").eq(claim.integration_id))
            .and_where(Expr::col("epoch").eq(claim.epoch))
            .and_where(Expr::col("lease_until").gt(self.now))
            .to_owned();
        if self.tx.execute(&hold).await?.rows_affected() == 1 { Ok(()) } else { Err(StoreError::Fenced) }
    }
}

/// So long after an instant, in microseconds.
fn after(now: i64, by: Duration) -> i64 {
    now.saturating_add(i64::try_from(by.as_micros()).unwrap_or(i64::MAX))
}
