//! One key. It lets nobody see its secret.

use std::fmt;

use zeroize::Zeroizing;

/// A secret that signs and verifies links. Its bytes are wiped when it is dropped.
pub struct Key {
    id: String,
    secret: Zeroizing<Vec<u8>>,
}

impl Key {
    /// As many bytes as HS256 puts out; RFC 7518, section 3.2, allows no fewer.
    pub const MIN_SECRET_BYTES: usize = 32;
    /// As much of a key's id as tokens carry. It only picks the key, and where two begin alike, both are tried.
    const ID_CHARACTERS: usize = 8;

    /// A key by the id of its version, of which the first eight characters are used.
    ///
    /// # Errors
    /// The secret is shorter than 32 bytes.
    pub fn new(id: impl Into<String>, secret: impl Into<Vec<u8>>) -> Result<Self, WeakKey> {
        let secret = Zeroizing::new(secret.into());
        if secret.len() < Self::MIN_SECRET_BYTES {
            return Err(WeakKey);
        }
        Ok(Self { id: id.into().chars().take(Self::ID_CHARACTERS).collect(), secret })
    }

    /// The id as tokens name it.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn secret(&self) -> &[u8] {
        &self.secret
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A secret that could be guessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key has fewer than {} bytes", Key::MIN_SECRET_BYTES)]
pub struct WeakKey;
