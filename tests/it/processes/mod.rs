//! The program as a process: how it starts, stops, and lives through what goes wrong around it.
//!
//! Times in these tests are limits that the program promises, with room for a slow machine, never pauses.
//! `SLATEGATE_TEST_LONG=1` makes outages last 30 s instead of 6 s, and loops take 50 rounds instead of 8.

mod stops;

use crate::support::{Database, process};

/// What every server of these tests is told.
pub fn settings(database: &Database) -> Vec<(&'static str, String)> {
    settings_at(database, database.url.clone())
}

/// The same, with the database at another address.
pub fn settings_at(database: &Database, url: String) -> Vec<(&'static str, String)> {
    let key_file = database.folder().join("master.key");
    if !key_file.exists() {
        slategate::vault::KeyRing::create(&key_file).unwrap();
    }
    vec![("SLATEGATE_DATABASE_URL", url), ("SLATEGATE_MASTER_KEY_FILE", key_file.display().to_string())]
}

#[expect(clippy::disallowed_methods, reason = "whoever runs the tests says how long they may take")]
fn is_long() -> bool {
    std::env::var_os("SLATEGATE_TEST_LONG").is_some()
}
