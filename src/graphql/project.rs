//! A project: the room in an organization that clusters live in.

use std::sync::Arc;

use async_graphql::{ID, Object, SimpleObject};

use super::asset::{self, AssetConnection};
use super::connection::{Counting, List, Page, PageArgs, connection};
use super::error::ApiError;
use super::ids::IdKind;
use super::integration::Integration;
use super::scalars::{DateTime, int};
use super::session::Moment;
use crate::domain;
use crate::store::read::{AssetParent, ProjectFilter};
use crate::store::views::ProjectView;

/// A label that people gave to something in Atlas.
#[derive(Debug, SimpleObject)]
pub struct Tag {
    /// The label's name.
    key: String,
    /// The label's value.
    value: String,
}

impl Tag {
    pub fn all(tags: &[domain::Tag]) -> Vec<Self> {
        tags.iter().map(|tag| Self { key: tag.key.clone(), value: tag.value.clone() }).collect()
    }
}

#[derive(Clone)]
pub struct Project {
    moment: Arc<Moment>,
    view: Arc<ProjectView>,
}

impl Project {
    pub fn new(moment: &Arc<Moment>, view: Arc<ProjectView>) -> Self {
        Self { moment: Arc::clone(moment), view }
    }

    pub async fn find(moment: &Arc<Moment>, id: i64) -> Result<Option<Self>, ApiError> {
        Ok(moment.loaders.projects.load_one(id).await?.map(|view| Self::new(moment, view)))
    }

    pub async fn find_some(moment: &Arc<Moment>, id: Option<i64>) -> Result<Option<Self>, ApiError> {
        match id {
            Some(id) => Self::find(moment, id).await,
            None => Ok(None),
        }
    }
}

pub async fn page(moment: &Arc<Moment>, filter: ProjectFilter, args: PageArgs) -> Result<ProjectConnection, ApiError> {
    let list = List { name: "projects", order: "NAME ASC" };
    let window = args.window(list)?;
    let slice = moment.reader.projects(&filter, &window).await?;
    let reader = moment.reader.clone();
    let count = move || -> Counting {
        let (reader, filter) = (reader.clone(), filter.clone());
        Box::pin(async move { Ok(reader.count_projects(&filter).await?) })
    };
    Ok(ProjectConnection(Page::new(list, &window, slice, |view| Project::new(moment, Arc::new(view)), count)))
}

connection! {
    /// A page of projects, by name.
    ProjectConnection,
    /// A project in a page.
    ProjectEdge,
    Project
}

/// A project of an Atlas organization; clusters live in projects.
#[Object]
impl Project {
    /// The global id.
    pub(super) async fn id(&self) -> ID {
        self.moment.id(IdKind::Project, self.view.id)
    }

    /// Atlas's own id, 24 hex digits.
    async fn atlas_id(&self) -> &str {
        &self.view.project.atlas_id
    }

    /// The project's name.
    async fn name(&self) -> &str {
        &self.view.project.name
    }

    /// The integration that it was read through.
    async fn integration(&self) -> Result<Integration, ApiError> {
        Integration::of(&self.moment, self.view.integration_id).await
    }

    /// When it was created in Atlas. Null where Atlas does not say.
    async fn created_at(&self) -> Option<DateTime> {
        self.view.project.created_at.map(DateTime)
    }

    /// Its tags in Atlas.
    async fn tags(&self) -> Vec<Tag> {
        Tag::all(&self.view.project.tags)
    }

    /// How many clusters it holds.
    async fn cluster_count(&self) -> Result<i32, ApiError> {
        Ok(self.moment.loaders.cluster_counts.load_one(self.view.id).await?.map_or(0, int))
    }

    /// The assets in it, by name.
    async fn assets(
        &self,
        #[graphql(desc = "How many from the start: 0 to 500, 50 when neither `first` nor `last` is given.")]
        first: Option<i32>,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end: 0 to 500. Not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "Only what precedes this cursor.")] before: Option<String>,
    ) -> Result<AssetConnection, ApiError> {
        let args = PageArgs { first, after, last, before };
        asset::page_of(&self.moment, AssetParent::Project, self.view.id, args).await
    }
}
