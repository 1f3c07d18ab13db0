//! The keys that count at one time.

use jiff::Timestamp;

use crate::{Capability, Denied, Key, token, token::Unverified};

/// The key that signs, and the one that signed before it: that one still verifies, so that a link outlives a change of keys.
#[derive(Debug)]
pub struct KeyRing {
    current: Key,
    previous: Option<Key>,
}

impl KeyRing {
    /// A ring of these keys.
    #[must_use]
    pub fn new(current: Key, previous: Option<Key>) -> Self {
        Self { current, previous }
    }

    /// A token for the capability, signed by the current key.
    #[must_use]
    pub fn sign(&self, capability: &Capability) -> String {
        token::sign(capability, &self.current)
    }

    /// What the token allows `now`.
    ///
    /// # Errors
    /// None of these keys signed it, it has expired, or it would last for more than a year.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Capability, Denied> {
        self.check(&Unverified::read(token, now)?)
    }

    /// What the token allows, if one of the keys signed it.
    pub(crate) fn check(&self, token: &Unverified) -> Result<Capability, Denied> {
        let tried = self.named(token.key_id()).map(|key| token.verify(key));
        tried.fold(Err(Denied::UnknownKey), Result::or)
    }

    /// Whether a key goes by this id.
    pub(crate) fn has(&self, key_id: &str) -> bool {
        self.named(key_id).next().is_some()
    }

    fn named(&self, key_id: &str) -> impl Iterator<Item = &Key> {
        std::iter::once(&self.current).chain(&self.previous).filter(move |key| key.id() == key_id)
    }
}
