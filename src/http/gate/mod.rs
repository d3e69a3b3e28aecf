//! Who may come in, how often, and how many at a time.
//!
//! Stands before everything that a caller can ask for, on every transport. Must not know what a token is worth or what
//! an operation does.

mod attempts;
mod origins;
mod proxies;
mod source;
mod turns;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue};
use tokio::time::timeout;

use super::CallerSession;
use super::ports::{AuthFailure, GraphQlService};
use crate::clock::Clock;
use attempts::Attempts;
pub(super) use origins::layer as origins;
pub use proxies::{NoProxies, Proxies};
pub(super) use source::Source;
use turns::Turns;
pub(super) use turns::{Busy, Turn};

/// Whoever waits for an earlier attempt from the same address is told to come back by then.
const TURN_WITHIN: Duration = Duration::from_millis(2_800);

/// Exports that are made or taken at a time, all tokens together.
const EXPORTS: usize = 4;

/// What an operator decides about the gate.
#[derive(Debug, Clone)]
pub struct GateSettings {
    /// Origins whose pages may read answers in a browser.
    pub origins: Vec<HeaderValue>,
    /// Proxies that are believed when they say who is behind them.
    pub proxies: Proxies,
    /// Operations that run at a time.
    pub operations: usize,
}

impl Default for GateSettings {
    fn default() -> Self {
        Self { origins: Vec::new(), proxies: Proxies::default(), operations: 8 }
    }
}

/// Cheap to clone; clones count together.
#[derive(Clone)]
pub struct Gate {
    origins: Arc<[HeaderValue]>,
    proxies: Proxies,
    attempts: Attempts,
    turns: Turns,
    exports: Turns,
}

/// Why somebody is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Denied {
    #[error(transparent)]
    Failure(#[from] AuthFailure),
    /// Too many failed attempts from this address, for so many seconds.
    #[error("too many failed attempts from this address: try again in {0} seconds")]
    LockedOut(u32),
}

impl Gate {
    pub fn new(settings: GateSettings, clock: Clock) -> Self {
        Self {
            origins: settings.origins.into(),
            proxies: settings.proxies,
            attempts: Attempts::new(clock),
            turns: Turns::new(settings.operations),
            exports: Turns::new(EXPORTS),
        }
    }

    /// Where a request comes from.
    pub(super) fn source(&self, peer: IpAddr, headers: &HeaderMap) -> Source {
        self.proxies.client(peer, headers).into()
    }

    /// Finds out who is calling. A locked-out address is let in only with what cannot be a guess.
    ///
    /// Attempts that may be guesses are judged one after the other for each address, so that none slips past the count.
    pub(super) async fn admit(
        &self,
        graphql: &dyn GraphQlService,
        source: Source,
        token: Option<&str>,
    ) -> Result<Arc<dyn CallerSession>, Denied> {
        // Nothing is attempted without a token, and nothing can be guessed.
        let Some(presented) = token else { return Ok(graphql.authenticate(None).await?) };
        let turn = if graphql.is_no_guess(presented) {
            None
        } else {
            let turn = timeout(TURN_WITHIN, self.attempts.turn(source)).await.map_err(|_| AuthFailure::Unavailable)?;
            // Whoever went before may have shown that this very token is good.
            let is_guess = !graphql.is_no_guess(presented);
            if let Some(seconds) = self.attempts.locked_for(source).filter(|_| is_guess) {
                return Err(Denied::LockedOut(seconds));
            }
            Some(turn)
        };
        let known = graphql.authenticate(token).await;
        if matches!(known, Err(AuthFailure::Unauthenticated)) {
            let locked = self.attempts.locked_for(source);
            self.attempts.note_failure(source);
            if let Some(seconds) = locked {
                return Err(Denied::LockedOut(seconds));
            }
        }
        drop(turn);
        Ok(known?)
    }

    /// A place among the exports that are made or taken, beside the turn that making one needs: files take room.
    pub(super) async fn export(&self, holder: &str) -> Result<Turn, Busy> {
        self.exports.take(holder).await
    }

    /// A place among the operations that run. Waits for one for a moment.
    pub async fn turn(&self, holder: &str) -> Result<Turn, Busy> {
        self.turns.take(holder).await
    }
}
