//! The Atlas edge: signing, refusals, paging, and the fetch of a whole organization.

mod digest_server;
mod estate;
mod faulty;
mod fetch;
mod hostile;
mod limits;
mod nonces;
mod paging;
mod partial;
mod refusals;

use slategate::atlas::{AtlasConfig, Backoff, Client, Credentials, Endpoint, Pace, Read};

const ORG: &str = "64ecb5ca726c787590a9aaea";
const PUBLIC_KEY: &str = "pubkey05";
const PRIVATE_KEY: &str = "0c0ffee0-canary-4bad-8bad-feedfacecafe";

fn credentials(private_key: &str) -> Credentials {
    Credentials { public_key: PUBLIC_KEY.to_owned(), private_key: private_key.to_owned().into() }
}

/// Four lanes, seeded dice, and waits that pass at once.
fn config(base_url: &str) -> AtlasConfig {
    let backoff = Backoff { seed: Some(1), ..Backoff::default() };
    AtlasConfig { backoff, pace: Pace::skipping(), ..AtlasConfig::new(base_url.parse().unwrap()) }
}

fn client(base_url: &str) -> Client {
    Client::new(config(base_url), &credentials(PRIVATE_KEY)).unwrap()
}

fn users() -> Endpoint {
    Endpoint::new(Read::Users, ORG).unwrap()
}
