//! How fast the gateway answers, beside a bare handler that answers the same from one hand-written statement.
//!
//! `cargo xtask bench` prints the tables of the README. Everything that is measured is a process of its own: the
//! gateway is the program itself, the bare handler ("the limit") reads the same database, and both are driven over
//! loopback by a third process. Their answers are compared before anything is measured.

#[path = "../sync/databases.rs"]
mod databases;
mod drive;
#[path = "../sync/estate.rs"]
mod estate;
mod limit;
mod processes;
mod questions;
mod seed;
mod suite;
mod table;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::{Parser, Subcommand};
use tokio::runtime::Runtime;

/// What is measured, and how large.
#[derive(Debug, Parser)]
struct Arguments {
    /// Numbers of clusters.
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, 10_000, 100_000])]
    clusters: Vec<usize>,
    /// How long each question is asked, in seconds.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Connections that ask at the same time.
    #[arg(long, default_value_t = 16)]
    connections: usize,
    /// Only questions whose names contain this.
    #[arg(long, default_value = "")]
    only: String,
    #[arg(long)]
    sqlite_only: bool,
    #[arg(long)]
    postgres_only: bool,
    /// What cargo says to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
    #[command(subcommand)]
    role: Option<Role>,
}

/// What a child process does.
#[derive(Debug, Subcommand)]
enum Role {
    /// Fills a new database and prints what it takes to serve it.
    #[command(hide = true)]
    Seed { database: String, clusters: usize, key_file: PathBuf },
    /// Serves the simulated Atlas until its standard input ends.
    #[command(hide = true)]
    Atlas { clusters: usize, changes: usize },
    /// Serves the bare handlers until its standard input ends.
    #[command(hide = true)]
    Limit { database: String },
    /// Asks, and prints how long answers took.
    #[command(hide = true)]
    Drive { requests: PathBuf, connections: usize, milliseconds: u64, per_second: Option<u32> },
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let runtime = Runtime::new()?;
    match &arguments.role {
        None => runtime.block_on(suite::run(&arguments)),
        Some(Role::Seed { database, clusters, key_file }) => {
            let seeded = runtime.block_on(seed::fill(database, *clusters, key_file))?;
            println!("{}", serde_json::to_string(&seeded)?);
            Ok(())
        }
        Some(Role::Atlas { clusters, changes }) => runtime.block_on(seed::serve_atlas(*clusters, *changes)),
        Some(Role::Limit { database }) => runtime.block_on(limit::serve(database)),
        Some(Role::Drive { requests, connections, milliseconds, per_second }) => {
            let lasts = Duration::from_millis(*milliseconds);
            let figures = runtime.block_on(drive::drive(requests, *connections, lasts, *per_second))?;
            println!("{}", serde_json::to_string(&figures)?);
            Ok(())
        }
    }
}
