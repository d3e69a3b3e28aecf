//! Spans on their way to a collector, by OTLP over HTTP.
//!
//! A thread of its own takes them in batches; what does not fit into its queue is dropped. A collector that is away or
//! slow therefore costs spans and nothing else. Exports are not traced themselves: only spans of this module exist.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use opentelemetry::KeyValue;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider};
use reqwest::redirect;
use tokio::runtime::Handle;
use tokio_util::context::TokioContext;
use url::{Host, Url};

const PATH: &str = "v1/traces";
const CONNECT_WITHIN: Duration = Duration::from_secs(2);
/// One batch is sent within so long or not at all.
const SEND_WITHIN: Duration = Duration::from_secs(5);
const SEND_EVERY: Duration = Duration::from_secs(2);
/// At the end what is left is sent within so long.
const END_WITHIN: Duration = Duration::from_millis(1_500);
/// Of a collector's answer so much is read.
const LONGEST_ANSWER: usize = 64 * 1024;

/// Where traces go, and how many of them.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceSettings {
    /// Of the collector; `v1/traces` is added.
    pub endpoint: Url,
    /// Of the traces that begin here, from 0 to 1. Whoever calls with a trace decides for it.
    pub sample_ratio: f64,
}

#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    #[error("the client for the collector of traces cannot be built")]
    Client(#[from] reqwest::Error),
    #[error("the exporter of traces cannot be built")]
    Exporter(#[from] ExporterBuildError),
    #[error("traces were started already")]
    Started,
}

/// Traces that are exported, until [`Exporting::end`].
#[derive(Debug)]
pub struct Exporting(SdkTracerProvider);

impl Exporting {
    pub(super) const fn provider(&self) -> &SdkTracerProvider {
        &self.0
    }

    /// Sends what is left, for a moment; a collector that is away does not keep the process.
    pub async fn end(self) {
        let ending = tokio::task::spawn_blocking(move || self.0.shutdown_with_timeout(END_WITHIN));
        if !matches!(tokio::time::timeout(END_WITHIN, ending).await, Ok(Ok(Ok(())))) {
            tracing::warn!("the last traces were not sent");
        }
    }
}

pub(super) fn start(settings: &TraceSettings) -> Result<Exporting, TraceError> {
    let endpoint = address(&settings.endpoint);
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(Collector::new(&endpoint)?)
        .with_endpoint(endpoint.as_str())
        .with_timeout(SEND_WITHIN)
        .build()?;
    let batches = BatchConfigBuilder::default().with_scheduled_delay(SEND_EVERY).build();
    let resource = Resource::builder()
        .with_service_name(env!("CARGO_PKG_NAME"))
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
    let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(settings.sample_ratio)));
    let provider = SdkTracerProvider::builder()
        .with_span_processor(BatchSpanProcessor::builder(exporter).with_batch_config(batches).build())
        .with_resource(resource.build())
        .with_sampler(sampler)
        .build();
    Ok(Exporting(provider))
}

fn address(endpoint: &Url) -> Url {
    let mut address = endpoint.clone();
    let path = endpoint.path().trim_end_matches('/');
    if !path.ends_with(PATH) {
        address.set_path(&format!("{path}/{PATH}"));
    }
    address
}

/// Sends batches from the exporter's thread, on the threads of the runtime.
struct Collector {
    http: reqwest::Client,
    runtime: Handle,
    /// An outage is told once.
    is_away: AtomicBool,
}

impl Collector {
    fn new(endpoint: &Url) -> Result<Self, reqwest::Error> {
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("slategate/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_WITHIN)
            .timeout(SEND_WITHIN);
        let is_local = match endpoint.host() {
            Some(Host::Domain(host)) => host == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        if is_local {
            builder = builder.no_proxy();
        }
        Ok(Self { http: builder.build()?, runtime: Handle::current(), is_away: AtomicBool::new(false) })
    }

    fn note(&self, problem: Option<&dyn fmt::Display>) {
        let was_away = self.is_away.swap(problem.is_some(), Ordering::Relaxed);
        match problem {
            Some(problem) if !was_away => tracing::warn!(%problem, "traces are not taken; they are dropped"),
            None if was_away => tracing::info!("traces are taken again"),
            _ => {}
        }
    }
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Collector")
    }
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let sending = TokioContext::new(send(self.http.clone(), request), self.runtime.clone());
        let answered = sending.await.map_err(reqwest::Error::without_url);
        match &answered {
            Ok(answer) if answer.status().is_success() => self.note(None),
            Ok(answer) => self.note(Some(&answer.status())),
            Err(error) => self.note(Some(error)),
        }
        Ok(answered?)
    }
}

async fn send(http: reqwest::Client, request: Request<Bytes>) -> Result<Response<Bytes>, reqwest::Error> {
    let mut answer = http.execute(request.try_into()?).await?;
    let mut body = Vec::new();
    while let Some(piece) = answer.chunk().await? {
        if body.len() + piece.len() > LONGEST_ANSWER {
            break;
        }
        body.extend_from_slice(&piece);
    }
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = answer.status();
    *response.headers_mut() = std::mem::take(answer.headers_mut());
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_the_signal_is_added_once() {
        let cases = [
            ("http://collector:4318", "http://collector:4318/v1/traces"),
            ("http://collector:4318/", "http://collector:4318/v1/traces"),
            ("https://collector/otlp", "https://collector/otlp/v1/traces"),
            ("https://collector/otlp/v1/traces", "https://collector/otlp/v1/traces"),
        ];
        for (endpoint, expected) in cases {
            assert_eq!(address(&endpoint.parse().unwrap()).as_str(), expected);
        }
    }
}
