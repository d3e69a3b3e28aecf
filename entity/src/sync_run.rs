//! One sync of one integration.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Eq)]
#[sea_orm(table_name = "sync_run")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub workspace_id: i64,
    pub integration_id: i64,
    #[sea_orm(column_type = "Text")]
    pub trigger_kind: String,
    #[sea_orm(column_type = "Text")]
    pub status: String,
    pub queued_at: i64,
    /// When reading began: what was read is at least as new as this.
    pub read_at: Option<i64>,
    pub finished_at: Option<i64>,
    #[sea_orm(column_type = "Text")]
    pub stage: String,
    pub done: i32,
    pub total: Option<i32>,
    pub requests: i64,
    pub added: i32,
    pub updated: i32,
    pub removed: i32,
    pub results_flipped: i32,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
