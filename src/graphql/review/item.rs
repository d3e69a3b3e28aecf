//! One account under review: its access as it was, what was decided, and what came of it.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, Object, SimpleObject};

use super::AccessReview;
use crate::domain::review::{self, FrozenAccess, FrozenPerson};
use crate::domain::{self, Grant};
use crate::graphql::account::{Account, AccountFlag, AccountKind, AccountStatus, LinkSource};
use crate::graphql::connection::{Counting, List, Page, PageArgs, connection};
use crate::graphql::error::ApiError;
use crate::graphql::grant::{GrantPath, GrantScope};
use crate::graphql::ids::{GlobalId, IdKind};
use crate::graphql::person::{EmploymentStatus, Person};
use crate::graphql::scalars::{Date, DateTime};
use crate::graphql::session::{Moment, session};
use crate::store::read::ReviewItemFilter;
use crate::store::views::{self, ReviewItemView};

/// What a reviewer decides about an account's access.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "review::ReviewDecision")]
pub enum AccessReviewDecision {
    /// It stays as it is.
    Keep,
    /// All of it is to go.
    Revoke,
    /// Some of it is to go or to change; the comment says what.
    Change,
}

/// An account's access against the review before that it was in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "review::ReviewChange")]
pub enum AccessReviewChange {
    /// No review that has ended was about the account.
    New,
    /// Other grants than then.
    Changed,
    /// The same grants as then.
    Unchanged,
}

/// Whether a decision was carried out, as syncs see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "review::RemediationStatus")]
pub enum RemediationStatus {
    /// No sync has seen it to be done.
    Open,
    /// A sync has seen it to be done.
    Remediated,
}

/// What became of a decision to revoke or to change.
#[derive(SimpleObject)]
pub struct Remediation {
    /// Whether it was carried out: after REVOKE the account is gone, after CHANGE it is gone or its roles are others.
    status: RemediationStatus,
    /// When a sync saw that it was. Null while it is open.
    remediated_at: Option<DateTime>,
    /// Whether it is open beyond the review's due day.
    overdue: bool,
}

/// A role that was held when the review was started.
#[derive(SimpleObject)]
pub struct ReviewedGrant {
    /// The role as Atlas spells it.
    role: String,
    /// What it was held on.
    scope: GrantScope,
    /// The name that the project had. Null for the organization, and where the name was not read.
    project_name: Option<String>,
    /// How the account came by it.
    via: GrantPath,
    /// The team's name, where it came by a team.
    team: Option<String>,
}

/// Whose an account was when the review was started.
pub struct ReviewedPerson {
    moment: Arc<Moment>,
    frozen: FrozenPerson,
}

/// Whose an account was when the review was started.
#[Object]
impl ReviewedPerson {
    /// The person as they are now.
    async fn person(&self) -> Result<Option<Person>, ApiError> {
        Person::find(&self.moment, self.frozen.id).await
    }

    /// The full name of then.
    async fn full_name(&self) -> &str {
        &self.frozen.full_name
    }

    /// The e-mail address of then.
    async fn email(&self) -> &str {
        &self.frozen.email
    }

    /// Whether the person worked here.
    async fn status(&self) -> EmploymentStatus {
        self.frozen.status.into()
    }

    /// The last day of employment, as it was known. Null when none was.
    async fn ends_on(&self) -> Option<Date> {
        self.frozen.ends_on.map(Date)
    }

    /// How the account came by its person.
    async fn source(&self) -> Option<LinkSource> {
        self.frozen.source.map(Into::into)
    }
}

/// One decision about an item.
#[derive(SimpleObject)]
pub struct AccessReviewDecisionRecord {
    /// What was decided.
    decision: AccessReviewDecision,
    /// What is to be done, and why. Null where nothing was said.
    comment: Option<String>,
    /// When.
    decided_at: DateTime,
    /// The name of the caller who decided.
    decided_by: String,
}

impl From<views::DecisionView> for AccessReviewDecisionRecord {
    fn from(view: views::DecisionView) -> Self {
        Self {
            decision: view.decision.into(),
            comment: view.comment,
            decided_at: DateTime(view.decided_at),
            decided_by: view.decided_by,
        }
    }
}

#[derive(Clone)]
pub struct AccessReviewItem {
    moment: Arc<Moment>,
    view: Arc<ReviewItemView>,
}

impl AccessReviewItem {
    pub async fn find(moment: &Arc<Moment>, id: i64) -> Result<Option<Self>, ApiError> {
        let view = moment.loaders.review_items.load_one(id).await?;
        Ok(view.map(|view| Self { moment: Arc::clone(moment), view }))
    }

    fn access(&self) -> &FrozenAccess {
        &self.view.access
    }

    fn shown(&self, grants: &[Grant]) -> Vec<ReviewedGrant> {
        let names = &self.access().projects;
        let grant = |grant: &Grant| ReviewedGrant {
            role: grant.role.clone(),
            scope: grant.scope.into(),
            project_name: grant.project.as_ref().and_then(|atlas| names.get(atlas).cloned()),
            via: grant.via.into(),
            team: grant.team.clone(),
        };
        grants.iter().map(grant).collect()
    }
}

pub async fn page(
    moment: &Arc<Moment>,
    review: i64,
    filter: ReviewItemFilter,
    args: PageArgs,
) -> Result<AccessReviewItemConnection, ApiError> {
    let list = List { name: "accessReviewItems", order: "LOGIN ASC" };
    let window = args.window(list)?;
    let key = (review, filter.clone(), window.clone());
    let slice = moment.loaders.items_of.load_one(key).await?.unwrap_or_default();
    let counted = Arc::clone(moment);
    let count = move || -> Counting {
        let (moment, filter) = (Arc::clone(&counted), filter.clone());
        Box::pin(async move { Ok(moment.loaders.item_counts.load_one((review, filter)).await?.unwrap_or(0)) })
    };
    let item = |view| AccessReviewItem { moment: Arc::clone(moment), view };
    Ok(AccessReviewItemConnection(Page::new(list, &window, slice, item, count)))
}

