//! The one place that puts a request on the wire: limits, time-outs and the count of what was sent.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use reqwest::{Response, redirect, retry, tls};
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::endpoint::Endpoint;
use super::error::AtlasError;
use super::host::{self, Guard, Resolver};
use crate::telemetry::metrics::AtlasMetrics;

/// How long each part of a call may take.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    pub connect: Duration,
    /// From the request to the head of its answer.
    pub head: Duration,
    /// Between two pieces of a body.
    pub idle: Duration,
    /// A call with its challenges and its body, waits for rate limits apart.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            head: Duration::from_secs(15),
            idle: Duration::from_secs(15),
            total: Duration::from_mins(1),
        }
    }
}

/// How much of an answer is read, counted after decompression.
const BODY_CAP: usize = 32 * 1024 * 1024;

/// How much of a refusal is read. What is left makes the connection unusable, which is the sender's loss.
const REFUSAL_CAP: usize = 64 * 1024;

/// How many values the JSON of one body may have. Each costs some 100 bytes of memory, however short its text.
const MOST_VALUES: usize = 2_000_000;

#[derive(Debug)]
pub(super) struct Transport {
    http: reqwest::Client,
    timeouts: Timeouts,
    sent: AtomicU64,
    metrics: AtlasMetrics,
}

/// The head of an answer. Its body has to be read before the call's time is up.
pub(super) struct Answered {
    pub response: Response,
    deadline: Instant,
    idle: Duration,
}

impl Transport {
    pub fn new(base: &Url, timeouts: Timeouts, metrics: AtlasMetrics) -> Result<Self, reqwest::Error> {
        let local = host::is_loopback(base);
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("slategate/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .referer(false)
            .https_only(!local)
            .tls_version_min(tls::Version::TLS_1_2)
            .dns_resolver(Arc::new(Resolver(Arc::new(Guard::of(base)))))
            .connect_timeout(timeouts.connect);
        if local {
            builder = builder.no_proxy();
        }
        Ok(Self { http: builder.build()?, timeouts, sent: AtomicU64::new(0), metrics })
    }

    /// Every request so far, challenges included.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    pub const fn metrics(&self) -> &AtlasMetrics {
        &self.metrics
    }

    /// When a call that begins now has to be over.
    pub fn deadline(&self) -> Instant {
        Instant::now() + self.timeouts.total
    }

    /// Sends one GET and waits for the head of its answer.
    pub async fn get(
        &self,
        url: &Url,
        endpoint: &Endpoint,
        answer: Option<HeaderValue>,
        deadline: Instant,
    ) -> Result<Answered, AtlasError> {
        let mut request = self.http.get(url.clone()).header(ACCEPT, endpoint.accept());
        if let Some(answer) = answer {
            request = request.header(AUTHORIZATION, answer);
        }
        self.sent.fetch_add(1, Ordering::Relaxed);
        let begun = Instant::now();
        let response = match within(self.timeouts.head, deadline, request.send()).await {
            Ok(sent) => sent.map_err(AtlasError::from),
            Err(late) => Err(late),
        };
        let status = response.as_ref().ok().map(|response| response.status().as_u16());
        self.metrics.sent(endpoint.name(), status, begun.elapsed());
        let response = response?;
        Ok(Answered { response, deadline, idle: self.timeouts.idle })
    }
}

/// The outcome, unless `limit` or the call's whole time is over first.
async fn within<T>(limit: Duration, deadline: Instant, doing: impl Future<Output = T>) -> Result<T, AtlasError> {
    let end = deadline.min(Instant::now() + limit);
    timeout_at(end, doing).await.map_err(|_elapsed| AtlasError::unreachable())
}

impl Answered {
    /// The whole body, or an error when it is too large.
    pub async fn body(mut self) -> Result<Vec<u8>, AtlasError> {
        let mut body = Vec::new();
        while let Some(chunk) = within(self.idle, self.deadline, self.response.chunk()).await?? {
            if body.len() + chunk.len() > BODY_CAP {
                return Err(AtlasError::unexpected("a body of more than 32 MiB"));
            }
            body.extend_from_slice(&chunk);
        }
        if body.iter().filter(|byte| matches!(byte, b',' | b'[' | b'{')).count() > MOST_VALUES {
            return Err(AtlasError::unexpected("a body of more than two million values"));
        }
        Ok(body)
    }

    /// The beginning of a refusal's body; drains it, so that the connection can serve again.
    pub async fn refusal_body(mut self) -> Vec<u8> {
        let mut body = Vec::new();
        while let Ok(Ok(Some(chunk))) = within(self.idle, self.deadline, self.response.chunk()).await {
            if body.len() + chunk.len() > REFUSAL_CAP {
                break;
            }
            body.extend_from_slice(&chunk);
        }
        body
    }
}
