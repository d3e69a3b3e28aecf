//! The GraphQL side of the gateway.

pub mod guard;
