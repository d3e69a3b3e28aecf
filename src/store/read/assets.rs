//! Assets: pages, counts and look-ups by id.

use std::collections::HashMap;

use sea_orm::FromQueryResult;
use sea_orm::sea_query::{Alias, Expr, ExprTrait, JoinType, Query, SelectStatement};

use super::page::{Cursor, Direction, Keyset, Slice, SortKey, Window};
use super::{Reader, one_of};
use crate::domain::{AnnotationSource, Deployment, UserDataClassification};
use crate::store::StoreError;
use crate::store::convert::{from_json, instant, word};
use crate::store::views::{AssetView, SubjectKind};

#[derive(Debug, Clone, Default)]
pub struct AssetFilter {
    pub search: Option<String>,
    pub integration_id: Option<i64>,
    pub project_id: Option<i64>,
    pub deployment: Option<Vec<Deployment>>,
    pub cloud: Option<String>,
    pub region: Option<String>,
    pub tier: Option<String>,
    pub owner_id: Option<i64>,
    pub has_owner: Option<bool>,
    pub has_description: Option<bool>,
    pub user_data: Option<Vec<UserDataClassification>>,
    /// A control's key: assets that fail it.
    pub failing: Option<String>,
    pub include_removed: bool,
    pub ids: Option<Vec<i64>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AssetOrder {
    #[default]
    Name,
    CreatedAt,
    FirstSeenAt,
}

/// What a list of assets hangs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AssetParent {
    Project,
    Owner,
}

impl AssetParent {
    const fn column(self) -> (&'static str, &'static str) {
        match self {
            Self::Project => ("f", "project_id"),
            Self::Owner => ("s", "owner_id"),
        }
    }

    fn filter(self, parent: i64) -> AssetFilter {
        match self {
            Self::Project => AssetFilter { project_id: Some(parent), ..AssetFilter::default() },
            Self::Owner => AssetFilter { owner_id: Some(parent), ..AssetFilter::default() },
        }
    }

    const fn of(self, view: &AssetView) -> Option<i64> {
        match self {
            Self::Project => Some(view.project_id),
            Self::Owner => view.owner_id,
        }
    }
}

#[derive(FromQueryResult)]
struct Row {
    asset_id: i64,
    integration_id: i64,
    project_id: i64,
    scope_id: i64,
    document: String,
    name: String,
    created_at: i64,
    first_seen_at: i64,
    valid_to: Option<i64>,
    owner_id: Option<i64>,
    owner_source: Option<String>,
    description: Option<String>,
    description_source: Option<String>,
    user_data: Option<String>,
    user_data_source: Option<String>,
}

impl Reader {
    pub async fn assets(
        &self,
        filter: &AssetFilter,
        order: AssetOrder,
        direction: Direction,
        window: &Window,
    ) -> Result<Slice<AssetView>, StoreError> {
        let mut select = self.select_assets(filter, order == AssetOrder::FirstSeenAt).await?;
        let (column, id) = match order {
            AssetOrder::Name => (("f", "name"), ("f", "asset_id")),
            AssetOrder::CreatedAt => (("f", "created_at"), ("f", "asset_id")),
            AssetOrder::FirstSeenAt => {
                select.and_where(Expr::col(("a", "workspace_id")).eq(self.workspace));
                (("a", "first_seen_at"), ("a", "id"))
            }
        };
        Keyset { column: Some(column), id, direction }.apply(&mut select, window);
        let rows = self.all::<Row>(&select).await?;
        let rows = rows.into_iter().map(|row| {
            let key = match order {
                AssetOrder::Name => SortKey::Text(row.name.clone()),
                AssetOrder::CreatedAt => SortKey::Number(row.created_at),
                AssetOrder::FirstSeenAt => SortKey::Number(row.first_seen_at),
            };
            let cursor = Cursor { key, id: row.asset_id };
            Ok((self.asset(row)?, cursor))
        });
        Ok(window.slice(rows.collect::<Result<_, StoreError>>()?))
    }

    pub async fn count_assets(&self, filter: &AssetFilter) -> Result<u64, StoreError> {
        let select = self.select_assets(filter, false).await?;
        self.count(select).await
    }

    /// The same page, by name, of the assets of each of these parents. Parents without any are left out.
    pub async fn assets_of(
        &self,
        parent: AssetParent,
        ids: &[i64],
        window: &Window,
    ) -> Result<HashMap<i64, Slice<AssetView>>, StoreError> {
        if let [only] = ids {
            let slice = self.assets(&parent.filter(*only), AssetOrder::Name, Direction::Ascending, window).await?;
            return Ok(HashMap::from([(*only, slice)]));
        }
        let keyset = Keyset { column: Some(("f", "name")), id: ("f", "asset_id"), direction: Direction::Ascending };
        let select = keyset.apply_each(self.assets_below(parent, ids), window, parent.column());
        let rows = self.all::<Row>(&select).await?.into_iter().filter_map(|row| {
            let cursor = Cursor { key: SortKey::Text(row.name.clone()), id: row.asset_id };
            let view = self.asset(row);
            view.map(|view| parent.of(&view).map(|id| (id, (view, cursor)))).transpose()
        });
        Ok(window.slices(rows.collect::<Result<Vec<_>, StoreError>>()?))
    }

    /// How many assets each of these parents has; those without any are left out.
    pub async fn count_assets_of(&self, parent: AssetParent, ids: &[i64]) -> Result<HashMap<i64, u64>, StoreError> {
        self.count_each(self.assets_below(parent, ids), parent.column()).await
    }

