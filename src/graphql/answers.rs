//! The read model: finished answers in memory.
//!
//! An answer holds for the generation of its workspace that it was read at, and the database is asked for the present
//! one each time. So whatever was committed before a question, by whichever process, is in the answer to it. Time alone
//! changes answers too, as when evidence grows too old: each is kept no longer than until the next such instant.
//!
//! What many ask for at once is read once, and what is asked again and again is read anew after a commit, if possible
//! before anybody asks.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_graphql::parser::types::OperationType;
use async_graphql::{Request, Response, Value, Variables};
use bytes::Bytes;
use chrono::TimeDelta;
use lru::LruCache;
use serde::Serialize;
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use super::documents::{DocumentHash, Documents, Hash, chosen};
use super::session::Session;
use crate::domain::Instant;
use crate::store::views::{Caller, CallerPerson};
use crate::store::{Committed, Store};

/// No answer is given again for longer.
const LONGEST: TimeDelta = TimeDelta::minutes(10);
/// What an answer takes beside its texts, about.
const OVERHEAD: usize = 512;
/// Questions that are asked again after a commit, and answers that are looked through for them.
const MOST_AGAIN: usize = 256;
const LOOKED_THROUGH: usize = 4_096;
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
    /// What is being read anew; each ends when that is done or given up.
    under_way: HashMap<Question, CancellationToken>,
}

/// Why memory has no answer.
#[derive(Debug, Clone, Copy)]
pub enum Missing {
    /// There is none, or nobody could say whether it holds.
    Unknown,
    /// It does not hold any more.
    Outdated { generation: i64, now: Instant },
}

/// A question that is being read. When this is dropped, whoever waits for the answer goes on.
pub struct UnderWay<'a> {
    answers: &'a Answers,
    question: Question,
    ends: CancellationToken,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.answers.lock().under_way.remove(&self.question);
        self.ends.cancel();
    }
}

/// Who reads an answer anew.
pub enum Turn<'a> {
    Own(UnderWay<'a>),
    /// Somebody else does, until this ends.
    Others(CancellationToken),
    /// Somebody has, since it was found missing.
    Done(Bytes),
    /// Whoever wants to: nobody knows whether it is one to be kept, and so nobody waits for it.
    Anybody,
}

#[derive(Debug, Clone)]
struct Known {
    generation: i64,
    at: Instant,
    /// From then on time alone may have changed it.
    until: Instant,
    text: Bytes,
    asked: Arc<Repeatable>,
    /// Somebody asked for it after it was first known, and since it was last given to be read anew.
    is_wanted: bool,
}

/// All it takes to ask a question again.
#[derive(Debug)]
pub struct Repeatable {
    pub caller: Caller,
    document: Hash,
    operation: Option<String>,
    /// As JSON, which takes less.
    variables: Box<[u8]>,
}

impl Repeatable {
    /// The request once more; None where its document is known no longer.
    pub fn request(&self, documents: &Documents) -> Option<Request> {
        let variables: Variables = serde_json::from_slice(&self.variables).ok()?;
        documents.again(self.document, self.operation.as_deref(), variables)
    }

    fn weight(&self) -> usize {
        let Caller { workspace_name, key, name, .. } = &self.caller;
        let texts = [workspace_name.len(), key.len(), name.len(), self.operation.as_ref().map_or(0, String::len)];
        self.variables.len() + texts.into_iter().sum::<usize>()
    }
}

/// A question that is being answered from the database.
#[derive(Clone)]
pub struct Open {
    pub question: Question,
    pub asked: Arc<Repeatable>,
    /// By a caller, and not to keep the answer new.
    is_wanted: bool,
}

fn hash_of(request: &Request) -> Option<&DocumentHash> {
    request.data.get(&std::any::TypeId::of::<DocumentHash>())?.downcast_ref()
}

impl Answers {
    pub fn new(limit: usize) -> Self {
        Self { limit, kept: Mutex::default() }
    }