connection! {
    /// A page of the accounts under review.
    AccessReviewItemConnection,
    /// An account under review in a page.
    AccessReviewItemEdge,
    AccessReviewItem
}

/// One account under review. What it shows of the account is as it was when the review was started.
#[Object]
impl AccessReviewItem {
    /// The global id.
    pub(in crate::graphql) async fn id(&self) -> ID {
        GlobalId { kind: IdKind::AccessReviewItem, raw: self.view.id.to_string(), at: None }.encode()
    }

    /// The review that it belongs to.
    async fn access_review(&self) -> Result<AccessReview, ApiError> {
        AccessReview::find(&self.moment, self.view.review_id).await?.ok_or(ApiError::Internal)
    }

    /// The account as of the start of the review. Null when its history was purged or is no longer kept from then.
    async fn account(&self, ctx: &Context<'_>) -> Result<Option<Account>, ApiError> {
        let review = self.moment.loaders.reviews.load_one(self.view.review_id).await?;
        let started_at = review.ok_or(ApiError::Internal)?.started_at;
        match session(ctx)?.at(Some(started_at)).await {
            Ok(moment) => Account::find(&moment, self.view.account_id).await,
            Err(ApiError::BeforeHistory(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What it signed in with.
    async fn login(&self) -> &str {
        &self.access().account.login
    }

    /// What kind of account it was.
    async fn kind(&self) -> AccountKind {
        self.access().account.kind.into()
    }

    /// Whether it could be used yet.
    async fn status(&self) -> AccountStatus {
        self.access().account.status.into()
    }

    /// The name that people gave it. Null when it had none.
    async fn display_name(&self) -> Option<&str> {
        self.access().account.display_name.as_deref()
    }

    /// The name of the organization that it was an account of.
    async fn organization_name(&self) -> &str {
        &self.access().organization
    }

    /// Whose it was. Null when it was linked to nobody.
    async fn reviewed_person(&self) -> Option<ReviewedPerson> {
        let frozen = self.access().person.clone()?;
        Some(ReviewedPerson { moment: Arc::clone(&self.moment), frozen })
    }

    /// Whether it held a role that can change the organization or a project.
    async fn privileged(&self) -> bool {
        self.access().privileged
    }

    /// Every role that it held.
    async fn grants(&self) -> Vec<ReviewedGrant> {
        self.shown(&self.access().account.grants)
    }

    /// What a reviewer should notice.
    async fn flags(&self) -> Vec<AccountFlag> {
        let flags = self.access().flags.iter();
        flags.filter_map(|word| views::AccountFlag::from_word(word)).map(Into::into).collect()
    }

    /// When it had last signed in. Null when it never did, or Atlas does not say.
    async fn last_authenticated_at(&self) -> Option<DateTime> {
        self.access().account.last_authenticated_at.map(DateTime)
    }

    /// When the list that it is in had last been read to the end.
    async fn observed_at(&self) -> DateTime {
        DateTime(self.access().observed_at)
    }

    /// Its access against the review before.
    async fn change(&self) -> AccessReviewChange {
        self.view.change.into()
    }

    /// Roles that came since the review before.
    async fn added_grants(&self) -> Vec<ReviewedGrant> {
        self.shown(&self.access().added)
    }

    /// Roles that went since the review before.
    async fn removed_grants(&self) -> Vec<ReviewedGrant> {
        self.shown(&self.access().removed)
    }

    /// Who is to decide. Null when nobody but the account's own person was named: an administrator decides then.
    async fn reviewer(&self) -> Result<Option<Person>, ApiError> {
        Person::find_some(&self.moment, self.view.reviewer_id).await
    }

    /// What was decided last. Null while nobody has.
    async fn decision(&self) -> Option<AccessReviewDecision> {
        self.view.decision.map(Into::into)
    }

    /// What is to be done, and why. Null where nothing was said.
    async fn comment(&self) -> Option<&str> {
        self.view.comment.as_deref()
    }

    /// When it was decided last. Null while nobody has.
    async fn decided_at(&self) -> Option<DateTime> {
        self.view.decided_at.map(DateTime)
    }

    /// The name of the caller who decided last. Null while nobody has.
    async fn decided_by(&self) -> Option<&str> {
        self.view.decided_by.as_deref()
    }

    /// Every decision, the first one first: also those that a later one replaced.
    async fn decisions(&self) -> Result<Vec<AccessReviewDecisionRecord>, ApiError> {
        let decisions = self.moment.loaders.decisions.load_one(self.view.id).await?.unwrap_or_default();
        Ok(decisions.into_iter().map(Into::into).collect())
    }

    /// What became of a decision to revoke or to change. Null unless that was decided.
    async fn remediation(&self) -> Option<Remediation> {
        self.view.decision.filter(|decision| decision.needs_remediation())?;
        let remediated_at = self.view.remediated_at;
        let status = if remediated_at.is_some() {
            domain::review::RemediationStatus::Remediated
        } else {
            domain::review::RemediationStatus::Open
        };
        Some(Remediation {
            status: status.into(),
            remediated_at: remediated_at.map(DateTime),
            overdue: remediated_at.is_none() && self.moment.reader.instant() >= self.view.due_at,
        })
    }
}
