//! A sync: why it ran, how far it is, what it could read and what it changed.

use std::sync::Arc;

use async_graphql::{Enum, ID, Object, SimpleObject};

use super::connection::{Counting, List, Page, PageArgs, connection};
use super::error::ApiError;
use super::ids::IdKind;
use super::integration::{Integration, IntegrationError};
use super::project::Project;
use super::scalars::{DateTime, int};
use super::session::Moment;
use crate::domain;
use crate::store::read::RunFilter;
use crate::store::views::{self, ScopeView, SyncRunView};
use crate::sync::story::{self, FailedList, FailedLists, MOST_NAMED};

/// Why a sync was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "views::SyncTrigger")]
pub enum SyncTrigger {
    /// The integration was connected.
    Connect,
    /// It was due.
    Schedule,
    /// Somebody asked for it.
    Manual,
}

/// How a sync stands or ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "views::SyncStatus")]
pub enum SyncStatus {
    /// It waits for its turn.
    Queued,
    /// It is under way.
    Running,
    /// It read everything.
    Succeeded,
    /// It read something, and some list could not be read: see `scopes`.
    Partial,
    /// It read nothing, and changed nothing.
    Failed,
    /// It would have removed so much that removals wait for a second complete read or a person to agree.
    Held,
}

/// What a sync is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "views::SyncStage")]
pub enum SyncStage {
    /// Waiting for its turn.
    Queued,
    /// Checking the API key.
    Credentials,
    /// Reading users, teams, API keys and service accounts.
    Users,
    /// Reading projects.
    Projects,
    /// Reading clusters and encryption settings.
    Clusters,
    /// Judging the controls and writing.
    Evaluation,
    /// Ended.
    Done,
}

/// A kind of list that a sync reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::ScopeKind")]
pub enum SyncScopeKind {
    /// The organization itself.
    Organization,
    /// The organization's users and invitations.
    Users,
    /// The organization's teams.
    Teams,
    /// The organization's API keys.
    ApiKeys,
    /// The organization's service accounts.
    ServiceAccounts,
    /// The organization's projects.
    Projects,
    /// The dedicated and shared clusters of a project.
    Clusters,
    /// The flex clusters of a project.
    FlexClusters,
    /// The customer-managed keys of a project.
    EncryptionAtRest,
}

/// How far a sync is.
#[derive(Debug, SimpleObject)]
pub struct SyncProgress {
    /// What it is doing.
    stage: SyncStage,
    /// How many lists it has read.
    done: i32,
    /// How many lists there are to read. Null until that is known.
    total: Option<i32>,
}

/// What a sync changed. Projects, assets and accounts count, each at most once.
#[derive(Debug, SimpleObject)]
pub struct SyncChanges {
    /// How many appeared.
    added: i32,
    /// How many changed.
    updated: i32,
    /// How many were removed.
    removed: i32,
    /// How many control results changed their outcome, of those there before and after.
    results_flipped: i32,
}

/// What a withheld removal would remove.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "views::RemovalKind")]
pub enum RemovalKind {
    /// A project, with its clusters.
    Project,
    /// A cluster.
    Cluster,
    /// A user, an API key or a service account.
    Account,
}

/// A row that Atlas no longer lists, and whose removal is withheld.
#[derive(Debug, SimpleObject)]
pub struct WithheldRemoval {
    /// What it is.
    kind: RemovalKind,
    /// Atlas's own id of it.
    atlas_id: String,
    /// Its name; an account's login.
    name: String,
}

/// What a sync would have removed, and withheld because it looks like a mistake.
#[derive(Debug, SimpleObject)]
pub struct WithheldRemovals {
    /// How many rows.
    total_count: i32,
    /// How many of them are projects.
    projects: i32,
    /// How many of them are clusters.
    clusters: i32,
    /// How many of them are accounts.
    accounts: i32,
    /// The rows, 100 at most: projects first, each kind by name.
    removals: Vec<WithheldRemoval>,
    /// Whether `confirmHeldSync` can still confirm them.
    awaits_confirmation: bool,
    /// When a person confirmed them, so that they were removed. Null when nobody did.
    confirmed_at: Option<DateTime>,
}

