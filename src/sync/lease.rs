//! Keeping a lease: renewed at a third of its life, and given up before it can have run out unnoticed.

use std::future::Future;
use std::time::{Duration, Instant};

use tokio::time::{sleep_until, timeout_at};

/// How a lease came to an end while the run was reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseEnd {
    /// The database says that it is gone.
    Lost,
    /// The database did not say in time that it still holds.
    Unsure,
}

/// Renews the lease that began at `since`, and returns once it cannot be relied upon any more.
pub async fn keep<F, E>(ttl: Duration, since: Instant, renew: impl Fn() -> F) -> LeaseEnd
where
    F: Future<Output = Result<bool, E>>,
    E: std::error::Error + 'static,
{
    let mut trust = Trust::new(ttl, since);
    let mut failed = false;
    loop {
        sleep_until(trust.wakes_at().into()).await;
        let asked = Instant::now();
        if trust.is_over(asked) {
            return LeaseEnd::Unsure;
        }
        match timeout_at(trust.until.into(), renew()).await {
            Ok(Ok(true)) => {
                trust = Trust::new(ttl, asked);
                failed = false;
            }
            Ok(Ok(false)) => return LeaseEnd::Lost,
            Ok(Err(error)) => {
                if !std::mem::replace(&mut failed, true) {
                    tracing::warn!(error = &error as &dyn std::error::Error, "lease not renewed; trying again");
                }
                trust.ask_again(Instant::now());
            }
            Err(_elapsed) => return LeaseEnd::Unsure,
        }
    }
}

/// How far a lease can be relied upon without an answer: five sixths of its life, so that two processes never work on
/// one run for long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Trust {
    ttl: Duration,
    until: Instant,
    next: Instant,
}

impl Trust {
    fn new(ttl: Duration, asked: Instant) -> Self {
        Self { ttl, until: asked + ttl * 5 / 6, next: asked + ttl / 3 }
    }

    fn wakes_at(&self) -> Instant {
        self.next.min(self.until)
    }

    fn is_over(&self, now: Instant) -> bool {
        now >= self.until
    }

    /// The database failed to answer.
    fn ask_again(&mut self, now: Instant) {
        self.next = now + self.ttl / 30;
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    const TTL: Duration = Duration::from_secs(30);

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn a_lease_is_renewed_at_a_third_and_relied_upon_for_five_sixths() {
        let start = Instant::now();
        let mut trust = Trust::new(TTL, start);
        assert_eq!(trust.wakes_at(), start + seconds(10));
        trust.ask_again(start + seconds(12));
        assert_eq!((trust.wakes_at(), trust.until), (start + seconds(13), start + seconds(25)));
        trust.ask_again(start + seconds(24) + Duration::from_millis(500));
        assert_eq!(trust.wakes_at(), start + seconds(25));
        assert!(!trust.is_over(start + Duration::from_millis(24_999)) && trust.is_over(start + seconds(25)));
    }

    #[tokio::test]
    async fn a_lease_that_the_database_calls_gone_is_lost() {
        let due = Instant::now().checked_sub(seconds(1)).unwrap();
        let asked = AtomicU32::new(0);
        let end = keep(TTL / 10, due, || async {
            match asked.fetch_add(1, Ordering::Relaxed) {
                0 => Err(io::Error::from(io::ErrorKind::ConnectionReset)),
                _ => Ok(false),
            }
        });
        assert_eq!((end.await, asked.load(Ordering::Relaxed)), (LeaseEnd::Lost, 2));
    }

    #[tokio::test]
    async fn a_process_that_was_paused_beyond_its_lease_asks_nobody() {
        let asked = AtomicU32::new(0);
        let paused = Instant::now().checked_sub(seconds(26)).unwrap();
        let end = keep(TTL, paused, || async { Ok::<_, io::Error>(asked.fetch_add(1, Ordering::Relaxed) > 0) });
        assert_eq!((end.await, asked.load(Ordering::Relaxed)), (LeaseEnd::Unsure, 0));
    }

    #[tokio::test]
    async fn a_database_that_is_silent_ends_the_trust() {
        let almost = Instant::now().checked_sub(Duration::from_millis(24_950)).unwrap();
        let end = keep(TTL, almost, std::future::pending::<io::Result<bool>>);
        assert_eq!(end.await, LeaseEnd::Unsure);
    }
}
