//! Who is calling: API tokens, and the callers behind them.
//!
//! Knows the store; knows nothing of HTTP or GraphQL. An unknown, an expired and a revoked token answer alike.

mod cache;
mod token;

use std::sync::{Arc, Mutex, PoisonError};

use chrono::TimeDelta;
use tokio_util::task::TaskTracker;

pub use token::Token;

use crate::clock::Clock;
use crate::domain::Instant;
use crate::store::tokens::{LAST_USE_PRECISION, LiveToken};
use crate::store::views::{Caller, Role};
use crate::store::{Store, StoreError};
use cache::{CONFIRMED_FOR, Cache, REMEMBERED_FOR};

/// How long a new token lives unless told otherwise, and at most.
pub const DEFAULT_TTL_DAYS: u16 = 90;
pub const LONGEST_TTL_DAYS: u16 = 365;

/// Tells who presents a token. Cheap to clone; clones share what they remember.
#[derive(Debug, Clone)]
pub struct Authenticator {
    store: Store,
    clock: Clock,
    tasks: TaskTracker,
    cache: Arc<Mutex<Cache>>,
}

impl Authenticator {
    /// `tasks` carries the notes of last use, which no caller waits for.
    pub fn new(store: Store, clock: Clock, tasks: TaskTracker) -> Self {
        Self { store, clock, tasks, cache: Arc::default() }
    }

    /// The caller behind `presented`. What is no token costs no query, and a known one costs one in five seconds.
    pub async fn authenticate(&self, presented: &str) -> Result<Option<Caller>, StoreError> {
        let Some(token) = Token::parse(presented) else { return Ok(None) };
        self.look_up(&token, REMEMBERED_FOR).await
    }

    /// Whether a token still gives what it gave `caller`. Never older than two seconds.
    pub async fn confirm(&self, token: &Token, caller: &Caller) -> Result<bool, StoreError> {
        Ok(self.look_up(token, CONFIRMED_FOR).await?.as_ref() == Some(caller))
    }

    async fn look_up(&self, token: &Token, age: TimeDelta) -> Result<Option<Caller>, StoreError> {
        let (hash, now) = (token.hash(), self.clock.now());
        if let Some(caller) = self.cache().get(&hash, now, age) {
            return Ok(Some(caller));
        }
        let Some(live) = self.store.token_by_hash(&hash, now).await? else { return Ok(None) };
        self.note_use(&live, now);
        self.cache().insert(hash, live.caller.clone(), now, live.expires_at);
        Ok(Some(live.caller))
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

#[cfg(test)]
mod tests;
