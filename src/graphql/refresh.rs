//! What callers ask again and again is asked anew after each commit, so that nobody waits for what has changed.
//!
//! That is no more work than they cause: an answer that nobody asked for since it was read anew is left alone.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::answers::{Answers, Asked, Open, Question, Turn};
use super::documents::Documents;
use super::{Schema, State, run};
use crate::store::Commits;

/// A question that takes longer is left to who asks it.
const ANSWERED_WITHIN: Duration = Duration::from_secs(5);

/// Keeps answers new. One for each process.
pub struct Refresher {
    schema: Schema,
    state: State,
    answers: Arc<Answers>,
    documents: Arc<Documents>,
    commits: Commits,
}

impl Refresher {
    /// Hears of commits from now on.
    pub fn new(schema: Schema, state: State, answers: Arc<Answers>, documents: Arc<Documents>) -> Self {
        let commits = state.store.commits();
        Self { schema, state, answers, documents, commits }
    }

    /// Does so until `stop`, half of the time at most.
    pub async fn run(mut self, stop: CancellationToken) {
        let refreshing = async {
            loop {
                let took = self.round().await;
                sleep(took).await;
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = refreshing => {}
        }
    }

    /// Waits for commits and answers anew, one question after the other. Tells how long the answering took.
    pub async fn round(&mut self) -> Duration {
        let committed = self.commits.next().await;
        let begun = Instant::now();
        for (question, asked) in self.answers.outdated_by(&committed) {
            let answering = self.answer(question, asked).instrument(tracing::info_span!("refresh"));
            if timeout(ANSWERED_WITHIN, answering).await.is_err() {
                tracing::debug!("an answer takes too long to be kept new");
            }
        }
        begun.elapsed()
    }

    async fn answer(&self, question: Question, asked: Arc<Asked>) {
        let Err(outdated) = self.answers.find(question, &self.state.store, asked.caller.workspace).await else {
            return;
        };
        let turn @ Turn::Own(_) = self.answers.turn(question, outdated) else { return };
        let operation = asked.operation.as_deref();
        let Some(request) = self.documents.again(asked.document, operation, asked.variables.clone()) else { return };
        let (response, session) = Box::pin(run(&self.schema, &self.state, asked.caller.clone(), request)).await;
        self.answers.keep(Open::again(question, asked), &session, response).await;
        drop(turn);
        session.finish().await;
    }
}
