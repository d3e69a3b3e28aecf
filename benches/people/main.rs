//! How long it takes to import a register of personnel and to link it to accounts that are there already.
//!
//! `cargo bench --bench people` imports 50,000 people beside 20,000 accounts, 18,000 of which are theirs, then imports
//! the same again, then as everybody with one person in a thousand missing.

#[path = "../sync/databases.rs"]
mod databases;

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use chrono::TimeDelta;
use clap::Parser;
use slategate::clock::Clock;
use slategate::controls::Policy;
use slategate::demo::build::{self, user};
use slategate::demo::keys::READER;
use slategate::demo::model::{Organization, ProjectEstate};
use slategate::demo::{Simulator, SimulatorOptions};
use slategate::store::audit::Actor;
use slategate::store::{Store, StoreOptions};
use slategate::sync::{Engine, EngineOptions, ImportOptions};
use slategate::vault::{KeyRing, Vault};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use databases::Database;

/// How many there are of each.
#[derive(Debug, Parser)]
struct Arguments {
    #[arg(long, default_value_t = 50_000)]
    people: usize,
    #[arg(long, default_value_t = 20_000)]
    accounts: usize,
    /// What cargo says to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

struct Costs {
    first: Duration,
    again: Duration,
    full: Duration,
    linked: u64,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    println!("| Database | People, accounts | Import and link | The same again | As everybody | Linked accounts |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: |");
    for server in std::iter::once(None).chain(databases::postgres_server().map(Some)) {
        let database = Database::make(server.as_deref()).await?;
        let (name, costs) = (database.name(), measure(&database, &arguments).await);
        database.remove().await?;
        let Costs { first, again, full, linked } = costs?;
        println!(
            "| {name} | {}, {} | {:.1} s | {:.1} s | {:.1} s | {linked} |",
            arguments.people,
            arguments.accounts,
            first.as_secs_f64(),
            again.as_secs_f64(),
            full.as_secs_f64()
        );
    }
    Ok(())
}

async fn measure(database: &Database, arguments: &Arguments) -> Result<Costs> {
    let simulator = Simulator::start(vec![organization(arguments.accounts)], SimulatorOptions::default()).await?;
    let folder = TempDir::new()?;
    let store = Store::connect(StoreOptions {
        url: database.url().to_owned(),
        freshness: TimeDelta::hours(24),
        dormant_after: TimeDelta::days(90),
        clock: Clock::default(),
        connections: 4,
        lease: Duration::from_secs(30),
    })
    .await?;
    store.migrate().await?;
    let workspace = store.ensure_default_workspace().await?;
    let options = EngineOptions {
        policy: Policy::default(),
        schedule: "0 0 0 1 1 *".parse()?,
        clock: Clock::default(),
        atlas_base_url: simulator.base_url(),
        atlas_lanes: 4,
    };
    let vault = Vault::new(KeyRing::create(&folder.path().join("master.key"))?);
    let engine = Engine::new(store.clone(), vault, options);
    let by = Actor { workspace, key: "bench".to_owned(), name: "bench".to_owned(), request_id: None };
    let connected = engine.connect(&by, READER.public, READER.private.to_owned().into()).await?;
    connected.ok().context("the organization was refused")?;
    ensure!(engine.work_next("bench", &CancellationToken::new()).await?, "nothing was due");

    let everybody = people(arguments.people, |_| true);
    let most = people(arguments.people, |number| number % 1_000 != 0);
    let merge = ImportOptions::default();
    let first = import(&engine, &by, &everybody, merge).await?;
    let again = import(&engine, &by, &everybody, merge).await?;
    let full = import(&engine, &by, &most, ImportOptions { is_full: true, ..merge }).await?;
    let writer = store.writer(workspace).await?;
    let accounts = writer.account_inputs(&writer.todays_accounts().await?).await?;
    let linked = accounts.iter().filter(|account| account.link.as_ref().is_some_and(|link| link.person.is_some()));
    let linked = u64::try_from(linked.count())?;
    drop(writer);
    store.close().await?;
    Ok(Costs { first, again, full, linked })
}

async fn import(engine: &Engine, by: &Actor, csv: &str, options: ImportOptions) -> Result<Duration> {
    let began = Instant::now();
    let imported = engine.import_people(by, csv, options).await?;
    ensure!(imported.is_ok(), "the people were refused: {imported:?}");
    Ok(began.elapsed())
}

fn mail(number: usize) -> String {
    format!("user{number}@bench.example")
}

fn organization(accounts: usize) -> Organization {
    let mut own = Organization::new(&build::id("bench"), "Bench");
    own.keys = vec![READER.key(&["ORG_READ_ONLY"])];
    own.projects = vec![ProjectEstate::new(&build::id("project"), "Project")];
    let member = |number: usize| user(&mail(number), "User", &number.to_string()).roles(&["ORG_READ_ONLY"]).body();
    own.users = (0..accounts).map(member).collect();
    own
}

/// One account in ten is nobody's; every second person has an alias.
fn people(count: usize, wanted: impl Fn(usize) -> bool) -> String {
    let mut csv = "email,fullName,aliases,startsOn\n".to_owned();
    for number in (0..count).filter(|number| wanted(*number)) {
        let address = if number % 10 == 0 { format!("nobody{number}@bench.example") } else { mail(number) };
        let alias = if number % 2 == 0 { format!("alias{number}@old.example") } else { String::new() };
        writeln!(csv, "{address},Person {number},{alias},2020-01-01").expect("a String takes all text");
    }
    csv
}
