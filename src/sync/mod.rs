//! What changes the data: connecting, syncing, judging, and edits by people.
//!
//! Introduces Atlas to the store; neither knows the other.

mod connect;
mod edit;
pub mod engine;
pub mod fetch;
mod import;
pub mod judge;
pub mod plan;
pub mod refusal;
pub mod run;
pub mod schedule;
mod workers;

pub use engine::{
    AssetEdit, Connected, Edit, Engine, EngineError, EngineOptions, Imported, Patch, PersonEdit, SyncRequest,
};
pub use refusal::{Refusal, RefusalCode};
pub use schedule::{Schedule, ScheduleError};
