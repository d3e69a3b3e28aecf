//! Copies of the whole database: what making one asks of it, and what making it anew from one does.

use std::path::Path;

use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};

use super::sight::Sight;
use super::{Backend, Store, StoreError};

/// What the login may read for a dump, on PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DumpRights {
    /// Row security does not hold it.
    All,
    /// It owns the tables: it sees every row if it says that it means all.
    Owner,
    /// A dump by it would leave rows out.
    None,
}

impl Store {
    /// Writes the state of now to this empty file, while others read and write on. SQLite only.
    pub async fn copy_to(&self, file: &Path) -> Result<(), StoreError> {
        let Some(path) = file.to_str() else { return Err(DbErr::Custom("the path is not UTF-8".to_owned()).into()) };
        self.read
            .execute_raw(Statement::from_sql_and_values(DbBackend::Sqlite, "VACUUM INTO ?", [path.into()]))
            .await?;
        Ok(())
    }

    /// What is wrong with the file itself; None: nothing. SQLite only.
    pub async fn damage(&self) -> Result<Option<String>, StoreError> {
        Ok(self.text("PRAGMA integrity_check(1)").await?.filter(|said| said != "ok"))
    }

    /// As the database calls it itself.
    pub async fn version(&self) -> Result<String, StoreError> {
        let sql = match self.backend() {
            Backend::Sqlite => "SELECT sqlite_version()",
            Backend::Postgres => "SELECT current_setting('server_version')",
        };
        Ok(self.text(sql).await?.unwrap_or_default())
    }

    pub async fn dump_rights(&self) -> Result<DumpRights, StoreError> {
        let sql = "SELECT CASE WHEN rolsuper OR rolbypassrls THEN 'all' \
                   WHEN (SELECT bool_and(tableowner = current_user) FROM pg_tables WHERE schemaname = current_schema()) \
                   THEN 'owner' ELSE 'none' END FROM pg_roles WHERE rolname = current_user";
        Ok(match self.text(sql).await?.as_deref() {
            Some("all") => DumpRights::All,
            Some("owner") => DumpRights::Owner,
            _ => DumpRights::None,
        })
    }

    /// Whether the place that migrations would fill has no table, on PostgreSQL.
    pub async fn is_empty(&self) -> Result<bool, StoreError> {
        let sql = "SELECT COUNT(*)::text FROM pg_class WHERE relnamespace = current_schema()::regnamespace \
                   AND relkind IN ('r', 'p')";
        Ok(self.text(sql).await?.as_deref() == Some("0"))
    }

    /// Makes what is missing of roles that own nothing and sign in nowhere, and has this login be able to act as them.
    pub async fn ensure_roles(&self, roles: [&str; 2]) -> Result<(), StoreError> {
        let turn = self.write_plainly().await?;
        for role in roles {
            let (name, literal) = (quoted(role), role.replace('\'', "''"));
            let ensure = format!(
                "DO $roles$ BEGIN \
                 IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{literal}') THEN CREATE ROLE {name} NOLOGIN; END IF; \
                 IF EXISTS (SELECT FROM pg_roles WHERE rolname = '{literal}' AND (rolcanlogin OR rolsuper OR rolbypassrls)) \
                 THEN RAISE EXCEPTION 'there is a role % that logs in or sees every row', '{literal}'; END IF; \
                 IF NOT pg_has_role(current_user, '{literal}', CASE WHEN current_setting('server_version_num')::int >= 160000 \
                 THEN 'SET' ELSE 'MEMBER' END) THEN GRANT {name} TO CURRENT_USER; END IF; END $roles$"
            );
            turn.execute_unprepared(&ensure).await?;
        }
        Ok(turn.commit().await?)
    }

    /// Lets the owner see every row when it says so, as migrations do. A restore leaves these policies out, since they
    /// name the login that owned the tables where the backup was made.
    pub async fn show_owner_all(&self) -> Result<(), StoreError> {
        let turn = self.write_plainly().await?;
        let policies = "DO $owner$ DECLARE held regclass; BEGIN \
            FOR held IN SELECT DISTINCT polrelid::regclass FROM pg_policy WHERE polname = 'tenant' LOOP \
            EXECUTE format('CREATE POLICY owner ON %s TO CURRENT_USER \
            USING ((SELECT current_setting(''slategate.all_workspaces'', true)) = ''on'') \
            WITH CHECK ((SELECT current_setting(''slategate.all_workspaces'', true)) = ''on'')', held); \
            END LOOP; END $owner$";
        turn.execute_unprepared(policies).await?;
        Ok(turn.commit().await?)
    }

    /// A transaction without any of the roles, which may not be there.
    async fn write_plainly(&self) -> Result<sea_orm::DatabaseTransaction, StoreError> {
        self.begin_write(Sight::Schema).await
    }

    pub(super) async fn text(&self, sql: &str) -> Result<Option<String>, StoreError> {
        let row = self.read.query_one_raw(Statement::from_string(self.read.get_database_backend(), sql)).await?;
        Ok(row.map(|row| row.try_get_by_index(0)).transpose()?.flatten())
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
