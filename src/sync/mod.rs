//! What changes the data: connecting, syncing, judging, and edits by people.
//!
//! Introduces Atlas to the store; neither knows the other.

mod connect;
mod edit;
mod ending;
pub mod engine;
pub mod fetch;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzz;
pub mod held;
mod import;
pub mod judge;
mod lease;
mod merge;
mod next;
mod outage;
mod owner;
pub mod plan;
mod provision;
pub mod refusal;
mod request;
mod retention;
pub mod review;
pub mod run;
pub mod schedule;
pub mod story;
mod workers;

pub use engine::{
    AssetEdit, Connected, Edit, Engine, EngineError, EngineOptions, ImportOptions, Imported, Limits, Patch, PersonEdit,
    SyncRequest,
};
pub use provision::ProvisionError;
pub use refusal::{Refusal, RefusalCode};
pub use retention::{Pruned, Retention, prunable, prune, prune_daily, prune_due};
pub use schedule::{Schedule, ScheduleError};
