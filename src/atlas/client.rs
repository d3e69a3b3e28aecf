//! The client: what a caller configures, and one read with its retries.

use std::fmt;
use std::time::Duration;

use secrecy::SecretString;
use serde_json::Value;
use url::Url;

use super::bucket::{Buckets, LONGEST_WAIT, least_wait};
use super::endpoint::Endpoint;
use super::error::AtlasError;
use super::pace::{Backoff, Dice, Pace};
use super::refusal::Refusal;
use super::session::Session;
use super::transport::{self, Transport};
use crate::clock::Clock;

/// How often a call is tried again after a failure that may pass.
const RETRIES: u32 = 3;

/// Where Atlas is, and how gently to ask it.
#[derive(Debug, Clone)]
pub struct AtlasConfig {
    /// HTTPS, unless the host is this machine.
    pub base_url: Url,
    /// How many requests may be in flight for one key.
    pub lanes: usize,
    pub clock: Clock,
    pub backoff: Backoff,
    pub pace: Pace,
    /// A longer wait is not slept through: the call fails instead.
    pub longest_wait: Duration,
}

impl AtlasConfig {
    /// The defaults, at this address.
    pub fn new(base_url: Url) -> Self {
        Self {
            base_url,
            lanes: 4,
            clock: Clock::default(),
            backoff: Backoff::default(),
            pace: Pace::default(),
            longest_wait: LONGEST_WAIT,
        }
    }
}

/// An API key pair. `Debug` hides the private half.
#[derive(Debug, Clone)]
pub struct Credentials {
    pub public_key: String,
    pub private_key: SecretString,
}

/// A client that cannot be made from its configuration.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    #[error("the Atlas base URL must be https, or http on this machine")]
    BaseUrl,
    #[error("the HTTP client cannot be built")]
    Http(#[from] reqwest::Error),
}

/// Reads Atlas with one API key. It can send GET and nothing else.
pub struct Client {
    config: AtlasConfig,
    public_key: String,
    session: Session,
    buckets: Buckets,
    dice: Dice,
}

impl Client {
    pub fn new(config: AtlasConfig, credentials: &Credentials) -> Result<Self, SetupError> {
        let local = transport::is_loopback(&config.base_url);
        if config.base_url.scheme() != "https" && !(local && config.base_url.scheme() == "http") {
            return Err(SetupError::BaseUrl);
        }
        let session = Session::new(Transport::new(&config.base_url)?, credentials, config.lanes);
        let dice = Dice::new(config.backoff.clone());
        Ok(Self { config, public_key: credentials.public_key.clone(), session, buckets: Buckets::default(), dice })
    }

    /// Every HTTP request sent so far, challenges included.
    pub fn requests_sent(&self) -> u64 {
        self.session.sent()
    }

    /// How many requests can be in flight.
    pub fn lanes(&self) -> usize {
        self.session.lanes()
    }

    pub(super) fn public_key(&self) -> &str {
        &self.public_key
    }

    /// Reads one object.
    pub async fn object(&self, endpoint: &Endpoint) -> Result<Value, AtlasError> {
        self.read(endpoint, None).await
    }

    /// Reads an object, or one page of a list, and tries again what may pass.
    pub(super) async fn read(&self, endpoint: &Endpoint, page: Option<u32>) -> Result<Value, AtlasError> {
        let mut attempt = 1;
        loop {
            self.wait_for_bucket(endpoint).await?;
            let error = match self.read_once(endpoint, page).await {
                Ok(body) => return Ok(body),
                Err(error) => error,
            };
            let wait = self.wait_after(&error, endpoint, attempt);
            let Some(wait) = wait.filter(|wait| attempt <= RETRIES && *wait <= self.config.longest_wait) else {
                return Err(error);
            };
            tracing::debug!(code = error.code(), attempt, wait_ms = wait.as_millis(), "atlas call is tried again");
            self.config.pace.wait(wait).await;
            attempt += 1;
        }
    }

    async fn read_once(&self, endpoint: &Endpoint, page: Option<u32>) -> Result<Value, AtlasError> {
        let url = endpoint.url(&self.config.base_url, page);
        let response = self.session.get(&url, &endpoint.accept(), self.config.clock.now()).await?;
        let status = response.status();
        if status != reqwest::StatusCode::OK {
            let headers = response.headers().clone();
            let body = transport::refusal_body(response).await;
            return Err(Refusal::new(status, &headers, &body, self.config.clock.now()).into_error());
        }
        let body = transport::body(response).await?;
        serde_json::from_slice(&body).map_err(|_error| AtlasError::unexpected("a body that is not JSON"))
    }

    /// The wait before the next try; None when there is to be none. A refusing bucket is closed for all callers.
    fn wait_after(&self, error: &AtlasError, endpoint: &Endpoint, attempt: u32) -> Option<Duration> {
        match error {
            AtlasError::RateLimited { retry_after, .. } => {
                let wait = least_wait(*retry_after, attempt).saturating_add(self.dice.roll(attempt));
                self.buckets.pause(endpoint.bucket(), self.config.pace.now(), wait);
                Some(wait)
            }
            AtlasError::Unavailable { retry_after, .. } => {
                Some(retry_after.unwrap_or_default().saturating_add(self.dice.roll(attempt)))
            }
            _ => None,
        }
    }

    async fn wait_for_bucket(&self, endpoint: &Endpoint) -> Result<(), AtlasError> {
        loop {
            let left = self.buckets.pause_left(&endpoint.bucket(), self.config.pace.now());
            if left.is_zero() {
                return Ok(());
            }
            if left > self.config.longest_wait {
                return Err(AtlasError::RateLimited { code: None, retry_after: Some(left) });
            }
            self.config.pace.wait(left).await;
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("host", &self.config.base_url.host_str())
            .field("lanes", &self.lanes())
            .field("requests_sent", &self.requests_sent())
            .finish_non_exhaustive()
    }
}
