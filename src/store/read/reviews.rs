//! Access reviews, their items and what was decided. Always as they are now.

use std::collections::HashMap;

use sea_orm::FromQueryResult;
use sea_orm::sea_query::{Alias, Condition, Expr, ExprTrait, JoinType, Order, Query, SelectStatement};

use super::page::{Cursor, Direction, Keyset, Slice, SortKey, Window};
use super::{Reader, one_of};
use crate::domain::review::{RemediationStatus, ReviewChange, ReviewDecision, ReviewStatus};
use crate::store::StoreError;
use crate::store::convert::{date, from_json, instant, word};
use crate::store::views::{DecisionView, ReviewItemView, ReviewProgress, ReviewView};

const ITEM: &str = "access_review_item";

#[derive(Debug, Clone, Default)]
pub struct ReviewFilter {
    pub status: Option<Vec<ReviewStatus>>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct ReviewItemFilter {
    pub reviewer_id: Option<i64>,
    pub decided: Option<bool>,
    pub decision: Option<Vec<ReviewDecision>>,
    pub change: Option<Vec<ReviewChange>>,
    pub remediation: Option<RemediationStatus>,
    pub privileged: Option<bool>,
}

#[derive(FromQueryResult)]
struct ReviewRow {
    id: i64,
    name: String,
    scope: String,
    started_at: i64,
    started_by: String,
    due_on: String,
    due_at: i64,
    ended_at: Option<i64>,
    ended_by: Option<String>,
    close_reason: Option<String>,
}

#[derive(FromQueryResult)]
struct ItemRow {
    id: i64,
    review_id: i64,
    integration_id: i64,
    account_id: i64,
    login: String,
    access: String,
    change_since: String,
    reviewer_id: Option<i64>,
    decision: Option<String>,
    comment: Option<String>,
    decided_at: Option<i64>,
    decided_by: Option<String>,
    remediated_at: Option<i64>,
    due_at: i64,
}

impl Reader {
    /// Reviews, the latest first.
    pub async fn reviews(&self, filter: &ReviewFilter, window: &Window) -> Result<Slice<ReviewView>, StoreError> {
        let mut select = self.select_reviews(filter);
        Keyset { column: None, id: ("r", "id"), direction: Direction::Descending }.apply(&mut select, window);
        let rows = self.all::<ReviewRow>(&select).await?.into_iter().map(|row| {
            let cursor = Cursor { key: SortKey::Id, id: row.id };
            Ok((review(row)?, cursor))
        });
        Ok(window.slice(rows.collect::<Result<_, StoreError>>()?))
    }

    pub async fn count_reviews(&self, filter: &ReviewFilter) -> Result<u64, StoreError> {
        self.count(self.select_reviews(filter)).await
    }

    pub async fn reviews_by_id(&self, ids: &[i64]) -> Result<Vec<ReviewView>, StoreError> {
        let mut select = self.select_reviews(&ReviewFilter::default());
        select.and_where(Expr::col(("r", "id")).is_in(ids.to_vec()));
        self.all::<ReviewRow>(&select).await?.into_iter().map(review).collect()
    }

    /// The same page, by login, of the items of each of these reviews.
    pub async fn review_items(
        &self,
        reviews: &[i64],
        filter: &ReviewItemFilter,
        window: &Window,
    ) -> Result<HashMap<i64, Slice<ReviewItemView>>, StoreError> {
        let keyset = Keyset { column: Some(("i", "login")), id: ("i", "id"), direction: Direction::Ascending };
        let mut select = self.items_below(reviews, filter);
        let select = if let [_] = reviews {
            keyset.apply(&mut select, window);
            select
        } else {
            keyset.apply_each(select, window, ("i", "review_id"))
        };
        let rows = self.all::<ItemRow>(&select).await?.into_iter().map(|row| {
            let cursor = Cursor { key: SortKey::Text(row.login.clone()), id: row.id };
            Ok((row.review_id, (item(row)?, cursor)))
        });
        Ok(window.slices(rows.collect::<Result<Vec<_>, StoreError>>()?))
    }

    /// How many items each of these reviews has; those without any are left out.
    pub async fn count_review_items(
        &self,
        reviews: &[i64],
        filter: &ReviewItemFilter,
    ) -> Result<HashMap<i64, u64>, StoreError> {
        self.count_each(self.items_below(reviews, filter), ("i", "review_id")).await
    }

