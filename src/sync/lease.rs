//! Keeping a lease: renewed at a third of its life, and given up before it can have run out unnoticed.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout_at};

/// How a lease came to an end while the run was reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseEnd {
    /// The database says that it is gone.
    Lost,
    /// The database did not say in time that it still holds.
    Unsure,
}

/// Renews the lease that began at `since`, and returns once it cannot be relied upon any more.
///
/// Without an answer it is relied upon for five sixths of `ttl`: two processes never work on one run for long.
pub async fn keep<F, E>(ttl: Duration, since: Instant, renew: impl Fn() -> F) -> LeaseEnd
where
    F: Future<Output = Result<bool, E>>,
    E: std::error::Error + 'static,
{
    let trust = ttl - ttl / 6;
    let (mut until, mut next, mut failed) = (since + trust, since + ttl / 3, false);
    loop {
        sleep_until(next.min(until)).await;
        let asked = Instant::now();
        if asked >= until {
            return LeaseEnd::Unsure;
        }
        match timeout_at(until, renew()).await {
            Ok(Ok(true)) => (until, next, failed) = (asked + trust, asked + ttl / 3, false),
            Ok(Ok(false)) => return LeaseEnd::Lost,
            Ok(Err(error)) => {
                if !std::mem::replace(&mut failed, true) {
                    tracing::warn!(error = &error as &dyn std::error::Error, "lease not renewed; trying again");
                }
                next = Instant::now() + ttl / 30;
            }
            Err(_elapsed) => return LeaseEnd::Unsure,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    const TTL: Duration = Duration::from_secs(30);

    fn lost_connection() -> io::Error {
        io::ErrorKind::ConnectionReset.into()
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_is_renewed_at_a_third_of_its_life_until_it_is_lost() {
        let (start, asked) = (Instant::now(), AtomicU32::new(0));
        let end = keep(TTL, start, || async { Ok::<_, io::Error>(asked.fetch_add(1, Ordering::Relaxed) < 4) }).await;
        assert_eq!((end, start.elapsed()), (LeaseEnd::Lost, Duration::from_secs(50)));
    }

    #[tokio::test(start_paused = true)]
    async fn work_stops_before_a_lease_that_cannot_be_renewed_runs_out() {
        let (start, asked) = (Instant::now(), AtomicU32::new(0));
        let refused = keep(TTL, start, || async {
            if asked.fetch_add(1, Ordering::Relaxed) == 0 { Ok(true) } else { Err(lost_connection()) }
        });
        // Renewed once after ten seconds; relied upon for 25 from then.
        assert_eq!((refused.await, start.elapsed()), (LeaseEnd::Unsure, Duration::from_secs(35)));

        let start = Instant::now();
        let silent = keep(TTL, start, std::future::pending::<io::Result<bool>>);
        assert_eq!((silent.await, start.elapsed()), (LeaseEnd::Unsure, Duration::from_secs(25)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_hiccup_costs_nothing() {
        let (start, asked) = (Instant::now(), AtomicU32::new(0));
        let end = keep(TTL, start, || async {
            match asked.fetch_add(1, Ordering::Relaxed) {
                0..=2 => Err(lost_connection()),
                3..=5 => Ok(true),
                _ => Ok(false),
            }
        });
        // Three failed tries of a second each, then three thirds of a life.
        assert_eq!((end.await, start.elapsed()), (LeaseEnd::Lost, Duration::from_secs(43)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_process_that_was_paused_beyond_its_lease_asks_nobody() {
        let (start, asked) = (Instant::now(), AtomicU32::new(0));
        tokio::time::advance(Duration::from_secs(26)).await;
        let end = keep(TTL, start, || async { Ok::<_, io::Error>(asked.fetch_add(1, Ordering::Relaxed) == 0) }).await;
        assert_eq!((end, asked.into_inner()), (LeaseEnd::Unsure, 0));
    }
}
