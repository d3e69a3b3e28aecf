//! Everything that changes data goes through here.

use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveDate;
use tokio::sync::Notify;
use url::Url;

use super::Refusal;
use super::schedule::Schedule;
use crate::atlas::{AtlasConfig, SetupError};
use crate::clock::Clock;
use crate::controls::Policy;
use crate::domain::{EmploymentStatus, UserDataClassification};
use crate::store::workspaces::StoredDataKey;
use crate::store::{Store, StoreError};
use crate::vault::{Vault, VaultError, WrappedDataKey};

/// Done, or refused with reasons; or the database or the vault failed.
pub type Edit<T> = Result<Result<T, Vec<Refusal>>, EngineError>;

#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the vault cannot seal or open a credential")]
    Vault(#[from] VaultError),
    #[error("the client for Atlas cannot be built")]
    Atlas(#[from] SetupError),
}

/// What an edit does to one field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Patch<T> {
    #[default]
    Keep,
    Clear,
    Set(T),
}

impl<T> Patch<T> {
    /// The field's value after the edit.
    pub fn apply(self, before: Option<T>) -> Option<T> {
        match self {
            Self::Keep => before,
            Self::Clear => None,
            Self::Set(value) => Some(value),
        }
    }
}

#[derive(Debug, Clone)]
pub struct Connected {
    pub integration_id: i64,
    /// The queued first sync; None after a rotation.
    pub run_id: Option<i64>,
    pub warnings: Vec<Refusal>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncRequest {
    Queued(i64),
    /// A run is under way already.
    InProgress(i64),
}

#[derive(Debug, Clone, Default)]
pub struct AssetEdit {
    /// A person's id.
    pub owner: Patch<i64>,
    pub description: Patch<String>,
    pub user_data: Patch<UserDataClassification>,
}

#[derive(Debug, Clone)]
pub struct PersonEdit {
    pub email: String,
    pub full_name: String,
    pub aliases: Patch<Vec<String>>,
    pub status: Patch<EmploymentStatus>,
    pub starts_on: Patch<NaiveDate>,
    pub ends_on: Patch<NaiveDate>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Imported {
    pub created: u32,
    pub updated: u32,
    pub unchanged: u32,
}

/// What the engine is made of. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    pub(super) store: Store,
    pub(super) vault: Vault,
    pub(super) policy: Policy,
    pub(super) schedule: Schedule,
    pub(super) clock: Clock,
    pub(super) atlas: AtlasConfig,
    /// How long a lease lasts without being renewed.
    pub(super) lease: Duration,
    /// This process, in leases: random, never a host name.
    pub(super) owner: String,
    /// Rings when something became due.
    pub(super) due: Arc<Notify>,
}

/// What [`Engine::new`] needs beside the store and the vault.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    pub policy: Policy,
    pub schedule: Schedule,
    pub clock: Clock,
    pub atlas_base_url: Url,
    /// Requests in flight per key.
    pub atlas_lanes: usize,
}

const LEASE: Duration = Duration::from_secs(30);
/// What a private key is sealed for.
pub(super) const KEY_COLUMN: &str = "integration.sealed_private_key";

impl Engine {
    pub fn new(store: Store, vault: Vault, options: EngineOptions) -> Self {
        Self {
            store,
            vault,
            policy: options.policy,
            schedule: options.schedule,
            clock: options.clock,
            atlas: AtlasConfig { lanes: options.atlas_lanes, ..AtlasConfig::new(options.atlas_base_url) },
            lease: LEASE,
            owner: random_owner(),
            due: Arc::new(Notify::new()),
        }
    }

    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// The same engine, asking Atlas in another way.
    #[must_use]
    pub fn asking(mut self, change: impl FnOnce(&mut AtlasConfig)) -> Self {
        change(&mut self.atlas);
        self
    }

    /// Every client of this engine spends the same budgets.
    pub(super) fn atlas_config(&self) -> AtlasConfig {
        AtlasConfig { clock: self.clock.clone(), ..self.atlas.clone() }
    }

    /// The key that seals the workspace's credentials; made at first use.
    pub(super) async fn data_key(&self, workspace: i64) -> Result<WrappedDataKey, EngineError> {
        let stored = if let Some(stored) = self.store.data_key(workspace).await? {
            stored
        } else {
            let fresh = self.vault.new_data_key(workspace)?;
            self.store.insert_data_key_if_absent(workspace, &fresh.master_key_id, fresh.wrapped).await?
        };
        let StoredDataKey { master_key_id, wrapped, .. } = stored;
        Ok(WrappedDataKey { master_key_id, wrapped })
    }
}

fn random_owner() -> String {
    let mut bytes = [0_u8; 8];
    if let Err(error) = getrandom::fill(&mut bytes) {
        // The epoch fences all the same; the name only helps people who read the table.
        tracing::warn!(error = %error, "no random name for this process");
    }
    format!("{:016x}", u64::from_be_bytes(bytes))
}