pub struct SyncScope {
    moment: Arc<Moment>,
    view: ScopeView,
}

/// One list that a sync was to read, and how that went.
#[Object]
impl SyncScope {
    /// What kind of list it is.
    async fn kind(&self) -> SyncScopeKind {
        self.view.kind.into()
    }

    /// The project whose list it is. Null for lists of the whole organization.
    async fn project(&self) -> Result<Option<Project>, ApiError> {
        Project::find_some(&self.moment, self.view.project_id).await
    }

    /// Whether it was read to the end. Only then may what is missing from it count as removed.
    async fn complete(&self) -> bool {
        self.view.complete
    }

    /// Why it could not be read, as a code. Null when it was.
    async fn error_code(&self) -> Option<&str> {
        self.view.error_code.as_deref()
    }

    /// Why it could not be read, for a person. Null when it was.
    async fn message(&self) -> Option<&str> {
        self.view.message.as_deref()
    }
}

#[derive(Clone)]
pub struct SyncRun {
    moment: Arc<Moment>,
    view: Arc<SyncRunView>,
}

impl SyncRun {
    pub fn new(moment: &Arc<Moment>, view: Arc<SyncRunView>) -> Self {
        Self { moment: Arc::clone(moment), view }
    }

    pub async fn find(moment: &Arc<Moment>, id: i64) -> Result<Option<Self>, ApiError> {
        Ok(moment.loaders.runs.load_one(id).await?.map(|view| Self::new(moment, view)))
    }
}

impl SyncRun {
    /// The lists that could not be read; the first with their names.
    async fn failed_lists(&self) -> Result<FailedLists, ApiError> {
        if !matches!(self.view.status, views::SyncStatus::Partial | views::SyncStatus::Held) {
            return Ok(FailedLists::default());
        }
        let scopes = self.moment.loaders.scopes.load_one(self.view.id).await?.unwrap_or_default();
        let failed: Vec<ScopeView> = scopes.into_iter().filter(|scope| !scope.complete).collect();
        let mut lists = FailedLists { count: failed.len(), first: Vec::new() };
        for scope in failed.into_iter().take(MOST_NAMED) {
            let project = match scope.project_id {
                Some(project) => self.moment.loaders.projects.load_one(project).await?,
                None => None,
            };
            lists.first.push(FailedList {
                kind: scope.kind,
                project: project.map(|view| view.project.name.clone()),
                code: scope.error_code.unwrap_or_default(),
            });
        }
        Ok(lists)
    }
}

const LIST: List = List { name: "syncRuns", order: "" };

pub async fn page(moment: &Arc<Moment>, filter: RunFilter, args: PageArgs) -> Result<SyncRunConnection, ApiError> {
    let window = args.window(LIST)?;
    let slice = moment.reader.runs(&filter, &window).await?;
    let reader = moment.reader.clone();
    let count = move || -> Counting {
        let (reader, filter) = (reader.clone(), filter.clone());
        Box::pin(async move { Ok(reader.count_runs(&filter).await?) })
    };
    Ok(SyncRunConnection(Page::new(LIST, &window, slice, |view| SyncRun::new(moment, Arc::new(view)), count)))
}

/// A page of one integration's syncs, read together with those of other integrations.
pub async fn page_of(moment: &Arc<Moment>, integration: i64, args: PageArgs) -> Result<SyncRunConnection, ApiError> {
    let window = args.window(LIST)?;
    let slice = moment.loaders.runs_of.load_one((integration, window.clone())).await?.unwrap_or_default();
    let counted = Arc::clone(moment);
    let count = move || -> Counting {
        let moment = Arc::clone(&counted);
        Box::pin(async move { Ok(moment.loaders.run_counts.load_one(integration).await?.unwrap_or(0)) })
    };
    Ok(SyncRunConnection(Page::new(LIST, &window, slice, |view| SyncRun::new(moment, view), count)))
}

connection! {
    /// A page of syncs, the newest first.
    SyncRunConnection,
    /// A sync in a page.
    SyncRunEdge,
    SyncRun
}

