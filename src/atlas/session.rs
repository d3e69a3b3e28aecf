//! Signed sending: lanes, challenges, and when a key counts as rejected.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use reqwest::StatusCode;
use tokio::sync::{Mutex, MutexGuard, Semaphore};
use url::Url;

use super::challenge::{self, Challenge};
use super::client::Credentials;
use super::endpoint::Endpoint;
use super::error::AtlasError;
use super::lane::{Answer, Claim, Lane, Nonces};
use super::refusal::Refusal;
use super::transport::{Answered, Transport};
use crate::clock::Clock;

/// No call sends more often. Only nonces that go stale again and again get here.
const MOST_SENDS: u32 = 5;

/// No lane has been singled out.
const NONE: usize = usize::MAX;

/// Why an answer may have been refused though the key is good.
#[derive(PartialEq, Eq)]
enum Strike {
    /// The nonce had served its time.
    Worn,
    /// Somebody else counts on the nonce.
    Shared,
}

pub(super) struct Session {
    transport: Transport,
    lanes: Vec<Mutex<Lane>>,
    free: Semaphore,
    nonces: Nonces,
    /// The one lane that is used once two lanes were handed the same nonce.
    only: AtomicUsize,
    /// The circuit: nothing is sent any more.
    rejected: AtomicBool,
}

impl Session {
    pub fn new(transport: Transport, credentials: &Credentials, lanes: usize) -> Self {
        let count = lanes.max(1);
        let credentials = Arc::new(credentials.clone());
        let lane = |number| Mutex::new(Lane::new(number, Arc::clone(&credentials)));
        Self {
            transport,
            lanes: (0..count).map(lane).collect(),
            free: Semaphore::new(count),
            nonces: Nonces::default(),
            only: AtomicUsize::new(NONE),
            rejected: AtomicBool::new(false),
        }
    }

    pub fn sent(&self) -> u64 {
        self.transport.sent()
    }

    pub fn lanes(&self) -> usize {
        self.lanes.len()
    }

    /// Sends a signed GET. Holds a lane until the head of the answer is there.
    pub async fn get(&self, url: &Url, endpoint: &Endpoint, clock: &Clock) -> Result<Answered, AtlasError> {
        let _turn = self.free.acquire().await.map_err(|_closed| AtlasError::unreachable())?;
        let mut lane = self.free_lane().await;
        let _busy = self.transport.metrics().lane();
        let deadline = self.transport.deadline();
        let mut struck = false;
        for _ in 0..MOST_SENDS {
            self.check_circuit()?;
            let answer = lane.answer(url)?;
            let header = answer.as_ref().map(|made| made.header.clone());
            let answered = self.transport.get(url, endpoint, header, deadline).await?;
            if answered.response.status() != StatusCode::UNAUTHORIZED {
                return Ok(answered);
            }
            let headers = answered.response.headers().clone();
            let offered = challenge::find(&headers);
            let refusal = Refusal::new(StatusCode::UNAUTHORIZED, &headers, &answered.refusal_body().await, clock.now());
            if let Some(answer) = answer {
                if refusal.role_code().is_some() {
                    return Err(refusal.into_error());
                }
                if self.strike(&answer, offered.as_ref(), &mut struck)? == Strike::Shared {
                    lane.leap(&answer.nonce, clock.now());
                }
            } else if offered.is_none() {
                return Err(refusal.into_error());
            }
            lane = self.take_up(lane, offered).await;
        }
        Err(AtlasError::unreachable())
    }

    /// Weighs the refusal of an answer. A stale nonce says nothing of the key. The first answer to a nonce does,
    /// unless the same nonce is offered again: somebody else may be counting on it, so it is tried once more, with a
    /// count that nobody else has reached.
    fn strike(&self, answer: &Answer, offered: Option<&Challenge>, struck: &mut bool) -> Result<Strike, AtlasError> {
        if offered.is_some_and(|challenge| challenge.stale) {
            return Ok(Strike::Worn);
        }
        let shared = offered.is_some_and(|challenge| challenge.nonce == answer.nonce);
        if *struck || (answer.fresh && !shared) {
            self.rejected.store(true, Ordering::SeqCst);
            tracing::warn!(requests = self.sent(), "atlas rejected the credentials");
            return Err(AtlasError::CredentialsRejected);
        }
        *struck = true;
        Ok(if shared { Strike::Shared } else { Strike::Worn })
    }

    /// Takes up the challenge, on the lane that counts its nonce already if there is one.
    async fn take_up<'a>(&'a self, mut lane: MutexGuard<'a, Lane>, offered: Option<Challenge>) -> MutexGuard<'a, Lane> {
        let Some(challenge) = offered else {
            lane.forget();
            return lane;
        };
        match self.nonces.claim(&challenge.nonce, lane.number) {
            Claim::New | Claim::Own => lane.adopt(challenge),
            Claim::Taken(owner) => {
                lane.forget();
                drop(lane);
                if self.only.swap(owner, Ordering::SeqCst) == NONE {
                    tracing::info!("atlas hands one nonce to several lanes; one lane is used from now on");
                }
                return self.lanes[owner].lock().await;
            }
        }
        lane
    }

    async fn free_lane(&self) -> MutexGuard<'_, Lane> {
        if let Some(only) = self.lanes.get(self.only.load(Ordering::SeqCst)) {
            return only.lock().await;
        }
        match self.lanes.iter().find_map(|lane| lane.try_lock().ok()) {
            Some(lane) => lane,
            None => self.lanes[0].lock().await,
        }
    }

    fn check_circuit(&self) -> Result<(), AtlasError> {
        if self.rejected.load(Ordering::SeqCst) { Err(AtlasError::CredentialsRejected) } else { Ok(()) }
    }
}
