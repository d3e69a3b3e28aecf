//! What a start that fails says, and with which code: one sentence that names the next step.

use std::time::Duration;

use super::{settings, settings_at};
use crate::on_both_databases;
use crate::support::process::{Ended, run};
use crate::support::{Database, Process};

/// The one line that a person reads.
fn sentence(ended: &Ended) -> &str {
    let mut said = ended.err.lines().filter(|line| line.starts_with("slategate: "));
    let sentence = said.next().unwrap_or_else(|| panic!("{ended:?}"));
    assert_eq!(said.next(), None, "{ended:?}");
    sentence
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_server_of_a_file_is_refused_and_commands_are_not() {
    let database = Database::sqlite();
    let settings = settings(&database);
    let _first = Process::serve(&settings).await;
    let second = run(&["serve"], &settings).await;
    assert_eq!(second.code, 78, "{second:?}");
    assert!(sentence(&second).starts_with("slategate: another slategate serve uses "), "{second:?}");
    assert!(sentence(&second).contains("; stop it, or "), "{second:?}");
    Process::token(&settings, "viewer").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_that_cannot_be_written_is_named() {
    let database = Database::sqlite();
    // Not even root makes files there.
    let settings = settings_at(&database, "sqlite:///proc/slategate.db".to_owned());
    let refused = run(&["serve"], &settings).await;
    assert_eq!(refused.code, 78, "{refused:?}");
    assert!(sentence(&refused).contains("the lock file /proc/slategate.db.lock cannot be used; make its folder"));
    let refused = run(&["migrate"], &settings).await;
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(sentence(&refused).contains("cannot open the database"), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_database_on_postgresql_needs_a_key_file_that_a_command_makes() {
    let Some(database) = Database::postgres().await else { return };
    let path = database.folder().join("new.key");
    let settings = vec![
        ("SLATEGATE_DATABASE_URL", database.url.clone()),
        ("SLATEGATE_MASTER_KEY_FILE", path.display().to_string()),
    ];
    let refused = run(&["serve"], &settings).await;
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(sentence(&refused).ends_with("or make one for a new database with `slategate key create`"), "{refused:?}");
    let written = "SELECT CAST(to_regclass('workspace') AS TEXT)";
    assert_eq!(super::peek(&database, written).await, None, "nothing was written");
    let made = run(&["key", "create"], &settings).await;
    assert!(made.code == 0 && made.out.starts_with("made "), "{made:?}");
    let key = std::fs::read(&path).unwrap();
    let again = run(&["key", "create"], &settings).await;
    assert_eq!((again.code, std::fs::read(&path).unwrap()), (1, key));
    assert!(sentence(&again).ends_with("is there already; nothing was changed"), "{again:?}");
    drop(Process::serve(&settings).await);
    database.drop_postgres().await;
}

on_both_databases! {
    async fn an_address_in_use_is_named(database) {
        let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = taken.local_addr().unwrap().to_string();
        let mut settings = settings(&database);
        settings.push(("SLATEGATE_LISTEN", address.clone()));
        let refused = run(&["serve"], &settings).await;
        assert_eq!(refused.code, 1, "{refused:?}");
        assert!(sentence(&refused).contains(&format!("cannot listen on {address}; free the address")), "{refused:?}");
    }

    async fn a_schema_that_is_behind_is_named_where_it_may_not_be_migrated(database) {
        let refused = run(&["serve", "--no-migrate"], &settings(&database)).await;
        assert_eq!(refused.code, 1, "{refused:?}");
        assert!(sentence(&refused).ends_with("run `slategate migrate`"), "{refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_not_there_is_told_within_seconds() {
    let Some(database) = Database::postgres().await else { return };
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let settings = settings_at(&database, format!("postgres://postgres@{nobody}/none"));
    let refused = tokio::time::timeout(Duration::from_secs(6), run(&["serve"], &settings)).await.unwrap();
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(sentence(&refused).contains("start it, or correct SLATEGATE_DATABASE_URL"), "{refused:?}");
    database.drop_postgres().await;
}
