//! The database: the only module that says `sea_orm` or `entity`.
//!
//! Every read and write belongs to one workspace: [`Reader`] and [`Writer`] are made for one and never leave it.
//! Knows nothing of Atlas, GraphQL or HTTP.

mod changes;
mod connect;
mod convert;
mod error;
pub mod leases;
pub mod read;
pub mod tokens;
pub mod views;
pub mod workspaces;
pub mod write;

pub use changes::Wakes;
pub use connect::{Backend, Store, StoreOptions};
pub use error::StoreError;
pub use read::Reader;
pub use write::Writer;
