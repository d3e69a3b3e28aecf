//! The Atlas Administration API, read only: signed requests, versions, paging, refusals.
//!
//! What one client can hold is bounded: a body is read up to 32 MiB after decompression and two million JSON values, a
//! list up to 64 MiB over all its pages, and no more bodies and lists are under way than there are lanes.
//!
//! Gives back rows and domain values. Knows nothing of storage, controls or GraphQL.

mod budget;
mod challenge;
mod client;
mod connect;
pub mod convert;
pub mod dto;
mod endpoint;
mod endpoint_set;
mod error;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzz;
mod host;
mod lane;
mod pace;
mod page;
mod probe;
mod refusal;
mod retry_after;
mod session;
mod transport;

pub use budget::Budgets;
pub use client::{AtlasConfig, Client, Credentials, SetupError};
pub use endpoint::{Endpoint, Read};
pub use error::{AtlasCategory, AtlasError};
pub use host::is_allowed as is_allowed_base_url;
pub use pace::{Backoff, Pace};
pub use page::Listing;
pub use probe::{Probe, ProbeError, probe};
pub use transport::Timeouts;
