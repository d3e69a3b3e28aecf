//! The master keys, read from a file that only its owner may read.
//!
//! One key a line, `key-id base64`, the newest last: it wraps new data keys, the older ones still open theirs.

use std::fmt;
use std::fs::{File, Metadata};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::VaultError;
use super::envelope::Key;

/// Far more than a ring of many keys needs; a wrong path may lead to anything.
const LARGEST_FILE: u64 = 64 * 1024;

pub struct KeyRing {
    older: Vec<Key>,
    newest: Key,
}

impl KeyRing {
    /// Reads an existing key file.
    pub fn open(path: &Path) -> Result<Self, VaultError> {
        let file = File::open(path).map_err(|cause| match cause.kind() {
            io::ErrorKind::NotFound => VaultError::MissingKeyFile { path: path.to_owned() },
            _ => unusable(path, cause),
        })?;
        let metadata = file.metadata().map_err(|cause| unusable(path, cause))?;
        if !metadata.is_file() || metadata.len() > LARGEST_FILE {
            return Err(unusable(path, io::Error::other("not a small regular file")));
        }
        refuse_exposed(path, &metadata)?;
        let capacity = usize::try_from(LARGEST_FILE).unwrap_or_default();
        let mut text = Zeroizing::new(String::with_capacity(capacity));
        file.take(LARGEST_FILE).read_to_string(&mut text).map_err(|cause| unusable(path, cause))?;
        Self::parse(path, &text)
    }

    /// Makes a key file with one new key, or reads the one that somebody else made meanwhile.
    pub fn create(path: &Path) -> Result<Self, VaultError> {
        let key = Key::generate()?;
        let encoded = Zeroizing::new(STANDARD.encode(key.bytes()));
        let line = Zeroizing::new(format!("{} {}\n", key.id(), encoded.as_str()));
        match write_new(path, line.as_bytes()) {
            Ok(()) => {
                tracing::info!(path = %path.display(), master_key_id = key.id(), "master key file created; back it up");
                Ok(Self { older: Vec::new(), newest: key })
            }
            Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => Self::open(path),
            Err(cause) => Err(unusable(path, cause)),
        }
    }

    pub(super) const fn newest(&self) -> &Key {
        &self.newest
    }

    pub(super) fn find(&self, id: &str) -> Option<&Key> {
        std::iter::once(&self.newest).chain(&self.older).find(|key| key.id() == id)
    }

    fn parse(path: &Path, text: &str) -> Result<Self, VaultError> {
        let mut keys = text
            .lines()
            .enumerate()
            .filter(|(_, line)| !line.trim().is_empty())
            .map(|(index, line)| {
                parse_line(line).map_err(|problem| VaultError::BadKeyLine {
                    path: path.to_owned(),
                    line: index + 1,
                    problem,
                })
            })
            .collect::<Result<Vec<Key>, VaultError>>()?;
        let newest = keys.pop().ok_or_else(|| VaultError::NoKeys { path: path.to_owned() })?;
        Ok(Self { older: keys, newest })
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.older).entry(&self.newest).finish()
    }
}

fn parse_line(line: &str) -> Result<Key, &'static str> {
    let mut words = line.split_whitespace();
    let (Some(id), Some(encoded), None) = (words.next(), words.next(), words.next()) else {
        return Err("is not `key-id base64`");
    };
    let bytes = Zeroizing::new(STANDARD.decode(encoded).map_err(|_| "is not valid base64")?);
    let key = Key::from_slice(&bytes).ok_or("does not hold 32 bytes")?;
    if key.id() == id { Ok(key) } else { Err("has a key id that is not its key's") }
}

/// Whole or not at all, readable by its owner only, and never over an existing file.
fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    let mut file = tempfile::NamedTempFile::new_in(&folder)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path).map_err(|error| error.error)?;
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    Ok(())
}

/// What others than the owner may do.
#[cfg(unix)]
const FOR_OTHERS: u32 = 0o077;

#[cfg(unix)]
fn refuse_exposed(path: &Path, metadata: &Metadata) -> Result<(), VaultError> {
    use std::os::unix::fs::MetadataExt;
    let mode = metadata.mode() & 0o777;
    if mode & FOR_OTHERS == 0 { Ok(()) } else { Err(VaultError::ExposedKeyFile { path: path.to_owned(), mode }) }
}

#[cfg(not(unix))]
fn refuse_exposed(_: &Path, _: &Metadata) -> Result<(), VaultError> {
    Ok(())
}

fn unusable(path: &Path, cause: io::Error) -> VaultError {
    VaultError::KeyFile { path: path.to_owned(), cause }
}
