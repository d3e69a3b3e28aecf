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
    /// The scheduled instant that it stands for; unique in its integration.
    pub scheduled_at: Option<i64>,
    /// The worker that claimed it last.
    #[sea_orm(column_type = "Text", nullable)]
    pub owner: Option<String>,
    /// Of the last claim.
    pub epoch: i64,
    /// How often it was claimed.
    pub attempts: i32,
    /// How often its lease ran out under a worker.
    pub taken_over: i32,
    /// How often a worker that was shut down gave it back.
    pub given_back: i32,
    /// How often it broke off for a reason of ours.
    pub broke_off: i32,
    /// How often a worker that had lost its lease was refused.
    pub turned_away: i32,
    #[sea_orm(column_type = "Text", nullable)]
    pub error_code: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub error_message: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub error_remedy: Option<String>,
    /// JSON: what the brake withheld, for people to see.
    #[sea_orm(column_type = "Text", nullable)]
    pub withheld: Option<String>,
    /// When a person had the withheld removals done.
    pub confirmed_at: Option<i64>,
    /// When the integration was due again after it.
    pub next_run_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
