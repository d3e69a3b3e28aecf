//! Access reviews: beginning, deciding, ending, and what syncs see of decisions.

use std::collections::HashMap;

use chrono::NaiveDate;
use entity::{access_review, access_review_decision, access_review_item, access_review_reviewer};
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::{Alias, Condition, Expr, ExprTrait, JoinType, Query};
use sea_orm::{ConnectionTrait, EntityTrait, FromQueryResult};

use super::{CHUNK, Writer};
use crate::domain::review::{FrozenAccess, ReviewChange, ReviewDecision, ReviewRecord};
use crate::domain::{AccountKind, Grant, Instant};
use crate::store::StoreError;
use crate::store::audit::Actor;
use crate::store::convert::{from_json, instant, micros, to_json, word};

const ITEM: &str = "access_review_item";

/// A review to begin.
#[derive(Debug, Clone)]
pub struct NewReview {
    pub name: String,
    /// The filter that chose the accounts, as JSON.
    pub scope: String,
    pub due_on: NaiveDate,
    pub due_at: Instant,
    /// People.
    pub reviewers: Vec<i64>,
}

/// An account to review.
#[derive(Debug, Clone)]
pub struct NewReviewItem {
    pub integration_id: i64,
    pub account_id: i64,
    pub access: FrozenAccess,
    pub change: ReviewChange,
    pub reviewer_id: Option<i64>,
}

/// A decision that something is to be done, which no sync has seen to be done so far, or which one has.
#[derive(Debug, Clone)]
pub struct Pending {
    pub item_id: i64,
    pub account_id: i64,
    pub kind: AccountKind,
    pub decision: ReviewDecision,
    /// The grants that were reviewed.
    pub grants: Vec<Grant>,
    pub is_remediated: bool,
}

impl Writer {
    /// A new review; its id.
    pub async fn create_review(&self, by: &Actor, new: &NewReview) -> Result<i64, StoreError> {
        let row = access_review::ActiveModel {
            id: NotSet,
            workspace_id: Set(self.workspace),
            name: Set(new.name.clone()),
            scope: Set(new.scope.clone()),
            started_at: Set(self.at),
            started_by: Set(by.name.clone()),
            due_on: Set(new.due_on.to_string()),
            due_at: Set(micros(new.due_at)),
            ended_at: Set(None),
            ended_by: Set(None),
            close_reason: Set(None),
        };
        let id = access_review::Entity::insert(row).exec(self.tx.as_ref()).await?.last_insert_id;
        let reviewer = |person: &i64| access_review_reviewer::ActiveModel {
            id: NotSet,
            workspace_id: Set(self.workspace),
            review_id: Set(id),
            person_id: Set(*person),
        };
        self.insert(new.reviewers.iter().map(reviewer).collect()).await?;
        Ok(id)
    }

    pub async fn put_review_items(&self, review: i64, items: Vec<NewReviewItem>) -> Result<(), StoreError> {
        let rows = items.into_iter().map(|item| access_review_item::ActiveModel {
            id: NotSet,
            workspace_id: Set(self.workspace),
            review_id: Set(review),
            integration_id: Set(item.integration_id),
            account_id: Set(item.account_id),
            kind: Set(item.access.account.kind.word().to_owned()),
            login: Set(item.access.account.login.clone()),
            privileged: Set(item.access.privileged),
            person_id: Set(item.access.person.as_ref().map(|person| person.id)),
            access: Set(to_json(&item.access)),
            change_since: Set(item.change.word().to_owned()),
            reviewer_id: Set(item.reviewer_id),
            decision: Set(None),
            comment: Set(None),
            decided_at: Set(None),
            decided_by: Set(None),
            remediated_at: Set(None),
        });
        self.insert(rows.collect()).await
    }

