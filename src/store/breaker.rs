//! One caller finds out that the database is away; those after it need not wait as long to hear the same.

use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sea_orm::DbErr;
use tokio::time::Instant;

use super::{Outage, StoreError};

/// How long a failure stands for all: the next one to ask afterwards tries again.
const STANDS_FOR: Duration = Duration::from_millis(500);

/// When the database was last found to be away.
#[derive(Debug, Default)]
pub(super) struct Breaker(Mutex<Option<Instant>>);

impl Breaker {
    /// Asks, unless somebody has just asked in vain.
    pub async fn guard<T>(&self, asking: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        if self.last().is_some_and(|failed| failed.elapsed() < STANDS_FOR) {
            return Err(StoreError::Unavailable(Outage::Unreachable, DbErr::Custom("away just now".to_owned())));
        }
        let answer = asking.await;
        let away = matches!(answer, Err(StoreError::Unavailable(Outage::Unreachable, _)));
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = away.then(Instant::now);
        answer
    }

    fn last(&self) -> Option<Instant> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
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
}
