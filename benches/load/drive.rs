//! Asks over keep-alive connections and notes how long each answer took. Reads no more of an answer than its length.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{interval, sleep_until};

/// Where to ask and what: each request is sent as it is.
#[derive(Debug, Serialize, Deserialize)]
pub struct Requests {
    pub address: String,
    pub requests: Vec<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Figures {
    pub answers: usize,
    pub seconds: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
}

impl Figures {
    #[expect(clippy::cast_precision_loss, reason = "a count of requests")]
    pub fn per_second(&self) -> f64 {
        self.answers as f64 / self.seconds
    }
}

/// A question is asked so long before anything is noted.
const WARMING: Duration = Duration::from_secs(1);

pub async fn drive(requests: &Path, connections: usize, lasts: Duration, per_second: Option<u32>) -> Result<Figures> {
    let Requests { address, requests } = serde_json::from_slice(&std::fs::read(requests)?)?;
    let requests: Arc<[String]> = requests.into();
    let begins = Instant::now() + WARMING;
    let clients = (0..connections).map(|number| {
        let (address, requests) = (address.clone(), Arc::clone(&requests));
        let offset = number * requests.len() / connections;
        let pause = per_second.map(|rate| Duration::from_secs(1) * u32::try_from(connections).unwrap_or(1) / rate);
        #[expect(clippy::disallowed_methods, reason = "awaited below")]
        tokio::spawn(async move { client(&address, &requests, offset, begins, begins + lasts, pause).await })
    });
    let clients: Vec<_> = clients.collect();
    let mut times = Vec::new();
    for client in clients {
        times.extend(client.await??);
    }
    let seconds = begins.elapsed().as_secs_f64();
    times.sort_unstable();
    let at = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1_000.0;
    Ok(Figures { answers: times.len(), seconds, p50_ms: at(50), p99_ms: at(99) })
}

async fn client(
    address: &str,
    requests: &[String],
    offset: usize,
    begins: Instant,
    ends: Instant,
    pause: Option<Duration>,
) -> Result<Vec<Duration>> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut times = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    let mut ticks = pause.map(interval);
    for number in offset.. {
        if let Some(ticks) = &mut ticks {
            ticks.tick().await;
        }
        let asked = Instant::now();
        // What takes longer than all is asked for once.
        if asked >= ends && !times.is_empty() {
            break;
        }
        stream.write_all(requests[number % requests.len()].as_bytes()).await?;
        let is_answered = read_answer(&mut stream, &mut buffer).await?;
        if is_answered && asked >= begins {
            times.push(asked.elapsed());
        }
    }
    sleep_until(ends.into()).await;
    Ok(times)
}

/// Reads to the end of one answer, which must be a good one. False: the server had too much to do, and said so.
async fn read_answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Result<bool> {
    let mut filled = 0;
    loop {
        if filled == buffer.len() {
            buffer.resize(buffer.len() * 2, 0);
        }
        let read = stream.read(&mut buffer[filled..]).await?;
        ensure!(read > 0, "the connection was closed");
        filled += read;
        let Some(head) = buffer[..filled].windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let text = std::str::from_utf8(&buffer[..head])?;
        let is_answered = text.starts_with("HTTP/1.1 200");
        if !is_answered && !text.starts_with("HTTP/1.1 503") {
            bail!("answered {}", String::from_utf8_lossy(&buffer[..filled.min(600)]));
        }
        let length = text.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
        });
        let whole = head + 4 + length.context("an answer without a length")?;
        if buffer.len() < whole {
            buffer.resize(whole, 0);
        }
        while filled < whole {
            let read = stream.read(&mut buffer[filled..whole]).await?;
            ensure!(read > 0, "the connection was closed");
            filled += read;
        }
        ensure!(filled == whole, "more than one answer to one request");
        return Ok(is_answered);
    }
}
