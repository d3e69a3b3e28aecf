//! Waiting between tries: how long, and by which clock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How waits pass. Cheap to clone; clones of a skipping pace share its hands.
#[derive(Debug, Clone, Default)]
pub enum Pace {
    #[default]
    Real,
    /// Waits pass at once and are written down.
    Skipping(Arc<Skipped>),
}

#[derive(Debug)]
pub struct Skipped {
    start: Instant,
    waits: Mutex<Vec<Duration>>,
}

impl Pace {
    /// A pace that never waits; for tests and simulations.
    pub fn skipping() -> Self {
        Self::Skipping(Arc::new(Skipped { start: Instant::now(), waits: Mutex::default() }))
    }

    /// The waits that were skipped, in order.
    pub fn skipped(&self) -> Vec<Duration> {
        match self {
            Self::Real => Vec::new(),
            Self::Skipping(skipped) => skipped.waits.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    pub(super) fn now(&self) -> Instant {
        match self {
            Self::Real => Instant::now(),
            Self::Skipping(skipped) => skipped.start + self.skipped().iter().sum::<Duration>(),
        }
    }

    pub(super) async fn wait(&self, by: Duration) {
        match self {
            Self::Real => tokio::time::sleep(by).await,
            Self::Skipping(skipped) => skipped.waits.lock().unwrap_or_else(PoisonError::into_inner).push(by),
        }
    }
}

/// Capped exponential back-off with full jitter.
#[derive(Debug, Clone)]
pub struct Backoff {
    pub base: Duration,
    pub cap: Duration,
    /// None: seeded by the system.
    pub seed: Option<u64>,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { base: Duration::from_millis(200), cap: Duration::from_secs(5), seed: None }
    }
}

/// A back-off with its dice.
#[derive(Debug)]
pub(super) struct Dice {
    backoff: Backoff,
    state: AtomicU64,
}

impl Dice {
    pub fn new(backoff: Backoff) -> Self {
        let seed = backoff.seed.or_else(|| getrandom::u64().ok()).unwrap_or_default();
        Self { backoff, state: AtomicU64::new(seed) }
    }

    /// A wait before try number `attempt` (from 1): anything from nothing to the doubled and capped base.
    pub fn roll(&self, attempt: u32) -> Duration {
        let doubled = 2_u32.checked_pow(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
        self.up_to(self.backoff.base.saturating_mul(doubled).min(self.backoff.cap))
    }

    /// Anything from nothing to `ceiling`.
    pub fn up_to(&self, ceiling: Duration) -> Duration {
        let micros = u64::try_from(ceiling.as_micros()).unwrap_or(u64::MAX - 1);
        Duration::from_micros(self.next() % (micros + 1))
    }

    /// `SplitMix64`: short, seedable, and good enough to spread retries.
    fn next(&self) -> u64 {
        const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
        let mut z = self.state.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_jittered_up_to_a_doubling_and_capped_ceiling() {
        let dice = Dice::new(Backoff { seed: Some(7), ..Backoff::default() });
        for (attempt, ceiling) in [(1, 200), (2, 400), (3, 800), (6, 5_000), (400, 5_000)] {
            let rolls: Vec<Duration> = (0..200).map(|_| dice.roll(attempt)).collect();
            let highest = rolls.iter().max().unwrap().as_millis();
            assert!(highest <= ceiling && highest > ceiling * 8 / 10, "{attempt}: {highest}");
            assert!(rolls.iter().min().unwrap().as_millis() < ceiling * 2 / 10);
        }
    }

    #[test]
    fn one_seed_gives_one_row_of_waits() {
        let rolls = |seed| {
            let dice = Dice::new(Backoff { seed: Some(seed), ..Backoff::default() });
            (1..5).map(|attempt| dice.roll(attempt)).collect::<Vec<_>>()
        };
        assert_eq!(rolls(3), rolls(3));
        assert_ne!(rolls(3), rolls(4));
    }
}
