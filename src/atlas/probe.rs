//! Whether Atlas can be reached at all, and what time it is there. Sends no credentials.

use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use reqwest::header::DATE;
use url::Url;

use super::client::SetupError;
use super::endpoint::Endpoint;
use super::error::AtlasError;
use super::transport::{Timeouts, Transport};
use crate::clock::Clock;
use crate::telemetry::metrics::AtlasMetrics;

/// An answer's date leaves out what is less than a second.
const HALF_A_SECOND: TimeDelta = TimeDelta::milliseconds(500);

/// What came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    /// 401 where all is well: whoever asks without a key is asked for one.
    pub status: u16,
    /// How far Atlas's clock is ahead, to about half a second. None: it said nothing.
    pub clock_offset: Option<TimeDelta>,
}

#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    #[error(transparent)]
    Setup(#[from] SetupError),
    #[error(transparent)]
    Atlas(#[from] AtlasError),
}

/// Asks once.
pub async fn probe(base: &Url, clock: &Clock, within: Duration) -> Result<Probe, ProbeError> {
    let timeouts = Timeouts { connect: within, head: within, idle: within, total: within };
    let transport = Transport::new(base, timeouts, AtlasMetrics::default()).map_err(SetupError::from)?;
    let endpoint = Endpoint::root();
    let url = endpoint.url(base, None);
    let asked = clock.now();
    let answered = transport.get(&url, &endpoint, None, transport.deadline()).await?;
    let here = asked + (clock.now() - asked) / 2;
    let date =
        answered.response.headers().get(DATE).and_then(|date| DateTime::parse_from_rfc2822(date.to_str().ok()?).ok());
    let clock_offset = date.map(|there| there.to_utc() + HALF_A_SECOND - here);
    Ok(Probe { status: answered.response.status().as_u16(), clock_offset })
}
