//! The order of things: fill, serve, compare, measure.

use std::io::Write as _;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::Arguments;
use crate::databases::{self, Database};
use crate::drive::{Figures, Requests};
use crate::processes::{self, Gateway, Helper, processor_time, resident_mib, send};
use crate::questions::{self, Question};
use crate::seed::Seeded;
use crate::table::{self, Measured, Row, Size, UnderSync};

/// How often one connection is measured.
const MOMENTS: usize = 3;
/// Answers of each question that are compared.
const COMPARED: usize = 24;
/// Requests per second, well below what the gateway can do, that are timed while it syncs.
pub const CALM: u32 = 40;
const CALM_CONNECTIONS: usize = 4;
/// Longer than that sync takes.
const SYNC_LASTS_MS: u64 = 30_000;
/// The size at which a sync is measured.
const SYNCED: usize = 10_000;
/// Keeps nothing in memory.
const WITHOUT_MODEL: (&str, &str) = ("SLATEGATE_READ_MODEL_MIB", "0");

pub async fn run(arguments: &Arguments) -> Result<()> {
    let server = databases::postgres_server().filter(|_| !arguments.sqlite_only);
    let sqlite = (!arguments.postgres_only).then_some(None);
    ensure!(server.is_some() || sqlite.is_some(), "SLATEGATE_TEST_POSTGRES_URL does not say where PostgreSQL is");
    let mut sizes = Vec::new();
    for server in sqlite.into_iter().chain(server.map(Some)) {
        for clusters in &arguments.clusters {
            let database = Database::make(server.as_deref()).await?;
            let measured = measure(arguments, &database, *clusters).await;
            let name = database.name();
            database.remove().await?;
            let (rows, about) = measured?;
            let size = Size { database: name, clusters: *clusters, rows, about };
            print!("{}", table::markdown(&size, arguments.connections));
            std::io::stdout().flush()?;
            sizes.push(size);
        }
    }
    let misses = table::misses(&sizes);
    for miss in &misses {
        println!("\nMissed: {miss}");
    }
    ensure!(misses.is_empty(), "{} limits were missed", misses.len());
    Ok(())
}

async fn measure(arguments: &Arguments, database: &Database, clusters: usize) -> Result<(Vec<Row>, table::About)> {
    let folder = TempDir::new()?;
    let key_file = folder.path().join("master.key");
    eprintln!("{}, {clusters} clusters: filling ...", database.name());
    let key_text = key_file.display().to_string();
    let seeded: Seeded = processes::run(&["seed", database.url(), &clusters.to_string(), &key_text]).await?;
    settle(database).await?;
    let limit = Helper::start(&["limit", database.url()]).await?;
    let gateway = Gateway::start(database.url(), &key_file, &[]).await?;
    let controls: Vec<String> = slategate::controls::ALL.iter().map(|control| control.key.to_owned()).collect();
    let mut questions = questions::all(clusters, &seeded, &controls);
    questions.retain(|question| question.name.contains(&arguments.only));
    let mut asked = Vec::new();
    for question in &questions {
        eprintln!("{}, {clusters} clusters: {} ...", database.name(), question.name);
        compare(question, &limit, &gateway, &seeded).await?;
        let bare = requests(question, &limit.said, |variant| {
            let parameters: Vec<Value> = variant.parameters.iter().map(questions::Parameter::json).collect();
            ("/".to_owned(), None, json!({ "statement": variant.statement, "parameters": parameters }))
        });
        let limit = timed(arguments, folder.path(), &bare, limit.id()?).await?;
        let own = gateway_requests(question, &gateway.address, &seeded);
        let with = timed(arguments, folder.path(), &own, gateway.id()?).await?;
        asked.push((question, limit, with));
    }
    let (ready_after, filled_mib) = (gateway.ready_after, resident_mib(gateway.id()?)?);
    // A database file has one server at a time.
    gateway.stop().await?;
    let under_sync = match clusters {
        SYNCED if "list".contains(&arguments.only) => {
            Some(while_syncing(arguments, (database, &key_file), &seeded, &questions[0]).await?)
        }
        _ => None,
    };
    let plain = Gateway::start(database.url(), &key_file, &[(WITHOUT_MODEL.0, WITHOUT_MODEL.1.to_owned())]).await?;
    let resting_mib = resident_mib(plain.id()?)?;
    let mut rows = Vec::new();
    for (question, limit, with) in asked {
        let own = gateway_requests(question, &plain.address, &seeded);
        let without = timed(arguments, folder.path(), &own, plain.id()?).await?;
        rows.push(Row { title: question.title, limit, with, without });
    }
    let about = table::About { ready_after, resting_mib, filled_mib, accounts: seeded.accounts, under_sync };
    Ok((rows, about))
}

