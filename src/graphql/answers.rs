//! The read model: finished answers in memory.
//!
//! An answer holds for the generation of its workspace that it was read at, and the database is asked for the present
//! one each time. So whatever was committed before a question, by whichever process, is in the answer to it. Time alone
//! changes answers too, as when evidence grows too old: each is kept no longer than until the next such instant.
//!
//! What is asked again and again is read anew after a commit, before anybody asks: see [`Refresher`].
//!
//! [`Refresher`]: super::refresh::Refresher

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

use super::documents::{DocumentHash, Hash, chosen};
use super::session::Session;
use crate::domain::Instant;
use crate::store::views::{Caller, CallerPerson};
use crate::store::{Committed, Store};

/// No answer is given again for longer.
const LONGEST: TimeDelta = TimeDelta::minutes(10);
/// What an answer takes beside its text and its variables, about.
const OVERHEAD: usize = 512;
/// Variables take so many times their JSON, about.
const VARIABLES: usize = 4;
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
pub struct Outdated {
    /// The present generation; None where nobody could say.
    generation: Option<i64>,
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
    asked: Arc<Asked>,
    /// Somebody asked for it after it was first known, and since it was last read anew.
    is_wanted: bool,
}

/// All it takes to ask a question again.
#[derive(Debug)]
pub struct Asked {
    pub caller: Caller,
    pub document: Hash,
    pub operation: Option<String>,
    pub variables: Variables,
    /// Bytes, about.
    weight: usize,
}

impl Asked {
    fn by(caller: &Caller, request: &Request) -> Option<Self> {
        let DocumentHash(document) = *hash_of(request)?;
        let written = serde_json::to_vec(&request.variables).ok()?.len();
        let variables = request.variables.clone();
        let caller = Caller { request_id: None, ..caller.clone() };
        let operation = request.operation_name.clone();
        Some(Self { caller, document, operation, variables, weight: written * VARIABLES })
    }
}

/// A question that is being answered from the database.
pub struct Open {
    question: Question,
    asked: Arc<Asked>,
    is_asked_again: bool,
}

impl Open {
    /// Asked by a caller, whom memory could not answer.
    pub fn asked(question: Question, caller: &Caller, request: &Request) -> Option<Self> {
        Some(Self { question, asked: Arc::new(Asked::by(caller, request)?), is_asked_again: false })
    }

    /// Asked by ourselves.
    pub const fn again(question: Question, asked: Arc<Asked>) -> Self {
        Self { question, asked, is_asked_again: true }
    }
}

fn hash_of(request: &Request) -> Option<&DocumentHash> {
    request.data.get(&std::any::TypeId::of::<DocumentHash>())?.downcast_ref()
}

impl Answers {
    pub fn new(limit: usize) -> Self {
        Self { limit, kept: Mutex::default() }
    }

    /// What stands for this request; None where its answer is not to be kept.
    pub fn question(&self, caller: &Caller, request: &mut Request) -> Option<Question> {
        if self.limit == 0 {
            return None;
        }
        let DocumentHash(document) = *hash_of(request)?;
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
    pub async fn find(&self, question: Question, store: &Store, workspace: i64) -> Result<Bytes, Outdated> {
        let known = self.lock().answers.get(&question).cloned().ok_or(Outdated { generation: None })?;
        // Whoever cannot ask is told so by what is asked next.
        let present = store.generation(workspace).await;
        let (generation, now) = present.map_err(|_| Outdated { generation: None })?;
        if !known.holds(generation, now) {
            return Err(Outdated { generation: Some(generation) });
        }
        if let Some(known) = self.lock().answers.peek_mut(&question) {
            known.is_wanted = true;
        }
        Ok(known.text)
    }

    /// Who reads an answer that was found to be outdated.
    pub fn turn(&self, question: Question, Outdated { generation }: Outdated) -> Turn<'_> {
        let mut kept = self.lock();
        let Some(known) = kept.answers.peek(&question) else { return Turn::Anybody };
        let ends = CancellationToken::new();
        if generation.is_some_and(|present| known.generation >= present) {
            // Read while we asked.
            ends.cancel();
            return Turn::Others(ends);
        }
        if let Some(theirs) = kept.under_way.get(&question) {
            return Turn::Others(theirs.clone());
        }
        kept.under_way.insert(question, ends.clone());
        Turn::Own(UnderWay { answers: self, question, ends })
    }

    /// Questions that were asked again and again and that a commit may have given other answers: of the latest that was
    /// asked longest ago first, as who asks in turns asks it next.
    pub fn outdated_by(&self, committed: &Committed) -> Vec<(Question, Arc<Asked>)> {
        let is_concerned = |known: &Known| match committed {
            Committed::In(workspaces) => workspaces.contains(&known.asked.caller.workspace),
            Committed::Anywhere => true,
        };
        let kept = self.lock();
        let latest = kept.answers.iter().take(LOOKED_THROUGH);
        let outdated = latest.filter(|(_, known)| known.is_wanted && is_concerned(known)).take(MOST_AGAIN);
        let mut outdated: Vec<_> = outdated.map(|(question, known)| (*question, Arc::clone(&known.asked))).collect();
        outdated.reverse();
        outdated
    }

    /// Keeps the answer of a session that has read what commits left, and nothing that is the caller's own.
    pub async fn keep(&self, open: Open, session: &Session, response: Response) -> Answer {
        let is_whole = response.errors.is_empty() && response.extensions.is_empty() && response.http_headers.is_empty();
        let Some((generation, at, until)) = session.read_of_commits().await.filter(|_| is_whole) else {
            return Answer::Response(Box::new(response));
        };
        let Ok(text) = serde_json::to_vec(&Data { data: &response.data }) else {
            return Answer::Response(Box::new(response));
        };
        let text = Bytes::from(text);
        let Open { question, asked, is_asked_again } = open;
        let until = until.min(at + LONGEST);
        let known = Known { generation, at, until, text: text.clone(), asked, is_wanted: !is_asked_again };
        if known.weight() <= self.limit / LARGEST {
            self.lock().put(question, known, self.limit);
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
}

impl Known {
    fn weight(&self) -> usize {
        self.text.len() + self.asked.weight + OVERHEAD
    }

    fn holds(&self, generation: i64, now: Instant) -> bool {
        self.generation == generation && (self.at..self.until).contains(&now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::views::Role;

    fn known(generation: i64, until: i64, length: usize) -> Known {
        let caller = Caller {
            workspace: 1,
            workspace_name: "default".to_owned(),
            key: "token:1".to_owned(),
            name: "ci".to_owned(),
            role: Role::Viewer,
            person: CallerPerson::Nobody,
            request_id: None,
        };
        let asked = Asked { caller, document: [0; 32], operation: None, variables: Variables::default(), weight: 0 };
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
        let limit = 10 * (100 + OVERHEAD);
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
            assert_eq!(kept.bytes, stays + OVERHEAD);
        }
    }
}