    /// The grants of these accounts as the last review that ended had them, by account.
    pub async fn grants_reviewed_before(&self, accounts: &[i64]) -> Result<HashMap<i64, Vec<Grant>>, StoreError> {
        #[derive(FromQueryResult)]
        struct Row {
            account_id: i64,
            access: String,
        }
        let mut grants = HashMap::new();
        for chunk in accounts.chunks(CHUNK) {
            let select = Query::select()
                .columns([("i", "account_id"), ("i", "access")])
                .from_as(ITEM, "i")
                .join_as(JoinType::InnerJoin, "access_review", "r", Expr::col(("r", "id")).equals(("i", "review_id")))
                .and_where(self.owns("i"))
                .and_where(self.among(("i", "account_id"), chunk))
                .and_where(Expr::col(("r", "ended_at")).is_not_null())
                .order_by(("r", "ended_at"), sea_orm::sea_query::Order::Asc)
                .to_owned();
            for row in self.all::<Row>(&select).await? {
                let access: FrozenAccess = from_json(&row.access, ITEM, "access")?;
                grants.insert(row.account_id, access.account.grants);
            }
        }
        Ok(grants)
    }

    /// Notes one decision about each of these items.
    pub async fn decide(
        &self,
        by: &Actor,
        items: &[i64],
        decision: ReviewDecision,
        comment: Option<&str>,
    ) -> Result<(), StoreError> {
        let comment = comment.map(str::to_owned);
        for chunk in items.chunks(CHUNK) {
            let update = Query::update()
                .table(ITEM)
                .value("decision", decision.word())
                .value("comment", comment.clone())
                .value("decided_at", self.at)
                .value("decided_by", by.name.as_str())
                .value("remediated_at", None::<i64>)
                .and_where(self.among("id", chunk))
                .to_owned();
            self.tx.execute(&update).await?;
        }
        let rows = items.iter().map(|item| access_review_decision::ActiveModel {
            id: NotSet,
            workspace_id: Set(self.workspace),
            item_id: Set(*item),
            decision: Set(decision.word().to_owned()),
            comment: Set(comment.clone()),
            decided_at: Set(self.at),
            decided_by: Set(by.name.clone()),
            actor_key: Set(by.key.clone()),
        });
        self.insert(rows.collect()).await
    }

    /// Gives these items to another reviewer.
    pub async fn reassign(&self, items: &[i64], reviewer: i64) -> Result<(), StoreError> {
        for chunk in items.chunks(CHUNK) {
            let update = Query::update()
                .table(ITEM)
                .value("reviewer_id", reviewer)
                .and_where(self.among("id", chunk))
                .to_owned();
            self.tx.execute(&update).await?;
        }
        Ok(())
    }

    /// Ends a review; `reason` is why it is closed with items left over.
    pub async fn end_review(&self, by: &Actor, review: i64, reason: Option<&str>) -> Result<(), StoreError> {
        let update = Query::update()
            .table("access_review")
            .value("ended_at", self.at)
            .value("ended_by", by.name.as_str())
            .value("close_reason", reason.map(str::to_owned))
            .and_where(Expr::col("id").eq(review))
            .to_owned();
        self.tx.execute(&update).await?;
        Ok(())
    }

    /// The accounts that a review is about.
    pub async fn reviewed_accounts(&self, review: i64) -> Result<Vec<i64>, StoreError> {
        #[derive(FromQueryResult)]
        struct Row {
            account_id: i64,
        }
        let select = Query::select()
            .column("account_id")
            .from(ITEM)
            .and_where(self.owns(ITEM))
            .and_where(Expr::col("review_id").eq(review))
            .to_owned();
        Ok(self.all::<Row>(&select).await?.into_iter().map(|row| row.account_id).collect())
    }

