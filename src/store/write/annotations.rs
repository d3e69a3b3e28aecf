//! What people say by hand of assets and accounts; it belongs to the identity and outlives syncs.

use entity::{account, account_fact, asset, cluster_fact};
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};

use super::Writer;
use crate::domain::{Manual, UserDataClassification};
use crate::store::StoreError;
use crate::store::convert::word;

impl Writer {
    /// What was said by hand of an asset. None: there is no such asset in this workspace.
    pub async fn manual(&self, asset: i64) -> Result<Option<Manual>, StoreError> {
        let row = asset::Entity::find_by_id(asset)
            .filter(asset::Column::WorkspaceId.eq(self.workspace))
            .one(self.tx.as_ref())
            .await?;
        row.map(|row| {
            let user_data = row
                .manual_user_data
                .map(|text| word(&text, UserDataClassification::from_word, "asset", "manual_user_data"))
                .transpose()?;
            Ok(Manual { owner: row.manual_owner_id, description: row.manual_description, user_data })
        })
        .transpose()
    }

    /// What an asset was last called.
    pub async fn asset_name(&self, asset: i64) -> Result<Option<String>, StoreError> {
        let newest = cluster_fact::Entity::find()
            .filter(cluster_fact::Column::WorkspaceId.eq(self.workspace))
            .filter(cluster_fact::Column::AssetId.eq(asset))
            .order_by_desc(cluster_fact::Column::ValidFrom);
        Ok(newest.one(self.tx.as_ref()).await?.map(|fact| fact.name))
    }

    /// What an account last signed in with.
    pub async fn account_login(&self, account: i64) -> Result<Option<String>, StoreError> {
        let newest = account_fact::Entity::find()
            .filter(account_fact::Column::WorkspaceId.eq(self.workspace))
            .filter(account_fact::Column::AccountId.eq(account))
            .order_by_desc(account_fact::Column::ValidFrom);
        Ok(newest.one(self.tx.as_ref()).await?.map(|fact| fact.login))
    }

    pub async fn put_manual(&self, asset: i64, manual: Manual) -> Result<(), StoreError> {
        let update = Query::update()
            .table("asset")
            .value("manual_owner_id", manual.owner)
            .value("manual_description", manual.description)
            .value("manual_user_data", manual.user_data.map(|class| class.word().to_owned()))
            .and_where(Expr::col("id").eq(asset))
            .and_where(Expr::col("workspace_id").eq(self.workspace))
            .to_owned();
        self.tx.execute(&update).await?;
        Ok(())
    }

    /// Whether there is such an account in this workspace, and the person linked by hand.
    pub async fn manual_link(&self, account: i64) -> Result<Option<Option<i64>>, StoreError> {
        let row = account::Entity::find_by_id(account)
            .filter(account::Column::WorkspaceId.eq(self.workspace))
            .one(self.tx.as_ref())
            .await?;
        Ok(row.map(|row| row.manual_person_id))
    }

    pub async fn put_manual_link(&self, account: i64, person: Option<i64>) -> Result<(), StoreError> {
        let update = Query::update()
            .table("account")
            .value("manual_person_id", person)
            .and_where(Expr::col("id").eq(account))
            .and_where(Expr::col("workspace_id").eq(self.workspace))
            .to_owned();
        self.tx.execute(&update).await?;
        Ok(())
    }
}
