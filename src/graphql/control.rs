//! A control: what it asks for, and how the workspace stands.

use std::sync::Arc;

use async_graphql::{Enum, ID, Object, SimpleObject};

use super::connection::PageArgs;
use super::control_result::{self, ControlResultConnection};
use super::error::ApiError;
use super::filters::{ControlFilter, ControlResultFilter};
use super::ids::IdKind;
use super::loaders::ControlKey;
use super::scalars::{DateTime, int};
use super::session::Moment;
use crate::store::read::{ControlReading, StatusInterval};
use crate::{controls, domain};

/// How bad it is when a control fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "controls::Severity")]
pub enum Severity {
    /// Worth tidying up.
    Low,
    /// Fix it in the ordinary course of work.
    Medium,
    /// Fix it soon.
    High,
    /// Fix it now.
    Critical,
}

/// Whether a control is one of the eleven that the gateway is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "controls::Origin")]
pub enum ControlOrigin {
    /// One of the eleven.
    Core,
    /// Added to them: it judges the work with people and access here.
    Extended,
}

/// How a control stands over everything that it speaks about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::ControlStatus")]
pub enum ControlStatus {
    /// At least one result passes, and nothing fails or is unknown.
    Passing,
    /// At least one result fails.
    Failing,
    /// Nothing fails, but something could not be judged or read.
    Unknown,
    /// There is nothing that it speaks about.
    NotApplicable,
}

/// A criterion of a framework that a control serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, SimpleObject)]
pub struct FrameworkReference {
    /// The framework's name, such as `SOC 2`.
    framework: &'static str,
    /// The criterion's id, such as `CC6.1`.
    criterion: &'static str,
}

/// How many subjects of a control ended how. Every subject counts once.
#[derive(Debug, SimpleObject)]
pub struct Coverage {
    /// All subjects: those below together.
    in_scope: i32,
    /// Subjects that pass.
    passed: i32,
    /// Subjects that fail.
    failed: i32,
    /// Subjects that could not be judged.
    unknown: i32,
    /// Subjects that the rule does not speak about.
    not_applicable: i32,
    /// Lists that subjects come from and whose last read failed: there may be subjects that nobody has seen.
    unreadable_scopes: i32,
}

impl From<domain::Coverage> for Coverage {
    fn from(coverage: domain::Coverage) -> Self {
        Self {
            in_scope: int(coverage.in_scope()),
            passed: int(coverage.passed),
            failed: int(coverage.failed),
            unknown: int(coverage.unknown),
            not_applicable: int(coverage.not_applicable),
            unreadable_scopes: int(coverage.unreadable_scopes),
        }
    }
}

/// A time over which a control's status did not change.
#[derive(Debug, SimpleObject)]
pub struct ControlStatusInterval {
    /// The status during that time.
    status: ControlStatus,
    /// When it began.
    from: DateTime,
    /// When it ended. Null when it lasts.
    to: Option<DateTime>,
}

impl From<StatusInterval> for ControlStatusInterval {
    fn from(interval: StatusInterval) -> Self {
        Self { status: interval.status.into(), from: DateTime(interval.from), to: interval.to.map(DateTime) }
    }
}

#[derive(Clone)]
pub struct Control {
    moment: Arc<Moment>,
    control: &'static controls::Control,
}

impl Control {
    pub fn new(moment: &Arc<Moment>, control: &'static controls::Control) -> Self {
        Self { moment: Arc::clone(moment), control }
    }

    pub fn find(moment: &Arc<Moment>, key: &str) -> Option<Self> {
        controls::find(key).map(|control| Self::new(moment, control))
    }

    /// The control that a stored row refers to.
    pub fn of(moment: &Arc<Moment>, key: &str) -> Result<Self, ApiError> {
        Self::find(moment, key).ok_or_else(|| {
            tracing::error!(control.key = key, "a row refers to a control that is not in the catalogue");
            ApiError::Internal
        })
    }

    /// The controls that fit, in the order in which people are shown them.
    pub async fn list(moment: &Arc<Moment>, filter: &ControlFilter) -> Result<Vec<Self>, ApiError> {
        let mut fitting = Vec::new();
        for control in controls::ALL {
            let control = Self::new(moment, control);
            if filter.fits(control.control) && control.has_status(filter).await? {
                fitting.push(control);
            }
        }
        Ok(fitting)
    }

