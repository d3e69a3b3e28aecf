//! Everything that changes data goes through here.

use std::collections::BTreeSet;
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
use crate::domain::{EmploymentStatus, PersonField, UserDataClassification};
use crate::store::audit::{Actor, AuditAction, AuditEntry};
use crate::store::workspaces::StoredDataKey;
use crate::store::{Store, StoreError};
use crate::telemetry::metrics::{AtlasMetrics, SyncMetrics};
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
    /// The values that imports and SCIM leave alone from now on.
    pub kept: Patch<BTreeSet<PersonField>>,
}

/// How people are imported.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ImportOptions {
    /// The rows are everybody: who works here and is not among them has left.
    pub is_full: bool,
    /// Nothing is written.
    pub is_dry_run: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imported {
    pub created: u32,
    pub updated: u32,
    pub unchanged: u32,
    /// People who are marked as left because a full import has no row of them.
    pub left: u32,
    /// Values that stay, against the rows, because somebody chose so.
    pub kept: u32,
    /// E-mail addresses of some of those who are marked as left.
    pub leavers: Vec<String>,
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
    pub(super) limits: Limits,
    /// This process, in leases.
    pub(super) owner: String,
    /// Whether the database answers, as the workers find it.
    pub(super) outage: Arc<Outage>,
    /// Rings when something became due.
    pub(super) due: Arc<Notify>,
    pub(super) metrics: SyncMetrics,
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
    /// Notes in the audit ledger that somebody tried what the role does not allow.
    pub async fn note_refusal(&self, by: &Actor, action: AuditAction) -> Result<(), EngineError> {
        let writer = self.store.writer(by.workspace).await?;
        writer.audit(by, AuditEntry::refused(action)).await?;
        Ok(writer.commit().await?)
    }

    pub fn new(store: Store, vault: Vault, options: EngineOptions) -> Self {
        let owner = new_owner(options.clock.now());
        Self {
            store,
            vault,
            policy: options.policy,
            schedule: options.schedule,
            clock: options.clock,
            atlas: AtlasConfig { lanes: options.atlas_lanes, ..AtlasConfig::new(options.atlas_base_url) },
            limits: Limits::default(),
            owner,
            outage: Arc::default(),
            due: Arc::new(Notify::new()),
            metrics: SyncMetrics::default(),
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

    pub const fn metrics(&self) -> &SyncMetrics {
        &self.metrics
    }

    pub const fn atlas_metrics(&self) -> &AtlasMetrics {
        &self.atlas.metrics
    }

    /// What Atlas still allows, by our count: endpoint sets, and the tokens in the emptiest bucket of each.
    pub fn bucket_tokens(&self) -> Vec<(&'static str, u32)> {
        self.atlas.bucket_tokens()
    }

    /// Whether the key ring can be read now and opens the data keys of every workspace.
    pub async fn check_keys(&self) -> Result<(), EngineError> {
        let needed = self.store.master_key_ids().await?;
        let vault = self.vault.clone();
        // A file on a disk that hangs must not hold up others.
        let checked = tokio::task::spawn_blocking(move || vault.check(&needed)).await;
        Ok(checked.unwrap_or(Err(VaultError::Malformed))?)
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
