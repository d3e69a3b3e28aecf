//! Word of what changed, to whoever waits in this process.
//!
//! On PostgreSQL every replica hears it when the writing transaction commits. On SQLite this process alone writes what
//! is waited for, and tells itself. Word can get lost with a connection, so who waits looks now and then by itself.

use std::collections::BTreeSet;
use std::time::Duration;

use sea_orm::sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, RuntimeErr, Statement};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio_util::sync::CancellationToken;

use super::{Store, StoreError};

const CHANNEL: &str = "slategate_changes";
/// Words kept for who is slow to listen; beyond that it hears that something changed.
const KEPT: usize = 256;
const LISTEN_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Something that others may wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// A commit in a workspace.
    Commit { workspace: i64 },
    /// The run of an integration came further.
    Progress { workspace: i64, integration: i64 },
    /// Anything: word was lost.
    Anything,
}

impl Change {
    fn payload(self) -> String {
        match self {
            Self::Commit { workspace } => workspace.to_string(),
            Self::Progress { workspace, integration } => format!("{workspace}/{integration}"),
            Self::Anything => String::new(),
        }
    }

    /// What is not understood, such as word from another version, may be anything.
    fn read(payload: &str) -> Self {
        let parsed = match payload.split_once('/') {
            None => payload.parse().ok().map(|workspace| Self::Commit { workspace }),
            Some((workspace, integration)) => workspace
                .parse()
                .ok()
                .zip(integration.parse().ok())
                .map(|(workspace, integration)| Self::Progress { workspace, integration }),
        };
        parsed.unwrap_or(Self::Anything)
    }

    /// Whether it concerns who waits for commits of `workspace`, and for the runs of `watched` if there is one.
    fn concerns(self, workspace: i64, watched: Option<i64>) -> bool {
        match self {
            Self::Commit { workspace: of } => of == workspace,
            Self::Progress { workspace: of, integration } => of == workspace && Some(integration) == watched,
            Self::Anything => true,
        }
    }
}

/// Where word is passed on inside this process. Cheap to clone; clones are one.
#[derive(Debug, Clone)]
pub(super) struct Changes(broadcast::Sender<Change>);

impl Changes {
    pub(super) fn new() -> Self {
        Self(broadcast::Sender::new(KEPT))
    }

    /// Commits `tx`, and tells of it.
    pub(super) async fn commit(&self, tx: DatabaseTransaction, change: Change) -> Result<(), StoreError> {
        let backend = tx.get_database_backend();
        if backend == DbBackend::Postgres {
            let notify = "SELECT pg_notify($1, $2)";
            let values = [CHANNEL.into(), change.payload().into()];
            tx.execute_raw(Statement::from_sql_and_values(backend, notify, values)).await?;
        }
        tx.commit().await?;
        if backend != DbBackend::Postgres {
            self.tell(change);
        }
        Ok(())
    }

    fn tell(&self, change: Change) {
        // Nobody needs to be waiting.
        let _ = self.0.send(change);
    }
}

/// Wakes when something that is waited for may have changed.
#[derive(Debug)]
pub struct Wakes {
    changes: broadcast::Receiver<Change>,
    workspace: i64,
    integration: Option<i64>,
}

impl Wakes {
    /// Returns after the next change, or after `patience`. Many changes at once wake once.
    pub async fn next(&mut self, patience: Duration) {
        let heard = tokio::time::timeout(patience, self.hear()).await;
        if heard.is_ok() {
            while !matches!(self.changes.try_recv(), Err(TryRecvError::Empty | TryRecvError::Closed)) {}
        }
    }

