//! Until when time alone changes nothing.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::TimeDelta;
use lru::LruCache;
use sea_orm::FromQueryResult;
use sea_orm::sea_query::{Alias, Condition, Expr, ExprTrait, Func, Query, SelectStatement, UnionType};

use super::Reader;
use crate::domain::Instant;
use crate::store::StoreError;
use crate::store::convert::instant;

/// Far enough where nothing is to come; answers do not live as long.
const FAR: TimeDelta = TimeDelta::days(1);
/// Workspaces whose next instant is kept in mind.
const WORKSPACES: NonZeroUsize = NonZeroUsize::new(64).expect("64 is not 0");

/// For each workspace, when time alone next changes what it shows.
#[derive(Debug, Clone)]
pub struct Horizons(Arc<Mutex<LruCache<i64, Horizon>>>);

/// From one instant until the other time alone changes nothing that this generation shows.
#[derive(Debug, Clone, Copy)]
struct Horizon {
    generation: i64,
    from: i64,
    until: i64,
}

impl Default for Horizons {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(LruCache::new(WORKSPACES))))
    }
}

impl Reader {
    /// Nothing that this generation shows for now changes before that, unless a commit changes it.
    ///
    /// Everything that compares with [`Reader::instant`] stands here: evidence that grows too old, results that flip,
    /// people who leave, users who become dormant, reviews that are overdue.
    pub async fn unchanged_until(&self) -> Result<Instant, StoreError> {
        let generation = self.generation().await?;
        let known = self.horizons.0.lock().unwrap_or_else(PoisonError::into_inner).get(&self.workspace).copied();
        if let Some(known) = known
            && known.generation == generation
            && (known.from..known.until).contains(&self.now)
        {
            return Ok(instant(known.until));
        }
        let now = self.at(None);
        let mut turns = now.turns_ahead().await?;
        turns.extend(now.next_deadline().await?);
        let far = self.now.saturating_add(FAR.num_microseconds().unwrap_or(0));
        let until = turns.into_iter().fold(far, Ord::min);
        let horizon = Horizon { generation, from: self.now, until };
        self.horizons.0.lock().unwrap_or_else(PoisonError::into_inner).put(self.workspace, horizon);
        Ok(instant(until))
    }

    async fn turns_ahead(&self) -> Result<Vec<i64>, StoreError> {
        #[derive(FromQueryResult)]
        struct Turn {
            at: Option<i64>,
        }
        let first = |table: &'static str, column: &'static str, after: i64, later: i64| {
            Query::select()
                .expr_as(Expr::from(Func::min(Expr::col(column))).add(later), Alias::new("at"))
                .from(table)
                .and_where(Expr::col("workspace_id").eq(self.workspace))
                .and_where(Expr::col(column).gt(after))
                .to_owned()
        };
        let held = |mut select: SelectStatement| {
            select.cond_where(Condition::all().add(Expr::col("valid_to").is_null())).to_owned()
        };
        let dormant_after = self.dormant_after.num_microseconds().unwrap_or(i64::MAX);
        let asleep_since = self.now.saturating_sub(dormant_after).saturating_sub(1);
        let mut turns = held(first("control_result", "flip_at", self.now, 0));
        turns
            .union(UnionType::All, held(first("person_fact", "leaves_at", self.now, 0)))
            .union(UnionType::All, held(first("account_fact", "last_authenticated_at", asleep_since, dormant_after)))
            .union(UnionType::All, first("access_review", "due_at", self.now, 0));
        Ok(self.all::<Turn>(&turns).await?.into_iter().filter_map(|turn| turn.at).collect())
    }
}
