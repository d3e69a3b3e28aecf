//! What callers ask again and again is asked anew after each commit, so that few wait for what has changed.
//!
//! That is no more work than they cause: an answer that nobody asked for since it was last read anew is left alone. Each
//! question takes a place among the operations that run, as callers do.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::graphql::documents::Documents;
use crate::graphql::{self, Answers, Open, Schema, State};
use crate::http::Gate;
use crate::store::Commits;

/// A question that takes longer is left to who asks it.
const ANSWERED_WITHIN: Duration = Duration::from_secs(2);
/// After so long the questions that are left are left to who asks them.
const ROUND_WITHIN: Duration = Duration::from_secs(20);
/// In the gate's eyes. No token is called that.
const HOLDER: &str = "refresh";

/// Keeps answers new. One for each process.
pub struct Refresher {
    pub(super) schema: Schema,
    pub(super) state: State,
    pub(super) answers: Arc<Answers>,
    pub(super) documents: Arc<Documents>,
    pub(super) gate: Gate,
    /// From the time on when this was made.
    pub(super) commits: Commits,
}

impl Refresher {
    /// Does so until `stop`.
    pub async fn run(mut self, stop: CancellationToken) {
        let refreshing = async {
            loop {
                self.round().await;
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = refreshing => {}
        }
    }

    /// Waits for commits and answers anew, one question after the other and half of the time at most.
    pub async fn round(&mut self) {
        let committed = self.commits.next().await;
        let begun = Instant::now();
        for open in self.answers.outdated_by(&committed) {
            let asked = Instant::now();
            let goes_on = self.answer(open).instrument(tracing::info_span!("refresh")).await;
            if !goes_on || begun.elapsed() > ROUND_WITHIN {
                return;
            }
            sleep(asked.elapsed()).await;
        }
    }

    /// Whether there is any sense in going on.
    async fn answer(&self, open: Open) -> bool {
        let Ok(_turn) = self.gate.turn(HOLDER).await else { return false };
        let answering = graphql::refresh(&self.schema, &self.state, &self.answers, &self.documents, open);
        let Ok(answered) = AssertUnwindSafe(timeout(ANSWERED_WITHIN, answering)).catch_unwind().await else {
            tracing::error!("a question that is asked again and again panicked");
            return true;
        };
        answered.unwrap_or(true)
    }
}
