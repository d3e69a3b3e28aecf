//! The schema is brought up to date by whoever comes first, whatever happens to it on the way.

use std::time::Duration;

use migration::{Migrator, MigratorTrait};

use super::{peek, rounds, settings, settings_at};
use crate::on_both_databases;
use crate::support::process::{client, run};
use crate::support::tools::{kill_when_log_is_full, run_and_kill_at};
use crate::support::{Chance, Database, Fault, FaultProxy, Kind, Process, Signal};

const APPLIED: &str = "SELECT CAST(COUNT(*) AS TEXT) FROM seaql_migrations";

on_both_databases! {
    async fn a_migration_that_is_killed_is_done_by_the_next(database) {
        let settings = settings(&database);
        let mut chance = Chance::new();
        for _ in 0..rounds() {
            let mut server = Process::start(&settings);
            tokio::time::sleep(Duration::from_millis(chance.below(250))).await;
            server.signal(Signal::Kill).await;
            assert_eq!(server.exit(Duration::from_secs(5)).await, -9, "{}", server.log());
        }
        let server = Process::serve(&settings).await;
        assert_eq!(server.ready(&client()).await, Some(200), "{}", server.log());
    }

    async fn each_migration_can_be_killed_and_then_nothing_has_changed(database) {
        let elsewhere = Database::sqlite();
        let log = run(&["migrate"], &settings(&elsewhere)).await.err;
        let settings = settings(&database);
        for migration in Migrator::migrations() {
            let line = format!("Applying migration '{}'\n", migration.name());
            let (before, _) = log.split_once(&line).unwrap_or_else(|| panic!("{line} is not in {log}"));
            kill_when_log_is_full(before.len() + line.len(), &["migrate"], &settings).await;
            assert_eq!(applied(&database).await, 0, "{line}");
        }
        completes(&database, &settings).await;
    }

    async fn a_migration_that_is_killed_while_it_stores_has_changed_nothing(database) {
        let settings = settings(&database);
        let (call, step) = match database.kind {
            Kind::Sqlite => ("pwrite64", 20),
            Kind::Postgres => ("sendto", 20),
        };
        let mut kills = 0;
        loop {
            let killing = format!("{call}:when={}", 1 + kills * step);
            let ended = run_and_kill_at(&killing, &["migrate"], &settings).await;
            let known = applied(&database).await;
            if known == Migrator::migrations().len() {
                break;
            }
            assert_eq!((ended.code, known), (-9, 0), "{killing}: {ended:?}");
            kills += 1;
        }
        assert!(kills > 5, "{kills} kills");
        completes(&database, &settings).await;
    }

    async fn a_server_serves_a_schema_that_is_newer_than_itself(database) {
        let settings = settings(&database);
        assert_eq!(run(&["migrate"], &settings).await.code, 0);
        let later = "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m29991231_000001_later', 1) \
                     RETURNING version";
        peek(&database, later).await.unwrap();
        for arguments in [&["serve"][..], &["serve", "--no-migrate"]] {
            let mut command = crate::support::process::slategate(arguments, &settings);
            command.env("SLATEGATE_LOG", "warn,slategate=info");
            let mut server = Process::spawn(command);
            server.listening().await;
            assert_eq!(server.ready(&client()).await, Some(200), "{}", server.log());
            server.signal(Signal::Terminate).await;
            assert_eq!(server.exit(Duration::from_secs(15)).await, 0);
        }
        assert_eq!(run(&["migrate"], &settings).await.code, 0, "nothing is left to do");
    }

    async fn tokens_can_be_made_while_a_server_makes_the_schema(database) {
        let settings = settings(&database);
        let mut server = Process::start(&settings);
        let makers = (0..3).map(|_| Process::token(&settings, "viewer"));
        futures_util::future::join_all(makers).await;
        server.listening().await;
    }
}

/// The next one does what is left.
async fn completes(database: &Database, settings: &[(&str, String)]) {
    assert_eq!(run(&["migrate"], settings).await.code, 0);
    assert_eq!(applied(database).await, Migrator::migrations().len());
    let server = Process::serve(settings).await;
    assert_eq!(server.ready(&client()).await, Some(200), "{}", server.log());
}

/// How many migrations the database says were applied.
async fn applied(database: &Database) -> usize {
    let table = match database.kind {
        Kind::Sqlite if !database.folder().join("slategate.db").exists() => return 0,
        Kind::Sqlite => "SELECT name FROM sqlite_master WHERE name = 'seaql_migrations'",
        Kind::Postgres => "SELECT CAST(to_regclass('seaql_migrations') AS TEXT)",
    };
    match peek(database, table).await {
        Some(_) => peek(database, APPLIED).await.unwrap().parse().unwrap(),
        None => 0,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_that_start_together_migrate_once() {
    let Some(database) = Database::postgres().await else { return };
    assert_eq!(database.kind, Kind::Postgres);
    let settings = settings(&database);
    let mut servers: Vec<Process> = (0..4).map(|_| Process::start(&settings)).collect();
    for server in &mut servers {
        server.listening().await;
        assert_eq!(server.ready(&client()).await, Some(200), "{}", server.log());
    }
    let once = "SELECT CAST(COUNT(*) AS TEXT) FROM workspace";
    assert_eq!(peek(&database, once).await.as_deref(), Some("1"));
    drop(servers);
    database.drop_postgres().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_migration_that_loses_the_database_leaves_nothing_behind() {
    let Some(database) = Database::postgres().await else { return };
    let (proxy, url) = FaultProxy::before(&database.url).await;
    for bytes in [600, 1_500, 3_000, 6_000, 9_000] {
        proxy.set(Fault::CutAfter(bytes));
        let ended = run(&["migrate"], &settings_at(&database, url.clone())).await;
        assert!(matches!(ended.code, 0 | 1), "{ended:?}");
        if ended.code == 1 {
            assert_eq!(ended.err.lines().filter(|line| line.starts_with("slategate: ")).count(), 1, "{}", ended.err);
            let table = "SELECT CAST(to_regclass('seaql_migrations') AS TEXT)";
            assert_eq!(peek(&database, table).await, None, "after {bytes} bytes");
        }
    }
    proxy.set(Fault::None);
    assert_eq!(run(&["migrate"], &settings_at(&database, url)).await.code, 0);
    assert!(peek(&database, APPLIED).await.unwrap().parse::<u32>().unwrap() > 0);
    database.drop_postgres().await;
}