/// One sync of an integration. Shown as it is now, whatever instant is asked for.
#[Object]
impl SyncRun {
    /// The global id.
    pub(super) async fn id(&self) -> ID {
        self.moment.id(IdKind::SyncRun, self.view.id)
    }

    /// The integration that was synced.
    async fn integration(&self) -> Result<Integration, ApiError> {
        Integration::of(&self.moment, self.view.integration_id).await
    }

    /// Why it was started.
    async fn trigger(&self) -> SyncTrigger {
        self.view.trigger.into()
    }

    /// How it stands or ended.
    async fn status(&self) -> SyncStatus {
        self.view.status.into()
    }

    /// When it was asked for or came due.
    async fn started_at(&self) -> DateTime {
        DateTime(self.view.queued_at)
    }

    /// When it ended. Null while it is queued or running.
    async fn finished_at(&self) -> Option<DateTime> {
        self.view.finished_at.map(DateTime)
    }

    /// How far it is.
    async fn progress(&self) -> SyncProgress {
        SyncProgress { stage: self.view.stage.into(), done: self.view.done, total: self.view.total }
    }

    /// How many HTTP requests it sent to Atlas, answers to authentication challenges included.
    async fn requests(&self) -> i32 {
        int(self.view.requests)
    }

    /// The lists that it was to read, and how that went. Empty until it has ended.
    async fn scopes(&self) -> Result<Vec<SyncScope>, ApiError> {
        if self.view.finished_at.is_none() {
            return Ok(Vec::new());
        }
        let scopes = self.moment.loaders.scopes.load_one(self.view.id).await?.unwrap_or_default();
        Ok(scopes.into_iter().map(|view| SyncScope { moment: Arc::clone(&self.moment), view }).collect())
    }

    /// What it changed. All zero until it has ended.
    async fn changes(&self) -> SyncChanges {
        let changes = self.view.changes;
        SyncChanges {
            added: changes.added,
            updated: changes.updated,
            removed: changes.removed,
            results_flipped: changes.results_flipped,
        }
    }

    /// What happened, in a few words for a person.
    async fn summary(&self) -> Result<String, ApiError> {
        Ok(story::summary(&self.view, &self.failed_lists().await?))
    }

    /// Why it failed, or why it waits for a person. Null when neither.
    async fn error(&self) -> Option<IntegrationError> {
        self.view.error.clone().map(IntegrationError::from)
    }

    /// The instant of the schedule that it stands for: there is never a second sync for it. Null when it stands for none.
    async fn scheduled_at(&self) -> Option<DateTime> {
        self.view.scheduled_at.map(DateTime)
    }

    /// How often it was begun: more than once when a process died, was shut down or met an error. After 5 attempts that
    /// failed so it ends.
    async fn attempts(&self) -> i32 {
        self.view.attempts.begun
    }

    /// How often a process that had lost its right to this sync tried to go on; each was stopped and wrote nothing.
    async fn turned_away(&self) -> i32 {
        self.view.attempts.turned_away
    }

    /// What it would have removed and withheld. Null when nothing.
    async fn withheld(&self) -> Result<Option<WithheldRemovals>, ApiError> {
        let Some(withheld) = &self.view.withheld else { return Ok(None) };
        let integration = self.moment.loaders.integrations.load_one(self.view.integration_id).await?;
        let removal = |removal: &views::Removal| WithheldRemoval {
            kind: removal.kind.into(),
            atlas_id: removal.atlas_id.clone(),
            name: removal.name.clone(),
        };
        Ok(Some(WithheldRemovals {
            total_count: int(withheld.total()),
            projects: int(withheld.projects),
            clusters: int(withheld.clusters),
            accounts: int(withheld.accounts),
            removals: withheld.removals.iter().map(removal).collect(),
            awaits_confirmation: integration.is_some_and(|integration| integration.held_run_id == Some(self.view.id)),
            confirmed_at: self.view.confirmed_at.map(DateTime),
        }))
    }

    /// When the next sync was planned for as this one ended; while this one waits after an error, when it is tried again.
    /// Null otherwise.
    async fn next_run_at(&self) -> Option<DateTime> {
        self.view.next_run_at.map(DateTime)
    }
}
