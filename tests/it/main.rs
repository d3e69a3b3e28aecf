//! The one integration binary: parts and the whole, over real sockets and real databases.
#![expect(clippy::unwrap_used, reason = "tests may stop at the first surprise")]

mod access;
mod atlas;
mod audit;
mod budget;
mod chaos;
mod connect;
mod documented;
mod doors;
mod faults;
mod golden;
mod history;
mod http;
mod layering;
mod oidc;
mod pages;
mod people;
mod plans;
mod processes;
mod relay;
mod roles;
mod rotation;
mod row_security;
mod schema;
mod secrets;
mod spec;
mod subscriptions;
mod support;
mod sync;
mod tenancy;
mod trusted;
