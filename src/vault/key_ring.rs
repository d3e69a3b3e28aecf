//! The master keys, from a file that only its owner may read or from the environment.
//!
//! One key a line, `key-id base64`, the newest last: it wraps new data keys, the older ones still open theirs. In the
//! environment a comma may stand for the end of a line.

use std::fmt;
use std::fs::{File, Metadata};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::VaultError;
use super::envelope::Key;

/// Far more than a ring of many keys needs; a wrong path may lead to anything.
const LARGEST_FILE: u64 = 64 * 1024;

pub struct KeyRing {
    older: Vec<Key>,
    newest: Key,
    /// Where the keys were read; None for the environment's, which do not change.
    path: Option<PathBuf>,
}

/// Where the master keys are.
#[derive(Debug, Clone)]
pub enum KeySource {
    File(PathBuf),
    /// The keys themselves, as a key file spells them.
    Text(SecretString),
}

impl KeySource {
    pub fn read(&self) -> Result<KeyRing, VaultError> {
        match self {
            Self::File(path) => KeyRing::open(path),
            Self::Text(text) => {
                let lines = Zeroizing::new(text.expose_secret().replace(',', "\n"));
                KeyRing::parse(Path::new("SLATEGATE_MASTER_KEYS"), &lines)
            }
        }
    }
}

impl fmt::Display for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Text(_) => f.write_str("SLATEGATE_MASTER_KEYS"),
        }
    }
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
        Ok(Self { path: Some(path.to_owned()), ..Self::parse(path, &text)? })
    }

    /// Makes a key file with one new key, or reads the one that somebody else made meanwhile.
    pub fn create(path: &Path) -> Result<Self, VaultError> {
        let key = Key::generate()?;
        match write(path, spelled([&key]).as_bytes(), Existing::Stays) {
            Ok(()) => {
                tracing::info!(path = %path.display(), master_key_id = key.id(), "master key file created; back it up");
                Ok(Self { older: Vec::new(), newest: key, path: Some(path.to_owned()) })
            }
            Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => Self::open(path),
            Err(cause) => Err(unusable(path, cause)),
        }
    }

    /// The ring as its file has it now; None where there is no file.
    pub(super) fn read_again(&self) -> Option<Result<Self, VaultError>> {
        self.path.as_deref().map(Self::open)
    }

    /// A new key that wraps from now on; the others stay. The file has it, or nothing has changed.
    pub fn add(self) -> Result<Self, VaultError> {
        let Self { mut older, newest, path } = self;
        older.push(newest);
        Self { older, newest: Key::generate()?, path }.save()
    }

    /// Without the keys that are not in `needed`. The newest stays in any case.
    pub fn without_unneeded(self, needed: &[String]) -> Result<Self, VaultError> {
        let Self { mut older, newest, path } = self;
        older.retain(|key| needed.contains(&key.id()));
        Self { older, newest, path }.save()
    }

    /// The ids of all keys, the newest last.
    pub fn ids(&self) -> Vec<String> {
        self.keys().map(Key::id).collect()
    }

    fn save(self) -> Result<Self, VaultError> {
        let path = self.path.as_deref().ok_or(VaultError::FixedKeys)?;
        write(path, spelled(self.keys()).as_bytes(), Existing::Goes).map_err(|cause| unusable(path, cause))?;
        Ok(self)
    }

    fn keys(&self) -> impl Iterator<Item = &Key> {
        self.older.iter().chain(std::iter::once(&self.newest))
    }

    pub(super) const fn newest(&self) -> &Key {
        &self.newest
    }

    pub(super) fn find(&self, id: &str) -> Option<&Key> {
        std::iter::once(&self.newest).chain(&self.older).find(|key| key.id() == id)
    }

    /// A ring that can be read is written as one that reads the same.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(super) fn fuzz(text: &str) {
        let path = Path::new("fuzz");
        if let Ok(ring) = Self::parse(path, text) {
            let again = Self::parse(path, &spelled(ring.keys()));
            assert_eq!(again.map(|again| again.ids()).ok(), Some(ring.ids()));
        }
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
        Ok(Self { older: keys, newest, path: None })
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

fn spelled<'a>(keys: impl IntoIterator<Item = &'a Key>) -> Zeroizing<String> {
    keys.into_iter().fold(Zeroizing::default(), |mut text, key| {
        text.push_str(&key.id());
        text.push(' ');
        STANDARD.encode_string(key.bytes(), &mut text);
        text.push('\n');
        text
    })
}

#[derive(Debug, Clone, Copy)]
enum Existing {
    Stays,
    Goes,
}

/// Whole or not at all, and readable by its owner only.
fn write(path: &Path, content: &[u8], existing: Existing) -> io::Result<()> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    let mut file = tempfile::NamedTempFile::new_in(&folder)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    match existing {
        Existing::Stays => file.persist_noclobber(path),
        Existing::Goes => file.persist(path),
    }
    .map_err(|error| error.error)?;
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