    fn items_below(&self, reviews: &[i64], filter: &ReviewItemFilter) -> SelectStatement {
        let mut select = self.select_items(filter);
        match reviews {
            [only] => select.and_where(Expr::col(("i", "review_id")).eq(*only)),
            reviews => select.and_where(Expr::col(("i", "review_id")).is_in(reviews.to_vec())),
        };
        select
    }

    pub async fn review_items_by_id(&self, ids: &[i64]) -> Result<Vec<ReviewItemView>, StoreError> {
        let mut select = self.select_items(&ReviewItemFilter::default());
        select.and_where(Expr::col(("i", "id")).is_in(ids.to_vec()));
        self.all::<ItemRow>(&select).await?.into_iter().map(item).collect()
    }

    /// How far each of these reviews has come.
    pub async fn review_progress(&self, reviews: &[i64]) -> Result<HashMap<i64, ReviewProgress>, StoreError> {
        #[derive(FromQueryResult)]
        struct Row {
            review_id: i64,
            decision: Option<String>,
            is_remediated: bool,
            items: i64,
        }
        let remediated = Expr::col(("i", "remediated_at")).is_not_null();
        let select = Query::select()
            .columns([("i", "review_id"), ("i", "decision")])
            .expr_as(remediated.clone(), Alias::new("is_remediated"))
            .expr_as(Expr::cust("COUNT(*)"), Alias::new("items"))
            .from_as(ITEM, "i")
            .and_where(self.here("i", true))
            .and_where(Expr::col(("i", "review_id")).is_in(reviews.to_vec()))
            .group_by_columns([("i", "review_id"), ("i", "decision")])
            .add_group_by([remediated])
            .to_owned();
        let mut progress: HashMap<i64, ReviewProgress> =
            reviews.iter().map(|id| (*id, ReviewProgress::default())).collect();
        for row in self.all::<Row>(&select).await? {
            let decision = decision(row.decision)?;
            let of = progress.entry(row.review_id).or_default();
            of.add(decision, row.is_remediated, u32::try_from(row.items).unwrap_or(u32::MAX));
        }
        Ok(progress)
    }

    /// The people who review, by review.
    pub async fn reviewers(&self, reviews: &[i64]) -> Result<HashMap<i64, Vec<i64>>, StoreError> {
        #[derive(FromQueryResult)]
        struct Row {
            review_id: i64,
            person_id: i64,
        }
        let select = Query::select()
            .columns(["review_id", "person_id"])
            .from("access_review_reviewer")
            .and_where(Expr::col("workspace_id").add(0).eq(self.workspace))
            .and_where(Expr::col("review_id").is_in(reviews.to_vec()))
            .order_by("id", Order::Asc)
            .to_owned();
        let mut reviewers: HashMap<i64, Vec<i64>> = HashMap::new();
        for row in self.all::<Row>(&select).await? {
            reviewers.entry(row.review_id).or_default().push(row.person_id);
        }
        Ok(reviewers)
    }

    /// Every decision about these items, the earliest first.
    pub async fn decisions(&self, items: &[i64]) -> Result<HashMap<i64, Vec<DecisionView>>, StoreError> {
        #[derive(FromQueryResult)]
        struct Row {
            item_id: i64,
            decision: String,
            comment: Option<String>,
            decided_at: i64,
            decided_by: String,
        }
        let select = Query::select()
            .columns(["item_id", "decision", "comment", "decided_at", "decided_by"])
            .from("access_review_decision")
            .and_where(Expr::col("workspace_id").add(0).eq(self.workspace))
            .and_where(Expr::col("item_id").is_in(items.to_vec()))
            .order_by("id", Order::Asc)
            .to_owned();
        let mut decisions: HashMap<i64, Vec<DecisionView>> = HashMap::new();
        for row in self.all::<Row>(&select).await? {
            decisions.entry(row.item_id).or_default().push(DecisionView {
                decision: word(&row.decision, ReviewDecision::from_word, "access_review_decision", "decision")?,
                comment: row.comment,
                decided_at: instant(row.decided_at),
                decided_by: row.decided_by,
            });
        }
        Ok(decisions)
    }

