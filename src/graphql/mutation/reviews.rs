//! Starting, deciding and completing access reviews.

use async_graphql::{Context, ID, InputObject, InputType, Object};

use super::{afterwards, begin, named};
use crate::graphql::State;
use crate::graphql::access::{Action, require};
use crate::graphql::error::ApiError;
use crate::graphql::filters::AccountFilter;
use crate::graphql::ids::IdKind;
use crate::graphql::payloads::{
    CompleteAccessReviewPayload, DecideAccessReviewItemsPayload, ReassignAccessReviewItemsPayload,
    StartAccessReviewPayload, UserError,
};
use crate::graphql::review::{AccessReview, AccessReviewDecision, AccessReviewItemFilter};
use crate::graphql::scalars::{Date, int};
use crate::store::audit::AuditAction;
use crate::store::views::Role;
use crate::sync::review::{Decision, ReviewStart, Reviewer, Which};
use crate::sync::{Engine, Refusal, RefusalCode};

/// An access review to start.
#[derive(InputObject)]
pub struct StartAccessReviewInput {
    /// What it is called, such as `First quarter`: 1 to 200 characters.
    name: String,
    /// Which accounts: all that there are when absent. Removed accounts are never reviewed.
    filter: Option<AccountFilter>,
    /// The people who review, 1 to 100. Items are split among them evenly; nobody gets the own account.
    reviewer_ids: Vec<ID>,
    /// The last day on which it is on time, in the zone that employment is judged in. Today or later.
    due_on: Date,
}

/// A decision about items of an access review.
#[derive(InputObject)]
pub struct DecideAccessReviewItemsInput {
    /// The review.
    access_review_id: ID,
    /// The items, 1 to 500: all are decided or none. Give these or `filter`.
    item_ids: Option<Vec<ID>>,
    /// Instead of `itemIds`: the items that fit, as far as the caller may decide on them.
    filter: Option<AccessReviewItemFilter>,
    /// What is decided.
    decision: AccessReviewDecision,
    /// What is to be done, and why. Needed for REVOKE and CHANGE.
    comment: Option<String>,
}

/// Items of an access review to give to another reviewer.
#[derive(InputObject)]
pub struct ReassignAccessReviewItemsInput {
    /// The review.
    access_review_id: ID,
    /// The items, 1 to 500.
    item_ids: Vec<ID>,
    /// Who is to decide. Not on the own account.
    reviewer_id: ID,
}

/// An access review to end.
#[derive(InputObject)]
pub struct CompleteAccessReviewInput {
    /// The review.
    access_review_id: ID,
    /// Why it ends with undecided items. Needs the role ADMIN. Absent: it ends only when everything is decided.
    close_reason: Option<String>,
}

#[derive(Default)]
pub struct ReviewMutations;

#[Object]
impl ReviewMutations {
    /// Starts an access review: freezes the accounts that fit with their roles, people and evidence, and splits them among
    /// the reviewers. Needs the role ANALYST.
    async fn start_access_review(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The review.")] input: StartAccessReviewInput,
    ) -> Result<StartAccessReviewPayload, ApiError> {
        let (by, engine) = begin(ctx, Action::ReviewAccess, AuditAction::StartAccessReview).await?;
        let refused = |user_errors| StartAccessReviewPayload { user_errors, ..Default::default() };
        let reviewers = match all_named(&input.reviewer_ids, IdKind::Person, "reviewerIds") {
            Ok(reviewers) => reviewers,
            Err(errors) => return Ok(refused(errors)),
        };
        let filter = input.filter.unwrap_or_default();
        let scope = filter.to_value().into_json().map_or_else(|_| "{}".to_owned(), |scope| said(scope).to_string());
        let mut filter: crate::store::read::AccountFilter = filter.into();
        filter.include_removed = false;
        let start = ReviewStart { name: input.name, filter, scope, reviewers, due_on: input.due_on.0 };
        match engine.start_access_review(&by, start).await? {
            Ok(id) => {
                let access_review = AccessReview::find(&afterwards(ctx).await?, id).await?;
                Ok(StartAccessReviewPayload { access_review, user_errors: Vec::new() })
            }
            Err(refusals) => Ok(refused(UserError::all(refusals))),
        }
    }