    async fn hear(&mut self) {
        loop {
            match self.changes.recv().await {
                Ok(change) if !change.concerns(self.workspace, self.integration) => {}
                Ok(_) | Err(RecvError::Lagged(_)) => return,
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}

/// The workspaces of commits, as they happen.
#[derive(Debug)]
pub struct Commits(broadcast::Receiver<Change>);

/// Where something was committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Committed {
    In(BTreeSet<i64>),
    /// Word was lost.
    Anywhere,
}

impl Commits {
    /// Waits for a commit, and tells where there were any since it told last.
    pub async fn next(&mut self) -> Committed {
        let mut workspaces = BTreeSet::new();
        let mut is_anywhere = false;
        loop {
            let change = match self.0.try_recv() {
                Ok(change) => change,
                Err(TryRecvError::Lagged(_)) => Change::Anything,
                Err(_) if is_anywhere => return Committed::Anywhere,
                Err(_) if !workspaces.is_empty() => return Committed::In(workspaces),
                Err(_) => match self.0.recv().await {
                    Ok(change) => change,
                    Err(RecvError::Lagged(_)) => Change::Anything,
                    Err(RecvError::Closed) => std::future::pending().await,
                },
            };
            match change {
                Change::Commit { workspace } => _ = workspaces.insert(workspace),
                Change::Anything => is_anywhere = true,
                Change::Progress { .. } => {}
            }
        }
    }
}

impl Store {
    /// Commits in any workspace from now on.
    pub fn commits(&self) -> Commits {
        Commits(self.changes.0.subscribe())
    }

    /// Wakes on each commit of a workspace from now on and, of a watched integration, whenever its run comes further.
    pub fn wakes(&self, workspace: i64, integration: Option<i64>) -> Wakes {
        Wakes { changes: self.changes.0.subscribe(), workspace, integration }
    }

    /// Passes on what other processes tell, until `stop`. Takes one connection beside the pool; on SQLite none.
    pub async fn hear_changes(self, stop: CancellationToken) {
        let Some(options) = &self.listening else { return };
        loop {
            let error = tokio::select! {
                () = stop.cancelled() => return,
                error = self.listen(options) => error,
            };
            tracing::warn!(error = &error as &dyn std::error::Error, "changes of other processes are not heard");
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LISTEN_AGAIN_AFTER) => {}
            }
        }
    }

    async fn listen(&self, options: &PgConnectOptions) -> StoreError {
        let broken = |error: sea_orm::SqlxError| DbErr::Conn(RuntimeErr::SqlxError(error.into())).into();
        let pool = PgPoolOptions::new().max_connections(1).connect_lazy_with(options.clone());
        let mut listener = match PgListener::connect_with(&pool).await {
            Ok(listener) => listener,
            Err(error) => return broken(error),
        };
        if let Err(error) = listener.listen(CHANNEL).await {
            return broken(error);
        }
        self.changes.tell(Change::Anything);
        loop {
            match listener.try_recv().await {
                Ok(Some(notice)) => self.changes.tell(Change::read(notice.payload())),
                // The connection broke and is there again.
                Ok(None) => self.changes.tell(Change::Anything),
                Err(error) => return broken(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn word_arrives_as_it_was_sent() {
        for change in
            [Change::Commit { workspace: 7 }, Change::Progress { workspace: 7, integration: 12 }, Change::Anything]
        {
            assert_eq!(Change::read(&change.payload()), change);
        }
        for odd in ["x", "1/", "/1", "1/2/3", "99999999999999999999"] {
            assert_eq!(Change::read(odd), Change::Anything, "{odd}");
        }
    }

    #[test]
    fn commits_are_told_together_and_lost_word_may_be_anywhere() {
        let changes = Changes::new();
        let mut commits = Commits(changes.0.subscribe());
        changes.tell(Change::Progress { workspace: 7, integration: 12 });
        assert_eq!(commits.next().now_or_never(), None);
        for workspace in [7, 9, 7] {
            changes.tell(Change::Commit { workspace });
        }
        assert_eq!(commits.next().now_or_never(), Some(Committed::In(BTreeSet::from([7, 9]))));
        for _ in 0..=KEPT {
            changes.tell(Change::Commit { workspace: 7 });
        }
        assert_eq!(commits.next().now_or_never(), Some(Committed::Anywhere));
        assert_eq!(commits.next().now_or_never(), None);
    }

    #[test]
    fn word_of_others_wakes_nobody() {
        let progress = Change::Progress { workspace: 7, integration: 12 };
        assert!(progress.concerns(7, Some(12)));
        assert!(!progress.concerns(7, Some(13)));
        assert!(!progress.concerns(7, None));
        assert!(!progress.concerns(8, Some(12)));
        assert!(Change::Commit { workspace: 7 }.concerns(7, Some(12)));
        assert!(!Change::Commit { workspace: 7 }.concerns(8, None));
        assert!(Change::Anything.concerns(8, None));
    }

    #[tokio::test]
    async fn a_burst_wakes_once() {
        let changes = Changes::new();
        let mut wakes = Wakes { changes: changes.0.subscribe(), workspace: 7, integration: None };
        for _ in 0..3 * KEPT {
            changes.tell(Change::Commit { workspace: 7 });
        }
        assert!(wakes.hear().now_or_never().is_some());
        wakes.next(Duration::from_mins(1)).await;
        assert!(wakes.hear().now_or_never().is_none());
        wakes.next(Duration::ZERO).await;
    }
}
