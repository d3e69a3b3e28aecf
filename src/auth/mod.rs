//! Who is calling: API tokens, tokens of an OpenID Connect issuer, and the callers behind them.
//!
//! Knows the store; knows nothing of HTTP or GraphQL. An unknown, an expired and a revoked token answer alike.

mod cache;
mod familiar;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzz;
pub mod oidc;
mod token;

use std::sync::{Arc, Mutex, PoisonError};

use chrono::TimeDelta;
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use tokio_util::task::TaskTracker;

pub use token::Token;

use crate::clock::Clock;
use crate::domain::{Instant, hex};
use crate::store::audit::{Actor, AuditAction, AuditEntry, AuditKind};
use crate::store::tokens::{LAST_USE_PRECISION, LiveToken};
use crate::store::views::{Caller, CallerPerson, Role};
use crate::store::workspaces::DEFAULT_WORKSPACE;
use crate::store::{Store, StoreError};
use cache::{CONFIRMED_FOR, Cache, REMEMBERED_FOR};
use familiar::Familiar;
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
    familiar: Familiar,
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
        Self { store, clock, tasks, oidc, cache: Arc::default(), familiar: Familiar::default() }
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
        let known = match (Token::parse(presented), &self.oidc) {
            (Some(token), _) => self.by_token(&token, age).await?,
            (None, Some(oidc)) if Oidc::concerns(presented) => self.by_issuer(oidc, presented, age).await?,
            (None, _) => None,
        };
        self.familiar.note(&fingerprint(presented), known.is_some());
        Ok(known)
    }

    /// Whether what was presented opened the door before, or is signed by the issuer. Asks nobody, and says nothing of
    /// whether it opens the door now.
    pub fn is_no_guess(&self, presented: &str) -> bool {
        let is_signed = |oidc: &Oidc| Oidc::concerns(presented) && oidc.has_signed(presented, self.clock.now());
        self.familiar.knows(&fingerprint(presented)) || self.oidc.as_ref().is_some_and(is_signed)
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
        let caller = Caller {
            workspace,
            workspace_name: workspace_name.to_owned(),
            key: format!("oidc:{}", identity.subject),
            name: identity.name,
            role: identity.role,
            person: identity.address.map_or(CallerPerson::Nobody, CallerPerson::Address),
            request_id: None,
        };
        self.cache().insert(hash, caller.clone(), now, identity.expires_at);
        Ok(Some(caller))
    }

    /// Best effort and off the caller's path: a busy writer delays no request.
    fn note_use(&self, live: &LiveToken, now: Instant) {
        if live.last_used_at.is_some_and(|used| used > now - LAST_USE_PRECISION) {
            return;
        }
        let (store, workspace, id) = (self.store.clone(), live.caller.workspace, live.id);
        self.tasks.spawn(async move {
            if let Err(error) = store.touch_token(workspace, id, now).await {
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
    #[error("there is no such person in the workspace")]
    NoSuchPerson,
    #[error("the token could not be stored")]
    Store(#[from] StoreError),
}

/// A token to make.
#[derive(Debug, Clone, Copy)]
pub struct NewToken<'a> {
    pub name: &'a str,
    pub role: Role,
    /// Who it is that calls with it.
    pub person: Option<i64>,
    /// 1 to [`LONGEST_TTL_DAYS`].
    pub ttl_days: u16,
}

/// A new token of the actor's workspace. It can be shown now and never again.
pub async fn issue(store: &Store, by: &Actor, new: NewToken<'_>, now: Instant) -> Result<(i64, Token), IssueError> {
    let NewToken { name, role, person, ttl_days } = new;
    if !(1..=LONGEST_TTL_DAYS).contains(&ttl_days) {
        return Err(IssueError::Lifetime(ttl_days));
    }
    let token = Token::generate().map_err(IssueError::Randomness)?;
    let expires_at = now + TimeDelta::days(i64::from(ttl_days));
    let writer = store.writer(by.workspace).await?;
    if let Some(person) = person
        && !writer.has_person(person).await?
    {
        return Err(IssueError::NoSuchPerson);
    }
    let id = writer.create_token(name, role, person, &token.hash(), now, expires_at).await?;
    let entry = AuditEntry::done(AuditAction::CreateToken)
        .about(AuditKind::Token, id, name)
        .change("role", None, Some(role.word().to_owned()))
        .change("person", None, person.map(|id| id.to_string()))
        .change("expiresAt", None, Some(expires_at.to_rfc3339()));
    writer.audit(by, entry).await?;
    writer.commit().await?;
    tracing::info!(token.id = id, workspace.id = by.workspace, role = role.word(), "token issued");
    Ok((id, token))
}

/// Ends a token's life within five seconds, on every server. False: there is no such live token in the workspace.
pub async fn revoke(store: &Store, by: &Actor, id: i64, now: Instant) -> Result<bool, StoreError> {
    let writer = store.writer(by.workspace).await?;
    let Some(name) = writer.revoke_token(id, now).await? else {
        writer.undo().await?;
        return Ok(false);
    };
    writer.audit(by, AuditEntry::done(AuditAction::RevokeToken).about(AuditKind::Token, id, name)).await?;
    writer.commit().await?;
    Ok(true)
}

/// What tells one presented token from another, and is no secret: its SHA-256 in hex.
pub fn fingerprint(presented: &str) -> String {
    hex(&Sha256::digest(presented))
}

#[cfg(test)]
mod tests;
