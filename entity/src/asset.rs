//! The identity of an asset and what people said of it by hand.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Eq)]
#[sea_orm(table_name = "asset")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub workspace_id: i64,
    pub integration_id: i64,
    #[sea_orm(column_type = "Text")]
    pub atlas_id: String,
    pub first_seen_at: i64,
    pub manual_owner_id: Option<i64>,
    #[sea_orm(column_type = "Text", nullable)]
    pub manual_description: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub manual_user_data: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
