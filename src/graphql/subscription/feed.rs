//! One reader of status changes for all who watch a workspace.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{broadcast, mpsc, oneshot};

use super::chain::{Chain, StatusChange};
use crate::graphql::error::ApiError;
use crate::store::Store;
use crate::sync::judge::catalogue;

/// Time changes statuses without a commit, and word of a commit may get lost.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Changes kept for who is slow to take them.
const KEPT: usize = 256;
const ATTEMPTS: usize = 3;

type Joined = Result<broadcast::Receiver<StatusChange>, ApiError>;
type Joins = mpsc::Receiver<oneshot::Sender<Joined>>;
type Door = mpsc::Sender<oneshot::Sender<Joined>>;

/// The feeds of all workspaces. One that nobody watches does not run.
#[derive(Clone)]
pub struct Feeds {
    store: Store,
    doors: Arc<Mutex<HashMap<i64, Door>>>,
}

impl Feeds {
    pub fn new(store: Store) -> Self {
        Self { store, doors: Arc::default() }
    }

    /// Every change of a status in a workspace from now on.
    pub async fn join(&self, workspace: i64) -> Joined {
        for _ in 0..ATTEMPTS {
            let (reply, answer) = oneshot::channel();
            // A feed that ends just now leaves the question without an answer.
            if self.door(workspace).send(reply).await.is_ok()
                && let Ok(joined) = answer.await
            {
                return joined;
            }
        }
        Err(ApiError::Internal)
    }

    fn door(&self, workspace: i64) -> Door {
        let mut doors = self.doors.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(door) = doors.get(&workspace).filter(|door| !door.is_closed()) {
            return door.clone();
        }
        let (door, joins) = mpsc::channel(1);
        doors.insert(workspace, door.clone());
        let store = self.store.clone();
        #[expect(clippy::disallowed_methods, reason = "ends soon after its last watcher")]
        tokio::spawn(async move { Feed::new(store, workspace).run(joins).await });
        door
    }
}

struct Feed {
    store: Store,
    workspace: i64,
    chain: Option<Chain>,
    told: broadcast::Sender<StatusChange>,
}

impl Feed {
    fn new(store: Store, workspace: i64) -> Self {
        Self { store, workspace, chain: None, told: broadcast::Sender::new(KEPT) }
    }

    /// Who joins hears what this look does not find any more.
    async fn run(mut self, mut joins: Joins) {
        let mut wakes = self.store.wakes(self.workspace, None);
        loop {
            let joining = tokio::select! {
                joining = joins.recv() => joining,
                () = wakes.next(LOOK_EVERY) => None,
            };
            if joining.is_none() && self.told.receiver_count() == 0 {
                return;
            }
            let looked = self.look().await;
            if let Some(reply) = joining {
                // Who asked may be gone.
                let _ = reply.send(looked.map(|()| self.told.subscribe()));
            }
        }
    }

    async fn look(&mut self) -> Result<(), ApiError> {
        let since = self.chain.as_ref().map_or(i64::MAX, Chain::commit);
        let reader = self.store.reader(self.workspace).await?;
        let log = reader.status_log(&catalogue(), since).await;
        reader.finish().await?;
        let log = log?;
        match &mut self.chain {
            None => self.chain = Some(Chain::new(log)),
            Some(chain) => {
                for change in chain.advance(&log) {
                    // The last watcher may have left.
                    let _ = self.told.send(change);
                }
            }
        }
        Ok(())
    }
}
