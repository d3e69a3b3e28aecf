//! Slategate: a GraphQL gateway over synced compliance data.

pub mod atlas;
pub mod auth;
pub mod cli;
pub mod clock;
pub mod config;
pub mod controls;
pub mod demo;
pub mod domain;
pub mod export;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzz;
pub mod gateway;
pub mod graphql;
pub mod http;
pub mod lifecycle;
pub mod scim;
pub mod store;
pub mod sync;
pub mod telemetry;
pub mod vault;
