//! Projects, their customer keys and how many clusters they hold.

use std::collections::HashMap;

use sea_orm::FromQueryResult;
use sea_orm::sea_query::{Alias, Expr, ExprTrait, JoinType, Query, SelectStatement};

use super::Reader;
use super::page::{Cursor, Direction, Keyset, Slice, SortKey, Window};
use crate::domain::{EncryptionAtRest, Project};
use crate::store::StoreError;
use crate::store::convert::{from_json, instant};
use crate::store::views::ProjectView;

#[derive(Debug, Clone, Default)]
pub struct ProjectFilter {
    pub search: Option<String>,
    pub integration_id: Option<i64>,
}

#[derive(FromQueryResult)]
struct Row {
    project_id: i64,
    integration_id: i64,
    atlas_id: String,
    name: String,
    created_at: Option<i64>,
    tags: String,
}

impl Reader {
    /// Projects by name.
    pub async fn projects(&self, filter: &ProjectFilter, window: &Window) -> Result<Slice<ProjectView>, StoreError> {
        let mut select = self.select_projects(filter);
        let keyset = Keyset { column: Some(("f", "name")), id: ("f", "project_id"), direction: Direction::Ascending };
        keyset.apply(&mut select, window);
        let rows = self.all::<Row>(&select).await?.into_iter().map(|row| {
            let cursor = Cursor { key: SortKey::Text(row.name.clone()), id: row.project_id };
            Ok((project(row)?, cursor))
        });
        Ok(window.slice(rows.collect::<Result<_, StoreError>>()?))
    }

    pub async fn count_projects(&self, filter: &ProjectFilter) -> Result<u64, StoreError> {
        self.count(self.select_projects(filter)).await
    }

    /// The projects with these ids, removed ones too.
    pub async fn projects_by_id(&self, ids: &[i64]) -> Result<Vec<ProjectView>, StoreError> {
        let mut select = self.base_projects();
        select.and_where(Expr::col(("f", "project_id")).is_in(ids.to_vec())).cond_where(self.latest(
            "project_fact",
            "f",
            "project_id",
        ));
        self.all::<Row>(&select).await?.into_iter().map(project).collect()
    }

    /// How many clusters each of these projects holds, by project id; those without any are left out.
    pub async fn cluster_counts(&self, projects: &[i64]) -> Result<HashMap<i64, u32>, StoreError> {
        #[derive(FromQueryResult)]
        struct Count {
            project_id: i64,
            count: i64,
        }
        let select = Query::select()
            .column(("f", "project_id"))
            .expr_as(Expr::cust("COUNT(*)"), Alias::new("count"))
            .from_as("cluster_fact", "f")
            .and_where(Expr::col(("f", "workspace_id")).eq(self.workspace))
            .and_where(Expr::col(("f", "project_id")).is_in(projects.to_vec()))
            .cond_where(self.valid("f"))
            .group_by_col(("f", "project_id"))
            .to_owned();
        let counts = self.all::<Count>(&select).await?;
        Ok(counts.into_iter().map(|row| (row.project_id, u32::try_from(row.count).unwrap_or(u32::MAX))).collect())
    }

    /// The customer keys of these projects, by project id, where they were read.
    pub async fn encryption(&self, projects: &[i64]) -> Result<HashMap<i64, EncryptionAtRest>, StoreError> {
        #[derive(FromQueryResult)]
        struct Encryption {
            project_id: i64,
            document: String,
        }
        let select = Query::select()
            .columns([("f", "project_id"), ("f", "document")])
            .from_as("encryption_fact", "f")
            .and_where(Expr::col(("f", "workspace_id")).eq(self.workspace))
            .and_where(Expr::col(("f", "project_id")).is_in(projects.to_vec()))
            .cond_where(self.valid("f"))
            .to_owned();
        let rows = self.all::<Encryption>(&select).await?;
        rows.into_iter()
            .map(|row| Ok((row.project_id, from_json(&row.document, "encryption_fact", "document")?)))
            .collect()
    }

    /// Atlas's ids of an integration's projects.
    pub async fn project_atlas_ids(&self, integration: i64) -> Result<Vec<String>, StoreError> {
        let filter = ProjectFilter { integration_id: Some(integration), ..ProjectFilter::default() };
        let rows = self.all::<Row>(&self.select_projects(&filter)).await?;
        Ok(rows.into_iter().map(|row| row.atlas_id).collect())
    }

    fn select_projects(&self, filter: &ProjectFilter) -> SelectStatement {
        let mut select = self.base_projects();
        select.cond_where(self.valid("f"));
        if let Some(search) = &filter.search {
            select.and_where(self.contains(("f", "search_text"), search));
        }
        if let Some(integration) = filter.integration_id {
            select.and_where(Expr::col(("f", "integration_id")).eq(integration));
        }
        select
    }

    fn base_projects(&self) -> SelectStatement {
        Query::select()
            .columns(["project_id", "integration_id", "name", "created_at", "tags"].map(|column| ("f", column)))
            .expr_as(Expr::col(("i", "atlas_id")), Alias::new("atlas_id"))
            .from_as("project_fact", "f")
            .join_as(JoinType::InnerJoin, "project", "i", Expr::col(("i", "id")).equals(("f", "project_id")))
            .and_where(Expr::col(("f", "workspace_id")).eq(self.workspace))
            .to_owned()
    }
}

fn project(row: Row) -> Result<ProjectView, StoreError> {
    Ok(ProjectView {
        id: row.project_id,
        integration_id: row.integration_id,
        project: Project {
            atlas_id: row.atlas_id,
            name: row.name,
            created_at: row.created_at.map(instant),
            tags: from_json(&row.tags, "project_fact", "tags")?,
        },
    })
}
