//! The database: the only module that says `sea_orm` or `entity`.
//!
//! Every read and write belongs to one workspace: [`Reader`] and [`Writer`] are made for one and never leave it. Behind
//! their filters PostgreSQL itself shows a transaction that workspace only.
//! Knows nothing of Atlas, GraphQL or HTTP.

pub mod audit;
mod backup;
mod breaker;
mod changes;
mod checks;
mod connect;
mod convert;
mod error;
pub mod leases;
mod pool;
pub mod read;
pub mod retention;
mod schema;
mod sight;
mod statements;
pub mod tokens;
pub mod views;
pub mod workspaces;
pub mod write;

pub use backup::DumpRights;
pub use changes::{Commits, Committed, Wakes};
pub use connect::{Backend, Store, StoreOptions};
pub use error::{Outage, StoreError};
pub use read::Reader;
pub use schema::{SchemaState, known_migrations};
pub use write::Writer;
