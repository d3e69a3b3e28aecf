//! Chance that anybody can have again, and how long tests may take.

use std::time::{SystemTime, UNIX_EPOCH};

/// Whether whoever runs the tests has time for the long variants: longer outages, more rounds.
#[expect(clippy::disallowed_methods, reason = "whoever runs the tests says how long they may take")]
pub fn is_long() -> bool {
    std::env::var("SLATEGATE_TEST_LONG").is_ok()
}

/// Numbers below a limit, one after the other, that anybody can have again from the printed seed.
pub struct Chance(u64);

impl Chance {
    #[expect(clippy::disallowed_methods, reason = "whoever runs the tests may give the seed of a run that failed")]
    pub fn new() -> Self {
        let given = std::env::var("SLATEGATE_TEST_SEED").ok().map(|seed| seed.parse().unwrap());
        let nanos = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_nanos();
        let seed = given.unwrap_or(u64::from(nanos));
        println!("SLATEGATE_TEST_SEED={seed}");
        Self(seed)
    }

    /// Splitmix64.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (word ^ (word >> 31)) % limit
    }

    /// Chance of its own for something that happens beside.
    pub fn fork(&mut self) -> Self {
        Self(self.below(u64::MAX))
    }
}
