//! Callers that an OpenID Connect issuer vouches for: JSON Web Tokens, checked against the issuer's published keys.

mod claims;
mod keys;

use std::fmt;
use std::sync::Arc;

use jsonwebtoken::{Algorithm, Header, Validation, decode, decode_header};
use secrecy::{ExposeSecret, SecretString};
use tokio_util::task::TaskTracker;
use url::Url;

use crate::clock::Clock;
use crate::domain::Instant;
use claims::Identity;
use keys::{Answer, Keys};

/// Longer text is no token of ours.
const LONGEST: usize = 16 * 1024;

/// What a signature may be made with. Nothing symmetric: a published key would then be a shared secret.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// The issuer that is trusted, and what its tokens must say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OidcSettings {
    /// As tokens spell it in `iss`; its discovery document lies below it. HTTPS, or HTTP on this machine.
    pub issuer: Url,
    /// The issuer as it was written: `iss` is compared to the letter.
    pub issuer_text: String,
    pub audience: String,
    /// The claim with the role, or a list with one: `viewer`, `analyst`, `admin`. Dots reach into objects.
    pub role_claim: String,
    /// The claim with the workspace's name. None: everybody belongs to the default workspace.
    pub workspace_claim: Option<String>,
}

/// The issuer's keys cannot be had, so nobody can tell what a token is worth.
#[derive(Debug, thiserror::Error)]
pub enum IssuerError {
    #[error("the OpenID Connect issuer does not answer")]
    Unreachable(#[source] reqwest::Error),
    /// It was asked a moment ago, in vain.
    #[error("the keys of the OpenID Connect issuer are not known")]
    Unknown,
    #[error("the OpenID Connect issuer answers with {0}")]
    Nonsense(&'static str),
}

/// Checks tokens of one issuer. Cheap to clone; clones share the keys.
#[derive(Clone)]
pub struct Oidc {
    settings: Arc<OidcSettings>,
    keys: Arc<Keys>,
}

impl fmt::Debug for Oidc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Oidc").field("issuer", &self.settings.issuer_text).finish_non_exhaustive()
    }
}

impl Oidc {
    /// Asks nobody yet: the keys are fetched when the first token comes. `tasks` carries that, for callers give up
    /// waiting before a slow issuer has answered.
    pub fn new(settings: OidcSettings, clock: Clock, tasks: TaskTracker) -> Result<Self, reqwest::Error> {
        let keys = Keys::new(&settings, clock, tasks)?;
        Ok(Self { settings: Arc::new(settings), keys: Arc::new(keys) })
    }

    /// Whether the text has the shape of a signed token. Says nothing of its worth.
    pub fn concerns(presented: &str) -> bool {
        presented.len() <= LONGEST && presented.bytes().filter(|byte| *byte == b'.').count() == 2
    }

    /// Whether a key that is known has signed the token for us. Its instants are not looked at.
    pub fn has_signed(&self, presented: &str, now: Instant) -> bool {
        let Some(header) = decode_header(presented).ok().filter(is_acceptable) else { return false };
        let key = self.keys.known(header.kid.as_deref(), header.alg, now);
        key.is_some_and(|key| decode::<serde_json::Value>(presented, &key, &self.validation(header.alg)).is_ok())
    }

    /// Who the token speaks for, and until when. None for every token that does not count, whatever the reason.
    pub async fn identify(&self, presented: &SecretString, now: Instant) -> Result<Option<Identity>, IssuerError> {
        let Some(header) = decode_header(presented.expose_secret()).ok().filter(is_acceptable) else {
            return Ok(None);
        };
        let key = match self.keys.find(header.kid.as_deref(), header.alg, now).await? {
            Answer::Key(key) => key,
            Answer::Unknown => return Ok(None),
        };
        let decoded = decode::<serde_json::Value>(presented.expose_secret(), &key, &self.validation(header.alg));
        match decoded {
            Ok(token) => Ok(claims::read(&token.claims, &self.settings, now)),
            Err(error) => {
                tracing::debug!(reason = ?error.kind(), "token of the issuer refused");
                Ok(None)
            }
        }
    }

    /// Signature, issuer and audience. The instants are weighed by the clock, in `claims`.
    fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        validation.algorithms = vec![algorithm];
        validation.set_issuer(&[&self.settings.issuer_text]);
        validation.set_audience(&[&self.settings.audience]);
        validation.set_required_spec_claims(&["iss", "aud", "sub"]);
        validation.validate_exp = false;
        validation
    }
}

/// An algorithm of the list, and nothing that the token demands and we do not know.
fn is_acceptable(header: &Header) -> bool {
    ALGORITHMS.contains(&header.alg) && header.crit.is_none()
}

/// Whatever stands in a token, it is told whether it concerns us and what it is signed with.
#[cfg(any(test, feature = "fuzzing"))]
pub(super) fn fuzz(text: &str) {
    if Oidc::concerns(text)
        && let Ok(header) = decode_header(text)
    {
        assert!(!is_acceptable(&header) || !format!("{:?}", header.alg).starts_with("HS"), "{text}");
    }
    if let Ok(claims) = serde_json::from_str(text) {
        claims::fuzz(&claims);
    }
}
