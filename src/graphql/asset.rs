//! What the inventory holds, whatever kind of thing it is.
#![expect(clippy::duplicated_attributes, reason = "fields of an interface may have the same type")]

use std::sync::Arc;

use async_graphql::{Enum, ID, InputObject, Interface};

use super::cluster::AtlasCluster;
use super::connection::{Counting, List, Page, PageArgs, connection};
use super::control_result::ControlResult;
use super::error::ApiError;
use super::filters::OrderDirection;
use super::integration::Integration;
use super::person::Person;
use super::project::{Project, Tag};
use super::scalars::DateTime;
use super::session::Moment;
use crate::domain;
use crate::store::read::AssetParent;
use crate::store::read::page::Direction;
use crate::store::read::{AssetFilter, AssetOrder as StoredOrder};
use crate::store::views::AssetView;

/// A kind of asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum AssetKind {
    /// A database cluster.
    DatabaseCluster,
}

/// Whether personal data of users lives in an asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::UserDataClassification")]
pub enum UserDataClassification {
    /// It does.
    ContainsUserData,
    /// It does not.
    NoUserData,
    /// Nobody has said.
    Unclassified,
}

/// Who said what is said of an asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::AnnotationSource")]
pub enum AnnotationSource {
    /// Somebody set it here. This outranks tags.
    Manual,
    /// A tag in Atlas.
    ProviderTag,
}

/// Something in the inventory.
#[derive(Clone, Interface)]
#[graphql(
    field(name = "id", ty = "ID", desc = "The global id."),
    field(name = "name", ty = "String", desc = "The asset's name in its provider."),
    field(name = "kind", ty = "AssetKind", desc = "What kind of thing it is."),
    field(
        name = "integration",
        ty = "Result<Integration, ApiError>",
        desc = "The integration that it was read through."
    ),
    field(
        name = "project",
        ty = "Result<Option<Project>, ApiError>",
        desc = "The project that it lives in. Null when it lives in none, or was not in the project list that was read."
    ),
    field(
        name = "owner",
        ty = "Result<Option<Person>, ApiError>",
        desc = "The person who answers for it. Null when nobody is set, or the tag names nobody known."
    ),
    field(
        name = "owner_source",
        ty = "Option<AnnotationSource>",
        desc = "Who said who the owner is. Null when there is none."
    ),
    field(name = "description", ty = "Option<String>", desc = "What it is for. Null when nobody has said."),
    field(
        name = "description_source",
        ty = "Option<AnnotationSource>",
        desc = "Who wrote the description. Null when there is none."
    ),
    field(name = "user_data", ty = "UserDataClassification", desc = "Whether personal data of users lives in it."),
    field(
        name = "user_data_source",
        ty = "Option<AnnotationSource>",
        desc = "Who classified it. Null when it is unclassified."
    ),
    field(name = "tags", ty = "Vec<Tag>", desc = "Its tags in the provider."),
    field(name = "first_seen_at", ty = "DateTime", desc = "When a sync first found it."),
    field(
        name = "last_seen_at",
        ty = "Result<DateTime, ApiError>",
        desc = "When the list that it is in was last read to the end with it in it."
    ),
    field(
        name = "removed_at",
        ty = "Option<DateTime>",
        desc = "When a sync found that it was gone. Null while it is there."
    ),
    field(
        name = "control_results",
        ty = "Result<Vec<ControlResult>, ApiError>",
        desc = "What each control says about it, by control key. Empty once it was removed."
    )
)]
pub enum Asset {
    AtlasCluster(AtlasCluster),
}

impl Asset {
    pub fn new(moment: &Arc<Moment>, view: Arc<AssetView>) -> Self {
        Self::AtlasCluster(AtlasCluster::new(moment, view))
    }

    pub async fn find(moment: &Arc<Moment>, id: i64) -> Result<Option<Self>, ApiError> {
        Ok(moment.loaders.assets.load_one(id).await?.map(|view| Self::new(moment, view)))
    }
}

/// What assets can be ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "StoredOrder")]
pub enum AssetOrderField {
    /// The name.
    Name,
    /// When it was created in its provider; what is not dated comes before everything.
    CreatedAt,
    /// When a sync first found it.
    FirstSeenAt,
}

/// How to order assets. Ties are broken in a stable way.
#[derive(Debug, Clone, Copy, InputObject)]
pub struct AssetOrder {
    /// What to order by.
    field: AssetOrderField,
    /// Which end comes first.
    direction: OrderDirection,
}

/// An order in the store's words, and its name in cursors.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sorted {
    pub order: StoredOrder,
    pub direction: Direction,
}

impl From<Option<AssetOrder>> for Sorted {
    fn from(order: Option<AssetOrder>) -> Self {
        order.map_or_else(Self::default, |order| Self { order: order.field.into(), direction: order.direction.into() })
    }
}

impl Sorted {
    const fn word(self) -> &'static str {
        match (self.order, self.direction) {
            (StoredOrder::Name, Direction::Ascending) => "NAME ASC",
            (StoredOrder::Name, Direction::Descending) => "NAME DESC",
            (StoredOrder::CreatedAt, Direction::Ascending) => "CREATED_AT ASC",
            (StoredOrder::CreatedAt, Direction::Descending) => "CREATED_AT DESC",
            (StoredOrder::FirstSeenAt, Direction::Ascending) => "FIRST_SEEN_AT ASC",
            (StoredOrder::FirstSeenAt, Direction::Descending) => "FIRST_SEEN_AT DESC",
        }
    }
}

pub async fn page(
    moment: &Arc<Moment>,
    filter: AssetFilter,
    sorted: Sorted,
    args: PageArgs,
) -> Result<AssetConnection, ApiError> {
    let list = List { name: "assets", order: sorted.word() };
    let window = args.window(list)?;
    let slice = moment.reader.assets(&filter, sorted.order, sorted.direction, &window).await?;
    let reader = moment.reader.clone();
    let count = move || -> Counting {
        let (reader, filter) = (reader.clone(), filter.clone());
        Box::pin(async move { Ok(reader.count_assets(&filter).await?) })
    };
    Ok(AssetConnection(Page::new(list, &window, slice, |view| Asset::new(moment, Arc::new(view)), count)))
}

/// A page of what hangs on one parent, read together with those of its like.
pub async fn page_of(
    moment: &Arc<Moment>,
    parent: AssetParent,
    id: i64,
    args: PageArgs,
) -> Result<AssetConnection, ApiError> {
    let list = List { name: "assets", order: Sorted::default().word() };
    let window = args.window(list)?;
    let slice = moment.loaders.assets_of.load_one((parent, id, window.clone())).await?.unwrap_or_default();
    let counted = Arc::clone(moment);
    let count = move || -> Counting {
        let moment = Arc::clone(&counted);
        Box::pin(async move { Ok(moment.loaders.asset_counts.load_one((parent, id)).await?.unwrap_or(0)) })
    };
    Ok(AssetConnection(Page::new(list, &window, slice, |view| Asset::new(moment, view), count)))
}

connection! {
    /// A page of assets.
    AssetConnection,
    /// An asset in a page.
    AssetEdge,
    Asset
}
