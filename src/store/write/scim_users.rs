//! Writing what an identity provider says of people by SCIM.

use std::collections::BTreeSet;

use entity::{scim_user, scim_user_address};
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::Writer;
use crate::store::StoreError;
use crate::store::read::scim_users::selected;
use crate::store::read::{ScimUserKey, ScimUserView};

/// What is kept of a user.
#[derive(Debug, Clone)]
pub struct ScimUserPut {
    pub person_id: i64,
    pub resource_id: String,
    /// Lower-cased.
    pub user_name: String,
    pub external_id: Option<String>,
    /// JSON.
    pub document: String,
    /// Lower-cased.
    pub addresses: BTreeSet<String>,
}

impl Writer {
    /// A user that has this key: the first of several.
    pub async fn scim_user(&self, key: &ScimUserKey) -> Result<Option<ScimUserView>, StoreError> {
        let select = selected(self.workspace, Some(key));
        Ok(self.all::<scim_user::Model>(&select).await?.into_iter().next().map(ScimUserView::from))
    }

    /// Which of these people are managed by SCIM.
    pub async fn managed_by_scim(&self, people: &[i64]) -> Result<Vec<i64>, StoreError> {
        let rows = scim_user::Entity::find()
            .filter(scim_user::Column::WorkspaceId.eq(self.workspace))
            .filter(scim_user::Column::PersonId.is_in(people.to_vec()))
            .all(self.tx.as_ref())
            .await?;
        Ok(rows.into_iter().map(|row| row.person_id).collect())
    }

    /// Writes a user: over the row of `before`, or a new one.
    pub async fn put_scim_user(
        &self,
        before: Option<&ScimUserView>,
        put: ScimUserPut,
    ) -> Result<ScimUserView, StoreError> {
        let row = scim_user::ActiveModel {
            id: before.map_or(NotSet, |before| Set(before.id)),
            workspace_id: Set(self.workspace),
            person_id: Set(put.person_id),
            resource_id: Set(put.resource_id.clone()),
            user_name: Set(put.user_name),
            external_id: Set(put.external_id),
            document: Set(put.document.clone()),
            created_at: before.map_or(Set(self.at), |_| NotSet),
            changed_at: Set(self.at),
        };
        let id = if let Some(before) = before {
            scim_user::Entity::update(row).exec(self.tx.as_ref()).await?;
            self.forget_addresses(before.id).await?;
            before.id
        } else {
            scim_user::Entity::insert(row).exec(self.tx.as_ref()).await?.last_insert_id
        };
        let address = |address| scim_user_address::ActiveModel {
            id: NotSet,
            workspace_id: Set(self.workspace),
            scim_user_id: Set(id),
            address: Set(address),
        };
        self.insert(put.addresses.into_iter().map(address).collect()).await?;
        Ok(ScimUserView {
            id,
            person_id: put.person_id,
            resource_id: put.resource_id,
            document: put.document,
            created_at: before.map_or(self.at(), |before| before.created_at),
            changed_at: self.at(),
        })
    }

    pub async fn delete_scim_user(&self, id: i64) -> Result<(), StoreError> {
        self.forget_addresses(id).await?;
        scim_user::Entity::delete_by_id(id).exec(self.tx.as_ref()).await?;
        Ok(())
    }

    async fn forget_addresses(&self, id: i64) -> Result<(), StoreError> {
        scim_user_address::Entity::delete_many()
            .filter(scim_user_address::Column::ScimUserId.eq(id))
            .exec(self.tx.as_ref())
            .await?;
        Ok(())
    }
}
