//! The read model: finished answers in memory.
//!
//! An answer holds for the generation of its workspace that it was read at, and the database is asked for the present
//! one each time. So whatever was committed before a question, by whichever process, is in the answer to it. Time alone
//! changes answers too, as when evidence grows too old: each is kept no longer than until the next such instant.

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_graphql::parser::types::OperationType;
use async_graphql::{Request, Response, Value};
use bytes::Bytes;
use chrono::TimeDelta;
use lru::LruCache;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::documents::{DocumentHash, chosen};
use super::session::Session;
use crate::domain::Instant;
use crate::store::Store;
use crate::store::views::{Caller, CallerPerson};

/// No answer is given again for longer.
const LONGEST: TimeDelta = TimeDelta::minutes(10);
/// What an answer takes beside its text, about.
const OVERHEAD: usize = 256;
/// The longest answer that is kept, as a share of all.
const LARGEST: usize = 16;

/// An answer to a query or mutation.
#[derive(Debug)]
pub enum Answer {
    /// Without errors, as the JSON object that is sent.
    Text(Bytes),
    Response(Box<Response>),
}

impl Answer {
    /// Nothing went wrong.
    pub fn is_ok(&self) -> bool {
        match self {
            Self::Text(_) => true,
            Self::Response(response) => response.is_ok(),
        }
    }
}

/// What was asked, by whom as far as that matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Question([u8; 32]);

/// The answers of one process.
#[derive(Debug)]
pub struct Answers {
    /// Bytes of all that is kept; 0 keeps nothing.
    limit: usize,
    kept: Mutex<Kept>,
}

#[derive(Debug)]
struct Kept {
    answers: LruCache<Question, Known>,
    bytes: usize,
}

#[derive(Debug, Clone)]
struct Known {
    generation: i64,
    at: Instant,
    /// From then on time alone may have changed it.
    until: Instant,
    text: Bytes,
}

impl Answers {
    pub fn new(limit: usize) -> Self {
        Self { limit, kept: Mutex::new(Kept { answers: LruCache::unbounded(), bytes: 0 }) }
    }

    /// What stands for this request; None where its answer is not to be kept.
    pub fn question(&self, caller: &Caller, request: &mut Request) -> Option<Question> {
        if self.limit == 0 {
            return None;
        }
        let DocumentHash(document) = *request.data.get(&std::any::TypeId::of::<DocumentHash>())?.downcast_ref()?;
        let operation = request.operation_name.clone();
        let chosen = chosen(request.parsed_query().ok()?, operation.as_deref())?;
        if chosen.ty != OperationType::Query {
            return None;
        }
        let variables = serde_json::to_vec(&request.variables).ok()?;
        let person = match &caller.person {
            CallerPerson::Nobody => Vec::new(),
            person => format!("{person:?}").into_bytes(),
        };
        let mut hash = Sha256::new();
        hash.update(document);
        hash.update(caller.workspace.to_be_bytes());
        for part in [caller.role.word().as_bytes(), &person, operation.unwrap_or_default().as_bytes(), &variables] {
            hash.update(part.len().to_be_bytes());
            hash.update(part);
        }
        Some(Question(hash.finalize().into()))
    }

    /// The answer, if it still holds.
    pub async fn find(&self, question: Question, store: &Store, workspace: i64) -> Option<Bytes> {
        let known = self.lock().answers.get(&question).cloned()?;
        // Whoever cannot ask is told so by what is asked next.
        let (generation, now) = store.generation(workspace).await.ok()?;
        let holds = known.generation == generation && (known.at..known.until).contains(&now);
        holds.then_some(known.text)
    }

    /// Keeps the answer of a session that has read what commits left, and nothing that is the caller's own.
    pub async fn keep(&self, question: Question, session: &Session, response: Response) -> Answer {
        let is_whole = response.errors.is_empty() && response.extensions.is_empty() && response.http_headers.is_empty();
        let Some((generation, at, until)) = session.read_of_commits().await.filter(|_| is_whole) else {
            return Answer::Response(Box::new(response));
        };
        let Ok(text) = serde_json::to_vec(&Data { data: &response.data }) else {
            return Answer::Response(Box::new(response));
        };
        let text = Bytes::from(text);
        if text.len() <= self.limit / LARGEST {
            self.lock().put(
                question,
                Known { generation, at, until: until.min(at + LONGEST), text: text.clone() },
                self.limit,
            );
        }
        Answer::Text(text)
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Serialize)]
struct Data<'a> {
    data: &'a Value,
}

impl Kept {
    fn put(&mut self, question: Question, known: Known, limit: usize) {
        self.bytes += known.weight();
        if let Some(before) = self.answers.put(question, known) {
            self.bytes -= before.weight();
        }
        while self.bytes > limit {
            let Some((_, oldest)) = self.answers.pop_lru() else { break };
            self.bytes -= oldest.weight();
        }
    }
}

impl Known {
    fn weight(&self) -> usize {
        self.text.len() + OVERHEAD
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_stays_below_the_limit_and_the_oldest_goes_first() {
        let mut kept = Kept { answers: LruCache::unbounded(), bytes: 0 };
        let at = Instant::UNIX_EPOCH;
        let known = |length| Known { generation: 1, at, until: at, text: Bytes::from(vec![b' '; length]) };
        let limit = 10 * (100 + OVERHEAD);
        for number in 0..25 {
            kept.put(Question([number; 32]), known(100), limit);
            kept.put(Question([number; 32]), known(100), limit);
            assert!(kept.bytes <= limit);
        }
        assert_eq!(kept.answers.len(), 10);
        assert!(kept.answers.contains(&Question([24; 32])) && !kept.answers.contains(&Question([14; 32])));
        kept.put(Question([99; 32]), known(limit), limit);
        assert_eq!((kept.answers.len(), kept.bytes), (0, 0), "what is too long for all is not kept either");
    }
}
