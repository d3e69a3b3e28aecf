//! The doors for the fuzz targets: every reader of text or bytes that somebody else wrote, by name.
//!
//! Not part of the program. Each door panics where what is read breaks a promise, not only where the reader panics.

#[cfg(test)]
mod tests;

use crate::{atlas, auth, graphql, scim, sync, telemetry, vault};

/// Reads one input.
pub type Door = fn(&[u8]);

/// Every target by name: also that of its file in `fuzz/fuzz_targets` and of its folder in `fuzz/seeds`.
pub const TARGETS: [(&str, Door); 15] = [
    ("atlas_account", atlas::fuzz::account),
    ("atlas_challenge", atlas::fuzz::challenge),
    ("atlas_cluster", atlas::fuzz::cluster),
    ("atlas_page", atlas::fuzz::page),
    ("atlas_project", atlas::fuzz::project),
    ("atlas_retry_after", atlas::fuzz::retry_after),
    ("csv_import", sync::fuzz::import),
    ("guard", graphql::fuzz::guard),
    ("ids", graphql::fuzz::ids),
    ("scim_filter", scim::fuzz::filter),
    ("scim_patch", scim::fuzz::patch),
    ("scim_user", scim::fuzz::document),
    ("sealed", vault::fuzz::sealed),
    ("token", auth::fuzz::token),
    ("trace_parent", telemetry::traces::fuzz::parent),
];

/// Reads `input` by the door of this name.
pub fn run(target: &str, input: &[u8]) {
    let door = TARGETS.iter().find(|(name, _)| *name == target).map(|(_, door)| door);
    door.unwrap_or_else(|| panic!("there is no target {target}"))(input);
}
