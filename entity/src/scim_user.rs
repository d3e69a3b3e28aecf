//! A person as the identity provider wrote it by SCIM, as it is now.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Eq)]
#[sea_orm(table_name = "scim_user")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub workspace_id: i64,
    pub person_id: i64,
    /// What clients know it by; made at random.
    #[sea_orm(column_type = "Text")]
    pub resource_id: String,
    /// Lower-cased.
    #[sea_orm(column_type = "Text")]
    pub user_name: String,
    #[sea_orm(column_type = "Text", nullable)]
    pub external_id: Option<String>,
    /// The attributes as JSON.
    #[sea_orm(column_type = "Text")]
    pub document: String,
    pub created_at: i64,
    pub changed_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
