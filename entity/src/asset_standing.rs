//! Owner, description and classification in force, by hand or by tag, as intervals.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Eq)]
#[sea_orm(table_name = "asset_standing")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub workspace_id: i64,
    pub asset_id: i64,
    pub owner_id: Option<i64>,
    #[sea_orm(column_type = "Text", nullable)]
    pub owner_source: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub owner_tag: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub description: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub description_source: Option<String>,
    #[sea_orm(column_type = "Text")]
    pub user_data: String,
    #[sea_orm(column_type = "Text", nullable)]
    pub user_data_source: Option<String>,
    pub valid_from: i64,
    pub valid_to: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
