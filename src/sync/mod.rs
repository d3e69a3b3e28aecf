//! What changes the data: connecting, syncing, judging, and edits by people.
//!
//! Introduces Atlas to the store; neither knows the other.

pub mod engine;
pub mod fetch;
pub mod judge;
pub mod plan;
pub mod refusal;

pub use engine::{AssetEdit, Connected, Edit, Engine, Imported, Patch, PersonEdit, SyncRequest};
pub use refusal::{Refusal, RefusalCode};
