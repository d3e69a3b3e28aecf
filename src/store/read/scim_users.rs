//! People as the identity provider wrote them by SCIM. They are shown as they are now: the past is told by the people.

use entity::scim_user;
use sea_orm::Iterable;
use sea_orm::sea_query::{Expr, ExprTrait, Query, SelectStatement};

use super::Reader;
use crate::domain::Instant;
use crate::store::StoreError;
use crate::store::convert::instant;

/// What was written by SCIM of one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScimUserView {
    pub id: i64,
    pub person_id: i64,
    /// What clients know it by.
    pub resource_id: String,
    /// JSON.
    pub document: String,
    pub created_at: Instant,
    pub changed_at: Instant,
}

/// What users can be found by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScimUserKey {
    ResourceId(String),
    /// Lower-cased.
    UserName(String),
    ExternalId(String),
    /// An e-mail address, lower-cased.
    Address(String),
}

impl Reader {
    /// The first users, in the order in which they were made, after the one with this id and so many more.
    pub async fn scim_users(
        &self,
        key: Option<&ScimUserKey>,
        after: i64,
        offset: u64,
        limit: u64,
    ) -> Result<Vec<ScimUserView>, StoreError> {
        let mut select = selected(self.workspace, key);
        select.and_where(Expr::col(("u", "id")).gt(after)).order_by(("u", "id"), sea_orm::Order::Asc);
        select.limit(limit).offset(offset);
        Ok(self.all::<scim_user::Model>(&select).await?.into_iter().map(ScimUserView::from).collect())
    }

    pub async fn count_scim_users(&self) -> Result<u64, StoreError> {
        self.count(selected(self.workspace, None)).await
    }
}

/// The users of a workspace that have this key.
pub(in crate::store) fn selected(workspace: i64, key: Option<&ScimUserKey>) -> SelectStatement {
    let mut select = Query::select()
        .columns(scim_user::Column::iter().map(|column| ("u", column)))
        .from_as(scim_user::Entity, "u")
        .and_where(Expr::col(("u", "workspace_id")).eq(workspace))
        .to_owned();
    if let Some(key) = key {
        select.and_where(match key {
            ScimUserKey::ResourceId(id) => Expr::col(("u", "resource_id")).eq(id),
            ScimUserKey::UserName(name) => Expr::col(("u", "user_name")).eq(name),
            ScimUserKey::ExternalId(id) => Expr::col(("u", "external_id")).eq(id),
            ScimUserKey::Address(address) => Expr::col(("u", "id")).in_subquery(having(workspace, address)),
        });
    }
    select
}

/// The users with an address.
fn having(workspace: i64, address: &str) -> SelectStatement {
    Query::select()
        .column("scim_user_id")
        .from("scim_user_address")
        .and_where(Expr::col("workspace_id").eq(workspace))
        .and_where(Expr::col("address").eq(address))
        .to_owned()
}

impl From<scim_user::Model> for ScimUserView {
    fn from(row: scim_user::Model) -> Self {
        Self {
            id: row.id,
            person_id: row.person_id,
            resource_id: row.resource_id,
            document: row.document,
            created_at: instant(row.created_at),
            changed_at: instant(row.changed_at),
        }
    }
}
