//! SQLite when somebody else has the file, or the disk has no room.

use std::time::{Duration, Instant};

use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

use super::{peek, settings};
use crate::support::process::{client, run, slategate};
use crate::support::tools::lift_file_limit;
use crate::support::{Database, Process};

const ADD: &str = "mutation($email: String!) { upsertPerson(input: { email: $email, fullName: \"Ada\" }) { \
                   userErrors { code } } }";
const COUNT: &str = "{ people { totalCount } }";

async fn add(server: &Process, token: &str, email: &str) -> Value {
    server.post(&client(), token, ADD, json!({ "email": email })).await.unwrap().1
}

async fn people(server: &Process, token: &str) -> Value {
    let (_, answer) = server.post(&client(), token, COUNT, json!({})).await.unwrap();
    answer["data"]["people"]["totalCount"].clone()
}

fn refusal(answer: &Value) -> (&str, &str) {
    let error = &answer["errors"][0];
    (error["extensions"]["code"].as_str().unwrap_or_default(), error["message"].as_str().unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_waits_for_another_process_and_then_says_so_while_reads_go_on() {
    let database = Database::sqlite();
    let settings = settings(&database);
    let server = Process::serve(&settings).await;
    let admin = Process::token(&settings, "admin").await;
    assert_eq!(people(&server, &admin).await, json!(0));
    let other = sea_orm::Database::connect(&database.url).await.unwrap();
    other.execute_unprepared("BEGIN IMMEDIATE").await.unwrap();
    let begun = Instant::now();
    let (answer, reads) = tokio::join!(add(&server, &admin, "ada@example.com"), async {
        let mut reads = 0;
        while begun.elapsed() < Duration::from_secs(4) {
            assert_eq!(people(&server, &admin).await, json!(0));
            reads += 1;
        }
        reads
    });
    assert_eq!(refusal(&answer), ("UNAVAILABLE", "the database is held by a longer write; try again"), "{answer}");
    assert!((Duration::from_secs(5)..Duration::from_secs(9)).contains(&begun.elapsed()) && reads > 10);
    assert_eq!(server.ready(&client()).await, Some(200), "reads are served");
    other.execute_unprepared("ROLLBACK").await.unwrap();
    assert_eq!(add(&server, &admin, "ada@example.com").await.get("errors"), None);
    assert_eq!(people(&server, &admin).await, json!(1));
}

/// No file of the process may grow beyond this limit: the system answers each write past it with an error.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_room_writes_fail_typed_and_reads_go_on() {
    let database = Database::sqlite();
    let settings = settings(&database);
    assert_eq!(run(&["migrate"], &settings).await.code, 0);
    let admin = Process::token(&settings, "admin").await;
    // `ulimit -f` counts 512 bytes; a write past it is an error and no signal, as SIGXFSZ is ignored.
    let file = std::fs::metadata(database.folder().join("slategate.db")).unwrap().len();
    let script = format!("trap '' XFSZ; ulimit -S -f {}; exec \"$0\" serve", file / 512 + 128);
    let mut command = tokio::process::Command::new("sh");
    let program = slategate(&["serve"], &settings);
    command.args(["-c", &script]).arg(program.as_std().get_program());
    command.env_clear().envs(settings.iter().cloned()).kill_on_drop(true);
    let mut server = Process::spawn(command);
    server.listening().await;
    let mut added = 0;
    let refused = loop {
        let answer = add(&server, &admin, &format!("{added}@example.com")).await;
        if answer.get("errors").is_some() {
            break answer;
        }
        added += 1;
        assert!(added < 5_000, "the limit is never met");
    };
    let (code, message) = refusal(&refused);
    assert_eq!(code, "UNAVAILABLE", "{refused}\n{}", server.log());
    assert!(message.ends_with("nothing was changed"), "{message}");
    assert_eq!(people(&server, &admin).await, json!(added));
    lift_file_limit(server.pid()).await;
    assert_eq!(add(&server, &admin, "healed@example.com").await.get("errors"), None, "{}", server.log());
    assert_eq!(people(&server, &admin).await, json!(added + 1));
    assert!(server.lives());
    drop(server);
    let server = Process::serve(&settings).await;
    assert_eq!(people(&server, &admin).await, json!(added + 1), "what was confirmed is there, and nothing else");
    assert_eq!(peek(&database, "PRAGMA integrity_check").await.as_deref(), Some("ok"));
}
