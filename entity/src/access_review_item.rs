//! One account in an access review: its access when the review began, and what was decided last.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel, Eq)]
#[sea_orm(table_name = "access_review_item")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub workspace_id: i64,
    pub review_id: i64,
    pub integration_id: i64,
    pub account_id: i64,
    #[sea_orm(column_type = "Text")]
    pub kind: String,
    #[sea_orm(column_type = "Text")]
    pub login: String,
    pub privileged: bool,
    /// Whose the account was.
    pub person_id: Option<i64>,
    /// The frozen access, as JSON.
    #[sea_orm(column_type = "Text")]
    pub access: String,
    /// Against the review before.
    #[sea_orm(column_type = "Text")]
    pub change_since: String,
    /// The person who is to decide.
    pub reviewer_id: Option<i64>,
    #[sea_orm(column_type = "Text", nullable)]
    pub decision: Option<String>,
    #[sea_orm(column_type = "Text", nullable)]
    pub comment: Option<String>,
    pub decided_at: Option<i64>,
    #[sea_orm(column_type = "Text", nullable)]
    pub decided_by: Option<String>,
    /// The commit of the sync that saw that the decision was carried out.
    pub remediated_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