    fn assets_below(&self, parent: AssetParent, ids: &[i64]) -> SelectStatement {
        let mut select = self.base_assets(false, self.is_of_now(false));
        select.and_where(Expr::col(parent.column()).is_in(ids.to_vec()));
        if parent == AssetParent::Owner {
            select.and_where(self.here("s", false));
        }
        select
    }

    /// The assets with these ids, removed ones too.
    pub async fn assets_by_id(&self, ids: &[i64]) -> Result<Vec<AssetView>, StoreError> {
        let filter = AssetFilter { ids: Some(ids.to_vec()), include_removed: true, ..AssetFilter::default() };
        let select = self.select_assets(&filter, false).await?;
        self.all::<Row>(&select).await?.into_iter().map(|row| self.asset(row)).collect()
    }

    /// `by_identity`: found through their identities, which are in order.
    async fn select_assets(&self, filter: &AssetFilter, by_identity: bool) -> Result<SelectStatement, StoreError> {
        let is_narrowed = filter.integration_id.is_some() || filter.project_id.is_some() || filter.owner_id.is_some();
        let is_narrowed = is_narrowed && self.is_of_now(filter.include_removed);
        let mut select = self.base_assets(filter.include_removed, is_narrowed || by_identity);
        if let Some(ids) = &filter.ids {
            select.and_where(Expr::col(("f", "asset_id")).is_in(ids.clone()));
        }
        if let Some(search) = &filter.search {
            select.and_where(self.contains(("f", "search_text"), search));
        }
        if let Some(integration) = filter.integration_id {
            select.and_where(Expr::col(("f", "integration_id")).eq(integration));
        }
        if let Some(project) = filter.project_id {
            select.and_where(Expr::col(("f", "project_id")).eq(project));
        }
        if let Some(deployment) = &filter.deployment {
            select
                .and_where(one_of(("f", "deployment"), &deployment.iter().map(|word| word.word()).collect::<Vec<_>>()));
        }
        for (facet, value) in [("cloud", &filter.cloud), ("region", &filter.region), ("tier", &filter.tier)] {
            if let Some(value) = value {
                select.and_where(Expr::col(("f", "id")).in_subquery(facet_of(facet, value)));
            }
        }
        self.filter_standing(&mut select, filter);
        if let Some(control) = &filter.failing {
            select.and_where(Expr::exists(self.failing(SubjectKind::Asset, ("f", "asset_id"), control).await?));
        }
        Ok(select)
    }

    fn filter_standing(&self, select: &mut SelectStatement, filter: &AssetFilter) {
        if let Some(owner) = filter.owner_id {
            select.and_where(self.here("s", false)).and_where(Expr::col(("s", "owner_id")).eq(owner));
        }
        for (column, wanted) in [("owner_id", filter.has_owner), ("description", filter.has_description)] {
            match wanted {
                Some(true) => select.and_where(Expr::col(("s", column)).is_not_null()),
                Some(false) => select.and_where(Expr::col(("s", column)).is_null()),
                None => select,
            };
        }
        if let Some(classes) = &filter.user_data {
            select.and_where(one_of(("s", "user_data"), &classes.iter().map(|word| word.word()).collect::<Vec<_>>()));
        }
    }

    fn base_assets(&self, include_removed: bool, is_narrowed: bool) -> SelectStatement {
        let fact =
            ["asset_id", "integration_id", "project_id", "scope_id", "document", "name", "created_at", "valid_to"];
        let standing =
            ["owner_id", "owner_source", "description", "description_source", "user_data", "user_data_source"];
        let rows = if include_removed { self.latest("cluster_fact", "f", "asset_id") } else { self.valid("f") };
        Query::select()
            .columns(fact.map(|column| ("f", column)))
            .columns(standing.map(|column| ("s", column)))
            .expr_as(Expr::col(("a", "first_seen_at")), Alias::new("first_seen_at"))
            .from_as("cluster_fact", "f")
            .join_as(JoinType::InnerJoin, "asset", "a", Expr::col(("a", "id")).equals(("f", "asset_id")))
            .join_as(
                JoinType::LeftJoin,
                "asset_standing",
                "s",
                sea_orm::sea_query::Condition::all()
                    .add(Expr::col(("s", "asset_id")).equals(("f", "asset_id")))
                    .add(self.riding("s", "f", include_removed)),
            )
            .and_where(self.here("f", is_narrowed))
            .cond_where(rows)
            .to_owned()
    }

    fn asset(&self, row: Row) -> Result<AssetView, StoreError> {
        let source = |text: Option<String>, column| {
            text.map(|text| word(&text, AnnotationSource::from_word, "asset_standing", column)).transpose()
        };
        let user_data = match &row.user_data {
            Some(text) => word(text, UserDataClassification::from_word, "asset_standing", "user_data")?,
            None => UserDataClassification::Unclassified,
        };
        Ok(AssetView {
            id: row.asset_id,
            integration_id: row.integration_id,
            project_id: row.project_id,
            scope_id: row.scope_id,
            cluster: from_json(&row.document, "cluster_fact", "document")?,
            owner_id: row.owner_id,
            owner_source: source(row.owner_source, "owner_source")?,
            description: row.description,
            description_source: source(row.description_source, "description_source")?,
            user_data,
            user_data_source: source(row.user_data_source, "user_data_source")?,
            first_seen_at: instant(row.first_seen_at),
            removed_at: self.ended(row.valid_to),
        })
    }
}

fn facet_of(facet: &str, value: &str) -> SelectStatement {
    Query::select()
        .column("fact_id")
        .from("asset_facet")
        .and_where(Expr::col("facet").eq(facet))
        .and_where(Expr::col("value").eq(value))
        .to_owned()
}
