//! Control results: what each control says about each subject, a row each.

use std::sync::Arc;

use async_graphql::{Context, Object};
use futures_util::FutureExt as _;
use futures_util::future::try_join_all;
use tokio::try_join;

use super::super::control_result::read_at;
use super::super::error::ApiError;
use super::super::filters::ControlResultFilter;
use super::super::ids::{IdKind, result_key};
use super::super::provider::ATLAS;
use super::super::scalars::DateTime;
use super::super::session::Moment;
use super::names::{self, item};
use super::{AS_OF, FILTER, Kind, Reading, Table, parted, want, window};
use crate::controls;
use crate::domain::Evidence;
use crate::export::{Cell, Column, Row};
use crate::store::read::ResultFilter;
use crate::store::read::page::Cursor;
use crate::store::views::{ResultView, SubjectKind};

pub const KIND: Kind = Kind {
    name: "control-results",
    is_of_one: false,
    parameters: &[FILTER, AS_OF],
    document: "query($filter: ControlResultFilter, $asOf: DateTime) {
        controlResults(filter: $filter, asOf: $asOf) }",
};

const COLUMNS: &[Column] = &[
    Column::new("platform", 15),
    Column::new("organization", 20),
    Column::new("control", 36),
    Column::new("title", 40),
    Column::new("severity", 10),
    Column::new("origin", 10),
    Column::new("subjectKind", 12),
    Column::new("project", 20),
    Column::new("subject", 32),
    Column::new("outcome", 16),
    Column::new("reason", 26),
    Column::new("message", 60),
    Column::new("evidence", 60),
    Column::instant("since"),
    Column::instant("observedAt"),
    Column::new("subjectId", 24),
    Column::new("id", 40),
];

#[derive(Default)]
pub struct ControlResultParameters;

#[Object]
impl ControlResultParameters {
    async fn control_results(
        &self,
        ctx: &Context<'_>,
        filter: Option<ControlResultFilter>,
        as_of: Option<DateTime>,
    ) -> bool {
        want(ctx, as_of, ControlResults(filter.unwrap_or_default().into()))
    }
}

struct ControlResults(ResultFilter);

impl Table for ControlResults {
    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn page<'a>(&'a self, moment: &'a Arc<Moment>, after: Option<Cursor>) -> Reading<'a> {
        async move {
            let (views, end) = parted(moment.reader.results(&self.0, &window(after)).await?);
            Ok((try_join_all(views.iter().map(|view| row(moment, view))).await?, end))
        }
        .boxed()
    }
}

/// What a result speaks about, in a row's words.
struct Subject {
    organization: Cell,
    project: Cell,
    name: Cell,
    id: Cell,
}

async fn row(moment: &Moment, view: &ResultView) -> Result<Row, ApiError> {
    let (subject, observed_at) = try_join!(subject(moment, view), read_at(moment, view))?;
    let control = controls::find(&view.control_key);
    let key = result_key(&view.control_key, view.subject_kind, view.subject_id);
    let verdict = &view.verdict;
    let cells = vec![
        ATLAS.into(),
        subject.organization,
        view.control_key.as_str().into(),
        Cell::some(control.map(|control| control.title)),
        Cell::some(control.map(|control| control.severity.word())),
        Cell::some(control.map(|control| control.origin.word())),
        view.subject_kind.word().into(),
        subject.project,
        subject.name,
        verdict.outcome.word().into(),
        verdict.reason.as_str().into(),
        verdict.message.as_str().into(),
        Cell::list(verdict.evidence.iter().map(evidence)),
        view.since.into(),
        observed_at.into(),
        subject.id,
        moment.id(IdKind::ControlResult, key).as_str().into(),
    ];
    Ok(Row { platform: ATLAS, cells })
}

async fn subject(moment: &Moment, view: &ResultView) -> Result<Subject, ApiError> {
    let id = view.subject_id;
    match view.subject_kind {
        SubjectKind::Asset => {
            let asset = moment.loaders.assets.load_one(id).await?.ok_or_else(|| lost(view))?;
            let (organization, project) = try_join!(
                names::organization(moment, asset.integration_id),
                names::project(moment, Some(asset.project_id)),
            )?;
            Ok(Subject {
                organization,
                project: Cell::some(project),
                name: asset.cluster.name.as_str().into(),
                id: moment.id(IdKind::AtlasCluster, id).as_str().into(),
            })
        }
        SubjectKind::Account => {
            let account = moment.loaders.accounts.load_one(id).await?.ok_or_else(|| lost(view))?;
            Ok(Subject {
                organization: names::organization(moment, account.integration_id).await?,
                project: Cell::Empty,
                name: account.account.login.as_str().into(),
                id: moment.id(IdKind::Account, id).as_str().into(),
            })
        }
    }
}

fn lost(view: &ResultView) -> ApiError {
    tracing::error!(result.id = view.id, "a result refers to a subject that is not there");
    ApiError::Internal
}

/// One fact, such as `shard 2, AWS EU_WEST_1: diskGB.enabled: false (expected true)`.
fn evidence(evidence: &Evidence) -> String {
    let expected = evidence.expected.as_deref().map(|text| format!(" (expected {})", item(text))).unwrap_or_default();
    format!("{}: {}{expected}", item(&evidence.name), item(evidence.observed.as_deref().unwrap_or("nothing")))
}
