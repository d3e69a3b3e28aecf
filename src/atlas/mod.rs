//! The Atlas Administration API, read only: signed requests, versions, paging, refusals.
//!
//! Gives back rows and domain values. Knows nothing of storage, controls or GraphQL.

mod bucket;
mod challenge;
mod client;
mod connect;
pub mod convert;
pub mod dto;
mod endpoint;
mod error;
mod lane;
mod pace;
mod page;
mod refusal;
mod session;
mod transport;

pub use client::{AtlasConfig, Client, Credentials, SetupError};
pub use endpoint::{Endpoint, Read};
pub use error::{AtlasCategory, AtlasError};
pub use pace::{Backoff, Pace};
pub use page::Listing;
