//! An access review: who is to decide on whose access until when, and how far that has come.

mod input;
mod item;

use std::sync::Arc;

use async_graphql::{Enum, ID, Object, SimpleObject};

pub use input::{AccessReviewFilter, AccessReviewItemFilter};
pub use item::{AccessReviewChange, AccessReviewDecision, AccessReviewItem, RemediationStatus};

use super::connection::{Counting, List, Page, PageArgs, connection};
use super::error::ApiError;
use super::ids::{GlobalId, IdKind};
use super::person::Person;
use super::scalars::{Date, DateTime, int};
use super::session::Moment;
use crate::domain::review;
use crate::store::read::ReviewFilter;
use crate::store::views::{self, ReviewView};
use item::AccessReviewItemConnection;

/// How far a review has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "review::ReviewStatus")]
pub enum AccessReviewStatus {
    /// Reviewers can decide.
    Open,
    /// Every item was decided, and nothing can be changed any more.
    Completed,
    /// An administrator closed it with undecided items, and nothing can be changed any more.
    Closed,
}

/// The items of a review, counted.
#[derive(Debug, Clone, Copy, SimpleObject)]
pub struct AccessReviewProgress {
    /// All items.
    items: i32,
    /// Items that nobody has decided on yet.
    undecided: i32,
    /// Items whose access stays.
    kept: i32,
    /// Items whose access is to be revoked.
    revoked: i32,
    /// Items whose access is to be changed.
    changed: i32,
    /// Of those to be revoked or changed: how many a sync has seen to be done.
    remediated: i32,
}

impl From<views::ReviewProgress> for AccessReviewProgress {
    fn from(progress: views::ReviewProgress) -> Self {
        Self {
            items: int(progress.items),
            undecided: int(progress.undecided),
            kept: int(progress.kept),
            revoked: int(progress.revoked),
            changed: int(progress.changed),
            remediated: int(progress.remediated),
        }
    }
}

#[derive(Clone)]
pub struct AccessReview {
    moment: Arc<Moment>,
    view: Arc<ReviewView>,
}

impl AccessReview {
    fn new(moment: &Arc<Moment>, view: Arc<ReviewView>) -> Self {
        Self { moment: Arc::clone(moment), view }
    }

    pub async fn find(moment: &Arc<Moment>, id: i64) -> Result<Option<Self>, ApiError> {
        Ok(moment.loaders.reviews.load_one(id).await?.map(|view| Self::new(moment, view)))
    }
}

pub async fn page(
    moment: &Arc<Moment>,
    filter: ReviewFilter,
    args: PageArgs,
) -> Result<AccessReviewConnection, ApiError> {
    let list = List { name: "accessReviews", order: "" };
    let window = args.window(list)?;
    let slice = moment.reader.reviews(&filter, &window).await?;
    let reader = moment.reader.clone();
    let count = move || -> Counting {
        let (reader, filter) = (reader.clone(), filter.clone());
        Box::pin(async move { Ok(reader.count_reviews(&filter).await?) })
    };
    let review = |view| AccessReview::new(moment, Arc::new(view));
    Ok(AccessReviewConnection(Page::new(list, &window, slice, review, count)))
}

connection! {
    /// A page of access reviews, the latest first.
    AccessReviewConnection,
    /// An access review in a page.
    AccessReviewEdge,
    AccessReview
}

/// A review of who has access. Its items are frozen at the instant at which it was started; what was decided stays.
#[Object]
impl AccessReview {
    /// The global id.
    pub(in crate::graphql) async fn id(&self) -> ID {
        GlobalId { kind: IdKind::AccessReview, raw: self.view.id.to_string(), at: None }.encode()
    }

    /// What it is called.
    async fn name(&self) -> &str {
        &self.view.name
    }

    /// How far it has come.
    async fn status(&self) -> AccessReviewStatus {
        self.view.status().into()
    }

    /// Which accounts it is about: the filter that it was started with, as JSON.
    async fn scope(&self) -> &str {
        &self.view.scope
    }

    /// Who reviews.
    async fn reviewers(&self) -> Result<Vec<Person>, ApiError> {
        let ids = self.moment.loaders.reviewers.load_one(self.view.id).await?.unwrap_or_default();
        let mut people = self.moment.loaders.people.load_many(ids.iter().copied()).await?;
        Ok(ids.iter().filter_map(|id| people.remove(id)).map(|view| Person::new(&self.moment, view)).collect())
    }

    /// When it was started: the instant at which the accounts, their grants and their people were frozen.
    async fn started_at(&self) -> DateTime {
        DateTime(self.view.started_at)
    }

    /// The name of the caller who started it.
    async fn started_by(&self) -> &str {
        &self.view.started_by
    }

    /// The last day on which it is on time, in the zone that employment is judged in.
    async fn due_on(&self) -> Date {
        Date(self.view.due_on)
    }

    /// Whether it is open beyond its due day, or ended after it.
    async fn overdue(&self) -> bool {
        self.view.ended_at.unwrap_or_else(|| self.moment.reader.instant()) >= self.view.due_at
    }

    /// When it was completed or closed. Null while it is open.
    async fn ended_at(&self) -> Option<DateTime> {
        self.view.ended_at.map(DateTime)
    }

    /// The name of the caller who completed or closed it. Null while it is open.
    async fn ended_by(&self) -> Option<&str> {
        self.view.ended_by.as_deref()
    }

    /// Why it was closed with undecided items. Null unless it was.
    async fn close_reason(&self) -> Option<&str> {
        self.view.close_reason.as_deref()
    }

    /// Its items, counted.
    async fn progress(&self) -> Result<AccessReviewProgress, ApiError> {
        let progress = self.moment.loaders.review_progress.load_one(self.view.id).await?;
        Ok(progress.unwrap_or_default().into())
    }

    /// The accounts under review, by login.
    async fn items(
        &self,
        #[graphql(desc = "How many from the start: 0 to 500, 50 when neither `first` nor `last` is given.")]
        first: Option<i32>,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end: 0 to 500. Not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "Only what precedes this cursor.")] before: Option<String>,
        #[graphql(desc = "Only items that fit all of this.")] filter: Option<AccessReviewItemFilter>,
    ) -> Result<AccessReviewItemConnection, ApiError> {
        let args = PageArgs { first, after, last, before };
        item::page(&self.moment, self.view.id, filter.unwrap_or_default().into(), args).await
    }
}
