//! Reserved event streams. They live in this process: all requests of one stream must come to the same replica.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::http::HttpState;
use crate::http::edge::RequestId;
use crate::http::live::{Connection, OPERATIONS, Slots, Tagged};

#[derive(Clone, Default)]
pub struct Reservations(Arc<Mutex<HashMap<String, Reservation>>>);

struct Reservation {
    holder: String,
    stream: Stream,
    /// Until it is opened.
    opening: Option<Opening>,
}

/// Where operations of a stream are sent to.
#[derive(Clone)]
pub struct Stream {
    pub slots: Slots,
    pub admitted: mpsc::Sender<Tagged>,
}

/// What the stream itself takes over when it is opened.
pub struct Opening {
    pub connection: Connection,
    pub admitted: mpsc::Receiver<Tagged>,
}

/// Forgets a stream when it is dropped.
pub struct Ending {
    all: Reservations,
    token: String,
}

impl Reservations {
    /// Answers the stream's token, 128 random bits. A stream that nobody opens in time is forgotten.
    pub fn reserve(&self, holder: &str, connection: Connection, http: &HttpState) -> String {
        let token = RequestId::random().as_str().to_owned();
        let (sender, admitted) = mpsc::channel(OPERATIONS);
        let reservation = Reservation {
            holder: holder.to_owned(),
            stream: Stream { slots: Slots::default(), admitted: sender },
            opening: Some(Opening { connection, admitted }),
        };
        self.all().insert(token.clone(), reservation);
        let (all, unopened) = (self.clone(), token.clone());
        let (draining, patience) = (http.draining.clone(), http.deadlines.reservation);
        http.tasks.spawn(async move {
            // The end of the process forgets it too.
            let _ = timeout(patience, draining.cancelled()).await;
            if all.open(&unopened).is_some() {
                all.all().remove(&unopened);
            }
        });
        token
    }

    pub fn find(&self, token: &str, holder: &str) -> Option<Stream> {
        self.all().get(token).filter(|found| found.holder == holder).map(|found| found.stream.clone())
    }

    /// None when it is open already.
    pub fn open(&self, token: &str) -> Option<(Slots, Opening)> {
        let mut all = self.all();
        let reservation = all.get_mut(token)?;
        Some((reservation.stream.slots.clone(), reservation.opening.take()?))
    }

    pub fn ending(self, token: String) -> Ending {
        Ending { all: self, token }
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, Reservation>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.all.all().remove(&self.token);
    }
}
