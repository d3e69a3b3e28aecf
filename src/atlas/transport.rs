//! The one place that puts a request on the wire: limits, time-outs and the count of what was sent.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use reqwest::{Response, redirect, retry};
use tokio::time::timeout;
use url::{Host, Url};

use super::error::AtlasError;

const CONNECT: Duration = Duration::from_secs(5);
const HEAD: Duration = Duration::from_secs(15);
const TOTAL: Duration = Duration::from_mins(1);

/// How much of an answer is read, counted after decompression.
const BODY_CAP: usize = 32 * 1024 * 1024;

/// How much of a refusal is read. What is left makes the connection unusable, which is the sender's loss.
const REFUSAL_CAP: usize = 64 * 1024;

#[derive(Debug)]
pub(super) struct Transport {
    http: reqwest::Client,
    sent: AtomicU64,
}

impl Transport {
    pub fn new(base: &Url) -> Result<Self, reqwest::Error> {
        let local = is_loopback(base);
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("slategate/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .referer(false)
            .https_only(!local)
            .connect_timeout(CONNECT)
            .read_timeout(HEAD)
            .timeout(TOTAL);
        if local {
            builder = builder.no_proxy();
        }
        Ok(Self { http: builder.build()?, sent: AtomicU64::new(0) })
    }

    /// Every request so far, challenges included.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Sends one GET and waits for the head of its answer.
    pub async fn get(&self, url: &Url, accept: &str, answer: Option<HeaderValue>) -> Result<Response, AtlasError> {
        let mut request = self.http.get(url.clone()).header(ACCEPT, accept);
        if let Some(answer) = answer {
            request = request.header(AUTHORIZATION, answer);
        }
        self.sent.fetch_add(1, Ordering::Relaxed);
        let head = timeout(HEAD, request.send()).await;
        Ok(head.map_err(|_elapsed| AtlasError::unreachable())??)
    }
}

/// The whole body, or an error when it is too large.
pub(super) async fn body(mut response: Response) -> Result<Vec<u8>, AtlasError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > BODY_CAP {
            return Err(AtlasError::unexpected("a body of more than 32 MiB"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The beginning of a refusal's body; drains it, so that the connection can serve again.
pub(super) async fn refusal_body(mut response: Response) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        if body.len() + chunk.len() > REFUSAL_CAP {
            break;
        }
        body.extend_from_slice(&chunk);
    }
    body
}

/// Plain HTTP is spoken with this machine only.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => IpAddr::from(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
        None => false,
    }
}
