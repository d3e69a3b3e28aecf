//! What happened to leases, kept by triggers of the tests in the transactions that did it.

use sea_orm::{ConnectionTrait, DatabaseConnection, FromQueryResult, Statement};

use crate::support::{Database, Kind};

const TABLE: &str = "CREATE TABLE chaos_history (seq INTEGER PRIMARY KEY AUTOINCREMENT, at BIGINT, \
    organization TEXT, old_epoch BIGINT, epoch BIGINT, old_until BIGINT, due BIGINT, old_name TEXT, name TEXT)";
const ROW: &str = "INSERT INTO chaos_history (at, organization, old_epoch, epoch, old_until, due, old_name, name) VALUES \
    (NOW, NEW.organization_id, OLD.epoch, NEW.epoch, OLD.lease_until, OLD.next_run_at, OLD.organization_name, \
    NEW.organization_name)";
const CHANGED: &str = "OLD.epoch <> NEW.epoch OR OLD.organization_name <> NEW.organization_name";

/// A claim, or the data of a sync: one change of an integration.
#[derive(Debug, Clone, FromQueryResult)]
pub struct Change {
    /// When, in microseconds since 1970.
    pub at: i64,
    /// The organization's id.
    pub organization: String,
    pub old_epoch: i64,
    pub epoch: i64,
    /// Until when the lease was that stood before.
    pub old_until: Option<i64>,
    /// When the integration was due.
    pub due: Option<i64>,
    pub old_name: String,
    pub name: String,
}

impl Change {
    pub const fn is_claim(&self) -> bool {
        self.epoch != self.old_epoch
    }

    /// New data: every generation has another name.
    pub fn is_commit(&self) -> bool {
        self.name != self.old_name
    }
}

/// A run as it ended, or stands.
#[derive(Debug, Clone, FromQueryResult)]
pub struct Run {
    pub organization: String,
    pub scheduled_at: Option<i64>,
    pub status: String,
    pub turned_away: i32,
    pub taken_over: i32,
    pub broke_off: i32,
}

/// Looks at the database behind the program's back.
pub struct History(DatabaseConnection);

impl History {
    /// Begins to keep history in a database that has the program's tables.
    pub async fn begin(database: &Database) -> Self {
        let history = Self::of(database).await;
        let statements = match database.kind {
            Kind::Postgres => vec![
                TABLE.replace("seq INTEGER PRIMARY KEY AUTOINCREMENT", "seq BIGINT GENERATED ALWAYS AS IDENTITY"),
                format!(
                    "CREATE FUNCTION chaos_note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN {}; \
                     RETURN NULL; END $$",
                    ROW.replace("NOW", "extract(epoch from clock_timestamp()) * 1000000")
                ),
                format!(
                    "CREATE TRIGGER chaos_note AFTER UPDATE ON integration FOR EACH ROW WHEN ({CHANGED}) \
                     EXECUTE FUNCTION chaos_note()"
                ),
            ],
            Kind::Sqlite => vec![
                TABLE.to_owned(),
                format!(
                    "CREATE TRIGGER chaos_note AFTER UPDATE ON integration WHEN {CHANGED} BEGIN {}; END",
                    ROW.replace("NOW", "CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)")
                ),
            ],
        };
        for statement in statements {
            history.0.execute_unprepared(&statement).await.unwrap();
        }
        history
    }

    pub async fn of(database: &Database) -> Self {
        Self(sea_orm::Database::connect(&database.raw_url).await.unwrap())
    }

    /// In the order in which they were made.
    pub async fn changes(&self) -> Vec<Change> {
        self.all("SELECT * FROM chaos_history ORDER BY seq").await
    }

    pub async fn runs(&self) -> Vec<Run> {
        self.all(
            "SELECT organization_id AS organization, scheduled_at, status, turned_away, taken_over, \
             broke_off FROM sync_run JOIN integration ON integration.id = integration_id ORDER BY sync_run.id",
        )
        .await
    }

    /// Whether the last run came so far as to write: only then it has no total of lists to read.
    pub async fn last_run_was_read(&self) -> bool {
        #[derive(FromQueryResult)]
        struct Progress {
            requests: i64,
            total: Option<i32>,
        }
        let runs: Vec<Progress> = self.all("SELECT requests, total FROM sync_run ORDER BY id DESC LIMIT 1").await;
        runs[0].requests > 0 && runs[0].total.is_none()
    }

    /// The e-mail addresses of all people.
    pub async fn people(&self) -> Vec<String> {
        #[derive(FromQueryResult)]
        struct Person {
            email: String,
        }
        let people: Vec<Person> = self.all("SELECT email FROM person_fact WHERE valid_to IS NULL").await;
        people.into_iter().map(|person| person.email).collect()
    }

    /// What SQLite's own checks find wrong.
    pub async fn damage(&self) -> Vec<String> {
        let mut found = Vec::new();
        for check in ["PRAGMA integrity_check", "PRAGMA foreign_key_check"] {
            let rows =
                self.0.query_all_raw(Statement::from_string(self.0.get_database_backend(), check)).await.unwrap();
            found.extend(rows.iter().map(|row| row.try_get_by_index::<String>(0).unwrap()).filter(|word| word != "ok"));
        }
        found
    }

    async fn all<T: FromQueryResult>(&self, sql: &str) -> Vec<T> {
        let statement = Statement::from_string(self.0.get_database_backend(), sql);
        T::find_by_statement(statement).all(&self.0).await.unwrap()
    }
}
