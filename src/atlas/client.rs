//! The client: what a caller configures, and one read with its retries.

use std::fmt;
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use secrecy::SecretString;
use serde_json::Value;
use url::Url;

use super::budget::{BucketKey, Budgets, Told};
use super::endpoint::Endpoint;
use super::error::AtlasError;
use super::host;
use super::pace::{Backoff, Dice, Pace};
use super::refusal::Refusal;
use super::retry_after::{self, LONGEST_WAIT};
use super::session::Session;
use super::transport::{Timeouts, Transport};
use crate::clock::Clock;
use crate::telemetry::metrics::AtlasMetrics;
use crate::telemetry::traces::{self, Span};

/// How often a call is tried again after a failure that may pass.
const RETRIES: u32 = 3;

/// Where Atlas is, and how gently to ask it.
#[derive(Debug, Clone)]
pub struct AtlasConfig {
    /// A host of Atlas over HTTPS, or this machine.
    pub base_url: Url,
    /// How many requests may be in flight for one key.
    pub lanes: usize,
    pub clock: Clock,
    pub backoff: Backoff,
    pub pace: Pace,
    /// A longer wait is not slept through: the call fails instead.
    pub longest_wait: Duration,
    pub timeouts: Timeouts,
    /// Clones of a configuration spend the same.
    pub budgets: Budgets,
    pub metrics: AtlasMetrics,
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
            timeouts: Timeouts::default(),
            budgets: Budgets::default(),
            metrics: AtlasMetrics::default(),
        }
    }

    /// The endpoint sets that were asked, and the tokens that the emptiest bucket of each has now.
    pub fn bucket_tokens(&self) -> Vec<(&'static str, u32)> {
        self.budgets.lowest(self.pace.now())
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
    #[error("the Atlas base URL must be a host of Atlas over https, or this machine")]
    BaseUrl,
    #[error("the HTTP client cannot be built")]
    Http(#[from] reqwest::Error),
}

/// Reads Atlas with one API key. It can send GET and nothing else.
pub struct Client {
    config: AtlasConfig,
    public_key: String,
    session: Session,
    dice: Dice,
}

impl Client {
    pub fn new(config: AtlasConfig, credentials: &Credentials) -> Result<Self, SetupError> {
        if !host::is_allowed(&config.base_url) {
            return Err(SetupError::BaseUrl);
        }
        let transport = Transport::new(&config.base_url, config.timeouts, config.metrics.clone())?;
        let session = Session::new(transport, credentials, config.lanes);
        let dice = Dice::new(config.backoff.clone());
        Ok(Self { config, public_key: credentials.public_key.clone(), session, dice })
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
        Ok(self.read(endpoint, None).await?.value)
    }

    /// Reads an object, or one page of a list, and tries again what may pass.
    pub(super) async fn read(&self, endpoint: &Endpoint, page: Option<u32>) -> Result<Body, AtlasError> {
        let bucket = endpoint.bucket(&self.public_key);
        let mut attempt = 1;
        loop {
            self.wait_for_token(&bucket).await?;
            let span = traces::atlas_call(endpoint.name(), attempt);
            // Boxed: a sync holds many of these at a time.
            let reading = Box::pin(span.around(self.read_once(endpoint, page, &bucket, &span)));
            let error = match reading.await {
                Ok(body) => return Ok(body),
                Err(error) => error,
            };
            span.fail(error.category().word());
            drop(span);
            let wait = self.wait_after(&error, &bucket, attempt);
            let Some(wait) = wait.filter(|wait| attempt <= RETRIES && *wait <= self.config.longest_wait) else {
                return Err(error);
            };
            tracing::debug!(code = error.code(), attempt, wait_ms = wait.as_millis(), "atlas call is tried again");
            self.note_retry(if matches!(error, AtlasError::RateLimited { .. }) {
                "rate_limited"
            } else {
                "unavailable"
            });
            self.config.pace.wait(wait).await;
            attempt += 1;
        }
    }

    pub(super) fn note_retry(&self, reason: &'static str) {
        self.config.metrics.retried(reason);
    }

    async fn read_once(
        &self,
        endpoint: &Endpoint,
        page: Option<u32>,
        bucket: &BucketKey,
        span: &Span,
    ) -> Result<Body, AtlasError> {
        let url = endpoint.url(&self.config.base_url, page);
        let answered = self.session.get(&url, endpoint, &self.config.clock).await?;
        let (status, headers) = (answered.response.status(), answered.response.headers().clone());
        span.set("http.response.status_code", i64::from(status.as_u16()));
        self.config.budgets.learn(bucket, told(&headers));
        if status != StatusCode::OK {
            let body = answered.refusal_body().await;
            return Err(Refusal::new(status, &headers, &body, self.config.clock.now()).into_error());
        }
        let body = answered.body().await?;
        let value =
            serde_json::from_slice(&body).map_err(|_error| AtlasError::unexpected("a body that is not JSON"))?;
        Ok(Body { value, bytes: body.len() })
    }

    /// The wait before the next try; None when there is to be none. A refusing bucket is closed for all callers.
    fn wait_after(&self, error: &AtlasError, bucket: &BucketKey, attempt: u32) -> Option<Duration> {
        match error {
            AtlasError::RateLimited { retry_after, .. } => {
                let (least, chance) = retry_after::wait(*retry_after, attempt);
                let wait = least.saturating_add(self.dice.up_to(chance.max(self.config.backoff.base)));
                self.config.budgets.close(bucket, self.config.pace.now(), wait);
                Some(wait)
            }
            AtlasError::Unavailable { retry_after, .. } => {
                Some(retry_after.unwrap_or_default().saturating_add(self.dice.roll(attempt)))
            }
            _ => None,
        }
    }

    async fn wait_for_token(&self, bucket: &BucketKey) -> Result<(), AtlasError> {
        while let Err(left) = self.config.budgets.take(bucket, self.config.pace.now()) {
            if left > self.config.longest_wait {
                return Err(AtlasError::RateLimited { code: None, retry_after: Some(left) });
            }
            self.config.pace.wait(left).await;
        }
        Ok(())
    }
}

/// A body that is JSON, and how long it was.
pub(super) struct Body {
    pub value: Value,
    pub bytes: usize,
}

fn told(headers: &HeaderMap) -> Told {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse().ok();
    Told { capacity: number("ratelimit-limit"), remaining: number("ratelimit-remaining") }
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
