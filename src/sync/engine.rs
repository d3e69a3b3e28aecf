//! Everything that changes data goes through here.

use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveDate;
use tokio::sync::Notify;
use url::Url;

use super::Refusal;
use super::outage::Outage;
use super::owner::new_owner;
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
    pub(super) atlas_base_url: Url,
    pub(super) atlas_lanes: usize,
    pub(super) limits: Limits,
    /// This process, in leases.
    pub(super) owner: String,
    /// Whether the database answers, as the workers find it.
    pub(super) outage: Arc<Outage>,
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

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// A lease that is not renewed.
    pub lease: Duration,
    /// One attempt at reading an organization.
    pub run: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { lease: Duration::from_secs(30), run: Duration::from_mins(15) }
    }
}

/// What a private key is sealed for.
pub(super) const KEY_COLUMN: &str = "integration.sealed_private_key";

impl Engine {
    pub fn new(store: Store, vault: Vault, options: EngineOptions) -> Self {
        let owner = new_owner(options.clock.now());
        Self {
            store,
            vault,
            policy: options.policy,
            schedule: options.schedule,
            clock: options.clock,
            atlas_base_url: options.atlas_base_url,
            atlas_lanes: options.atlas_lanes,
            limits: Limits::default(),
            owner,
            outage: Arc::default(),
            due: Arc::new(Notify::new()),
        }
    }

    /// The same with other limits.
    #[must_use]
    pub const fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    pub const fn store(&self) -> &Store {
        &self.store
    }

    pub(super) fn atlas_config(&self) -> AtlasConfig {
        AtlasConfig {
            lanes: self.atlas_lanes,
            clock: self.clock.clone(),
            ..AtlasConfig::new(self.atlas_base_url.clone())
        }
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
