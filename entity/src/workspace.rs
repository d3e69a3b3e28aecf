//! A workspace: every other row belongs to one.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Eq)]
#[sea_orm(table_name = "workspace")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    #[sea_orm(column_type = "Text")]
    pub name: String,
    /// The instant of the last commit; reads show this generation.
    pub generation_at: i64,
    #[sea_orm(column_type = "Text", nullable)]
    pub policy_fingerprint: Option<String>,
    pub created_at: i64,
    /// What had ended before this instant is gone, or goes. None: everything is there.
    pub history_from: Option<i64>,
    /// When pruning may begin next; while one is under way, when somebody else may take it up.
    pub prune_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
