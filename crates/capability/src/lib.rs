#![doc = include_str!("../README.md")]

#[cfg(feature = "aws")]
mod aws;
mod denied;
mod hs256;
mod key;
mod keys;
mod permit;
mod ring;
mod token;

#[cfg(feature = "aws")]
pub use aws::SecretKeys;
pub use denied::Denied;
pub use key::{Key, WeakKey};
pub use keys::{Keys, KeysUnreadable, ReadKeys, TokenError};
pub use permit::{Capability, Permit, Subject};
pub use ring::KeyRing;
