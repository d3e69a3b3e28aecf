//! The child processes: the simulated Atlas, and the sync that is measured.

use std::io::Read;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use slategate::demo::Simulator;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use url::Url;

use crate::estate;
use crate::measured::{self, Costs};

/// A simulated Atlas in a process of its own; it ends with this value.
pub struct Atlas {
    pub url: Url,
    _child: Child,
}

impl Atlas {
    pub async fn start(projects: usize, latency_ms: u64) -> Result<Self> {
        let mut child = command(&["atlas", &projects.to_string(), &latency_ms.to_string()])?
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let stdout = child.stdout.take().context("the simulated Atlas has no output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).await?;
        Ok(Self { url: line.trim().parse()?, _child: child })
    }
}

/// Serves until standard input ends, without limits of rate.
pub async fn serve_atlas(projects: usize, latency: Duration) -> Result<()> {
    let simulator = Simulator::start(vec![estate::organization(measured::size(projects))], estate::boundless()).await?;
    simulator.latency(latency);
    println!("{}", simulator.base_url());
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    Ok(())
}

/// Measures two syncs in a process of their own.
pub async fn sync(atlas: &Url, database: &str, projects: usize, lanes: usize) -> Result<Costs> {
    let output = command(&["sync", atlas.as_str(), database, &projects.to_string(), &lanes.to_string()])?
        .stderr(Stdio::inherit())
        .output()
        .await?;
    ensure!(output.status.success(), "the measured process failed");
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn command(arguments: &[&str]) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(arguments);
    Ok(command)
}
