//! The child processes, and what the system says about them.

use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

/// A process of this program that serves at the address that it prints; it ends with this value.
pub struct Helper {
    pub said: String,
    child: Child,
}

impl Helper {
    pub async fn start(arguments: &[&str]) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let stdout = child.stdout.take().context("a child without an output")?;
        let mut said = String::new();
        BufReader::new(stdout).read_line(&mut said).await?;
        ensure!(!said.is_empty(), "{} did not start", arguments.join(" "));
        Ok(Self { said: said.trim().to_owned(), child })
    }

    pub fn id(&self) -> Result<u32> {
        self.child.id().context("the child has ended")
    }
}

/// Runs a process of this program to its end; what it prints is JSON.
pub async fn run<T: DeserializeOwned>(arguments: &[&str]) -> Result<T> {
    let output = Command::new(std::env::current_exe()?)
        .args(arguments)
        .stderr(Stdio::inherit())
        .stdout(Stdio::piped())
        .spawn()?
        .wait_with_output()
        .await?;
    ensure!(output.status.success(), "{} failed", arguments.join(" "));
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// The gateway itself, as anybody runs it.
pub struct Gateway {
    pub address: String,
    /// From the start of the process to the first answer that it is ready.
    pub ready_after: Duration,
    child: Child,
}

const READY_WITHIN: Duration = Duration::from_mins(1);

impl Gateway {
    pub async fn start(database: &str, key_file: &Path, settings: &[(&str, String)]) -> Result<Self> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let began = Instant::now();
        let child = Command::new(env!("CARGO_BIN_EXE_slategate"))
            .arg("serve")
            .env("SLATEGATE_DATABASE_URL", database)
            .env("SLATEGATE_MASTER_KEY_FILE", key_file)
            .env("SLATEGATE_LISTEN", &address)
            .env("SLATEGATE_SYNC_SCHEDULE", "0 0 0 1 1 *")
            .env("SLATEGATE_LOG", "warn")
            .envs(settings.iter().map(|(name, value)| (name, value)))
            .kill_on_drop(true)
            .spawn()?;
        while began.elapsed() < READY_WITHIN {
            if get(&address, "/readyz").await.is_ok_and(|answer| answer.starts_with("HTTP/1.1 200")) {
                return Ok(Self { address, ready_after: began.elapsed(), child });
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        bail!("the gateway did not get ready")
    }

    pub fn id(&self) -> Result<u32> {
        self.child.id().context("the gateway has ended")
    }

    pub async fn stop(mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }
}

async fn get(address: &str, path: &str) -> Result<String> {
    send(address, &format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")).await
}

/// One request on a connection of its own, and its whole answer.
pub async fn send(address: &str, request: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(String::from_utf8(answer)?)
}

/// Resident memory in MiB.
pub fn resident_mib(process: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("the system tells no memory")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse::<u64>()? / 1024)
}

/// Processor time that a process has used so far, together with every process of PostgreSQL.
pub fn processor_time(process: u32) -> Result<Duration> {
    let mut ticks = 0;
    for entry in std::fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(id) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // Processes come and go meanwhile.
        let Ok(stat) = std::fs::read_to_string(format!("/proc/{id}/stat")) else { continue };
        let Some((head, rest)) = stat.rsplit_once(')') else { continue };
        if id == process || head.ends_with("(postgres") {
            let fields: Vec<&str> = rest.split_whitespace().collect();
            ticks += fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
        }
    }
    // Linux counts in hundredths of a second.
    Ok(Duration::from_millis(ticks * 10))
}
