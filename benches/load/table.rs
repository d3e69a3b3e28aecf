//! The tables of the README, and which limits were missed.

use std::fmt::Write;
use std::time::Duration;

use crate::drive::Figures;
use crate::suite::CALM;

/// Least throughput, as a share of the bare handler's.
const SHARE: f64 = 0.6;
/// Most time of the first question at one connection, as a multiple of the bare handler's.
const ALONE: f64 = 2.4;
/// Slowest answers during a sync, as a multiple of those at rest.
const SYNCING: f64 = 1.5;
/// Time of a page in the largest inventory, as a multiple of the smallest's.
const GROWTH: f64 = 1.2;
const READY_WITHIN: Duration = Duration::from_millis(300);
const RESTING_MIB: u64 = 200;

/// One question, asked over one connection and over several.
pub struct Measured {
    pub alone: Figures,
    pub together: Figures,
    /// Processor time for each request, the database's included.
    pub cpu: Duration,
}

pub struct Row {
    pub title: &'static str,
    pub limit: Measured,
    pub with: Measured,
    /// With nothing kept in memory.
    pub without: Measured,
}

impl Row {
    fn share(&self) -> f64 {
        self.with.together.per_second() / self.limit.together.per_second()
    }

    fn share_without(&self) -> f64 {
        self.without.together.per_second() / self.limit.together.per_second()
    }
}

/// The first question, at rest and while a sync ran.
pub struct UnderSync {
    /// Asked as fast as it goes.
    pub busy: (Figures, Figures),
    /// Asked now and then.
    pub calm: (Figures, Figures),
    pub summary: String,
}

/// What holds for a whole database.
pub struct About {
    pub ready_after: Duration,
    /// Without the read model, before anything was asked.
    pub resting_mib: u64,
    /// With the read model, when all had been asked.
    pub filled_mib: u64,
    pub accounts: usize,
    pub under_sync: Option<UnderSync>,
}

pub struct Size {
    pub database: &'static str,
    pub clusters: usize,
    pub rows: Vec<Row>,
    pub about: About,
}

pub fn markdown(Size { database, clusters, rows, about }: &Size, connections: usize) -> String {
    let About { ready_after, resting_mib, filled_mib, accounts, under_sync } = about;
    let mut text = format!("\n**{database}, {clusters} clusters, {accounts} accounts**\n\n");
    let heads = [
        "Question",
        "Limit/s",
        "Slategate/s",
        "of the limit",
        "without read model",
        "p50 at 1 connection (without; limit)",
        &format!("p99 at {connections} (limit)"),
        "CPU (limit)",
    ];
    text.extend(["| ", &heads.join(" | "), " |\n| --- |", &" ---: |".repeat(heads.len() - 1), "\n"]);
    for row in rows {
        let Row { title, limit, with, without } = row;
        let cells = [
            (*title).to_owned(),
            format!("{:.0}", limit.together.per_second()),
            format!("{:.0}", with.together.per_second()),
            format!("**{:.2}**", row.share()),
            format!("{:.2}", row.share_without()),
            format!("{:.2} ms ({:.2}; {:.2})", with.alone.p50_ms, without.alone.p50_ms, limit.alone.p50_ms),
            format!("{:.1} ms ({:.1})", with.together.p99_ms, limit.together.p99_ms),
            format!("{} ({})", milliseconds(with.cpu), milliseconds(limit.cpu)),
        ];
        text.extend(["| ", &cells.join(" | "), " |\n"]);
    }
    let ready_after = milliseconds(*ready_after);
    let _infallible = write!(
        text,
        "\nReady {ready_after} after its start; {resting_mib} MiB at rest without the read model, {filled_mib} MiB with \
         all these answers in it."
    );
    if let Some(UnderSync { busy, calm, summary }) = under_sync {
        let _infallible = write!(
            text,
            " While a sync ran ({summary}), p99 of the first question was {:.1} ms over {connections} connections, \
             {:.1} ms at rest; asked {CALM} times a second, {:.1} ms and {:.1} ms.",
            busy.1.p99_ms, busy.0.p99_ms, calm.1.p99_ms, calm.0.p99_ms
        );
    }
    text + "\n"
}

fn milliseconds(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1_000.0)
}

pub fn misses(sizes: &[Size]) -> Vec<String> {
    let mut misses = Vec::new();
    for Size { database, clusters, rows, about } in sizes {
        let at = format!("{database}, {clusters} clusters");
        for row in rows.iter().filter(|row| row.share() < SHARE) {
            misses.push(format!("{at}: {} runs at {:.2} of the limit, below {SHARE}", row.title, row.share()));
        }
        if let Some(row) = rows.first().filter(|row| row.with.alone.p50_ms > ALONE * row.limit.alone.p50_ms) {
            let (own, bare) = (row.with.alone.p50_ms, row.limit.alone.p50_ms);
            misses.push(format!("{at}: {} takes {own:.2} ms alone, above {ALONE} times {bare:.2} ms", row.title));
        }
        if about.ready_after > READY_WITHIN {
            misses.push(format!("{at}: ready after {:?}, above {READY_WITHIN:?}", about.ready_after));
        }
        if about.resting_mib >= RESTING_MIB {
            misses.push(format!("{at}: {} MiB at rest, not below {RESTING_MIB}", about.resting_mib));
        }
        if let Some(UnderSync { busy, calm, .. }) = &about.under_sync {
            for (how, (resting, syncing)) in [("as fast as it goes", busy), ("now and then", calm)] {
                let (at_rest, during) = (resting.p99_ms, syncing.p99_ms);
                if during > SYNCING * at_rest {
                    misses.push(format!(
                        "{at}: p99 during a sync, asked {how}, {during:.1} ms, above {SYNCING} times {at_rest:.1} ms"
                    ));
                }
            }
        }
    }
    for pair in sizes.chunk_by(|one, other| one.database == other.database) {
        let (Some(small), Some(large)) = (pair.first(), pair.last()) else { continue };
        for (one, other) in small.rows.iter().zip(&large.rows) {
            let (few, many) = (one.with.alone.p50_ms, other.with.alone.p50_ms);
            if many > GROWTH * few {
                misses.push(format!(
                    "{}: {} takes {many:.2} ms with {} clusters, above {GROWTH} times {few:.2} ms with {}",
                    large.database, one.title, large.clusters, small.clusters
                ));
            }
        }
    }
    misses
}
