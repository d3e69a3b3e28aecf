//! Start and end of the process: one server per database file, signals, and work that the end waits for.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What `serve` exits with when another one uses the file: a configuration error, so no supervisor need try again.
pub const HELD_EXIT_CODE: u8 = 78;
/// What the process exits with when a second signal cuts the drain short.
const ABORTED_EXIT_CODE: i32 = 130;

/// Held while this process serves a database file. The system lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub struct InstanceLock {
    _file: File,
}

#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error("another slategate serve uses {database}; stop it, or give this one a SLATEGATE_DATABASE_URL of its own")]
    Held { database: PathBuf },
    #[error("the lock file {path} cannot be used; make its folder exist and writable for this user")]
    Io {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
}

impl InstanceLock {
    /// Takes the lock of `database`: the file beside it with `.lock` added. The file stays; only its lock counts.
    pub fn acquire(database: &Path) -> Result<Self, LockError> {
        // Two names of one file have one lock.
        let database = database.canonicalize().unwrap_or_else(|_| database.to_owned());
        let mut path = OsString::from(&database);
        path.push(".lock");
        let path = PathBuf::from(path);
        let unusable = |cause| LockError::Io { path: path.clone(), cause };
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path).map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(LockError::Held { database }),
            Err(TryLockError::Error(cause)) => Err(unusable(cause)),
        }
    }
}

/// What runs beside the requests, and the word to stop. Cheap to clone; clones are one.
#[derive(Debug, Clone, Default)]
pub struct Lifecycle {
    /// Cancelled when the process shall end: stop accepting, stop ticking, finish what is under way.
    pub shutdown: CancellationToken,
    pub tasks: TaskTracker,
}

impl Lifecycle {
    /// Runs `task`, which the end waits for.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task);
    }

    /// Runs a task that the process cannot do without: when it ends before the word to stop, all ends.
    pub fn spawn_essential(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let guard = EssentialGuard { name, shutdown: self.shutdown.clone() };
        self.tasks.spawn(async move {
            let _guard = guard;
            task.await;
        });
    }

    /// Waits until every task has ended. Answers whether they did within `deadline`.
    pub async fn drain(&self, deadline: Duration) -> bool {
        self.tasks.close();
        tokio::time::timeout(deadline, self.tasks.wait()).await.is_ok()
    }
}

/// Speaks up when its task ends, also by a panic.
struct EssentialGuard {
    name: &'static str,
    shutdown: CancellationToken,
}

impl Drop for EssentialGuard {
    fn drop(&mut self) {
        if !self.shutdown.is_cancelled() {
            tracing::error!(task = self.name, "a task that must run has ended; shutting down");
            self.shutdown.cancel();
        }
    }
}

/// From now on SIGINT and SIGTERM cancel `shutdown`, and a second one ends the process at once.
pub fn shutdown_on_signals(shutdown: CancellationToken) -> io::Result<()> {
    let mut signals = Signals::listen()?;
    #[expect(clippy::disallowed_methods, reason = "the drain must not wait for the task that can cut it short")]
    tokio::spawn(async move {
        signals.next().await;
        tracing::info!("shutting down");
        shutdown.cancel();
        signals.next().await;
        tracing::warn!("second signal; stopping at once");
        std::process::exit(ABORTED_EXIT_CODE);
    });
    Ok(())
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals(tokio::signal::windows::CtrlC);

#[cfg(not(unix))]
impl Signals {
    fn listen() -> io::Result<Self> {
        tokio::signal::windows::ctrl_c().map(Self)
    }

    async fn next(&mut self) {
        self.0.recv().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_at_a_time_holds_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("a.db");
        let first = InstanceLock::acquire(&database).unwrap();
        let refused = InstanceLock::acquire(&database).unwrap_err();
        assert_eq!(
            refused.to_string(),
            format!(
                "another slategate serve uses {}; stop it, or give this one a SLATEGATE_DATABASE_URL of its own",
                database.display()
            )
        );
        assert!(InstanceLock::acquire(&folder.path().join("b.db")).is_ok());
        drop(first);
        assert!(InstanceLock::acquire(&database).is_ok());
        assert!(!database.exists(), "the lock never touches the database");
    }

    #[test]
    fn a_lock_in_a_missing_folder_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let refused = InstanceLock::acquire(&folder.path().join("none/a.db")).unwrap_err();
        assert!(matches!(refused, LockError::Io { path, .. } if path.ends_with("none/a.db.lock")));
    }

    #[tokio::test]
    async fn drain_tells_finished_from_stuck() {
        let life = Lifecycle::default();
        let shutdown = life.shutdown.clone();
        life.spawn(async move { shutdown.cancelled().await });
        assert!(!life.drain(Duration::ZERO).await);
        life.shutdown.cancel();
        assert!(life.drain(Duration::from_secs(5)).await);
    }

    #[tokio::test]
    async fn an_essential_task_that_ends_takes_all_down() {
        let life = Lifecycle::default();
        life.spawn_essential("ticker", async {});
        life.shutdown.cancelled().await;
        assert!(life.drain(Duration::from_secs(5)).await);
    }
}
