//! The one integration binary: parts and the whole, over real sockets and real databases.
#![expect(clippy::unwrap_used, reason = "tests may stop at the first surprise")]

mod access;
mod atlas;
mod budget;
mod connect;
mod golden;
mod history;
mod http;
mod layering;
mod oidc;
mod pages;
mod people;
mod processes;
mod rotation;
mod schema;
mod subscriptions;
mod support;
mod sync;
