//! What an operator wants to know of a database before it is relied upon.

use chrono::TimeDelta;

use super::connect::database_now;
use super::{Backend, Store, StoreError};
use sea_orm::{ConnectionTrait, Statement};

/// Whether this login can act as both roles, and which tables hold nobody to a workspace.
const ROW_SECURITY: &str = "SELECT 'this login cannot act as the role ' || role FROM unnest(ARRAY[slategate_tenant(), \
    slategate_clerk()]) role WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) \
    OR NOT pg_has_role(current_user, role, CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END) \
    UNION ALL SELECT 'the table ' || relname || ' is not held to workspaces' FROM pg_class c \
    WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') AND relname <> 'seaql_migrations' \
    AND NOT (relrowsecurity AND relforcerowsecurity AND EXISTS \
    (SELECT FROM pg_policy WHERE polrelid = c.oid AND polname = 'tenant')) ORDER BY 1";

impl Store {
    /// How far the database's clock is ahead of this process's; None where it has none of its own.
    pub async fn clock_offset(&self) -> Result<Option<TimeDelta>, StoreError> {
        if self.backend() == Backend::Sqlite {
            return Ok(None);
        }
        let before = self.clock.now();
        let there = database_now(&self.probe, &self.clock).await?;
        let here = before + (self.clock.now() - before) / 2;
        Ok(Some(there - here))
    }

    /// What keeps row-level security from holding, on PostgreSQL.
    pub async fn row_security_gaps(&self) -> Result<Vec<String>, StoreError> {
        let rows =
            self.read.query_all_raw(Statement::from_string(self.read.get_database_backend(), ROW_SECURITY)).await?;
        Ok(rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, _>>()?)
    }
}
