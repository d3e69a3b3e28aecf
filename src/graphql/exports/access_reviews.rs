//! The items of one access review: what was frozen, what was decided and what became of it, a row each.

use std::sync::Arc;

use async_graphql::{Context, ID, Object};
use futures_util::FutureExt as _;
use futures_util::future::try_join_all;

use super::super::error::ApiError;
use super::super::ids::{IdKind, NOTHING, stored};
use super::super::provider::ATLAS;
use super::super::review::AccessReviewItemFilter;
use super::super::session::Moment;
use super::{FILTER, Kind, Reading, Table, names, parted, want, window};
use crate::domain::review::{FrozenAccess, RemediationStatus, ReviewDecision};
use crate::domain::{Grant, LinkSource};
use crate::export::{Cell, Column, Row};
use crate::store::read::ReviewItemFilter;
use crate::store::read::page::Cursor;
use crate::store::views::{ReviewItemView, ReviewView};

pub const KIND: Kind = Kind {
    name: "access-reviews",
    is_of_one: true,
    parameters: &[FILTER],
    document: "query($id: ID!, $filter: AccessReviewItemFilter) { accessReview(id: $id, filter: $filter) }",
};

const COLUMNS: &[Column] = &[
    Column::new("platform", 15),
    Column::new("organization", 20),
    Column::new("review", 20),
    Column::new("reviewStatus", 14),
    Column::instant("startedAt"),
    Column::new("startedBy", 16),
    Column::new("dueOn", 12),
    Column::instant("endedAt"),
    Column::new("endedBy", 16),
    Column::new("closeReason", 24),
    Column::new("login", 32),
    Column::new("displayName", 24),
    Column::new("kind", 16),
    Column::new("status", 10),
    Column::new("email", 32),
    Column::new("person", 24),
    Column::new("personEmail", 32),
    Column::new("personSource", 14),
    Column::new("personStatus", 12),
    Column::new("personEndsOn", 14),
    Column::new("privileged", 11),
    Column::new("flags", 32),
    Column::new("roles", 60),
    Column::instant("lastAuthenticatedAt"),
    Column::instant("observedAt"),
    Column::new("change", 12),
    Column::new("addedRoles", 40),
    Column::new("removedRoles", 40),
    Column::new("reviewer", 24),
    Column::new("reviewerEmail", 32),
    Column::new("decision", 10),
    Column::new("comment", 40),
    Column::new("decidedBy", 20),
    Column::instant("decidedAt"),
    Column::new("remediation", 14),
    Column::instant("remediatedAt"),
    Column::new("overdue", 9),
    Column::new("id", 32),
];

#[derive(Default)]
pub struct AccessReviewParameters;

#[Object]
impl AccessReviewParameters {
    async fn access_review(&self, ctx: &Context<'_>, id: ID, filter: Option<AccessReviewItemFilter>) -> bool {
        let review = stored(&id, IdKind::AccessReview).unwrap_or(NOTHING);
        want(ctx, None, Items { review, filter: filter.unwrap_or_default().into() })
    }
}

struct Items {
    review: i64,
    filter: ReviewItemFilter,
}

impl Table for Items {
    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn page<'a>(&'a self, moment: &'a Arc<Moment>, after: Option<Cursor>) -> Reading<'a> {
        async move {
            let review = moment.loaders.reviews.load_one(self.review).await?;
            let review = review.ok_or_else(|| ApiError::NotFound("there is no such access review".to_owned()))?;
            let mut slices = moment.reader.review_items(&[self.review], &self.filter, &window(after)).await?;
            let (views, end) = parted(slices.remove(&self.review).unwrap_or_default());
            Ok((try_join_all(views.iter().map(|view| row(moment, &review, view))).await?, end))
        }
        .boxed()
    }
}

async fn row(moment: &Moment, review: &ReviewView, view: &ReviewItemView) -> Result<Row, ApiError> {
    let [reviewer, reviewer_email] = names::person_cells(moment, view.reviewer_id).await?;
    let access = &view.access;
    let account = &access.account;
    let person = access.person.as_ref();
    let to_be_done = view.decision.is_some_and(ReviewDecision::needs_remediation);
    let done = if view.remediated_at.is_some() { RemediationStatus::Remediated } else { RemediationStatus::Open };
    let is_overdue = view.remediated_at.is_none() && moment.reader.instant() >= view.due_at;
    let cells = vec![
        ATLAS.into(),
        access.organization.as_str().into(),
        review.name.as_str().into(),
        review.status().word().into(),
        review.started_at.into(),
        review.started_by.as_str().into(),
        review.due_on.into(),
        Cell::some(review.ended_at),
        Cell::some(review.ended_by.as_deref()),
        Cell::some(review.close_reason.as_deref()),
        account.login.as_str().into(),
        Cell::some(account.display_name.as_deref()),
        account.kind.word().into(),
        account.status.word().into(),
        Cell::some(account.email.as_deref()),
        Cell::some(person.map(|person| person.full_name.as_str())),
        Cell::some(person.map(|person| person.email.as_str())),
        Cell::some(person.and_then(|person| person.source).map(LinkSource::word)),
        Cell::some(person.map(|person| person.status.word())),
        Cell::some(person.and_then(|person| person.ends_on)),
        access.privileged.into(),
        Cell::list(&access.flags),
        roles(access, &account.grants),
        Cell::some(account.last_authenticated_at),
        access.observed_at.into(),
        view.change.word().into(),
        roles(access, &access.added),
        roles(access, &access.removed),
        reviewer,
        reviewer_email,
        Cell::some(view.decision.map(ReviewDecision::word)),
        Cell::some(view.comment.as_deref()),
        Cell::some(view.decided_by.as_deref()),
        Cell::some(view.decided_at),
        Cell::some(to_be_done.then(|| done.word())),
        Cell::some(view.remediated_at),
        Cell::some(to_be_done.then_some(is_overdue)),
        moment.id(IdKind::AccessReviewItem, view.id).as_str().into(),
    ];
    Ok(Row { platform: ATLAS, cells })
}

fn roles(access: &FrozenAccess, grants: &[Grant]) -> Cell {
    let name = |grant: &Grant| grant.project.as_ref().and_then(|atlas| access.projects.get(atlas)).map(String::as_str);
    Cell::list(grants.iter().map(|grant| names::told(grant, name(grant))))
}
