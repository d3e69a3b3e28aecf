//! The verdict of a control on a subject, as intervals.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Eq)]
#[sea_orm(table_name = "control_result")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub workspace_id: i64,
    pub integration_id: i64,
    #[sea_orm(column_type = "Text")]
    pub control_key: String,
    #[sea_orm(column_type = "Text")]
    pub subject_kind: String,
    pub subject_id: i64,
    pub scope_id: i64,
    /// A second list that the verdict rests on.
    pub second_scope_id: Option<i64>,
    #[sea_orm(column_type = "Text")]
    pub outcome: String,
    #[sea_orm(column_type = "Text")]
    pub reason: String,
    #[sea_orm(column_type = "Text")]
    pub message: String,
    #[sea_orm(column_type = "Text")]
    pub evidence: String,
    pub since: i64,
    /// From this instant the flip_ columns hold: time alone changes the verdict.
    pub flip_at: Option<i64>,
    #[sea_orm(column_type = "Text", nullable)]
    pub flip_outcome: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub flip_reason: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub flip_message: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub flip_evidence: Option<String>,
    pub valid_from: i64,
    pub valid_to: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
