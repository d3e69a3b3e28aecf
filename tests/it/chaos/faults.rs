//! What is done to servers and to the database.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::stage::{Away, Server, Stage};
use super::{LEASE, micros, now};
use crate::support::{Chance, Halt, OwnPostgres};

/// How long this goes on.
#[derive(Debug, Clone, Copy)]
pub enum Limit {
    Until(Instant),
    Kills(u32),
}

impl Limit {
    fn is_over(self, tally: &Mutex<Tally>) -> bool {
        match self {
            Self::Until(end) => Instant::now() >= end,
            Self::Kills(most) => tally.lock().unwrap().kills >= most,
        }
    }
}

/// How often each thing was done.
#[derive(Debug, Default)]
pub struct Tally {
    pub kills: u32,
    pub pauses: u32,
    /// By SIGTERM.
    pub stops: u32,
    pub restarts: u32,
    /// When the database was away.
    pub away: Vec<Away>,
}

/// Kills, pauses and stops these servers, one at a time; half of the time just as a sync has read everything
/// and begins to write.
pub async fn torment(stage: &Stage, servers: &[Server], mut chance: Chance, limit: Limit, tally: &Mutex<Tally>) {
    for round in 1_u32.. {
        if limit.is_over(tally) {
            return;
        }
        let mut one = &servers[usize::try_from(chance.below(servers.len() as u64)).unwrap()];
        if chance.below(2) == 0 {
            one = finishing(stage, servers, one).await;
            tokio::time::sleep(Duration::from_millis(chance.below(60))).await;
        }
        match round % 10 {
            4 => {
                one.replace().await;
                tally.lock().unwrap().stops += 1;
            }
            2 | 6 => {
                one.pause(LEASE + Duration::from_millis(chance.below(1_500))).await;
                tally.lock().unwrap().pauses += 1;
            }
            _ => {
                one.kill(Duration::from_millis(chance.below(400))).await;
                tally.lock().unwrap().kills += 1;
            }
        }
        tokio::time::sleep(Duration::from_millis(chance.below(900))).await;
    }
}

/// The first of these servers whose sync gets its last answer; `otherwise` when none does for a while.
async fn finishing<'a>(stage: &Stage, servers: &'a [Server], otherwise: &'a Server) -> &'a Server {
    let mut finishing = stage.atlas.finishing();
    let hearing = async {
        while let Ok(door) = finishing.recv().await {
            if let Some(server) = servers.iter().find(|server| server.door == door) {
                return server;
            }
        }
        otherwise
    };
    tokio::time::timeout(Duration::from_secs(4), hearing).await.unwrap_or(otherwise)
}

/// Stops and starts the database again and again, until told that the rest is over.
pub async fn restart(database: &mut OwnPostgres, mut chance: Chance, limit: Limit, tally: &Mutex<Tally>) {
    loop {
        tokio::time::sleep(Duration::from_millis(6_000 + chance.below(6_000))).await;
        if limit.is_over(tally) {
            return;
        }
        let from = now();
        database.halt(if chance.below(2) == 0 { Halt::Fast } else { Halt::Immediate });
        tokio::time::sleep(Duration::from_millis(chance.below(2_500))).await;
        database.resume().await;
        let mut tally = tally.lock().unwrap();
        tally.restarts += 1;
        // All is well within 5 s of its return.
        tally.away.push(Away { from, to: now() + micros(Duration::from_secs(5)) });
    }
}
