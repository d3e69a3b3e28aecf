//! Care for the data beside running servers: pruning, backups, restores, and the doctor.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{atlas, connect, peek, settings};
use crate::on_both_databases;
use crate::support::process::{Ended, client, eventually, run, slategate};
use crate::support::{Database, Kind, Process, Signal};

const ADD: &str = "mutation($email: String!) { upsertPerson(input: { email: $email, fullName: \"Ada\" }) { \
                   userErrors { code } } }";
const OLD: &str = "SELECT CAST(COUNT(*) AS TEXT) FROM control_result WHERE control_key = 'old'";
const ROWS: u32 = 30_000;

fn document(ended: &Ended) -> Value {
    assert_eq!(ended.code, 0, "{}", ended.err);
    serde_json::from_str(&ended.out).unwrap_or_else(|error| panic!("{error}: {}", ended.out))
}

/// A workspace that has been there for long, with so many rows that ended long ago.
async fn grow_old(database: &Database) {
    let fill = format!(
        "INSERT INTO control_result (workspace_id, integration_id, control_key, subject_kind, subject_id, scope_id, outcome, \
         reason, message, evidence, since, valid_from, valid_to) \
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS}) \
         SELECT 1, 0, 'old', 'ASSET', -i, 0, 'PASS', 'R', 'm', '[]', 1, 1, i + 1 FROM n"
    );
    peek(database, &format!("{fill} RETURNING 'x'")).await;
    peek(database, "UPDATE workspace SET created_at = 1 RETURNING 'x'").await;
}

async fn old_rows(database: &Database) -> u32 {
    peek(database, OLD).await.unwrap().parse().unwrap()
}

async fn add(server: &Process, token: &str, email: &str) {
    let (_, answer) = server.post(&client(), token, ADD, json!({ "email": email })).await.unwrap();
    assert_eq!(answer, json!({ "data": { "upsertPerson": { "userErrors": [] } } }), "{}", server.log());
}

