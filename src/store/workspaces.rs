//! Workspaces and the data keys that seal their credentials.

use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, Statement, TransactionTrait,
};

use super::audit::{Actor, AuditAction, AuditEntry, AuditKind};
use super::connect::database_now;
use super::convert::micros;
use super::sight::{self, Sight};
use super::{Store, StoreError, Writer};
use entity::{data_key, workspace};

/// The workspace that is always there.
pub const DEFAULT_WORKSPACE: &str = "default";

/// A workspace's data key, wrapped by the named master key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDataKey {
    pub workspace: i64,
    pub master_key_id: String,
    pub wrapped: Vec<u8>,
}

impl Store {
    /// The default workspace's id; makes it when it is missing, also when several processes start at once.
    pub async fn ensure_default_workspace(&self) -> Result<i64, StoreError> {
        if let Some(id) = self.workspace_by_name(DEFAULT_WORKSPACE).await? {
            return Ok(id);
        }
        match self.create_workspace(DEFAULT_WORKSPACE, "system").await {
            Err(StoreError::Duplicate(_)) => {}
            created => return created,
        }
        let id = self.workspace_by_name(DEFAULT_WORKSPACE).await?;
        id.ok_or_else(|| DbErr::RecordNotFound("the default workspace is gone again".to_owned()).into())
    }

    /// Answers `Duplicate` when the name is taken. `by` is the key of who makes it, for the audit ledger.
    pub async fn create_workspace(&self, name: &str, by: &str) -> Result<i64, StoreError> {
        let tx = self.begin_write(Sight::Clerk).await?;
        let id = next_id(&tx).await?;
        if let Some(id) = id {
            sight::take(&tx, Sight::Workspace(id), &self.clock).await?;
        }
        let now = micros(database_now(&tx, &self.clock).await?);
        let row = workspace::ActiveModel {
            id: id.map_or(NotSet, Set),
            name: Set(name.to_owned()),
            generation_at: Set(now),
            policy_fingerprint: Set(None),
            created_at: Set(now),
            history_from: NotSet,
            prune_at: NotSet,
        };
        let id = workspace::Entity::insert(row).exec(&tx).await?.last_insert_id;
        let writer = Writer::of_new(tx, id, now, self.changes.clone());
        let actor = Actor { workspace: id, key: by.to_owned(), name: by.to_owned(), request_id: None };
        let entry = AuditEntry::done(AuditAction::CreateWorkspace).about(AuditKind::Workspace, id, name);
        writer.audit(&actor, entry).await?;
        writer.commit().await?;
        Ok(id)
    }

    pub async fn workspace_by_name(&self, name: &str) -> Result<Option<i64>, StoreError> {
        let id = workspace::Entity::find()
            .select_only()
            .column(workspace::Column::Id)
            .filter(workspace::Column::Name.eq(name))
            .into_tuple();
        let (tx, _) = self.begin_read(Sight::Clerk).await?;
        Ok(id.one(&tx).await?)
    }

    /// Every workspace's id and name, the oldest first.
    pub async fn workspaces(&self) -> Result<Vec<(i64, String)>, StoreError> {
        let rows = workspace::Entity::find()
            .select_only()
            .columns([workspace::Column::Id, workspace::Column::Name])
            .order_by_asc(workspace::Column::Id)
            .into_tuple();
        let (tx, _) = self.begin_read(Sight::Clerk).await?;
        Ok(rows.all(&tx).await?)
    }

    /// The policy that the workspace's stored verdicts were made under.
    pub async fn policy_fingerprint(&self, workspace: i64) -> Result<Option<String>, StoreError> {
        let (tx, _) = self.begin_read(Sight::Workspace(workspace)).await?;
        let row = workspace::Entity::find_by_id(workspace).one(&tx).await?;
        Ok(row.and_then(|row| row.policy_fingerprint))
    }

    pub async fn set_policy_fingerprint(&self, workspace: i64, fingerprint: &str) -> Result<(), StoreError> {
        let tx = self.begin_write(Sight::Workspace(workspace)).await?;
        workspace::Entity::update_many()
            .col_expr(workspace::Column::PolicyFingerprint, fingerprint.into())
            .filter(workspace::Column::Id.eq(workspace))
            .exec(&tx)
            .await?;
        Ok(tx.commit().await?)
    }

    pub async fn data_key(&self, workspace: i64) -> Result<Option<StoredDataKey>, StoreError> {
        let (tx, _) = self.begin_read(Sight::Workspace(workspace)).await?;
        let row = data_key::Entity::find().filter(data_key::Column::WorkspaceId.eq(workspace)).one(&tx).await?;
        Ok(row.map(StoredDataKey::from))
    }

    /// Keeps the given key unless the workspace has one; answers the key that is kept.
    pub async fn insert_data_key_if_absent(
        &self,
        workspace: i64,
        master_key_id: &str,
        wrapped: Vec<u8>,
    ) -> Result<StoredDataKey, StoreError> {
        let tx = self.begin_write(Sight::Workspace(workspace)).await?;
        let row = data_key::ActiveModel {
            id: NotSet,
            workspace_id: Set(workspace),
            master_key_id: Set(master_key_id.to_owned()),
            wrapped_key: Set(wrapped),
            created_at: Set(micros(database_now(&tx, &self.clock).await?)),
        };
        data_key::Entity::insert(row)
            .on_conflict(OnConflict::column(data_key::Column::WorkspaceId).do_nothing().to_owned())
            .exec_without_returning(&tx)
            .await?;
        let kept = data_key::Entity::find().filter(data_key::Column::WorkspaceId.eq(workspace)).one(&tx).await?;
        tx.commit().await?;
        let kept = kept.ok_or_else(|| DbErr::RecordNotFound("the data key is gone again".to_owned()))?;
        Ok(kept.into())
    }

