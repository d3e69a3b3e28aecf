//! Slategate: a GraphQL gateway over synced compliance data.

pub mod atlas;
pub mod clock;
pub mod controls;
pub mod domain;
pub mod graphql;
pub mod store;
pub mod sync;
