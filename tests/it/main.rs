//! The one integration binary: parts and the whole, over real sockets and real databases.
#![expect(clippy::unwrap_used, reason = "tests may stop at the first surprise")]

mod atlas;
mod http;
mod layering;
mod schema;
mod support;
mod sync;
