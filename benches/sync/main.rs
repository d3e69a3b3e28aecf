//! How long a whole sync takes, what it costs the database, and how much memory it needs.
//!
//! `cargo bench --bench sync` prints the table of the README. The simulated Atlas and each measured sync are processes
//! of their own, so that the peak memory is the sync's alone.

mod databases;
mod estate;
mod judging;
mod measured;
mod processes;
mod table;

use std::time::Duration;

use anyhow::Result;
use clap::{Parser, Subcommand};
use url::Url;

use databases::Database;
use processes::Atlas;

/// What is measured, and how large.
#[derive(Debug, Parser)]
struct Arguments {
    /// Numbers of projects; each has ten clusters, and there are ten users for each.
    #[arg(long, value_delimiter = ',', default_values_t = [250, 500, 1000])]
    projects: Vec<usize>,
    /// How long the simulated Atlas takes for each answer.
    #[arg(long, default_value_t = 50)]
    latency_ms: u64,
    /// Requests in flight.
    #[arg(long, default_value_t = 4)]
    lanes: usize,
    #[arg(long)]
    sqlite_only: bool,
    /// What cargo says to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
    #[command(subcommand)]
    role: Option<Role>,
}

/// What a child process does.
#[derive(Debug, Subcommand)]
enum Role {
    /// Serves the simulated Atlas until its standard input ends.
    #[command(hide = true)]
    Atlas { projects: usize, latency_ms: u64 },
    /// Syncs twice and prints what it cost.
    #[command(hide = true)]
    Sync { atlas: Url, database: String, projects: usize, lanes: usize },
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    match arguments.role {
        Some(Role::Atlas { projects, latency_ms }) => {
            processes::serve_atlas(projects, Duration::from_millis(latency_ms)).await
        }
        Some(Role::Sync { atlas, database, projects, lanes }) => {
            let costs = measured::sync_twice(atlas, database, projects, lanes).await?;
            println!("{}", serde_json::to_string(&costs)?);
            Ok(())
        }
        None => measure_all(&arguments).await,
    }
}

async fn measure_all(arguments: &Arguments) -> Result<()> {
    let server = databases::postgres_server().filter(|_| !arguments.sqlite_only);
    let mut rows = Vec::new();
    for server in std::iter::once(None).chain(server.map(Some)) {
        for projects in &arguments.projects {
            let atlas = Atlas::start(*projects, arguments.latency_ms).await?;
            let database = Database::make(server.as_deref()).await?;
            eprintln!("{} with {projects} projects ...", database.name());
            let costs = processes::sync(&atlas.url, database.url(), *projects, arguments.lanes).await;
            let name = database.name();
            database.remove().await?;
            rows.push(table::Row { database: name, costs: costs? });
        }
    }
    let ideal = table::Ideal { latency: Duration::from_millis(arguments.latency_ms), lanes: arguments.lanes };
    print!("{}", table::markdown(&rows, &ideal));
    if arguments.sqlite_only || databases::postgres_server().is_none() {
        println!("\nPostgreSQL was left out: set SLATEGATE_TEST_POSTGRES_URL to measure it too.");
    }
    let misses = table::misses(&rows, &ideal);
    for miss in &misses {
        println!("\nMissed: {miss}");
    }
    anyhow::ensure!(misses.is_empty(), "{} limits were missed", misses.len());
    Ok(())
}
