//! The issuer's keys: found through its discovery document, kept, renewed, and used for a day when it is away.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use chrono::TimeDelta;
use jsonwebtoken::jwk::{Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;
use tokio_util::task::TaskTracker;
use url::Url;

use super::{IssuerError, OidcSettings};
use crate::clock::Clock;
use crate::domain::Instant;

/// The issuer is asked no more often, however many unknown keys are named.
const RENEW_NO_SOONER: TimeDelta = TimeDelta::seconds(30);
/// Known keys are asked for again after so long, so that withdrawn ones go.
const RENEW_AFTER: TimeDelta = TimeDelta::hours(1);
/// Known keys count so long without the issuer.
const GOOD_FOR: TimeDelta = TimeDelta::hours(24);
const TIMEOUT: Duration = Duration::from_secs(5);
/// No issuer publishes so much.
const LARGEST: usize = 1024 * 1024;
/// Keys beyond these are left out.
const MOST_KEYS: usize = 100;

pub(super) struct Keys {
    source: Arc<Source>,
    clock: Clock,
    tasks: TaskTracker,
    /// Held while the issuer is asked: one request for all who wait. Holds when it was asked last.
    asking: Arc<Mutex<Option<Instant>>>,
}

/// The issuer, and what it published when it was last heard.
struct Source {
    http: reqwest::Client,
    issuer_text: String,
    discovery: Url,
    known: RwLock<Known>,
}

#[derive(Default)]
struct Known {
    keys: Vec<Key>,
    since: Option<Instant>,
}

struct Key {
    id: Option<String>,
    algorithms: Vec<Algorithm>,
    verifies: Arc<DecodingKey>,
}

pub(super) enum Answer {
    Key(Arc<DecodingKey>),
    /// The issuer has no such key.
    Unknown,
}

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: Url,
}

/// Keys one by one: one that is not understood costs only itself.
#[derive(Deserialize)]
struct Published {
    keys: Vec<serde_json::Value>,
}

impl Keys {
    pub fn new(settings: &OidcSettings, clock: Clock, tasks: TaskTracker) -> Result<Self, reqwest::Error> {
        let local = settings.issuer.scheme() == "http";
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("slategate/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .https_only(!local)
            .connect_timeout(TIMEOUT)
            .timeout(TIMEOUT);
        if local {
            builder = builder.no_proxy();
        }
        let mut discovery = settings.issuer.clone();
        discovery.set_path(&format!("{}/.well-known/openid-configuration", discovery.path().trim_end_matches('/')));
        let (http, issuer_text) = (builder.build()?, settings.issuer_text.clone());
        let source = Arc::new(Source { http, issuer_text, discovery, known: RwLock::default() });
        Ok(Self { source, clock, tasks, asking: Arc::default() })
    }

    /// The key of this id; without an id the only one that fits the algorithm.
    pub async fn find(&self, id: Option<&str>, algorithm: Algorithm, now: Instant) -> Result<Answer, IssuerError> {
        if let Some(key) = self.source.key(id, algorithm, now, RENEW_AFTER) {
            return Ok(Answer::Key(key));
        }
        let renewed = self.renew(id, algorithm).await;
        match (self.known(id, algorithm, now), renewed) {
            (Some(key), _) => Ok(Answer::Key(key)),
            (None, Ok(())) if self.source.is_known(now, GOOD_FOR) => Ok(Answer::Unknown),
            (None, Ok(())) => Err(IssuerError::Unknown),
            (None, Err(error)) => Err(error),
        }
    }

    /// The key as far as it is known. Asks nobody.
    pub fn known(&self, id: Option<&str>, algorithm: Algorithm, now: Instant) -> Option<Arc<DecodingKey>> {
        self.source.key(id, algorithm, now, GOOD_FOR)
    }

    /// Asks the issuer, unless it was asked a moment ago. Once begun it is done, whoever waits for it.
    async fn renew(&self, id: Option<&str>, algorithm: Algorithm) -> Result<(), IssuerError> {
        let mut asked = Arc::clone(&self.asking).lock_owned().await;
        let now = self.clock.now();
        if asked.is_some_and(|asked| asked <= now && now - asked < RENEW_NO_SOONER) {
            return Ok(());
        }
        // Somebody else may have brought it while we waited.
        if self.source.key(id, algorithm, now, RENEW_AFTER).is_some() {
            return Ok(());
        }
        *asked = Some(now);
        let source = Arc::clone(&self.source);
        let renewing = self.tasks.spawn(async move {
            let renewed = source.renew(now).await;
            drop(asked);
            renewed
        });
        renewing.await.unwrap_or(Err(IssuerError::Unknown))
    }
}

impl Source {
    fn is_known(&self, now: Instant, age: TimeDelta) -> bool {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.since.is_some_and(|since| now - since <= age)
    }

