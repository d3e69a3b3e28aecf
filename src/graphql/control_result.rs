//! What a control says about one subject, and what that rests on.

use std::sync::Arc;

use async_graphql::{Enum, ID, Object, SimpleObject, Union};

use super::account::Account;
use super::cluster::AtlasCluster;
use super::connection::{Counting, List, Page, PageArgs, connection};
use super::control::Control;
use super::error::ApiError;
use super::ids::{IdKind, result_key, split_result_key};
use super::loaders::ControlKey;
use super::scalars::DateTime;
use super::session::Moment;
use crate::domain::{self, Instant};
use crate::store::read::ResultFilter;
use crate::store::views::{ResultView, SubjectKind};

/// How a subject stands against a control.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::Outcome")]
pub enum Outcome {
    /// The facts were read and satisfy the rule.
    Pass,
    /// The facts were read and break it.
    Fail,
    /// A fact that the rule needs is missing, unreadable or too old.
    Unknown,
    /// The rule does not speak about this subject.
    NotApplicable,
}

/// One fact that an outcome rests on.
#[derive(Debug, SimpleObject)]
pub struct EvidenceItem {
    /// What was looked at, with shard and region where there is one.
    name: String,
    /// The value that was seen. Null when there was none.
    observed: Option<String>,
    /// The value that the rule asks for. Null when it is shown for information only.
    expected: Option<String>,
}

impl From<&domain::Evidence> for EvidenceItem {
    fn from(evidence: &domain::Evidence) -> Self {
        Self { name: evidence.name.clone(), observed: evidence.observed.clone(), expected: evidence.expected.clone() }
    }
}

/// What a control speaks about.
#[derive(Union)]
pub enum ControlSubject {
    AtlasCluster(AtlasCluster),
    Account(Account),
}

#[derive(Clone)]
pub struct ControlResult {
    moment: Arc<Moment>,
    view: Arc<ResultView>,
}

impl ControlResult {
    pub fn new(moment: &Arc<Moment>, view: Arc<ResultView>) -> Self {
        Self { moment: Arc::clone(moment), view }
    }

    /// The result that a raw id names.
    pub async fn find(moment: &Arc<Moment>, raw: &str) -> Result<Option<Self>, ApiError> {
        let Some((control, kind, subject)) = split_result_key(raw) else { return Ok(None) };
        let results = moment.loaders.results.load_one((kind, subject)).await?;
        let result = results.and_then(|results| results.iter().find(|result| result.control_key == control).cloned());
        Ok(result.map(|view| Self::new(moment, view)))
    }

    pub async fn of_subject(moment: &Arc<Moment>, kind: SubjectKind, subject: i64) -> Result<Vec<Self>, ApiError> {
        let results = moment.loaders.results.load_one((kind, subject)).await?;
        Ok(results.iter().flat_map(|results| results.iter()).map(|view| Self::new(moment, Arc::clone(view))).collect())
    }
}

/// The older of the last good reads of the lists that a result rests on.
pub async fn read_at(moment: &Moment, view: &ResultView) -> Result<Instant, ApiError> {
    let scopes = std::iter::once(view.scope_id).chain(view.second_scope_id);
    let reads = moment.loaders.last_reads.load_many(scopes).await?;
    Ok(reads.values().min().copied().unwrap_or(view.since))
}

const LIST: List = List { name: "controlResults", order: "" };

pub async fn page(
    moment: &Arc<Moment>,
    filter: ResultFilter,
    args: PageArgs,
) -> Result<ControlResultConnection, ApiError> {
    let window = args.window(LIST)?;
    let slice = moment.reader.results(&filter, &window).await?;
    let reader = moment.reader.clone();
    let count = move || -> Counting {
        let (reader, filter) = (reader.clone(), filter.clone());
        Box::pin(async move { Ok(reader.count_results(&filter).await?) })
    };
    let result = |view| ControlResult::new(moment, Arc::new(view));
    Ok(ControlResultConnection(Page::new(LIST, &window, slice, result, count)))
}

/// A page of one control's results, read together with those of other controls.
pub async fn page_of(
    moment: &Arc<Moment>,
    control: ControlKey,
    filter: ResultFilter,
    args: PageArgs,
) -> Result<ControlResultConnection, ApiError> {
    let window = args.window(LIST)?;
    let asked = (control, filter.clone(), window.clone());
    let slice = moment.loaders.results_of.load_one(asked).await?.unwrap_or_default();
    let counted = Arc::clone(moment);
    let count = move || -> Counting {
        let (moment, asked) = (Arc::clone(&counted), (control, filter.clone()));
        Box::pin(async move { Ok(moment.loaders.result_counts.load_one(asked).await?.unwrap_or(0)) })
    };
    let result = |view| ControlResult::new(moment, view);
    Ok(ControlResultConnection(Page::new(LIST, &window, slice, result, count)))
}

connection! {
    /// A page of control results, in a stable order.
    ControlResultConnection,
    /// A control result in a page.
    ControlResultEdge,
    ControlResult
}

/// What a control says about one subject.
#[Object]
impl ControlResult {
    /// The global id. It stays the same when the subject is judged again.
    pub(super) async fn id(&self) -> ID {
        let view = &self.view;
        self.moment.id(IdKind::ControlResult, result_key(&view.control_key, view.subject_kind, view.subject_id))
    }

    /// The control that speaks.
    #[expect(clippy::unused_async, reason = "the derive asks for async resolvers")]
    async fn control(&self) -> Result<Control, ApiError> {
        Control::of(&self.moment, &self.view.control_key)
    }

    /// What it speaks about.
    async fn subject(&self) -> Result<ControlSubject, ApiError> {
        let id = self.view.subject_id;
        let subject = match self.view.subject_kind {
            SubjectKind::Asset => AtlasCluster::find(&self.moment, id).await?.map(ControlSubject::AtlasCluster),
            SubjectKind::Account => Account::find(&self.moment, id).await?.map(ControlSubject::Account),
        };
        subject.ok_or_else(|| {
            tracing::error!(result.id = self.view.id, "a result refers to a subject that is not there");
            ApiError::Internal
        })
    }

    /// How the subject stands.
    async fn outcome(&self) -> Outcome {
        self.view.verdict.outcome.into()
    }

    /// Why, as a code in upper case, such as `BACKUP_OFF`.
    async fn reason(&self) -> &str {
        &self.view.verdict.reason
    }

    /// Why, in a sentence that a person can act on, with the observed values.
    async fn message(&self) -> &str {
        &self.view.verdict.message
    }

    /// The facts that decided it, observed and expected.
    async fn evidence(&self) -> Vec<EvidenceItem> {
        self.view.verdict.evidence.iter().map(EvidenceItem::from).collect()
    }

    /// Since when the facts say so, by a sync, an edit or time alone. Evidence that was too old for a while in between
    /// does not count as a change; the control's own `since` and `history` show such a while.
    async fn since(&self) -> DateTime {
        DateTime(self.view.since)
    }

    /// When the facts were last read from Atlas to the end.
    async fn observed_at(&self) -> Result<DateTime, ApiError> {
        Ok(DateTime(read_at(&self.moment, &self.view).await?))
    }
}