    async fn has_status(&self, filter: &ControlFilter) -> Result<bool, ApiError> {
        match &filter.status {
            Some(wanted) => Ok(wanted.contains(&self.reading().await?.status.into())),
            None => Ok(true),
        }
    }

    async fn reading(&self) -> Result<ControlReading, ApiError> {
        let readings = self.moment.readings().await?;
        readings.get(self.control.key).copied().ok_or(ApiError::Internal)
    }
}

/// A rule that the inventory or the accounts should keep, and how they stand.
#[Object]
impl Control {
    /// The global id.
    pub(super) async fn id(&self) -> ID {
        self.moment.id(IdKind::Control, self.control.key)
    }

    /// The control's key in kebab-case. It never changes and is never used again.
    async fn key(&self) -> &str {
        self.control.key
    }

    /// The rule in a few words.
    async fn title(&self) -> &str {
        self.control.title
    }

    /// What is looked at.
    async fn description(&self) -> &str {
        self.control.description
    }

    /// Why it matters.
    async fn rationale(&self) -> &str {
        self.control.rationale
    }

    /// What to do about what fails.
    async fn remediation(&self) -> &str {
        self.control.remediation
    }

    /// How bad it is when it fails.
    async fn severity(&self) -> Severity {
        self.control.severity.into()
    }

    /// Whether it is one of the eleven controls, or was added to them.
    async fn origin(&self) -> ControlOrigin {
        self.control.origin.into()
    }

    /// The criteria of frameworks that it serves.
    async fn frameworks(&self) -> Vec<FrameworkReference> {
        let frameworks = self.control.frameworks.iter();
        frameworks.map(|of| FrameworkReference { framework: of.framework, criterion: of.criterion }).collect()
    }

    /// How it stands over everything that it speaks about.
    async fn status(&self) -> Result<ControlStatus, ApiError> {
        Ok(self.reading().await?.status.into())
    }

    /// How many subjects ended how.
    async fn coverage(&self) -> Result<Coverage, ApiError> {
        Ok(self.reading().await?.coverage.into())
    }

    /// When the last sync that it was judged by had ended. Null before the first.
    async fn evaluated_at(&self) -> Result<Option<DateTime>, ApiError> {
        Ok(self.moment.last_synced_at().await?.map(DateTime))
    }

    /// When the status last changed, by a sync, an edit or time alone. Null before the first sync.
    async fn since(&self) -> Result<Option<DateTime>, ApiError> {
        Ok(self.reading().await?.since.map(DateTime))
    }

    /// What it says about each subject.
    async fn results(
        &self,
        #[graphql(desc = "How many from the start: 0 to 500, 50 when neither `first` nor `last` is given.")]
        first: Option<i32>,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end: 0 to 500. Not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "Only what precedes this cursor.")] before: Option<String>,
        #[graphql(desc = "Only results that fit all of this.")] filter: Option<ControlResultFilter>,
    ) -> Result<ControlResultConnection, ApiError> {
        let filter = filter.unwrap_or_default().of_control(self.control.key);
        let args = PageArgs { first, after, last, before };
        control_result::page_of(&self.moment, ControlKey(self.control.key), filter, args).await
    }

    /// How the status went over time, oldest first. What time alone changed is in it. What had ended before
    /// `Workspace.historyFrom` is not.
    async fn history(
        &self,
        #[graphql(desc = "Only what had not ended by then.")] from: Option<DateTime>,
        #[graphql(desc = "Only what had begun by then.")] to: Option<DateTime>,
    ) -> Result<Vec<ControlStatusInterval>, ApiError> {
        let (from, to) = (from.map(|from| from.0), to.map(|to| to.0));
        if from.zip(to).is_some_and(|(from, to)| from > to) {
            return Err(ApiError::BadInput("`from` must not be later than `to`".to_owned()));
        }
        let history = self.moment.loaders.histories.load_one((ControlKey(self.control.key), (from, to))).await?;
        Ok(history.unwrap_or_default().into_iter().map(Into::into).collect())
    }
}
