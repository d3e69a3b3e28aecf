//! Slategate: a GraphQL gateway over synced compliance data.

pub mod clock;
pub mod domain;
pub mod graphql;
pub mod http;