/// An empty place for a restore, and the settings that lead there with the same keys.
async fn place(database: &Database) -> (Database, Vec<(&'static str, String)>) {
    let place = match database.kind {
        Kind::Sqlite => Database::sqlite(),
        Kind::Postgres => Database::postgres().await.unwrap(),
    };
    let mut settings = settings(database);
    settings[0].1.clone_from(&place.url);
    (place, settings)
}

fn shown(path: &Path) -> &str {
    path.to_str().unwrap()
}

on_both_databases! {
    async fn a_server_prunes_by_itself_while_others_write(database) {
        let mut settings = settings(&database);
        settings.push(("SLATEGATE_HISTORY_DAYS", "30".to_owned()));
        assert_eq!(run(&["migrate"], &settings).await.code, 0);
        let admin = Process::token(&settings, "admin").await;
        grow_old(&database).await;
        let dry = document(&run(&["prune", "--dry-run", "--json"], &settings).await);
        assert_eq!(dry["workspaces"][0]["rows"]["controlResults"], json!(ROWS));
        assert_eq!(dry["dryRun"], json!(true));
        assert_eq!(old_rows(&database).await, ROWS);

        let server = Process::serve(&settings).await;
        let mut slowest = Duration::ZERO;
        let mut number = 0;
        while old_rows(&database).await > 0 {
            let begun = Instant::now();
            add(&server, &admin, &format!("{number}@example.com")).await;
            slowest = slowest.max(begun.elapsed());
            number += 1;
            assert!(number < 2_000, "nothing is pruned: {}", server.log());
        }
        assert!(slowest < Duration::from_secs(3), "an edit took {slowest:?}");
        let logged = eventually(Duration::from_secs(10), async || server.log().contains("history pruned")).await;
        assert!(logged.is_ok(), "{}", server.log());
        let query = "{ viewer { workspace { historyFrom } } }";
        let (_, answer) = server.post(&client(), &admin, query, json!({})).await.unwrap();
        let horizon = answer["data"]["viewer"]["workspace"]["historyFrom"].clone();
        let past = "{ posture(asOf: \"2020-01-01T00:00:00Z\") { assets } }";
        let (_, answer) = server.post(&client(), &admin, past, json!({})).await.unwrap();
        assert_eq!(answer["errors"][0]["extensions"]["horizon"], horizon, "{answer}");
        assert!(horizon.is_string());
    }

    async fn a_pruning_that_is_killed_is_gone_on_with(database) {
        let mut settings = settings(&database);
        settings.push(("SLATEGATE_HISTORY_DAYS", "30".to_owned()));
        assert_eq!(run(&["migrate"], &settings).await.code, 0);
        grow_old(&database).await;
        let mut pruning = slategate(&["prune"], &settings).spawn().unwrap();
        let begun = eventually(Duration::from_secs(20), async || old_rows(&database).await < ROWS).await;
        assert!(begun.is_ok());
        pruning.kill().await.unwrap();
        let left = old_rows(&database).await;
        assert!(left > 0 && left.is_multiple_of(1_000), "{left} are left");
        let ended = document(&run(&["prune", "--json"], &settings).await);
        assert_eq!(ended["workspaces"][0]["rows"]["controlResults"], json!(left));
        assert_eq!(old_rows(&database).await, 0);
        assert!(run(&["prune"], &settings).await.out.ends_with("deleted 0 rows\n"));
    }

    async fn backups_under_load_are_whole_and_can_be_restored(database) {
        let (_simulator, _proxy, base_url) = atlas().await;
        let mut settings = settings(&database);
        settings.push(base_url);
        settings.push(("SLATEGATE_SYNC_SCHEDULE", "* * * * * *".to_owned()));
        let server = Process::serve(&settings).await;
        let admin = Process::token(&settings, "admin").await;
        connect(&server, &admin).await;
        let (stop, added) = (CancellationToken::new(), std::sync::atomic::AtomicU32::new(0));
        let writing = async {
            while !stop.is_cancelled() {
                let number = added.load(std::sync::atomic::Ordering::SeqCst);
                add(&server, &admin, &format!("{number}@example.com")).await;
                added.store(number + 1, std::sync::atomic::Ordering::SeqCst);
            }
        };
        let reading = async {
            while !stop.is_cancelled() {
                let query = "{ assets(first: 100) { nodes { name controlResults { outcome } } } }";
                let (status, _) = server.post(&client(), &admin, query, json!({})).await.unwrap();
                assert_eq!(status, 200, "{}", server.log());
            }
        };
        let backing_up = async {
            let mut backups: Vec<(PathBuf, u32, Value)> = Vec::new();
            for round in 0..3 {
                let confirmed = added.load(std::sync::atomic::Ordering::SeqCst);
                let to = database.folder().join(format!("{round}.backup"));
                let made = document(&run(&["backup", "--to", shown(&to), "--json"], &settings).await);
                backups.push((to, confirmed, made));
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
            stop.cancel();
            backups
        };
        let ((), (), backups) = tokio::join!(writing, reading, backing_up);
        assert!(backups[2].1 > backups[0].1, "nothing was written meanwhile");
        for (file, confirmed, made) in backups {
            let (copy, there) = place(&database).await;
            let sum = made["sha256"].as_str().unwrap();
            let arguments = ["restore", "--from", shown(&file), "--sha256", sum, "--json"];
            let restored = document(&run(&arguments, &there).await);
            let head = restored["workspaces"][0]["auditSequence"].as_i64().unwrap();
            assert!(head > i64::from(confirmed), "{restored}");
            // An edit and its audit event are of one transaction.
            for (table, event) in [("person", "UPSERT_PERSON"), ("integration", "CONNECT")] {
                let sql = format!("SELECT CAST((SELECT COUNT(*) FROM {table}) - (SELECT COUNT(*) FROM audit_event \
                                   WHERE action = '{event}') AS TEXT)");
                assert_eq!(peek(&copy, &sql).await.as_deref(), Some("0"), "{table}");
            }
            let people = peek(&copy, "SELECT CAST(COUNT(*) AS TEXT) FROM person").await.unwrap();
            assert!(people.parse::<u32>().unwrap() >= confirmed, "{people} of {confirmed}");
            let server = Process::serve(&[there.clone(), vec![settings[2].clone()]].concat()).await;
            let query = "{ people(first: 1) { totalCount } controls { status } integrations { nodes { status } } }";
            let (_, answer) = server.post(&client(), &admin, query, json!({})).await.unwrap();
            assert_eq!(answer["data"]["people"]["totalCount"].to_string(), people, "{answer}");
            add(&server, &admin, "after@example.com").await;
            drop(server);
            assert_eq!(run(&["audit", "verify"], &there).await.code, 0);
            assert_eq!(run(&["migrate"], &there).await.code, 0);
            copy.drop_postgres().await;
        }
    }

    async fn a_backup_replaces_nothing_and_a_restore_overwrites_nothing(database) {
        let settings = settings(&database);
        assert_eq!(run(&["migrate"], &settings).await.code, 0);
        let to = database.folder().join("a.backup");
        let made = run(&["backup", "--to", shown(&to)], &settings).await;
        assert_eq!(made.code, 0, "{}", made.err);
        let (sum, path) = made.out.trim_end().split_once("  ").unwrap();
        assert_eq!((sum.len(), path), (64, shown(&to)));
        let permissions = std::fs::metadata(&to).unwrap().permissions();
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&permissions) & 0o777, 0o600);

        let again = run(&["backup", "--to", shown(&to)], &settings).await;
        assert!(again.code == 1 && again.err.contains("--force"), "{again:?}");
        assert_eq!(run(&["backup", "--to", shown(&to), "--force"], &settings).await.code, 0);
        let here = run(&["restore", "--from", shown(&to)], &settings).await;
        assert!(here.code == 1 && here.err.contains("already"), "{here:?}");

        let (copy, there) = place(&database).await;
        let other_sum = run(&["restore", "--from", shown(&to), "--sha256", &"0".repeat(64)], &there).await;
        assert!(other_sum.code == 1 && other_sum.err.contains("another checksum"), "{other_sum:?}");
        let broken = database.folder().join("broken.backup");
        let bytes = std::fs::read(&to).unwrap();
        std::fs::write(&broken, &bytes[..bytes.len() / 2]).unwrap();
        let refused = run(&["restore", "--from", shown(&broken)], &there).await;
        assert_eq!(refused.code, 1, "{refused:?}");
        std::fs::write(&broken, "something else").unwrap();
        let refused = run(&["restore", "--from", shown(&broken)], &there).await;
        assert!(refused.code == 1 && refused.err.contains("no backup of this program"), "{refused:?}");
        let restored = run(&["restore", "--from", shown(&to)], &there).await;
        assert_eq!(restored.code, 0, "after all that was refused the place is still empty: {restored:?}");
        copy.drop_postgres().await;
        if database.kind == Kind::Postgres {
            let missing = run(&["backup", "--to", shown(&broken), "--force", "--pg-dump", "/nowhere/pg_dump"], &settings).await;
            assert!(missing.code == 1 && missing.err.contains("postgresql-client"), "{missing:?}");
            assert_eq!(std::fs::read_to_string(&broken).unwrap(), "something else");
        }
    }

    async fn a_restore_without_the_keys_is_refused(database) {
        let (_simulator, _proxy, base_url) = atlas().await;
        let mut settings = settings(&database);
        settings.push(base_url);
        let server = Process::serve(&settings).await;
        let admin = Process::token(&settings, "admin").await;
        connect(&server, &admin).await;
        let to = database.folder().join("a.backup");
        let made = document(&run(&["backup", "--to", shown(&to), "--json"], &settings).await);
        let id = made["masterKeyIds"][0].as_str().unwrap().to_owned();
        let (copy, mut there) = place(&database).await;
        let stranger = copy.folder().join("stranger.key");
        slategate::vault::KeyRing::create(&stranger).unwrap();
        there[1].1 = stranger.display().to_string();
        let refused = run(&["restore", "--from", shown(&to)], &there).await;
        assert!(refused.code == 1 && refused.err.contains(&id), "{refused:?}");
        if copy.kind == Kind::Sqlite {
            assert!(!copy.folder().join("slategate.db").exists(), "nothing is left of it");
        }
        copy.drop_postgres().await;
    }

    async fn the_doctor_looks_at_everything_beside_a_running_server(database) {
        let (_simulator, _proxy, base_url) = atlas().await;
        let mut settings = settings(&database);
        settings.push(base_url);
        let server = Process::serve(&settings).await;
        let admin = Process::token(&settings, "admin").await;
        connect(&server, &admin).await;
        let synced = "SELECT 'x' FROM sync_run WHERE status = 'SUCCEEDED'";
        assert!(eventually(Duration::from_secs(20), async || peek(&database, synced).await.is_some()).await.is_ok());

        let examined = document(&run(&["doctor", "--json"], &settings).await);
        let states = |document: &Value| -> Vec<(String, String)> {
            let checks = document["checks"].as_array().unwrap().iter();
            checks.map(|check| (check["name"].as_str().unwrap().into(), check["state"].as_str().unwrap().into())).collect()
        };
        let of = |states: &[(String, String)], name: &str| {
            states.iter().find(|(of, _)| of == name).map(|(_, state)| state.clone())
        };
        let found = states(&examined);
        let mut expected = vec!["configuration", "database", "schema", "master keys", "syncs", "atlas", "disk"];
        if database.kind == Kind::Postgres {
            expected.extend(["row security", "database clock"]);
        }
        for name in expected {
            assert_eq!(of(&found, name).as_deref(), Some("OK"), "{name}: {examined}");
        }
        let said = run(&["doctor"], &settings).await;
        assert!(said.out.lines().all(|line| line.starts_with("ok    ") || line.starts_with("warn  ")), "{said:?}");

        let key_file = PathBuf::from(&settings[1].1);
        let secret = std::fs::read_to_string(&key_file).unwrap().split_whitespace().nth(1).unwrap().to_owned();
        std::fs::set_permissions(&key_file, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
        let exposed = run(&["doctor", "--json"], &[settings.clone(), vec![("SLATEGATE_TYPO", "1".to_owned())]].concat()).await;
        assert_eq!(exposed.code, 1, "{exposed:?}");
        let found = states(&serde_json::from_str(&exposed.out).unwrap());
        assert_eq!(of(&found, "master keys").as_deref(), Some("FAIL"));
        assert!(found.contains(&("configuration".to_owned(), "WARN".to_owned())));
        assert!(exposed.out.contains("chmod 600") && !exposed.out.contains(&secret) && !exposed.out.contains(&admin));

        let bad = run(&["doctor"], &[("SLATEGATE_LISTEN", "nowhere".to_owned())]).await;
        assert!(bad.code == 78 && bad.out.starts_with("fail  configuration"), "{bad:?}");
    }

    async fn the_doctor_tells_what_is_away(database) {
        let settings = settings(&database);
        assert_eq!(run(&["migrate"], &settings).await.code, 0);
        let gone = [settings.clone(), vec![("SLATEGATE_ATLAS_BASE_URL", "http://127.0.0.1:9".to_owned())]].concat();
        peek(&database, "DELETE FROM seaql_migrations WHERE version = 'm20261127_000010_limit_history' RETURNING version").await;
        let begun = Instant::now();
        let ended = run(&["doctor"], &gone).await;
        assert!(begun.elapsed() < Duration::from_secs(20));
        assert_eq!(ended.code, 1);
        assert!(ended.out.contains("fail  atlas") && ended.out.contains("pending migrations: m2026"), "{}", ended.out);
    }

    async fn people_come_from_a_file(database) {
        let settings = settings(&database);
        let file = database.folder().join("people.csv");
        std::fs::write(&file, "email,fullName\nada@example.com,Ada\nbruno@example.com,Bruno\n").unwrap();
        let import = ["people", "import", shown(&file), "--json"];
        let dry = document(&run(&[&import[..], &["--dry-run"]].concat(), &settings).await);
        assert_eq!((&dry["created"], &dry["dryRun"]), (&json!(2), &json!(true)));
        let done = document(&run(&import, &settings).await);
        let expected = json!({ "dryRun": false, "created": 2, "updated": 0, "unchanged": 0, "left": 0, "kept": 0, "leavers": [] });
        assert_eq!(done, expected);
        std::fs::write(&file, "email,fullName\nada@example.com,Ada\n").unwrap();
        let full = run(&["people", "import", shown(&file), "--mode", "full"], &settings).await;
        assert!(full.out.contains("unchanged 1, left 1") && full.out.contains("left\tbruno@example.com"), "{full:?}");
        std::fs::write(&file, "email,fullName\nnobody,\n").unwrap();
        let refused = run(&import, &settings).await;
        assert!(refused.code == 1 && refused.err.contains("Line 2"), "{refused:?}");
        assert_eq!(peek(&database, "SELECT CAST(COUNT(*) AS TEXT) FROM person").await.as_deref(), Some("2"));
    }

    async fn every_document_is_json_with_the_names_of_the_schema(database) {
        let settings = settings(&database);
        let ask = async |line: &str| document(&run(&line.split(' ').collect::<Vec<_>>(), &settings).await);
        assert!(ask("migrate --json").await["applied"].as_array().unwrap().len() > 8);
        assert_eq!(ask("migrate --json").await, json!({ "applied": [] }));
        assert_eq!(ask("workspace create emea --json").await, json!({ "name": "emea" }));
        assert_eq!(ask("workspace list --json").await, json!({ "workspaces": [{ "name": "default" }, { "name": "emea" }] }));
        let made = ask("token create --name ci --role viewer --json").await;
        assert!(made["token"].as_str().unwrap().starts_with("slg_") && made["expiresAt"].is_string(), "{made}");
        let listed = ask("token list --json").await;
        assert_eq!(listed["tokens"][0]["state"], json!("ACTIVE"));
        assert_eq!(listed["tokens"][0]["role"], json!("VIEWER"));
        assert!(!listed.to_string().contains(made["token"].as_str().unwrap()));
        assert_eq!(ask(&format!("token revoke {} --json", made["id"])).await["id"], made["id"]);
        assert_eq!(ask("token list --json").await["tokens"][0]["state"], json!("REVOKED"));
        let keys = ask("key list --json").await;
        assert_eq!((&keys["masterKeys"][0]["workspaces"], &keys["masterKeys"][0]["newest"]), (&json!(0), &json!(true)));
        let head = ask("audit verify --json").await;
        assert_eq!((&head["workspace"], head["hash"].as_str().unwrap().len()), (&json!("default"), 64));
    }
}

#[tokio::test]
async fn completions_are_printed_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let printed = run(&["completions", shell], &[]).await;
        assert!(printed.code == 0 && printed.out.contains("backup"), "{shell}: {}", printed.err);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_by_a_superuser_has_every_row_and_no_password_is_an_argument() {
    let Some(database) = Database::postgres().await else { return };
    let mut settings = settings(&database);
    assert_eq!(run(&["migrate"], &settings).await.code, 0);
    settings[0].1.clone_from(&database.raw_url);
    // A stand-in that writes down what it was told.
    let tool = database.folder().join("pg_dump");
    let script =
        "#!/bin/sh\n[ \"$1\" = --version ] && echo 'pg_dump (PostgreSQL) 99.1' && exit\necho \"$@\" > \"$0.told\"\n";
    std::fs::write(&tool, script).unwrap();
    std::fs::set_permissions(&tool, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let to = database.folder().join("a.backup");
    let arguments = ["backup", "--to", shown(&to), "--pg-dump", shown(&tool)];
    assert_eq!(run(&arguments, &settings).await.code, 0);
    let told = || std::fs::read_to_string(database.folder().join("pg_dump.told")).unwrap();
    assert!(!told().contains("--enable-row-security"), "{}", told());
    settings[0].1.clone_from(&database.url);
    assert_eq!(run(&[&arguments[..], &["--force"]].concat(), &settings).await.code, 0);
    assert!(told().contains("--enable-row-security") && !told().contains("slategate_test:"), "{}", told());
    // A login that may serve, and owns nothing.
    let app = url::Url::parse(&database.url).unwrap().path().trim_start_matches('/').to_owned() + "_app";
    let make = format!("CREATE ROLE {app} LOGIN PASSWORD 'app'");
    peek(
        &database,
        &format!(
            "DO $$ BEGIN {make}; EXECUTE format('GRANT %I, %I TO {app}', slategate_tenant(), \
                              slategate_clerk()); END $$"
        ),
    )
    .await;
    let mut url = url::Url::parse(&database.url).unwrap();
    url.set_username(&app).unwrap();
    url.set_password(Some("app")).unwrap();
    let theirs = [settings.clone(), vec![("SLATEGATE_DATABASE_URL", url.to_string())]].concat();
    let refused = run(&[&arguments[..], &["--force"]].concat(), &theirs).await;
    assert!(refused.code == 1 && refused.err.contains("does not own the tables"), "{refused:?}");
    peek(&database, &format!("DO $$ BEGIN DROP ROLE {app}; END $$")).await;
    std::fs::write(&tool, script.replace("99.1", "9.6")).unwrap();
    let old = run(&[&arguments[..], &["--force"]].concat(), &settings).await;
    assert!(
        old.code == 1 && old.err.contains("older than the server") && old.err.contains("postgresql-client-"),
        "{old:?}"
    );
    database.drop_postgres().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pruning_that_is_told_to_stop_says_that_it_is_not_done() {
    let database = Database::sqlite();
    let mut settings = settings(&database);
    settings.push(("SLATEGATE_HISTORY_DAYS", "30".to_owned()));
    assert_eq!(run(&["migrate"], &settings).await.code, 0);
    grow_old(&database).await;
    let mut pruning = Process::spawn(slategate(&["prune"], &settings));
    assert!(eventually(Duration::from_secs(20), async || old_rows(&database).await < ROWS).await.is_ok());
    pruning.signal(Signal::Terminate).await;
    assert_eq!(pruning.exit(Duration::from_secs(5)).await, 1, "{}", pruning.log());
    let said = eventually(Duration::from_secs(5), async || pruning.log().contains("run it again")).await;
    assert!(said.is_ok(), "{}", pruning.log());
}
