//! A lane: one digest session that answers one request at a time, so that nonce counts arrive in order.
//!
//! diqwest does the digests. It is driven from outside because its own `send` restarts the count on a nonce that it
//! already counts, throws away the challenge that refuses an answer, and does not tell how often it sent.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use diqwest::{DigestAuthCredentials, DigestAuthSession};
use reqwest::header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;
use url::{Position, Url};

use super::challenge::Challenge;
use super::error::AtlasError;

/// A nonce that lay idle for longer is not tried again.
const IDLE: Duration = Duration::from_secs(30);

/// How many nonces a lane goes on counting.
const COUNTED_NONCES: usize = 16;

/// How many nonces are remembered for all lanes together.
const REMEMBERED_NONCES: usize = 4096;

pub(super) struct Lane {
    pub number: usize,
    session: DigestAuthSession,
    held: Option<Held>,
    counted: VecDeque<String>,
}

struct Held {
    challenge: Challenge,
    /// No answer has been made with it yet.
    unused: bool,
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
    pub fn new(number: usize, public_key: &str, private_key: &SecretString) -> Self {
        let session = DigestAuthSession::new(public_key, private_key.expose_secret());
        Self { number, session, held: None, counted: VecDeque::new() }
    }

    /// Signs a GET of `url` with the nonce that is held, if one is.
    pub fn answer(&mut self, url: &Url) -> Result<Option<Answer>, AtlasError> {
        let Some(mut held) = self.held.take().filter(|held| held.used_at.elapsed() < IDLE) else { return Ok(None) };
        let header = self.sign(&held.challenge, &url[Position::AfterPort..]).map_err(|_error| UNANSWERABLE)?;
        let answer = Answer { header, nonce: held.challenge.nonce.clone(), fresh: held.unused };
        if held.challenge.is_md5 {
            held.unused = false;
            held.used_at = Instant::now();
            self.held = Some(held);
        }
        Ok(Some(answer))
    }

    /// The session is asked under the nonce as the name of the host: it then counts each nonce by itself. Other
    /// algorithms it cannot remember, so their challenges are answered once each.
    fn sign(&self, challenge: &Challenge, target: &str) -> diqwest::error::Result<HeaderValue> {
        let mut headers = HeaderMap::new();
        headers.insert(WWW_AUTHENTICATE, challenge.header.parse()?);
        let answer = (&self.session).calculate_authorization(&challenge.nonce, target, "GET".into(), None, &headers)?;
        let mut header: HeaderValue = answer.to_header_string().parse()?;
        header.set_sensitive(true);
        Ok(header)
    }

    /// Takes up a challenge; the count of a nonce that the lane had before goes on.
    pub fn adopt(&mut self, challenge: Challenge, unused: bool) -> Result<(), AtlasError> {
        if challenge.is_md5 && !self.counted.contains(&challenge.nonce) {
            (&self.session).store_context(&challenge.nonce, &challenge.header).map_err(|_error| UNANSWERABLE)?;
            self.counted.push_back(challenge.nonce.clone());
            if self.counted.len() > COUNTED_NONCES
                && let Some(oldest) = self.counted.pop_front()
            {
                self.session.invalidate_host(&oldest).map_err(|_error| UNANSWERABLE)?;
            }
        }
        self.held = Some(Held { challenge, unused, used_at: Instant::now() });
        Ok(())
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
