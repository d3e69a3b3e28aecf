//! One value of a many-valued property of a cluster fact: a cloud, a region or a tier.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Eq)]
#[sea_orm(table_name = "asset_facet")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub fact_id: i64,
    #[sea_orm(column_type = "Text")]
    pub facet: String,
    #[sea_orm(column_type = "Text")]
    pub value: String,
    pub workspace_id: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