    /// Decides on items, which can be done again until the review ends. Reviewers decide on their items, administrators
    /// on all, nobody on the own account. Needs the role ANALYST.
    async fn decide_access_review_items(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The decision.")] input: DecideAccessReviewItemsInput,
    ) -> Result<DecideAccessReviewItemsPayload, ApiError> {
        let (who, engine) = reviewer(ctx, AuditAction::DecideAccessReview).await?;
        let refused = |user_errors| DecideAccessReviewItemsPayload { user_errors, ..Default::default() };
        let review = match named(&input.access_review_id, IdKind::AccessReview, "accessReviewId") {
            Ok(review) => review,
            Err(errors) => return Ok(refused(errors)),
        };
        let which = match (input.item_ids, input.filter) {
            (Some(ids), None) => match all_named(&ids, IdKind::AccessReviewItem, "itemIds") {
                Ok(ids) => Which::Items(ids),
                Err(errors) => return Ok(refused(errors)),
            },
            (None, Some(filter)) => Which::Fitting(filter.into()),
            (Some(_), Some(_)) | (None, None) => {
                let refusal = Refusal::new(RefusalCode::Invalid, "Give either itemIds or a filter.").field("itemIds");
                return Ok(refused(UserError::all(vec![refusal])));
            }
        };
        let decision = Decision { decision: input.decision.into(), comment: input.comment };
        match engine.decide_on_access(&who, review, which, decision).await? {
            Ok(decided) => {
                let access_review = AccessReview::find(&afterwards(ctx).await?, review).await?;
                Ok(DecideAccessReviewItemsPayload { access_review, decided: int(decided), user_errors: Vec::new() })
            }
            Err(refusals) => Ok(refused(UserError::all(refusals))),
        }
    }

    /// Gives items to another reviewer. Needs the role ANALYST.
    async fn reassign_access_review_items(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What goes to whom.")] input: ReassignAccessReviewItemsInput,
    ) -> Result<ReassignAccessReviewItemsPayload, ApiError> {
        let (who, engine) = reviewer(ctx, AuditAction::ReassignAccessReview).await?;
        let refused = |user_errors| ReassignAccessReviewItemsPayload { user_errors, ..Default::default() };
        let ids = named(&input.access_review_id, IdKind::AccessReview, "accessReviewId").and_then(|review| {
            let items = all_named(&input.item_ids, IdKind::AccessReviewItem, "itemIds")?;
            Ok((review, items, named(&input.reviewer_id, IdKind::Person, "reviewerId")?))
        });
        let (review, items, to) = match ids {
            Ok(ids) => ids,
            Err(errors) => return Ok(refused(errors)),
        };
        match engine.reassign_access(&who, review, items, to).await? {
            Ok(reassigned) => {
                let access_review = AccessReview::find(&afterwards(ctx).await?, review).await?;
                let reassigned = int(reassigned);
                Ok(ReassignAccessReviewItemsPayload { access_review, reassigned, user_errors: Vec::new() })
            }
            Err(refusals) => Ok(refused(UserError::all(refusals))),
        }
    }

    /// Ends an access review in which everything is decided; what was decided stays. Needs the role ANALYST.
    async fn complete_access_review(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to end.")] input: CompleteAccessReviewInput,
    ) -> Result<CompleteAccessReviewPayload, ApiError> {
        let (who, engine) = reviewer(ctx, AuditAction::CompleteAccessReview).await?;
        let refused = |user_errors| CompleteAccessReviewPayload { user_errors, ..Default::default() };
        let review = match named(&input.access_review_id, IdKind::AccessReview, "accessReviewId") {
            Ok(review) => review,
            Err(errors) => return Ok(refused(errors)),
        };
        match engine.complete_access_review(&who, review, input.close_reason).await? {
            Ok(()) => {
                let access_review = AccessReview::find(&afterwards(ctx).await?, review).await?;
                Ok(CompleteAccessReviewPayload { access_review, user_errors: Vec::new() })
            }
            Err(refusals) => Ok(refused(UserError::all(refusals))),
        }
    }
}

async fn reviewer<'ctx>(ctx: &Context<'ctx>, audited: AuditAction) -> Result<(Reviewer, &'ctx Engine), ApiError> {
    let (by, _) = begin(ctx, Action::ReviewAccess, audited).await?;
    let caller = require(ctx, Action::ReviewAccess)?;
    let state = ctx.data_opt::<State>().ok_or(ApiError::Internal)?;
    let who = Reviewer { by, person: caller.person.clone(), is_admin: caller.role >= Role::Admin };
    Ok((who, &state.engine))
}

fn all_named(ids: &[ID], kind: IdKind, field: &str) -> Result<Vec<i64>, Vec<UserError>> {
    ids.iter().map(|id| named(id, kind, field)).collect()
}

/// Without the fields that were not given.
fn said(filter: serde_json::Value) -> serde_json::Value {
    match filter {
        serde_json::Value::Object(fields) => fields.into_iter().filter(|(_, value)| !value.is_null()).collect(),
        other => other,
    }
}
