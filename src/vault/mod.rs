//! Sealing and opening of credentials.
//!
//! An envelope in two layers: a data key per workspace, wrapped by the newest master key of a [`KeyRing`], seals that
//! workspace's secrets. What is sealed opens only in the same workspace, column and row. Knows no database: callers
//! keep the sealed bytes.

mod envelope;
mod error;
mod key_ring;

use std::path::Path;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

pub use error::VaultError;
pub use key_ring::KeyRing;

use envelope::{Binding, Key};

const DATA_KEY: &str = "data_key.wrapped_key";

/// A workspace's data key as it may be stored: only the master key named beside it opens it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappedDataKey {
    pub master_key_id: String,
    pub wrapped: Vec<u8>,
}

/// Seals and opens. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Vault {
    ring: Arc<KeyRing>,
}

impl Vault {
    pub fn new(ring: KeyRing) -> Self {
        Self { ring: Arc::new(ring) }
    }

    /// A fresh data key for `workspace`, wrapped by the newest master key.
    pub fn new_data_key(&self, workspace: i64) -> Result<WrappedDataKey, VaultError> {
        let master = self.ring.newest();
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

    fn unwrap(&self, workspace: i64, data_key: &WrappedDataKey) -> Result<Key, VaultError> {
        let id = &data_key.master_key_id;
        let master = self.ring.find(id).ok_or_else(|| VaultError::UnknownMasterKey { id: id.clone() })?;
        let bytes = master.open(&wrapping(workspace), &data_key.wrapped)?;
        Key::from_slice(&bytes).ok_or(VaultError::Malformed)
    }
}

/// The vault to start with, or the reason not to start: `data_keys` (workspace and key) are all that the database
/// holds, and each must open. Writes nothing, except for a new key file when `may_create` says so, the file is absent
/// and no data key needs an older one.
pub fn verify_or_refuse(
    key_file: &Path,
    may_create: bool,
    data_keys: &[(i64, WrappedDataKey)],
) -> Result<Vault, VaultError> {
    let ring = match KeyRing::open(key_file) {
        Err(VaultError::MissingKeyFile { .. }) if may_create && data_keys.is_empty() => KeyRing::create(key_file)?,
        ring => ring?,
    };
    let vault = Vault::new(ring);
    match data_keys.iter().find(|(workspace, key)| !vault.can_open(*workspace, key)) {
        None => Ok(vault),
        Some((workspace, key)) => Err(VaultError::WrongKeyRing {
            path: key_file.to_owned(),
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
