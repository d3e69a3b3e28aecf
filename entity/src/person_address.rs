//! Every e-mail address and alias of today's people, lower-cased.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Eq)]
#[sea_orm(table_name = "person_address")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub workspace_id: i64,
    pub person_id: i64,
    #[sea_orm(column_type = "Text")]
    pub address: String,
    /// What stands before the `@`, and before a `+` in that.
    #[sea_orm(column_type = "Text")]
    pub local_part: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