/// Lets the database gather what it knows about its rows, as it does by itself after a while.
async fn settle(database: &Database) -> Result<()> {
    if matches!(database, Database::Sqlite { .. }) {
        return Ok(());
    }
    let owner = sea_orm::Database::connect(database.url()).await?;
    owner.execute_unprepared("VACUUM ANALYZE").await?;
    Ok(owner.close().await?)
}

/// Both must say the same.
async fn compare(question: &Question, limit: &Helper, gateway: &Gateway, seeded: &Seeded) -> Result<()> {
    for variant in question.variants.iter().take(COMPARED) {
        let parameters: Vec<Value> = variant.parameters.iter().map(questions::Parameter::json).collect();
        let asked = json!({ "statement": variant.statement, "parameters": parameters });
        let bare = answer(&limit.said, &request(&limit.said, "/", None, &asked, false)).await?;
        let asked = json!({ "query": question.query, "variables": variant.variables });
        let own = request(&gateway.address, "/graphql", Some(&seeded.tokens[0]), &asked, false);
        let own = answer(&gateway.address, &own).await?;
        if bare != own {
            bail!("{} {}: the answers differ:\n{bare:.3000}\n{own:.3000}", question.name, variant.variables);
        }
    }
    Ok(())
}

async fn answer(address: &str, request: &str) -> Result<Value> {
    let answer = send(address, request).await?;
    let (head, body) = answer.split_once("\r\n\r\n").context("an answer without a body")?;
    ensure!(head.starts_with("HTTP/1.1 200"), "{head}\n{body}");
    Ok(serde_json::from_str(body)?)
}

fn gateway_requests(question: &Question, address: &str, seeded: &Seeded) -> Requests {
    let mut tokens = seeded.tokens.iter().cycle();
    requests(question, address, |variant| {
        let asked = json!({ "query": question.query, "variables": variant.variables });
        ("/graphql".to_owned(), tokens.next().cloned(), asked)
    })
}

fn requests(
    question: &Question,
    address: &str,
    mut ask: impl FnMut(&questions::Variant) -> (String, Option<String>, Value),
) -> Requests {
    // Every token asks for everything.
    let rounds = if question.variants.len() > 100 { 1 } else { 4 };
    let variants = (0..rounds).flat_map(|round| {
        let variants = &question.variants;
        (0..variants.len()).map(move |number| &variants[(number + round) % variants.len()])
    });
    let texts = variants.map(|variant| {
        let (path, token, body) = ask(variant);
        request(address, &path, token.as_ref(), &body, true)
    });
    Requests { address: address.to_owned(), requests: texts.collect() }
}

