//! One caller finds out that the database is away; those after it need not wait as long to hear the same.

use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sea_orm::DbErr;
use tokio::time::Instant;

use super::{Outage, StoreError};

/// How long a failure stands for all: the next one to ask afterwards tries again, and the others do not wait for that.
const STANDS_FOR: Duration = Duration::from_millis(500);

/// When the database was last found to be away, and whether somebody is trying again.
#[derive(Debug, Default)]
pub(super) struct Breaker(Mutex<Option<Failure>>);

#[derive(Debug, Clone, Copy)]
struct Failure {
    at: Instant,
    is_tried: bool,
}

impl Breaker {
    /// Asks, unless somebody has just asked in vain or is trying again.
    pub async fn guard<T>(&self, asking: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        let Some(_turn) = self.turn() else {
            return Err(StoreError::Unavailable(Outage::Unreachable, DbErr::Custom("away just now".to_owned())));
        };
        let answer = asking.await;
        self.note(&answer);
        answer
    }

    /// Learns from an answer that was asked for without it.
    pub fn note<T>(&self, answer: &Result<T, StoreError>) {
        let away = matches!(answer, Err(StoreError::Unavailable(Outage::Unreachable, _)));
        *self.failure() = away.then(|| Failure { at: Instant::now(), is_tried: false });
    }

    fn turn(&self) -> Option<Turn<'_>> {
        match self.failure().as_mut() {
            None => Some(Turn { breaker: self, is_trial: false }),
            Some(failure) if failure.is_tried || failure.at.elapsed() < STANDS_FOR => None,
            Some(failure) => {
                failure.is_tried = true;
                Some(Turn { breaker: self, is_trial: true })
            }
        }
    }

    fn failure(&self) -> MutexGuard<'_, Option<Failure>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to ask. A trial that is given up makes room for another.
struct Turn<'a> {
    breaker: &'a Breaker,
    is_trial: bool,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if self.is_trial
            && let Some(failure) = self.breaker.failure().as_mut()
        {
            failure.is_tried = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn failed() -> Result<(), StoreError> {
        Err(StoreError::Unavailable(Outage::Unreachable, DbErr::Custom(String::new())))
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_stands_for_half_a_second() {
        let breaker = Breaker::default();
        assert!(breaker.guard(async { Ok(()) }).await.is_ok());
        assert!(breaker.guard(async { failed() }).await.is_err());
        assert!(breaker.guard(async { Ok(()) }).await.is_err(), "not asked");
        tokio::time::advance(STANDS_FOR).await;
        assert!(breaker.guard(async { Ok(()) }).await.is_ok());
        assert!(breaker.guard(async { Ok(()) }).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn one_at_a_time_tries_again_and_gives_its_turn_back() {
        let breaker = Breaker::default();
        breaker.note(&failed());
        tokio::time::advance(STANDS_FOR).await;
        let mut trial = Box::pin(breaker.guard(std::future::pending::<Result<(), StoreError>>()));
        assert!((&mut trial).now_or_never().is_none());
        assert!(breaker.guard(async { Ok(()) }).await.is_err(), "not asked");
        drop(trial);
        assert!(breaker.guard(async { Ok(()) }).await.is_ok());
    }
}
