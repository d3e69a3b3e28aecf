//! What was true of a person, as intervals.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Eq)]
#[sea_orm(table_name = "person_fact")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub workspace_id: i64,
    pub person_id: i64,
    #[sea_orm(column_type = "Text")]
    pub full_name: String,
    #[sea_orm(column_type = "Text")]
    pub email: String,
    #[sea_orm(column_type = "Text")]
    pub aliases: String,
    #[sea_orm(column_type = "Text")]
    pub status: String,
    #[sea_orm(column_type = "Text", nullable)]
    pub starts_on: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub ends_on: Option<String>,
    /// From this instant the person counts as having left; null: not foreseen.
    pub leaves_at: Option<i64>,
    /// Where each value comes from, as JSON.
    #[sea_orm(column_type = "Text")]
    pub sources: String,
    /// The full name as it is compared: lower case, single spaces.
    #[sea_orm(column_type = "Text")]
    pub name_key: String,
    #[sea_orm(column_type = "Text")]
    pub search_text: String,
    pub valid_from: i64,
    pub valid_to: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
