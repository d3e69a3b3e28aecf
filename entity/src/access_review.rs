//! An access review: its name, its dates, and how it ended.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Eq)]
#[sea_orm(table_name = "access_review")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub workspace_id: i64,
    #[sea_orm(column_type = "Text")]
    pub name: String,
    /// The filter that chose the accounts, as JSON.
    #[sea_orm(column_type = "Text")]
    pub scope: String,
    pub started_at: i64,
    #[sea_orm(column_type = "Text")]
    pub started_by: String,
    #[sea_orm(column_type = "Text")]
    pub due_on: String,
    /// From this instant the review is overdue.
    pub due_at: i64,
    pub ended_at: Option<i64>,
    #[sea_orm(column_type = "Text", nullable)]
    pub ended_by: Option<String>,
    /// Why it was closed before every item was decided; null: it was completed.
    #[sea_orm(column_type = "Text", nullable)]
    pub close_reason: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
