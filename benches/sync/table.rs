//! The table of the README, and which limits were missed.

use std::fmt::Write;
use std::time::Duration;

use crate::measured::{Costs, EACH, Sync};

/// Most wall time, as a share of what the requests take when every lane is always full.
const WALL: f64 = 1.25;
/// Most database time of an unchanged sync, as a share of the first's, where an organization has so many projects.
const UNCHANGED: f64 = 0.2;
const UNCHANGED_FROM: usize = 1_000;
const PEAK_MIB: u64 = 256;
const JUDGING: Duration = Duration::from_millis(250);

pub struct Row {
    pub database: &'static str,
    pub costs: Costs,
}

/// What the requests are waited for.
pub struct Ideal {
    pub latency: Duration,
    pub lanes: usize,
}

impl Ideal {
    fn time(&self, sync: &Sync) -> f64 {
        let requests = f64::from(u32::try_from(sync.requests).unwrap_or(u32::MAX));
        let lanes = f64::from(u32::try_from(self.lanes).unwrap_or(u32::MAX));
        requests * self.latency.as_secs_f64() / lanes
    }

    /// None without latency.
    fn share(&self, sync: &Sync) -> Option<f64> {
        let ideal = self.time(sync);
        (ideal > 0.0).then(|| sync.wall.as_secs_f64() / ideal)
    }
}

pub fn markdown(rows: &[Row], ideal: &Ideal) -> String {
    let mut text = String::new();
    text.push_str("| Database | Projects, clusters, users | Requests | First sync | of it writing | Unchanged sync | of it writing | its fact rows | Peak memory | Judging |\n");
    text.push_str("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n");
    for Row { database, costs } in rows {
        let each = costs.projects * EACH;
        let cells = [
            (*database).to_owned(),
            format!("{}, {each}, {each}", costs.projects),
            costs.first.requests.to_string(),
            wall(&costs.first, ideal),
            seconds(costs.first.writing),
            wall(&costs.second, ideal),
            seconds(costs.second.writing),
            costs.second.fact_rows.to_string(),
            format!("{} MiB", mib(costs.peak_kib)),
            format!("{} ms", costs.judging.as_millis()),
        ];
        text.extend(["| ", &cells.join(" | "), " |\n"]);
    }
    text
}

/// Every limit that a row missed, as a sentence.
pub fn misses(rows: &[Row], ideal: &Ideal) -> Vec<String> {
    let mut misses = Vec::new();
    for Row { database, costs } in rows {
        let mut miss = |what: String| misses.push(format!("{database}, {} projects: {what}.", costs.projects));
        for (name, sync) in [("first", &costs.first), ("unchanged", &costs.second)] {
            if let Some(share) = ideal.share(sync).filter(|share| *share > WALL) {
                miss(format!("the {name} sync took {share:.2} times its requests"));
            }
        }
        let is_large = costs.projects >= UNCHANGED_FROM;
        if is_large && costs.second.writing.as_secs_f64() > costs.first.writing.as_secs_f64() * UNCHANGED {
            miss("the unchanged sync wrote for more than a fifth of the first's time".to_owned());
        }
        if costs.second.fact_rows != 0 {
            miss(format!("the unchanged sync wrote {} fact rows", costs.second.fact_rows));
        }
        if mib(costs.peak_kib) > PEAK_MIB {
            miss(format!("{} MiB of memory were used", mib(costs.peak_kib)));
        }
        if costs.judging > JUDGING {
            miss(format!("judging took {} ms", costs.judging.as_millis()));
        }
    }
    misses
}

fn wall(sync: &Sync, ideal: &Ideal) -> String {
    let mut text = seconds(sync.wall);
    if let Some(share) = ideal.share(sync) {
        let _ = write!(text, " ({share:.2})");
    }
    text
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

const fn mib(kib: u64) -> u64 {
    kib.div_ceil(1024)
}
