//! Whether requests can be served: the database answers, its schema is up to date, and the key ring opens its keys.

use std::sync::{Mutex, PoisonError};

use chrono::TimeDelta;

use crate::clock::Clock;
use crate::domain::Instant;
use crate::http::{Pending, Readiness, Unready};
use crate::store::{Store, StoreError};
use crate::sync::{Engine, EngineError};

/// Keys that were found good are not looked at again for so long.
const KEYS_GOOD_FOR: TimeDelta = TimeDelta::seconds(5);

pub(super) struct Ready {
    store: Store,
    engine: Engine,
    clock: Clock,
    keys_good_at: Mutex<Option<Instant>>,
}

impl Ready {
    pub fn new(store: Store, engine: Engine, clock: Clock) -> Self {
        Self { store, engine, clock, keys_good_at: Mutex::default() }
    }

    async fn keys(&self) -> Result<(), EngineError> {
        let now = self.clock.now();
        let good_at = *self.keys_good_at.lock().unwrap_or_else(PoisonError::into_inner);
        if good_at.is_some_and(|at| (at..at + KEYS_GOOD_FOR).contains(&now)) {
            return Ok(());
        }
        self.engine.check_keys().await?;
        *self.keys_good_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
        Ok(())
    }
}

impl Readiness for Ready {
    fn check(&self) -> Pending<'_, Result<(), Unready>> {
        Box::pin(async move {
            if let Err(error) = self.store.check().await {
                tracing::warn!(error = &error as &dyn std::error::Error, "database is not ready");
                return Err(unready(&error));
            }
            self.keys().await.map_err(|error| {
                tracing::warn!(error = &error as &dyn std::error::Error, "keys are not ready");
                match &error {
                    EngineError::Store(error) => unready(error),
                    EngineError::Vault(_) | EngineError::Atlas(_) => Unready("keys"),
                }
            })
        })
    }
}

const fn unready(error: &StoreError) -> Unready {
    match error {
        StoreError::PendingMigrations | StoreError::ForeignSchema(_) => Unready("schema"),
        _ => Unready("database"),
    }
}