    fn key(&self, id: Option<&str>, algorithm: Algorithm, now: Instant, age: TimeDelta) -> Option<Arc<DecodingKey>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if known.since.is_none_or(|since| now - since > age) {
            return None;
        }
        let mut fitting = known.keys.iter().filter(|key| key.algorithms.contains(&algorithm));
        let found = if let Some(id) = id {
            fitting.find(|key| key.id.as_deref() == Some(id))
        } else {
            let first = fitting.next();
            if fitting.next().is_some() { None } else { first }
        };
        found.map(|key| Arc::clone(&key.verifies))
    }

    async fn renew(&self, now: Instant) -> Result<(), IssuerError> {
        let keys = self.fetch().await.inspect_err(|error| {
            tracing::warn!(error = error as &dyn std::error::Error, "keys of the OpenID Connect issuer not renewed");
        })?;
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Known { keys, since: Some(now) };
        Ok(())
    }

    async fn fetch(&self) -> Result<Vec<Key>, IssuerError> {
        let discovery: Discovery = self.get(&self.discovery).await?;
        if discovery.issuer != self.issuer_text {
            return Err(IssuerError::Nonsense("a discovery document of another issuer"));
        }
        let (keys_at, own) = (&discovery.jwks_uri, &self.discovery);
        if keys_at.scheme() != "https" && (keys_at.scheme(), keys_at.host()) != (own.scheme(), own.host()) {
            return Err(IssuerError::Nonsense("keys at an address that is not HTTPS"));
        }
        let published: Published = self.get(&discovery.jwks_uri).await?;
        Ok(published.keys.into_iter().take(MOST_KEYS).filter_map(understood).collect())
    }

    async fn get<T: DeserializeOwned>(&self, url: &Url) -> Result<T, IssuerError> {
        let mut response = self.http.get(url.clone()).send().await.map_err(IssuerError::Unreachable)?;
        if response.status() != reqwest::StatusCode::OK {
            return Err(IssuerError::Nonsense("a status other than 200"));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(IssuerError::Unreachable)? {
            if body.len() + chunk.len() > LARGEST {
                return Err(IssuerError::Nonsense("more than 1 MiB"));
            }
            body.extend_from_slice(&chunk);
        }
        serde_json::from_slice(&body).map_err(|_error| IssuerError::Nonsense("JSON of another shape"))
    }
}

/// A public key for signatures; None for every other.
fn understood(key: serde_json::Value) -> Option<Key> {
    let jwk: Jwk = serde_json::from_value(key).ok()?;
    if jwk.common.public_key_use.as_ref().is_some_and(|used| *used != PublicKeyUse::Signature) {
        return None;
    }
    let key = DecodingKey::from_jwk(&jwk).ok()?;
    let mut algorithms: Vec<Algorithm> =
        key.family().algorithms().iter().copied().filter(|algorithm| super::ALGORITHMS.contains(algorithm)).collect();
    if let Some(only) = jwk.common.key_algorithm {
        algorithms.retain(|algorithm| only == KeyAlgorithm::from(*algorithm));
    }
    (!algorithms.is_empty()).then(|| Key { id: jwk.common.key_id, algorithms, verifies: Arc::new(key) })
}
