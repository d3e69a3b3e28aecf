//! Sealing and opening of credentials.
//!
//! An envelope in two layers: a data key per workspace, wrapped by the newest master key of a [`KeyRing`], seals that
//! workspace's secrets. What is sealed opens only in the same workspace, column and row. Knows no database: callers
//! keep the sealed bytes.

mod envelope;
mod error;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzz;
mod key_ring;
mod rotation;

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

pub use error::VaultError;
pub use key_ring::{KeyRing, KeySource};
pub use rotation::{Rotation, RotationLock};

use envelope::{Binding, Key};

const DATA_KEY: &str = "data_key.wrapped_key";

/// A workspace's data key as it may be stored: only the master key named beside it opens it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappedDataKey {
    pub master_key_id: String,
    pub wrapped: Vec<u8>,
}

/// Seals and opens. Cheap to clone; clones share the ring.
#[derive(Clone)]
pub struct Vault {
    ring: Arc<RwLock<Arc<KeyRing>>>,
}

impl Vault {
    pub fn new(ring: KeyRing) -> Self {
        Self { ring: Arc::new(RwLock::new(Arc::new(ring))) }
    }

    /// A fresh data key for `workspace`, wrapped by the newest master key.
    pub fn new_data_key(&self, workspace: i64) -> Result<WrappedDataKey, VaultError> {
        let ring = self.ring();
        let master = ring.newest();
        let data_key = Key::generate()?;
        let wrapped = master.seal(&wrapping(workspace), data_key.bytes())?;
        Ok(WrappedDataKey { master_key_id: master.id(), wrapped })
    }

    /// Seals `secret` for one `row` of `column` ("table.column") in `workspace`.
    pub fn seal(
        &self,
        workspace: i64,
        data_key: &WrappedDataKey,
        column: &str,
        row: i64,
        secret: &SecretString,
    ) -> Result<Vec<u8>, VaultError> {
        let key = self.unwrap(workspace, data_key)?;
        key.seal(&Binding { workspace, column, row }, secret.expose_secret().as_bytes())
    }

    /// Opens what [`Vault::seal`] sealed for the same workspace, column and row.
    pub fn open(
        &self,
        workspace: i64,
        data_key: &WrappedDataKey,
        column: &str,
        row: i64,
        sealed: &[u8],
    ) -> Result<SecretString, VaultError> {
        let key = self.unwrap(workspace, data_key)?;
        let secret = key.open(&Binding { workspace, column, row }, sealed)?;
        let text = std::str::from_utf8(&secret).map_err(|_| VaultError::NotText)?;
        Ok(SecretString::from(text.to_owned()))
    }

    /// Whether this ring unwraps `workspace`'s data key.
    pub fn can_open(&self, workspace: i64, data_key: &WrappedDataKey) -> bool {
        self.unwrap(workspace, data_key).is_ok()
    }

    /// Whether the keys can be read now, from where they were read at first, and these are among them.
    pub fn check(&self, master_key_ids: &[String]) -> Result<(), VaultError> {
        let kept = self.ring();
        let read_again = kept.read_again().transpose()?;
        let ring = read_again.as_ref().unwrap_or(&kept);
        match master_key_ids.iter().find(|id| ring.find(id).is_none()) {
            None => Ok(()),
            Some(id) => Err(VaultError::UnknownMasterKey { id: id.clone() }),
        }
    }

    /// The same data key, wrapped by the newest master key.
    pub fn wrap_again(&self, workspace: i64, data_key: &WrappedDataKey) -> Result<WrappedDataKey, VaultError> {
        let key = self.unwrap(workspace, data_key)?;
        let ring = self.ring();
        let wrapped = ring.newest().seal(&wrapping(workspace), key.bytes())?;
        Ok(WrappedDataKey { master_key_id: ring.newest().id(), wrapped })
    }

    fn unwrap(&self, workspace: i64, data_key: &WrappedDataKey) -> Result<Key, VaultError> {
        let ring = self.ring_with(&data_key.master_key_id);
        let master = ring
            .find(&data_key.master_key_id)
            .ok_or_else(|| VaultError::UnknownMasterKey { id: data_key.master_key_id.clone() })?;
        let bytes = master.open(&wrapping(workspace), &data_key.wrapped)?;
        Key::from_slice(&bytes).ok_or(VaultError::Malformed)
    }

    fn ring(&self) -> Arc<KeyRing> {
        Arc::clone(&self.ring.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// A ring with this key, if there is one: the keys may have been rotated since the file was read.
    fn ring_with(&self, id: &str) -> Arc<KeyRing> {
        let ring = self.ring();
        if ring.find(id).is_some() {
            return ring;
        }
        match ring.read_again() {
            None => ring,
            Some(Ok(read_again)) => {
                let ring = Arc::new(read_again);
                *self.ring.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&ring);
                ring
            }
            Some(Err(error)) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "master key file not read again");
                ring
            }
        }
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").field("ring", &self.ring()).finish()
    }
}

/// The vault to start with, or the reason not to start: `data_keys` (workspace and key) are all that the database
/// holds, and each must open. Writes nothing, except for a new key file when `may_create` says so, the file is absent
/// and no data key needs an older one.
pub fn verify_or_refuse(
    source: &KeySource,
    may_create: bool,
    data_keys: &[(i64, WrappedDataKey)],
) -> Result<Vault, VaultError> {
    let ring = match (source.read(), source) {
        (Err(VaultError::MissingKeyFile { .. }), KeySource::File(path)) if may_create && data_keys.is_empty() => {
            KeyRing::create(path)?
        }
        (ring, _) => ring?,
    };
    let vault = Vault::new(ring);
    match data_keys.iter().find(|(workspace, key)| !vault.can_open(*workspace, key)) {
        None => Ok(vault),
        Some((workspace, key)) => Err(VaultError::WrongKeyRing {
            ring: source.to_string(),
            workspace: *workspace,
            master_key_id: key.master_key_id.clone(),
        }),
    }
}

const fn wrapping(workspace: i64) -> Binding<'static> {
    Binding { workspace, column: DATA_KEY, row: 0 }
}

/// Bytes from the system's generator, cleared when dropped.
fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>, VaultError> {
    let mut bytes = Zeroizing::new([0; N]);
    getrandom::fill(bytes.as_mut_slice()).map_err(VaultError::Randomness)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
