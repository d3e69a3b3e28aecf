//! Tests of whole parts over real sockets.
#![expect(clippy::unwrap_used, reason = "tests may stop at the first surprise")]

mod atlas;
mod support;
mod sync;
