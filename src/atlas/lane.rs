//! A lane: answers one challenge after the other, one request at a time, so that nonce counts arrive in order.
//!
//! diqwest makes the answers; the nonces are kept here. Its own session forgets the algorithm of a challenge,
//! restarts the count on a nonce that it counts already, and holds the private key as plain text for as long as it
//! lives. Here the key is lent for each answer and rests in a [`SecretString`](secrecy::SecretString), which is wiped
//! when the client goes. What diqwest hashes (`user:realm:key`) stays behind in freed memory: it cannot be wiped.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use digest_auth::{AuthContext, HttpMethod};
use diqwest::DigestAuthCredentials;
use reqwest::header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use secrecy::ExposeSecret;
use tokio::time::Instant;
use url::{Position, Url};

use super::challenge::Challenge;
use super::client::Credentials;
use super::error::AtlasError;

/// A nonce that lay idle for longer is not tried again.
const IDLE: Duration = Duration::from_secs(30);

/// How many nonces a lane goes on counting.
const COUNTED_NONCES: usize = 16;

/// How many nonces are remembered for all lanes together.
const REMEMBERED_NONCES: usize = 4096;

pub(super) struct Lane {
    pub number: usize,
    credentials: Arc<Credentials>,
    held: Option<Held>,
    /// The latest nonces and how often each was answered.
    counts: VecDeque<(String, u32)>,
}

struct Held {
    challenge: Challenge,
    used_at: Instant,
}

/// An answer to a challenge.
pub(super) struct Answer {
    pub header: HeaderValue,
    pub nonce: String,
    /// It is the first that was made with its nonce.
    pub fresh: bool,
}

impl Lane {
    pub fn new(number: usize, credentials: Arc<Credentials>) -> Self {
        Self { number, credentials, held: None, counts: VecDeque::new() }
    }

    /// Signs a GET of `url` with the nonce that is held, if one is.
    pub fn answer(&mut self, url: &Url) -> Result<Option<Answer>, AtlasError> {
        let Some(mut held) = self.held.take().filter(|held| held.used_at.elapsed() < IDLE) else { return Ok(None) };
        let count = self.count(&held.challenge.nonce);
        let target = &url[Position::AfterPort..];
        let header = self.sign(&held.challenge, target, count).map_err(|_error| UNANSWERABLE)?;
        let answer = Answer { header, nonce: held.challenge.nonce.clone(), fresh: count == 1 };
        if held.challenge.is_reusable {
            held.used_at = Instant::now();
            self.held = Some(held);
        }
        Ok(Some(answer))
    }

    fn sign(&self, challenge: &Challenge, target: &str, count: u32) -> diqwest::error::Result<HeaderValue> {
        let (public, private) = (self.credentials.public_key.as_str(), self.credentials.private_key.expose_secret());
        let mut headers = HeaderMap::new();
        headers.insert(WWW_AUTHENTICATE, challenge.header.parse()?);
        let mut answer = (public, private).calculate_authorization("", target, HttpMethod::GET, None, &headers)?;
        if count > 1 {
            answer.nc = count;
            answer.digest(&AuthContext::new(public, private, target));
        }
        let mut header: HeaderValue = answer.to_header_string().parse()?;
        header.set_sensitive(true);
        Ok(header)
    }

    /// The number of this answer among those to the nonce, from 1.
    fn count(&mut self, nonce: &str) -> u32 {
        let before = self.counts.iter().position(|(known, _)| known == nonce);
        let count = before.and_then(|place| self.counts.remove(place)).map_or(1, |(_, count)| count.wrapping_add(1));
        self.counts.push_back((nonce.to_owned(), count));
        if self.counts.len() > COUNTED_NONCES {
            self.counts.pop_front();
        }
        count
    }

    /// Goes on counting where nobody else can be who counts on the nonce too: a process that began earlier, or the
    /// client that this one follows. Ten thousand a second is faster than requests follow one another.
    pub fn leap(&mut self, nonce: &str, now: DateTime<Utc>) {
        let count = u32::try_from(now.timestamp_micros() / 100 % i64::from(u32::MAX)).unwrap_or_default();
        if let Some((_, known)) = self.counts.iter_mut().find(|(known, _)| known == nonce) {
            *known = count.max(*known);
        }
    }

    /// Takes up a challenge; the count of a nonce that the lane had before goes on.
    pub fn adopt(&mut self, challenge: Challenge) {
        self.held = Some(Held { challenge, used_at: Instant::now() });
    }

    pub fn forget(&mut self) {
        self.held = None;
    }
}

const UNANSWERABLE: AtlasError = AtlasError::UnexpectedResponse { what: "a digest challenge that cannot be answered" };

/// Which lane uses which nonce. A nonce is counted in one place only, or its counts would collide.
#[derive(Debug, Default)]
pub(super) struct Nonces(Mutex<Remembered>);

#[derive(Debug, Default)]
struct Remembered {
    owners: HashMap<String, usize>,
    order: VecDeque<String>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Claim {
    /// Nobody had it before.
    New,
    /// The lane that asks has it already.
    Own,
    /// That lane has it.
    Taken(usize),
}

impl Nonces {
    pub fn claim(&self, nonce: &str, lane: usize) -> Claim {
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match remembered.owners.get(nonce) {
            Some(owner) if *owner == lane => Claim::Own,
            Some(owner) => Claim::Taken(*owner),
            None => {
                remembered.owners.insert(nonce.to_owned(), lane);
                remembered.order.push_back(nonce.to_owned());
                if remembered.order.len() > REMEMBERED_NONCES
                    && let Some(oldest) = remembered.order.pop_front()
                {
                    remembered.owners.remove(&oldest);
                }
                Claim::New
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_belongs_to_the_lane_that_saw_it_first() {
        let nonces = Nonces::default();
        assert_eq!(nonces.claim("n", 2), Claim::New);
        assert_eq!(nonces.claim("n", 2), Claim::Own);
        assert_eq!(nonces.claim("n", 0), Claim::Taken(2));
    }
}
