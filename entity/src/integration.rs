//! A connected (or once connected) organization, its credentials and its sync lease.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Eq)]
#[sea_orm(table_name = "integration")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub workspace_id: i64,
    #[sea_orm(column_type = "Text")]
    pub provider: String,
    #[sea_orm(column_type = "Text")]
    pub organization_id: String,
    #[sea_orm(column_type = "Text")]
    pub organization_name: String,
    #[sea_orm(column_type = "Text")]
    pub public_key: String,
    /// Gone after a disconnect.
    pub sealed_private_key: Option<Vec<u8>>,
    #[sea_orm(column_type = "Text")]
    pub key_profile: String,
    pub connected_at: i64,
    pub disconnected_at: Option<i64>,
    #[sea_orm(column_type = "Text", nullable)]
    pub error_code: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub error_message: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub error_remedy: Option<String>,
    pub error_at: Option<i64>,
    /// JSON: what the brake withheld, by kind.
    #[sea_orm(column_type = "Text", nullable)]
    pub held_removals: Option<String>,
    pub next_run_at: Option<i64>,
    #[sea_orm(column_type = "Text", nullable)]
    pub lease_owner: Option<String>,
    pub lease_until: Option<i64>,
    /// Rises with each claim; a commit by an older epoch is refused.
    pub epoch: i64,
    pub attempt: i32,
    /// The scheduled instant that the next run stands for; `next_run_at` may be later.
    pub slot_at: Option<i64>,
    /// Until then Atlas is to be left alone.
    pub not_before: Option<i64>,
    /// The run whose removals are withheld.
    pub held_run_id: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