fn request(address: &str, path: &str, token: Option<&String>, body: &Value, keep: bool) -> String {
    let body = body.to_string();
    let token = token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
    let connection = if keep { "keep-alive" } else { "close" };
    format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\nconnection: {connection}\r\n\
         {token}content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

async fn timed(arguments: &Arguments, folder: &Path, requests: &Requests, process: u32) -> Result<Measured> {
    let milliseconds = arguments.seconds * 1_000;
    // About once each, so that both are measured with whatever they remember.
    let once = u64::try_from(requests.requests.len() / 2)?.max(500);
    drive(folder, requests, arguments.connections, once, None).await?;
    // Of a machine that others use too, the calmest moment.
    let mut alone = drive(folder, requests, 1, milliseconds / 4, None).await?;
    for _ in 1..MOMENTS {
        let another = drive(folder, requests, 1, milliseconds / 4, None).await?;
        alone = if another.p50_ms < alone.p50_ms { another } else { alone };
    }
    let before = processor_time(process)?;
    let together = drive(folder, requests, arguments.connections, milliseconds, None).await?;
    let used = processor_time(process)?.saturating_sub(before);
    // The driver warms up for a second, which costs as well.
    let share = together.seconds / (together.seconds + 1.0);
    Ok(Measured { alone, cpu: used.mul_f64(share) / u32::try_from(together.answers)?, together })
}

async fn drive(
    folder: &Path,
    requests: &Requests,
    connections: usize,
    milliseconds: u64,
    per_second: Option<u32>,
) -> Result<Figures> {
    let file = folder.join("requests.json");
    std::fs::write(&file, serde_json::to_vec(requests)?)?;
    let (file, connections, time) = (file.display().to_string(), connections.to_string(), milliseconds.to_string());
    let rate = per_second.map(|rate| rate.to_string());
    let mut arguments = vec!["drive", &file, &connections, &time];
    arguments.extend(rate.as_deref());
    processes::run(&arguments).await
}

/// The first question as fast as it goes and at a calm rate: at rest, and while the whole organization is synced after
/// another change of it.
async fn while_syncing(
    arguments: &Arguments,
    (database, key_file): (&Database, &Path),
    seeded: &Seeded,
    question: &Question,
) -> Result<UnderSync> {
    let folder = TempDir::new()?;
    let mut summary = String::new();
    let mut measured = Vec::new();
    for (number, (connections, rate)) in
        [(arguments.connections, None), (CALM_CONNECTIONS, Some(CALM))].into_iter().enumerate()
    {
        let atlas = Helper::start(&["atlas", &SYNCED.to_string(), &(number + 1).to_string()]).await?;
        let atlas_at = ("SLATEGATE_ATLAS_BASE_URL", atlas.said.clone());
        let gateway = Gateway::start(database.url(), key_file, &[atlas_at]).await?;
        let own = gateway_requests(question, &gateway.address, seeded);
        let resting = drive(folder.path(), &own, connections, SYNC_LASTS_MS, rate).await?;
        let before = last_run(&gateway, seeded).await?;
        start_sync(&gateway, seeded).await?;
        let syncing = drive(folder.path(), &own, connections, SYNC_LASTS_MS, rate).await?;
        let run = last_run(&gateway, seeded).await?;
        ensure!(
            run["status"] == "SUCCEEDED" && run["id"] != before["id"],
            "the sync was not watched to its end: {run}"
        );
        run["summary"].as_str().unwrap_or_default().clone_into(&mut summary);
        measured.push((resting, syncing));
        gateway.stop().await?;
    }
    let (Some(calm), Some(busy)) = (measured.pop(), measured.pop()) else { bail!("nothing was measured") };
    Ok(UnderSync { busy, calm, summary })
}

async fn ask(gateway: &Gateway, seeded: &Seeded, query: &str) -> Result<Value> {
    let body = json!({ "query": query });
    let request = request(&gateway.address, "/graphql", Some(&seeded.admin), &body, false);
    answer(&gateway.address, &request).await
}

async fn start_sync(gateway: &Gateway, seeded: &Seeded) -> Result<()> {
    let integrations = ask(gateway, seeded, "{ integrations { nodes { id } } }").await?;
    let id = integrations["data"]["integrations"]["nodes"][0]["id"].as_str().context("nothing is connected")?;
    let sync =
        format!("mutation {{ syncIntegration(input: {{ integrationId: \"{id}\" }}) {{ userErrors {{ message }} }} }}");
    let started = ask(gateway, seeded, &sync).await?;
    ensure!(started["data"]["syncIntegration"]["userErrors"] == json!([]), "no sync was started: {started}");
    Ok(())
}

async fn last_run(gateway: &Gateway, seeded: &Seeded) -> Result<Value> {
    let mut runs = ask(gateway, seeded, "{ syncRuns(first: 1) { nodes { id status summary } } }").await?;
    Ok(runs["data"]["syncRuns"]["nodes"][0].take())
}