    fn select_reviews(&self, filter: &ReviewFilter) -> SelectStatement {
        let columns = [
            "id",
            "name",
            "scope",
            "started_at",
            "started_by",
            "due_on",
            "due_at",
            "ended_at",
            "ended_by",
            "close_reason",
        ];
        let mut select = Query::select()
            .columns(columns.map(|column| ("r", column)))
            .from_as("access_review", "r")
            .and_where(self.here("r", false))
            .to_owned();
        if let Some(statuses) = &filter.status {
            let ended = || Expr::col(("r", "ended_at")).is_not_null();
            let reason = || Expr::col(("r", "close_reason"));
            let is = |status: &ReviewStatus| match status {
                ReviewStatus::Open => Condition::all().add(Expr::col(("r", "ended_at")).is_null()),
                ReviewStatus::Completed => Condition::all().add(ended()).add(reason().is_null()),
                ReviewStatus::Closed => Condition::all().add(ended()).add(reason().is_not_null()),
            };
            let any = statuses.iter().fold(Condition::any(), |any, status| any.add(is(status)));
            select.cond_where(if statuses.is_empty() { Condition::all().add(Expr::val(1).eq(0)) } else { any });
        }
        select
    }

    fn select_items(&self, filter: &ReviewItemFilter) -> SelectStatement {
        let columns = [
            "id",
            "review_id",
            "integration_id",
            "account_id",
            "login",
            "access",
            "change_since",
            "reviewer_id",
            "decision",
            "comment",
            "decided_at",
            "decided_by",
            "remediated_at",
        ];
        let mut select = Query::select()
            .columns(columns.map(|column| ("i", column)))
            .column(("r", "due_at"))
            .from_as(ITEM, "i")
            .join_as(JoinType::InnerJoin, "access_review", "r", Expr::col(("r", "id")).equals(("i", "review_id")))
            .and_where(self.here("i", true))
            .to_owned();
        let column = |name: &'static str| Expr::col(("i", name));
        if let Some(reviewer) = filter.reviewer_id {
            select.and_where(column("reviewer_id").eq(reviewer));
        }
        match filter.decided {
            Some(true) => drop(select.and_where(column("decision").is_not_null())),
            Some(false) => drop(select.and_where(column("decision").is_null())),
            None => {}
        }
        if let Some(decisions) = &filter.decision {
            select.and_where(one_of(("i", "decision"), &decisions.iter().map(|word| word.word()).collect::<Vec<_>>()));
        }
        if let Some(changes) = &filter.change {
            select
                .and_where(one_of(("i", "change_since"), &changes.iter().map(|word| word.word()).collect::<Vec<_>>()));
        }
        if let Some(remediation) = filter.remediation {
            let needed = [ReviewDecision::Revoke.word(), ReviewDecision::Change.word()];
            select.and_where(column("decision").is_in(needed)).and_where(match remediation {
                RemediationStatus::Open => column("remediated_at").is_null(),
                RemediationStatus::Remediated => column("remediated_at").is_not_null(),
            });
        }
        if let Some(privileged) = filter.privileged {
            select.and_where(column("privileged").eq(privileged));
        }
        select
    }
}

fn decision(text: Option<String>) -> Result<Option<ReviewDecision>, StoreError> {
    text.map(|text| word(&text, ReviewDecision::from_word, ITEM, "decision")).transpose()
}

fn review(row: ReviewRow) -> Result<ReviewView, StoreError> {
    Ok(ReviewView {
        id: row.id,
        name: row.name,
        scope: row.scope,
        started_at: instant(row.started_at),
        started_by: row.started_by,
        due_on: date(Some(&row.due_on)).ok_or(StoreError::Corrupt { table: "access_review", column: "due_on" })?,
        due_at: instant(row.due_at),
        ended_at: row.ended_at.map(instant),
        ended_by: row.ended_by,
        close_reason: row.close_reason,
    })
}

fn item(row: ItemRow) -> Result<ReviewItemView, StoreError> {
    Ok(ReviewItemView {
        id: row.id,
        review_id: row.review_id,
        integration_id: row.integration_id,
        account_id: row.account_id,
        access: from_json(&row.access, ITEM, "access")?,
        change: word(&row.change_since, ReviewChange::from_word, ITEM, "change_since")?,
        reviewer_id: row.reviewer_id,
        decision: decision(row.decision)?,
        comment: row.comment,
        decided_at: row.decided_at.map(instant),
        decided_by: row.decided_by,
        remediated_at: row.remediated_at.map(instant),
        due_at: instant(row.due_at),
    })
}
