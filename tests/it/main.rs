//! The one integration binary.
#![expect(clippy::unwrap_used, reason = "tests may stop at the first surprise")]

mod http;
mod layering;
