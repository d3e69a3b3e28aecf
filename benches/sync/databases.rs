//! Fresh databases, removed afterwards.

use anyhow::Result;
use sea_orm::ConnectionTrait;
use tempfile::TempDir;
use url::Url;

/// The PostgreSQL server to measure on.
#[expect(clippy::disallowed_methods, reason = "the caller says where PostgreSQL is, as for the tests")]
pub fn postgres_server() -> Option<String> {
    std::env::var("SLATEGATE_TEST_POSTGRES_URL").ok()
}

pub enum Database {
    Sqlite { url: String, folder: TempDir },
    Postgres { url: String, server: String, name: String },
}

impl Database {
    /// A new database on this server; without one a SQLite file.
    pub async fn make(server: Option<&str>) -> Result<Self> {
        let Some(server) = server else {
            let folder = TempDir::new()?;
            let url = format!("sqlite://{}", folder.path().join("slategate.db").display());
            return Ok(Self::Sqlite { url, folder });
        };
        let name = format!("slategate_bench_{}", std::process::id());
        execute(server, &[&format!("DROP DATABASE IF EXISTS {name}"), &format!("CREATE DATABASE {name}")]).await?;
        let mut url = Url::parse(server)?;
        url.set_path(&name);
        Ok(Self::Postgres { url: url.into(), server: server.to_owned(), name })
    }

    pub const fn name(&self) -> &'static str {
        match self {
            Self::Sqlite { .. } => "SQLite",
            Self::Postgres { .. } => "PostgreSQL",
        }
    }

    pub fn url(&self) -> &str {
        match self {
            Self::Sqlite { url, .. } | Self::Postgres { url, .. } => url,
        }
    }

    pub async fn remove(self) -> Result<()> {
        match self {
            Self::Sqlite { folder, .. } => Ok(folder.close()?),
            Self::Postgres { server, name, .. } => {
                let database = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
                let roles = format!("DROP ROLE IF EXISTS {name}_tenant, {name}_clerk");
                execute(&server, &[&database, &roles]).await
            }
        }
    }
}

async fn execute(server: &str, statements: &[&str]) -> Result<()> {
    let admin = sea_orm::Database::connect(server).await?;
    for statement in statements {
        admin.execute_unprepared(statement).await?;
    }
    Ok(admin.close().await?)
}