    /// The question of this request; None where its answer is not to be kept.
    pub fn open(&self, caller: &Caller, request: &mut Request) -> Option<Open> {
        if self.limit == 0 {
            return None;
        }
        let DocumentHash(document) = *hash_of(request)?;
        let operation = request.operation_name.clone();
        let chosen = chosen(request.parsed_query().ok()?, operation.as_deref())?;
        if chosen.ty != OperationType::Query {
            return None;
        }
        let variables = serde_json::to_vec(&request.variables).ok()?.into_boxed_slice();
        let person = match &caller.person {
            CallerPerson::Nobody => Vec::new(),
            person => format!("{person:?}").into_bytes(),
        };
        let mut hash = Sha256::new();
        hash.update(document);
        hash.update(caller.workspace.to_be_bytes());
        let name = operation.as_deref().unwrap_or_default();
        for part in [caller.role.word().as_bytes(), &person, name.as_bytes(), &variables] {
            hash.update(part.len().to_be_bytes());
            hash.update(part);
        }
        let caller = Caller { request_id: None, ..caller.clone() };
        let asked = Arc::new(Repeatable { caller, document, operation, variables });
        Some(Open { question: Question(hash.finalize().into()), asked, is_wanted: true })
    }

    /// The answer, if it still holds.
    pub async fn find(&self, open: &Open, store: &Store) -> Result<Bytes, Missing> {
        let Some(known) = self.lock().answers.get(&open.question).cloned() else { return Err(Missing::Unknown) };
        // Whoever cannot ask is told so by what is asked next.
        let present = store.generation(open.asked.caller.workspace).await;
        let (generation, now) = present.map_err(|_| Missing::Unknown)?;
        if known.generation != generation || !(known.at..known.until).contains(&now) {
            return Err(Missing::Outdated { generation, now });
        }
        self.lock().want(open);
        Ok(known.text)
    }

