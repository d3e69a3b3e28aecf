//! Several servers on one database, while whatever can happen to them does.
//!
//! Servers are killed, paused beyond the lease, and lose their database; Atlas is scripted and numbers what it serves;
//! clients write down what they asked and got. What may never be is then checked over everything that was written
//! down. `SLATEGATE_TEST_SEED` repeats the choices of a run; `SLATEGATE_TEST_LONG=1` kills 200 times on each database,
//! and lets 50 organizations be synced for a minute.

mod atlas;
mod checker;
mod clients;
mod estate;
mod faults;
mod history;
mod sharing;
mod stage;
mod storage;
mod torment;
mod zombies;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A lease in these tests.
const LEASE: Duration = Duration::from_secs(3);
/// The latest that a sync is taken up or taken over, as promised.
const LATEST: Duration = Duration::from_secs(LEASE.as_secs() + 2);

/// The schedule.
const EVERY_TWO_SECONDS: &str = "*/2 * * * * *";

/// Microseconds since 1970, as the databases of these tests count.
fn now() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros()).unwrap()
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap()
}
