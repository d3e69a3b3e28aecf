//! The identity of an account and the person linked to it by hand.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Eq)]
#[sea_orm(table_name = "account")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub workspace_id: i64,
    pub integration_id: i64,
    #[sea_orm(column_type = "Text")]
    pub kind: String,
    /// The lower-cased login of a user, else Atlas's id.
    #[sea_orm(column_type = "Text")]
    pub natural_key: String,
    #[sea_orm(column_type = "Text")]
    pub atlas_id: String,
    pub first_seen_at: i64,
    pub manual_person_id: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
