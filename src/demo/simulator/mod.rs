//! An Atlas that runs inside the process: real sockets, real digests, invented data.
//!
//! As strict as Atlas is known to be about credentials, versions, roles, addresses, paging and rate limits, so that a client
//! that passes here has met every refusal it can meet there. Serves reads only, and only on the loopback address.
//! It knows nothing of the product beyond the names of the lists that a sync reads.

mod access;
mod answer;
mod body;
mod bucket;
mod challenge;
mod endpoint;
mod handle;
mod member;
mod page;
mod refusal;
mod state;
mod version;

#[cfg(test)]
mod tests;

pub use bucket::{EndpointSet, Limit};
pub use challenge::NonceRules;
pub use handle::{Simulator, SimulatorOptions};
pub use refusal::{Refusal, RefusalId};
pub use state::LoggedRequest;