    /// Who reads an answer that was missing. To be asked again when somebody else has done with it.
    pub fn turn(&self, open: &Open, missing: Missing) -> Turn<'_> {
        let Missing::Outdated { generation, now } = missing else { return Turn::Anybody };
        let mut kept = self.lock();
        let Some(known) = kept.answers.peek(&open.question) else { return Turn::Anybody };
        if known.generation >= generation && now < known.until {
            let text = known.text.clone();
            kept.want(open);
            return Turn::Done(text);
        }
        if let Some(theirs) = kept.under_way.get(&open.question) {
            return Turn::Others(theirs.clone());
        }
        let ends = CancellationToken::new();
        kept.under_way.insert(open.question, ends.clone());
        Turn::Own(UnderWay { answers: self, question: open.question, ends })
    }

    /// Questions that were asked again since they were last given here, and that a commit may have given other answers.
    /// Of those used lately the one that was used longest ago is first: who asks in turns asks it next.
    pub fn outdated_by(&self, committed: &Committed) -> Vec<Open> {
        let is_concerned = |known: &Known| match committed {
            Committed::In(workspaces) => workspaces.contains(&known.asked.caller.workspace),
            Committed::Anywhere => true,
        };
        let mut kept = self.lock();
        let lately = kept.answers.iter_mut().take(LOOKED_THROUGH);
        let wanted = lately.filter(|(_, known)| known.is_wanted && is_concerned(known)).take(MOST_AGAIN);
        let again = |(question, known): (&Question, &mut Known)| {
            known.is_wanted = false;
            Open { question: *question, asked: Arc::clone(&known.asked), is_wanted: false }
        };
        let mut again: Vec<Open> = wanted.map(again).collect();
        again.reverse();
        again
    }

    /// Keeps the answer of a session that has read what commits left, and nothing that is the caller's own.
    pub async fn keep(&self, open: Open, session: &Session, response: Response) -> Answer {
        let is_whole = response.errors.is_empty() && response.extensions.is_empty() && response.http_headers.is_empty();
        let read = if is_whole { session.read_of_commits().await } else { None };
        let text = read.and_then(|_| serde_json::to_vec(&Data { data: &response.data }).ok()).map(Bytes::from);
        let (Some((generation, at, until)), Some(text)) = (read, text) else {
            self.lock().forget(&open.question);
            return Answer::Response(Box::new(response));
        };
        let Open { question, asked, is_wanted } = open;
        let until = until.min(at + LONGEST);
        let known = Known { generation, at, until, text: text.clone(), asked, is_wanted };
        let mut kept = self.lock();
        if known.weight() <= self.limit / LARGEST {
            kept.put(question, known, self.limit);
        } else {
            kept.forget(&question);
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

impl Default for Kept {
    fn default() -> Self {
        Self { answers: LruCache::unbounded(), bytes: 0, under_way: HashMap::new() }
    }
}

impl Kept {
    /// In place of an older answer to the same question. What was asked only once is not wanted yet.
    fn put(&mut self, question: Question, mut known: Known, limit: usize) {
        if let Some(before) = self.answers.peek(&question) {
            if (before.generation, before.until) >= (known.generation, known.until) {
                return;
            }
            self.bytes -= before.weight();
        } else {
            known.is_wanted = false;
        }
        self.bytes += known.weight();
        self.answers.put(question, known);
        while self.bytes > limit {
            let Some((_, oldest)) = self.answers.pop_lru() else { break };
            self.bytes -= oldest.weight();
        }
    }

    fn forget(&mut self, question: &Question) {
        if let Some(known) = self.answers.pop(question) {
            self.bytes -= known.weight();
        }
    }

    /// Notes that a caller has asked again.
    fn want(&mut self, open: &Open) {
        if let Some(known) = self.answers.peek_mut(&open.question) {
            known.is_wanted |= open.is_wanted;
        }
    }
}

impl Known {
    fn weight(&self) -> usize {
        self.text.len() + self.asked.weight() + OVERHEAD
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(generation: i64, until: i64, length: usize) -> Known {
        let (caller, document) = (Caller::viewer(), [0; 32]);
        let asked = Repeatable { caller, document, operation: None, variables: Box::default() };
        Known {
            generation,
            at: Instant::UNIX_EPOCH,
            until: Instant::UNIX_EPOCH + TimeDelta::seconds(until),
            text: Bytes::from(vec![b' '; length]),
            asked: Arc::new(asked),
            is_wanted: true,
        }
    }

    #[test]
    fn what_is_kept_stays_below_the_limit_and_the_oldest_goes_first() {
        let mut kept = Kept::default();
        let each = known(1, 0, 100).weight();
        let limit = 10 * each;
        for number in 0..25 {
            kept.put(Question([number; 32]), known(1, 0, 100), limit);
            kept.put(Question([number; 32]), known(2, 0, 100), limit);
            assert!(kept.bytes <= limit);
        }
        assert_eq!(kept.answers.len(), 10);
        assert!(kept.answers.contains(&Question([24; 32])) && !kept.answers.contains(&Question([14; 32])));
        kept.put(Question([99; 32]), known(1, 0, limit), limit);
        assert_eq!((kept.answers.len(), kept.bytes), (0, 0), "what is too long for all is not kept either");
    }

    #[test]
    fn an_answer_gives_way_to_newer_ones_only() {
        let mut kept = Kept::default();
        let question = Question([7; 32]);
        for (generation, until, length, stays) in
            [(2, 10, 100, 100), (1, 20, 200, 100), (2, 5, 300, 100), (2, 11, 400, 400), (3, 1, 500, 500)]
        {
            kept.put(question, known(generation, until, length), 10_000);
            assert_eq!(kept.answers.peek(&question).map(|known| known.text.len()), Some(stays));
            assert_eq!(kept.bytes, known(1, 0, stays).weight());
        }
    }

    #[test]
    fn what_was_asked_with_counts_as_well() {
        let long = Repeatable {
            operation: Some("o".repeat(1_000)),
            variables: vec![b' '; 2_000].into_boxed_slice(),
            caller: Caller::viewer(),
            document: [0; 32],
        };
        let heavy = Known { asked: Arc::new(long), ..known(1, 0, 50) };
        assert!(heavy.weight() >= known(1, 0, 50).weight() + 3_000);
    }
}