    /// When these accounts were reviewed and are to be. Accounts that never were in a review are left out.
    pub async fn review_records(&self, accounts: &[i64]) -> Result<HashMap<i64, ReviewRecord>, StoreError> {
        #[derive(FromQueryResult)]
        struct Row {
            account_id: i64,
            is_decided: bool,
            ended_at: Option<i64>,
            due_at: i64,
        }
        let mut records: HashMap<i64, ReviewRecord> = HashMap::new();
        for chunk in accounts.chunks(CHUNK) {
            let select = Query::select()
                .column(("i", "account_id"))
                .expr_as(Expr::col(("i", "decision")).is_not_null(), Alias::new("is_decided"))
                .columns([("r", "ended_at"), ("r", "due_at")])
                .from_as(ITEM, "i")
                .join_as(JoinType::InnerJoin, "access_review", "r", Expr::col(("r", "id")).equals(("i", "review_id")))
                .and_where(self.owns("i"))
                .and_where(self.among(("i", "account_id"), chunk))
                .to_owned();
            for row in self.all::<Row>(&select).await? {
                let record = records.entry(row.account_id).or_default();
                let due_at = instant(row.due_at);
                match row.ended_at.map(instant) {
                    None => record.due_at = Some(record.due_at.map_or(due_at, |due| Ord::min(due, due_at))),
                    Some(ended_at) if row.is_decided && record.reviewed.is_none_or(|(last, _)| last < ended_at) => {
                        record.reviewed = Some((ended_at, due_at));
                    }
                    Some(_) => {}
                }
            }
        }
        Ok(records)
    }

    /// What was decided to be revoked or changed in an integration.
    pub async fn pending_decisions(&self, integration: i64) -> Result<Vec<Pending>, StoreError> {
        #[derive(FromQueryResult)]
        struct Row {
            id: i64,
            account_id: i64,
            kind: String,
            decision: String,
            access: String,
            remediated_at: Option<i64>,
        }
        let to_be_done = Condition::all()
            .add(Expr::col("decision").is_not_null())
            .add(Expr::col("decision").ne(ReviewDecision::Keep.word()));
        let select = Query::select()
            .columns(["id", "account_id", "kind", "decision", "access", "remediated_at"])
            .from(ITEM)
            .and_where(self.owns(ITEM))
            .and_where(Expr::col("integration_id").eq(integration))
            .cond_where(to_be_done)
            .to_owned();
        let pending = |row: Row| {
            let access: FrozenAccess = from_json(&row.access, ITEM, "access")?;
            Ok(Pending {
                item_id: row.id,
                account_id: row.account_id,
                kind: word(&row.kind, AccountKind::from_word, ITEM, "kind")?,
                decision: word(&row.decision, ReviewDecision::from_word, ITEM, "decision")?,
                grants: access.account.grants,
                is_remediated: row.remediated_at.is_some(),
            })
        };
        self.all::<Row>(&select).await?.into_iter().map(pending).collect()
    }

    /// Notes that decisions were carried out, or that what they were about is there again.
    pub async fn put_remediated(&self, items: &[i64], is_remediated: bool) -> Result<(), StoreError> {
        for chunk in items.chunks(CHUNK) {
            let update = Query::update()
                .table(ITEM)
                .value("remediated_at", is_remediated.then_some(self.at))
                .and_where(self.among("id", chunk))
                .to_owned();
            self.tx.execute(&update).await?;
        }
        Ok(())
    }

    /// The grants that these accounts hold today, by account; accounts that are gone are left out.
    pub async fn todays_grants(&self, accounts: &[i64]) -> Result<HashMap<i64, Vec<Grant>>, StoreError> {
        #[derive(FromQueryResult)]
        struct Present {
            account_id: i64,
        }
        let mut grants: HashMap<i64, Vec<Grant>> = HashMap::new();
        for chunk in accounts.chunks(CHUNK) {
            let select = Query::select()
                .column("account_id")
                .from("account_fact")
                .and_where(self.owns("account_fact"))
                .and_where(self.among("account_id", chunk))
                .and_where(Expr::col("valid_to").is_null())
                .to_owned();
            grants.extend(self.all::<Present>(&select).await?.into_iter().map(|row| (row.account_id, Vec::new())));
        }
        for (account, grant) in self.open_grants(accounts).await? {
            if let Some(grants) = grants.get_mut(&account) {
                grants.push(grant);
            }
        }
        for held in grants.values_mut() {
            held.sort();
        }
        Ok(grants)
    }
}
