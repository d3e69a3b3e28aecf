//! Taking a new master key into use. Every step can be cut off and done again.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use super::{KeyRing, VaultError, WrappedDataKey};

/// What the next step of a rotation is, told from what wraps which data key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// Nothing is sealed yet, so there is nothing to rotate.
    Nothing,
    /// Every data key is wrapped by the newest master key: a newer one begins the rotation.
    Begin,
    /// A newer master key is there already; some data keys still need another.
    GoOn,
}

impl Rotation {
    pub fn next(ring: &KeyRing, data_keys: &[(i64, WrappedDataKey)]) -> Self {
        let newest = ring.newest().id();
        if data_keys.is_empty() {
            Self::Nothing
        } else if data_keys.iter().all(|(_, key)| key.master_key_id == newest) {
            Self::Begin
        } else {
            Self::GoOn
        }
    }
}

/// Held while a key file is changed: two rotations at once would each lose the other's new key.
#[derive(Debug)]
pub struct RotationLock {
    _file: File,
}

impl RotationLock {
    /// Locks the file beside the key file with `.rotation` added to its name.
    pub fn acquire(key_file: &Path) -> Result<Self, VaultError> {
        let mut path = key_file.as_os_str().to_owned();
        path.push(".rotation");
        let path = PathBuf::from(path);
        let unusable = |cause| VaultError::KeyFile { path: path.clone(), cause };
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path).map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(VaultError::RotationUnderWay),
            Err(TryLockError::Error(cause)) => Err(unusable(cause)),
        }
    }
}
