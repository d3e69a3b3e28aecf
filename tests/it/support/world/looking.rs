//! The database behind the back of the store.

use sea_orm::{ConnectionTrait, Statement, TransactionTrait};

use super::World;
use crate::support::Kind;

const FACTS: [&str; 11] = [
    "project_fact",
    "encryption_fact",
    "cluster_fact",
    "asset_facet",
    "asset_standing",
    "account_fact",
    "role_grant",
    "account_link",
    "person_fact",
    "control_result",
    "control_status",
];

impl World {
    /// Sends statements behind the back of the store.
    pub async fn execute(&self, sql: &str) {
        self.try_execute(sql).await.unwrap();
    }

    pub async fn try_execute(&self, sql: &str) -> Result<(), sea_orm::DbErr> {
        self.raw.execute_unprepared(sql).await.map(|_| ())
    }

    /// The number that `SELECT COUNT(*)` and what follows gives.
    pub async fn count(&self, from: &str) -> i64 {
        let sql = format!("SELECT COUNT(*) AS number FROM {from}");
        let statement = Statement::from_string(self.raw.get_database_backend(), sql);
        self.raw.query_one_raw(statement).await.unwrap().unwrap().try_get("", "number").unwrap()
    }

    /// What somebody who owns the database can do.
    pub async fn take_the_guards_off_the_ledger(&self) {
        let triggers: &[&str] = match self.database.kind {
            Kind::Sqlite => &["DROP TRIGGER audit_event_no_update", "DROP TRIGGER audit_event_no_delete"],
            Kind::Postgres => &["DROP TRIGGER audit_event_no_change ON audit_event"],
        };
        for trigger in triggers {
            self.execute(trigger).await;
        }
    }

    /// What makes a transaction on PostgreSQL one of this workspace, as the store does it.
    pub fn as_tenant(&self) -> String {
        let workspace = self.workspace;
        format!(
            "SELECT set_config('role', slategate_tenant(), true), set_config('slategate.workspace', '{workspace}', true)"
        )
    }

    /// One text column of a query's rows, on one connection after some other statements.
    pub async fn rows(&self, before: &[&str], sql: &str, column: usize) -> Vec<String> {
        let turn = self.raw.begin().await.unwrap();
        for sql in before {
            turn.execute_unprepared(sql).await.unwrap();
        }
        let statement = Statement::from_string(turn.get_database_backend(), sql);
        let rows = turn.query_all_raw(statement).await.unwrap();
        turn.rollback().await.unwrap();
        rows.iter().map(|row| row.try_get_by_index(column).unwrap()).collect()
    }

    /// One text column of some rows, behind the back of the store.
    pub async fn texts(&self, sql: &str) -> Vec<String> {
        let statement = Statement::from_string(self.raw.get_database_backend(), sql);
        let rows = self.raw.query_all_raw(statement).await.unwrap();
        rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
    }

    /// Every row of every table as text, so that two states can be compared and nothing in them hides.
    pub async fn dump(&self) -> Vec<(String, Vec<String>)> {
        let tables = match self.database.kind {
            Kind::Sqlite => {
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY 1"
            }
            Kind::Postgres => "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' ORDER BY 1",
        };
        let mut dump = Vec::new();
        for table in self.texts(tables).await {
            let row = match self.database.kind {
                Kind::Sqlite => {
                    let columns = format!("SELECT name FROM pragma_table_info('{table}')");
                    let columns = self.texts(&columns).await.into_iter().map(|name| format!("quote(\"{name}\")"));
                    columns.collect::<Vec<_>>().join(" || ',' || ")
                }
                Kind::Postgres => format!("{table}::text"),
            };
            dump.push((table.clone(), self.texts(&format!("SELECT {row} FROM {table} ORDER BY 1")).await));
        }
        dump
    }

    /// What callers can change: without the ledger, the instants of commits, and when tokens were used.
    pub async fn substance(&self) -> Vec<(String, Vec<String>)> {
        let mut dump = self.dump().await;
        dump.retain(|(table, _)| !["audit_event", "workspace", "api_token"].contains(&table.as_str()));
        let tokens = "SELECT CAST(id AS TEXT) || role || token_hash || CAST(expires_at AS TEXT) || \
                      COALESCE(CAST(revoked_at AS TEXT), '') FROM api_token ORDER BY 1";
        dump.push(("api_token".to_owned(), self.texts(tokens).await));
        dump
    }

    /// All rows that belong to a workspace, but for what each commit and each use of a token notes.
    pub async fn fact_rows_of(&self, workspace: i64) -> Vec<String> {
        let mut rows = Vec::new();
        for (table, _) in self.dump().await {
            let (of, but) = match table.as_str() {
                "seaql_migrations" => continue,
                "workspace" => ("id", "generation_at"),
                "api_token" => ("workspace_id", "last_used_at"),
                _ => ("workspace_id", ""),
            };
            let columns = match self.database.kind {
                Kind::Sqlite => format!("SELECT name FROM pragma_table_info('{table}')"),
                Kind::Postgres => format!(
                    "SELECT column_name::text FROM information_schema.columns \
                     WHERE table_schema = 'public' AND table_name = '{table}'"
                ),
            };
            let columns = self.texts(&columns).await.into_iter().filter(|name| name != but);
            let columns: Vec<_> = match self.database.kind {
                Kind::Sqlite => columns.map(|name| format!("quote({name})")).collect(),
                Kind::Postgres => columns.map(|name| format!("COALESCE({name}::text, '-')")).collect(),
            };
            let row =
                format!("SELECT '{table}: ' || {} FROM {table} WHERE {of} = {workspace}", columns.join(" || ',' || "));
            rows.extend(self.texts(&row).await);
        }
        rows.sort();
        rows
    }

    /// Rows of every table that keeps facts as intervals.
    pub async fn fact_rows(&self) -> Vec<(&'static str, i64)> {
        let mut rows = Vec::new();
        for table in FACTS {
            rows.push((table, self.count(table).await));
        }
        rows
    }
}