    /// The master keys that some workspace's data key is wrapped with. Asked over the connection for the check of
    /// readiness, so it never waits behind requests.
    pub async fn master_key_ids(&self) -> Result<Vec<String>, StoreError> {
        let ids = data_key::Entity::find().select_only().column(data_key::Column::MasterKeyId).distinct().into_tuple();
        let tx = self.probe.begin().await?;
        sight::take(&tx, Sight::Clerk, &self.clock).await?;
        Ok(ids.all(&tx).await?)
    }

    /// Every workspace's data key.
    pub async fn data_keys(&self) -> Result<Vec<StoredDataKey>, StoreError> {
        let (tx, _) = self.begin_read(Sight::Clerk).await?;
        let rows = data_key::Entity::find().order_by_asc(data_key::Column::WorkspaceId).all(&tx).await?;
        Ok(rows.into_iter().map(StoredDataKey::from).collect())
    }
}

impl Writer {
    /// Keeps the same data key in another wrapping. False: somebody else has wrapped it again meanwhile.
    pub async fn replace_data_key(
        &self,
        wrapped_by: &str,
        master_key_id: &str,
        wrapped: Vec<u8>,
    ) -> Result<bool, StoreError> {
        let outcome = data_key::Entity::update_many()
            .col_expr(data_key::Column::MasterKeyId, master_key_id.into())
            .col_expr(data_key::Column::WrappedKey, wrapped.into())
            .filter(data_key::Column::WorkspaceId.eq(self.workspace))
            .filter(data_key::Column::MasterKeyId.eq(wrapped_by))
            .exec(self.tx.as_ref())
            .await?;
        Ok(outcome.rows_affected == 1)
    }
}

/// Where the database has to know a workspace before a row of it is written, its id; elsewhere the row gets one itself.
async fn next_id(tx: &DatabaseTransaction) -> Result<Option<i64>, StoreError> {
    if tx.get_database_backend() != DbBackend::Postgres {
        return Ok(None);
    }
    let next = Statement::from_string(DbBackend::Postgres, "SELECT nextval('workspace_id_seq') AS id");
    let row = tx.query_one_raw(next).await?;
    Ok(row.map(|row| row.try_get("", "id")).transpose()?)
}

impl From<data_key::Model> for StoredDataKey {
    fn from(row: data_key::Model) -> Self {
        Self { workspace: row.workspace_id, master_key_id: row.master_key_id, wrapped: row.wrapped_key }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::store::StoreOptions;

    async fn open(folder: &tempfile::TempDir) -> Store {
        let options = StoreOptions {
            url: format!("sqlite://{}", folder.path().join("test.db").display()),
            freshness: chrono::TimeDelta::days(1),
            dormant_after: chrono::TimeDelta::days(90),
            clock: Clock::manual(chrono::DateTime::UNIX_EPOCH),
            connections: 2,
            lease: std::time::Duration::from_secs(30),
        };
        Store::connect(options).await.unwrap()
    }

    #[tokio::test]
    async fn starting_together_makes_one_default_workspace() {
        let folder = tempfile::tempdir().unwrap();
        let stores = [open(&folder).await, open(&folder).await, open(&folder).await];
        stores[0].migrate().await.unwrap();
        let ids = futures_util::future::join_all(stores.iter().map(Store::ensure_default_workspace)).await;
        let ids: Vec<i64> = ids.into_iter().map(Result::unwrap).collect();
        assert_eq!(ids, [ids[0]; 3]);
        assert_eq!(stores[0].workspaces().await.unwrap(), [(ids[0], "default".to_owned())]);
    }

    #[tokio::test]
    async fn a_taken_name_is_a_duplicate() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder).await;
        store.migrate().await.unwrap();
        let id = store.create_workspace("emea", "cli").await.unwrap();
        assert!(matches!(store.create_workspace("emea", "cli").await, Err(StoreError::Duplicate(_))));
        assert_eq!(store.workspace_by_name("emea").await.unwrap(), Some(id));
        assert_eq!(store.workspace_by_name("EMEA").await.unwrap(), None);
    }

    #[tokio::test]
    async fn the_first_data_key_stays() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder).await;
        store.migrate().await.unwrap();
        assert_eq!(store.data_key(1).await.unwrap(), None);
        let first = store.insert_data_key_if_absent(1, "aaaaaaaa", vec![1]).await.unwrap();
        let second = store.insert_data_key_if_absent(1, "bbbbbbbb", vec![2]).await.unwrap();
        assert_eq!(first, StoredDataKey { workspace: 1, master_key_id: "aaaaaaaa".to_owned(), wrapped: vec![1] });
        assert_eq!(second, first);
        assert_eq!(store.data_key(1).await.unwrap(), Some(first.clone()));
        let other = store.insert_data_key_if_absent(2, "aaaaaaaa", vec![3]).await.unwrap();
        assert_eq!(store.data_keys().await.unwrap(), [first, other]);
    }

    #[tokio::test]
    async fn a_policy_fingerprint_belongs_to_its_workspace() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder).await;
        store.migrate().await.unwrap();
        let (one, two) =
            (store.create_workspace("one", "cli").await.unwrap(), store.create_workspace("two", "cli").await.unwrap());
        store.set_policy_fingerprint(one, "v1").await.unwrap();
        assert_eq!(store.policy_fingerprint(one).await.unwrap().as_deref(), Some("v1"));
        assert_eq!(store.policy_fingerprint(two).await.unwrap(), None);
    }
}
