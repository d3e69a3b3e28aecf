//! A fresh database for each test.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use sea_orm::{ConnectionTrait, Database as SeaOrm};
use tempfile::TempDir;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Sqlite,
    Postgres,
}

#[derive(Clone)]
pub struct Database {
    pub kind: Kind,
    /// Where the program finds it. On PostgreSQL it logs in as the database's owner, whom row-level security holds.
    pub url: String,
    /// Where tests look behind the program's back: on PostgreSQL as somebody who sees and may do everything.
    pub raw_url: String,
    /// The server's own database, from which this one was made.
    server: Option<String>,
    folder: Arc<TempDir>,
}

static NEXT: AtomicU32 = AtomicU32::new(0);

const LOGIN: &str = "slategate_test";

/// Many tests make the login at once; whoever comes second finds it there.
const MAKE_LOGIN: &str = "DO $$ BEGIN
    CREATE ROLE slategate_test LOGIN CREATEROLE PASSWORD 'slategate_test';
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$";

impl Database {
    pub fn sqlite() -> Self {
        let folder = TempDir::new().unwrap();
        let url = format!("sqlite://{}", folder.path().join("slategate.db").display());
        Self { kind: Kind::Sqlite, raw_url: url.clone(), url, server: None, folder: Arc::new(folder) }
    }

    /// Whether the run was told to leave PostgreSQL out.
    #[expect(clippy::disallowed_methods, reason = "the test run says whether PostgreSQL is to be left out")]
    pub fn postgres_is_left_out() -> bool {
        std::env::var("SLATEGATE_TEST_SQLITE_ONLY").is_ok()
    }

    /// None only when the run was told to leave PostgreSQL out.
    #[expect(clippy::disallowed_methods, reason = "the test run says where PostgreSQL is")]
    pub async fn postgres() -> Option<Self> {
        let Ok(server) = std::env::var("SLATEGATE_TEST_POSTGRES_URL") else {
            assert!(
                Self::postgres_is_left_out(),
                "set SLATEGATE_TEST_POSTGRES_URL, or run `cargo xtask test`, which finds or starts PostgreSQL"
            );
            return None;
        };
        Some(Self::postgres_at(server).await)
    }

    /// A database on this server, which must be there.
    pub async fn postgres_at(server: String) -> Self {
        let name = format!("slategate_test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let admin = SeaOrm::connect(&server).await.unwrap();
        admin.execute_unprepared(&format!("DROP DATABASE IF EXISTS {name}")).await.unwrap();
        admin.execute_unprepared(MAKE_LOGIN).await.unwrap();
        admin.execute_unprepared(&format!("CREATE DATABASE {name} OWNER {LOGIN}")).await.unwrap();
        admin.close().await.unwrap();
        let mut url = url::Url::parse(&server).unwrap();
        url.set_path(&name);
        let raw_url = url.to_string();
        url.set_username(LOGIN).unwrap();
        url.set_password(Some(LOGIN)).unwrap();
        let folder = Arc::new(TempDir::new().unwrap());
        Self { kind: Kind::Postgres, url: url.to_string(), raw_url, server: Some(server), folder }
    }

    pub async fn drop_postgres(self) {
        let Some(server) = self.server else { return };
        let name = url::Url::parse(&self.url).unwrap().path().trim_start_matches('/').to_owned();
        let admin = SeaOrm::connect(&server).await.unwrap();
        admin.execute_unprepared(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await.unwrap();
        // Roles belong to the server: the database does not take them with it.
        admin.execute_unprepared(&format!("DROP ROLE IF EXISTS {name}_tenant, {name}_clerk")).await.unwrap();
        admin.close().await.unwrap();
    }

    /// A folder that lives as long as the database.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }
}
