//! One sealed value: version, key id, nonce, ciphertext with tag. Bound to where it belongs.

use std::fmt;

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{VaultError, random};

const VERSION: u8 = 1;
const ID: usize = 4;
const NONCE: usize = 24;
const HEADER: usize = 1 + ID + NONCE;

/// The only place a sealed value opens in.
#[derive(Debug, Clone, Copy)]
pub struct Binding<'a> {
    pub workspace: i64,
    /// "table.column".
    pub column: &'a str,
    pub row: i64,
}

/// A 256-bit key, cleared from memory when dropped.
pub struct Key(Zeroizing<[u8; 32]>);

impl Key {
    pub fn generate() -> Result<Self, VaultError> {
        random().map(Self)
    }

    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        let mut key = Zeroizing::new([0; 32]);
        if bytes.len() != key.len() {
            return None;
        }
        key.copy_from_slice(bytes);
        Some(Self(key))
    }

    pub fn bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// The first eight hex digits of the key's SHA-256.
    pub fn id(&self) -> String {
        format!("{:08x}", u32::from_be_bytes(self.short_id()))
    }

    pub fn seal(&self, binding: &Binding<'_>, secret: &[u8]) -> Result<Vec<u8>, VaultError> {
        let nonce = random::<NONCE>()?;
        let payload = Payload { msg: secret, aad: &self.associated_data(binding) };
        let body = self.cipher().encrypt(&XNonce::from(*nonce), payload).map_err(|_| VaultError::Malformed)?;
        let mut sealed = Vec::with_capacity(HEADER + body.len());
        sealed.push(VERSION);
        sealed.extend(self.short_id());
        sealed.extend(nonce.iter());
        sealed.extend(body);
        Ok(sealed)
    }

    pub fn open(&self, binding: &Binding<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let (version, rest) = sealed.split_first().ok_or(VaultError::Malformed)?;
        if *version != VERSION {
            return Err(VaultError::UnknownVersion(*version));
        }
        let (id, rest) = rest.split_first_chunk::<ID>().ok_or(VaultError::Malformed)?;
        let (nonce, body) = rest.split_first_chunk::<NONCE>().ok_or(VaultError::Malformed)?;
        if *id != self.short_id() {
            return Err(VaultError::WrongKey);
        }
        let payload = Payload { msg: body, aad: &self.associated_data(binding) };
        let secret = self.cipher().decrypt(&XNonce::from(*nonce), payload).map_err(|_| VaultError::NotAuthentic)?;
        Ok(Zeroizing::new(secret))
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&*self.0).into())
    }

    fn short_id(&self) -> [u8; ID] {
        let digest = Sha256::digest(self.0.as_slice());
        *digest.first_chunk().expect("a SHA-256 has 32 bytes")
    }

    /// Every part has a fixed width except the column, which is last, so two bindings never read alike.
    fn associated_data(&self, binding: &Binding<'_>) -> Vec<u8> {
        let mut data = vec![VERSION];
        data.extend(self.short_id());
        data.extend(binding.workspace.to_be_bytes());
        data.extend(binding.row.to_be_bytes());
        data.extend(binding.column.as_bytes());
        data
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.id())
    }
}
