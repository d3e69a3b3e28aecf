//! A list that syncs read: an organization's, or one of a project's.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Eq)]
#[sea_orm(table_name = "scope")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub workspace_id: i64,
    pub integration_id: i64,
    #[sea_orm(column_type = "Text")]
    pub kind: String,
    /// The project's 24-hex id; empty for the organization's own lists.
    #[sea_orm(column_type = "Text")]
    pub project: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
