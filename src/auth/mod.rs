//! Who is calling: API tokens, tokens of an OpenID Connect issuer, and the callers behind them.
//!
//! Knows the store; knows nothing of HTTP or GraphQL. An unknown, an expired and a revoked token answer alike.

mod cache;
pub mod oidc;
mod token;

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::TimeDelta;
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use tokio_util::task::TaskTracker;

pub use token::Token;

use crate::clock::Clock;
use crate::domain::Instant;
use crate::store::tokens::{LAST_USE_PRECISION, LiveToken};
use crate::store::views::{Caller, Role};
use crate::store::workspaces::DEFAULT_WORKSPACE;
use crate::store::{Store, StoreError};
use cache::{CONFIRMED_FOR, Cache, REMEMBERED_FOR};
use oidc::{IssuerError, Oidc};

/// How long a new token lives unless told otherwise, and at most.
pub const DEFAULT_TTL_DAYS: u16 = 90;
pub const LONGEST_TTL_DAYS: u16 = 365;

/// Tells who presents a token. Cheap to clone; clones share what they remember.
#[derive(Debug, Clone)]
pub struct Authenticator {
    store: Store,
    clock: Clock,
    tasks: TaskTracker,
    oidc: Option<Oidc>,
    cache: Arc<Mutex<Cache>>,
}

/// Who is calling cannot be told just now.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Issuer(#[from] IssuerError),
}

impl Authenticator {
    /// `tasks` carries the notes of last use, which no caller waits for.
    pub fn new(store: Store, clock: Clock, tasks: TaskTracker, oidc: Option<Oidc>) -> Self {
        Self { store, clock, tasks, oidc, cache: Arc::default() }
    }

    /// The caller behind `presented`. What is no token costs no query, and a known one costs one in five seconds.
    pub async fn authenticate(&self, presented: &str) -> Result<Option<Caller>, AuthError> {
        self.identify(presented, REMEMBERED_FOR).await
    }

    /// Whether what was presented still gives what it gave `caller`. Never older than two seconds.
    pub async fn confirm(&self, presented: &str, caller: &Caller) -> Result<bool, AuthError> {
        Ok(self.identify(presented, CONFIRMED_FOR).await?.as_ref() == Some(caller))
    }

    /// `age`: how old the answer may be.
    async fn identify(&self, presented: &str, age: TimeDelta) -> Result<Option<Caller>, AuthError> {
        match (Token::parse(presented), &self.oidc) {
            (Some(token), _) => Ok(self.by_token(&token, age).await?),
            (None, Some(oidc)) if Oidc::concerns(presented) => self.by_issuer(oidc, presented, age).await,
            (None, _) => Ok(None),
        }
    }

    async fn by_token(&self, token: &Token, age: TimeDelta) -> Result<Option<Caller>, StoreError> {
        let (hash, now) = (token.hash(), self.clock.now());
        if let Some(caller) = self.cache().get(&hash, now, age) {
            return Ok(Some(caller));
        }
        let Some(live) = self.store.token_by_hash(&hash, now).await? else { return Ok(None) };
        self.note_use(&live, now);
        self.cache().insert(hash, live.caller.clone(), now, live.expires_at);
        Ok(Some(live.caller))
    }

    async fn by_issuer(&self, oidc: &Oidc, presented: &str, age: TimeDelta) -> Result<Option<Caller>, AuthError> {
        let (hash, now) = (fingerprint(presented), self.clock.now());
        if let Some(caller) = self.cache().get(&hash, now, age) {
            return Ok(Some(caller));
        }
        let presented = SecretString::from(presented);
        let Some(identity) = oidc.identify(&presented, now).await? else { return Ok(None) };
        let workspace_name = identity.workspace.as_deref().unwrap_or(DEFAULT_WORKSPACE);
        let Some(workspace) = self.store.workspace_by_name(workspace_name).await? else {
            tracing::debug!("the issuer vouches for a caller of a workspace that does not exist");
            return Ok(None);
        };
        let caller =
            Caller { workspace, workspace_name: workspace_name.to_owned(), name: identity.name, role: identity.role };
        self.cache().insert(hash, caller.clone(), now, identity.expires_at);
        Ok(Some(caller))
    }

    /// Best effort and off the caller's path: a busy writer delays no request.
    fn note_use(&self, live: &LiveToken, now: Instant) {
        if live.last_used_at.is_some_and(|used| used > now - LAST_USE_PRECISION) {
            return;
        }
        let (store, id) = (self.store.clone(), live.id);
        self.tasks.spawn(async move {
            if let Err(error) = store.touch_token(id, now).await {
                tracing::warn!(
                    token.id = id,
                    error = &error as &dyn std::error::Error,
                    "last use of a token not noted"
                );
            }
        });
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    #[error("the system gave no random bytes")]
    Randomness(#[source] getrandom::Error),
    #[error("a token lives 1 to {LONGEST_TTL_DAYS} days, not {0}")]
    Lifetime(u16),
    #[error("the token could not be stored")]
    Store(#[from] StoreError),
}

/// A new token. It can be shown now and never again.
pub async fn issue(
    store: &Store,
    workspace: i64,
    name: &str,
    role: Role,
    now: Instant,
    ttl_days: u16,
) -> Result<Token, IssueError> {
    if !(1..=LONGEST_TTL_DAYS).contains(&ttl_days) {
        return Err(IssueError::Lifetime(ttl_days));
    }
    let token = Token::generate().map_err(IssueError::Randomness)?;
    let expires_at = now + TimeDelta::days(i64::from(ttl_days));
    let id = store.create_token(workspace, name, role, &token.hash(), now, expires_at).await?;
    tracing::info!(token.id = id, workspace.id = workspace, role = role.word(), "token issued");
    Ok(token)
}

/// What tells one presented token from another, and is no secret: its SHA-256 in hex.
pub fn fingerprint(presented: &str) -> String {
    hex(&Sha256::digest(presented))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes all text");
        text
    })
}

#[cfg(test)]
mod tests;
