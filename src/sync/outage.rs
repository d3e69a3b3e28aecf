//! Outages of the database: told once, and how long the workers wait between tries.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::engine::EngineError;

const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
/// Short enough for work to go on within seconds of the database's return.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How many tries in a row have failed, of all workers of this process together.
#[derive(Debug, Default)]
pub struct Outage(AtomicU32);

impl Outage {
    /// Notes a failed try: the first of an outage is logged. How long to wait before the next.
    pub fn note(&self, error: &EngineError) -> Duration {
        let before = self.0.fetch_add(1, Ordering::Relaxed);
        if before == 0 {
            tracing::error!(error = error as &dyn std::error::Error, "syncs cannot be taken up; trying again");
        }
        pause(before, random())
    }

    /// Notes that the database answered.
    pub fn over(&self) {
        let tries = self.0.swap(0, Ordering::Relaxed);
        if tries > 0 {
            tracing::info!(tries, "syncs are taken up again");
        }
    }
}

/// Doubles with each failure up to the longest; between half of that and all of it by chance.
fn pause(failures: u32, chance: u8) -> Duration {
    let doubled = SHORTEST_PAUSE.saturating_mul(2_u32.saturating_pow(failures)).min(LONGEST_PAUSE);
    doubled / 2 + doubled / 2 * u32::from(chance) / 255
}

fn random() -> u8 {
    let mut byte = [u8::MAX];
    if let Err(error) = getrandom::fill(&mut byte) {
        tracing::debug!(error = %error, "no chance in a pause");
    }
    byte[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_two_seconds_with_chance_in_the_upper_half() {
        let pauses = |chance| [0, 1, 2, 5, 40].map(|failures| pause(failures, chance).as_millis());
        assert_eq!(pauses(255), [100, 200, 400, 2_000, 2_000]);
        assert_eq!(pauses(0), [50, 100, 200, 1_000, 1_000]);
    }
}
