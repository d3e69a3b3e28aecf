//! Why a secret cannot be sealed or opened, or a key file not be used. Never says a secret.

use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    #[error("the sealed bytes are cut short or are not from this vault")]
    Malformed,
    #[error("the sealed bytes have version {0}, which this program does not know")]
    UnknownVersion(u8),
    #[error("the secret was sealed with another key than the one given")]
    WrongKey,
    /// Changed bytes, or bytes of another workspace, column or row.
    #[error("the sealed bytes were changed or belong elsewhere")]
    NotAuthentic,
    #[error("the opened secret is not text")]
    NotText,
    #[error("the key ring has no master key {id}")]
    UnknownMasterKey { id: String },
    #[error("the system gave no random bytes")]
    Randomness(#[source] getrandom::Error),
    #[error(
        "there is no master key file at {path}; set SLATEGATE_MASTER_KEY_FILE to the file this database was used with, or make one for a new database with `slategate key create`"
    )]
    MissingKeyFile { path: PathBuf },
    #[error("the master key file {path} cannot be used (SLATEGATE_MASTER_KEY_FILE)")]
    KeyFile {
        path: PathBuf,
        #[source]
        cause: std::io::Error,
    },
    #[error(
        "the master key file {path} is open to other users (mode {mode:03o}); run `chmod 600` on it (SLATEGATE_MASTER_KEY_FILE)"
    )]
    ExposedKeyFile { path: PathBuf, mode: u32 },
    #[error("the master keys come from SLATEGATE_MASTER_KEYS; change them there")]
    FixedKeys,
    #[error("another rotation of this key file is under way; wait for its end")]
    RotationUnderWay,
    #[error("line {line} of the master key file {path} {problem} (SLATEGATE_MASTER_KEY_FILE)")]
    BadKeyLine { path: PathBuf, line: usize, problem: &'static str },
    #[error("the master key file {path} holds no key (SLATEGATE_MASTER_KEY_FILE)")]
    NoKeys { path: PathBuf },
    #[error(
        "the credentials of workspace {workspace} are sealed with master key {master_key_id}, which {ring} cannot open; \
         nothing was written: set SLATEGATE_MASTER_KEY_FILE to the file this database was used with"
    )]
    WrongKeyRing { ring: String, workspace: i64, master_key_id: String },
}
