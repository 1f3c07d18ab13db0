//! The keys between calls: read once, kept for a while, and read again no more often than it takes. Where they are read from
//! is behind a port.
#![expect(async_fn_in_trait, reason = "the functions run on one thread, so no caller needs the futures to be `Send`")]

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};

use jiff::Timestamp;

use crate::{Capability, Denied, KeyRing, token::Unverified};

/// How old a ring may grow before it is read again. A new key signs all links no later than this.
const FRESH: Duration = Duration::from_mins(5);
/// How long a ring that cannot be read again is used on.
const USABLE: Duration = Duration::from_hours(1);
/// The pause between two readings while there is a ring to use: anybody can send tokens that name unknown keys, and each
/// reading counts against the account's quota.
const PAUSE: Duration = Duration::from_secs(30);

/// Where keys are kept.
pub trait ReadKeys {
    /// The keys that count now.
    ///
    /// # Errors
    /// They could not be read, or are no keys.
    async fn keys(&self) -> Result<KeyRing, KeysUnreadable>;
}

/// The keys could not be read. Says nothing of what they are.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key of the links cannot be read: {code}: {message}")]
pub struct KeysUnreadable {
    /// The service's error code, or one of our own: `Timeout`, `NoConnection`, `BadAnswer`.
    pub code: String,
    /// The service's message.
    pub message: String,
}

impl KeysUnreadable {
    /// The answer never came.
    pub const TIMEOUT: &str = "Timeout";
    /// The connection could not be made, or broke.
    pub const NO_CONNECTION: &str = "NoConnection";
    /// An answer came that makes no sense, or holds no key.
    pub const BAD_ANSWER: &str = "BadAnswer";

    /// An error of this code.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into() }
    }
}

/// Why a token was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is worth nothing.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// Whether it is worth something cannot be said.
    #[error(transparent)]
    Keys(#[from] KeysUnreadable),
}

/// The keys of a function, kept from one call to the next.
#[derive(Debug)]
pub struct Keys<S> {
    source: S,
    cached: RefCell<Option<Cached>>,
    asked_at: Cell<Option<Timestamp>>,
}

#[derive(Clone, Debug)]
struct Cached {
    ring: Rc<KeyRing>,
    read_at: Timestamp,
}

impl<S: ReadKeys> Keys<S> {
    /// Keys of this source. Nothing is read before the first token.
    pub fn new(source: S) -> Self {
        Self { source, cached: RefCell::default(), asked_at: Cell::default() }
    }

    /// What the token allows `now`.
    ///
    /// # Errors
    /// The token is worth nothing, or there are no keys to tell by.
    pub async fn verify(&self, token: &str, now: Timestamp) -> Result<Capability, TokenError> {
        // What no key could save is refused before a key is read.
        let token = Unverified::read(token, now)?;
        let ring = self.ring(now, |ring| ring.has(token.key_id())).await?;
        Ok(ring.check(&token)?)
    }

    /// A token for the capability.
    ///
    /// # Errors
    /// There is no key to sign by.
    pub async fn sign(&self, capability: &Capability, now: Timestamp) -> Result<String, KeysUnreadable> {
        Ok(self.ring(now, |_| true).await?.sign(capability))
    }

    /// The keys to use: those at hand if they are fresh and suffice, or if it is too soon to ask again; else those that the
    /// source has; else, for a while, those at hand.
    async fn ring(&self, now: Timestamp, suffices: impl Fn(&KeyRing) -> bool) -> Result<Rc<KeyRing>, KeysUnreadable> {
        let usable = self.cached.borrow().clone().filter(|cached| is_within(USABLE, cached.read_at, now));
        let is_too_soon = self.asked_at.get().is_some_and(|asked_at| is_within(PAUSE, asked_at, now));
        if let Some(Cached { ring, read_at }) = &usable
            && (is_too_soon || is_within(FRESH, *read_at, now) && suffices(ring))
        {
            return Ok(Rc::clone(ring));
        }
        self.asked_at.set(Some(now));
        match self.source.keys().await {
            Ok(ring) => {
                let ring = Rc::new(ring);
                self.cached.replace(Some(Cached { ring: Rc::clone(&ring), read_at: now }));
                Ok(ring)
            }
            Err(error) => {
                let old = usable.ok_or_else(|| error.clone())?;
                let failure = error.to_string();
                tracing::warn!(failure, "the keys read before are used on");
                Ok(old.ring)
            }
        }
    }
}

/// Whether the two instants are less than this apart. Either may come first, since a clock that was set back must neither
/// keep a ring for ever nor have it read for every token.
fn is_within(limit: Duration, then: Timestamp, now: Timestamp) -> bool {
    now.duration_since(then).unsigned_abs() < limit
}
