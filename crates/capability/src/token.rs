//! Tokens: a capability as a JSON Web Token, and back. Nothing is known here of where keys come from.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, TokenData, Validation, dangerous::insecure_decode, decode, encode,
};
use serde::{Deserialize, Serialize};

use crate::{Capability, Denied, Key, Permit, Subject, hs256};

/// Ours have about 200. Whatever is longer is not even looked at.
const MAX_TOKEN_BYTES: usize = 1024;
/// 32 bytes in base64 without padding.
const SIGNATURE_CHARACTERS: usize = 43;
/// Nobody signs links for longer: one that lasts longer would come from a mistake, or from a key in wrong hands.
const MAX_LIFETIME: SignedDuration = SignedDuration::from_hours(366 * 24);

/// What is signed. The names are those of RFC 7519, and short, since a token is part of a link.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    sub: Subject,
    act: BTreeSet<Permit>,
    #[serde(with = "jiff::fmt::serde::timestamp::second::required")]
    exp: Timestamp,
}

impl From<Claims> for Capability {
    fn from(claims: Claims) -> Self {
        Self { subject: claims.sub, permits: claims.act, expires_at: claims.exp }
    }
}

/// The token by which the key vouches for the capability.
pub(crate) fn sign(capability: &Capability, key: &Key) -> String {
    hs256::install();
    let claims =
        Claims { sub: capability.subject.clone(), act: capability.permits.clone(), exp: capability.expires_at };
    encode(&header(key.id()), &claims, &EncodingKey::from_secret(key.secret()))
        .expect("claims of texts and numbers serialize, and HMAC takes every key")
}

/// The header of our tokens. `typ` is left out: a link is short, and there is nothing to tell them from.
fn header(key_id: &str) -> Header {
    Header { typ: None, kid: Some(key_id.to_owned()), ..Header::new(Algorithm::HS256) }
}

/// A token that looks like ours and says that it is good. Nothing in it is true before its signature is verified; until then
/// it serves to pick the key, and to refuse without any key what no key could save.
pub(crate) struct Unverified<'a> {
    text: &'a str,
    key_id: String,
}

impl<'a> Unverified<'a> {
    /// Reads the token as far as that goes without a key.
    pub(crate) fn read(text: &'a str, now: Timestamp) -> Result<Self, Denied> {
        let signature = text.rsplit('.').next().unwrap_or_default();
        if text.len() > MAX_TOKEN_BYTES || signature.len() != SIGNATURE_CHARACTERS {
            return Err(Denied::Malformed);
        }
        let TokenData { header: found, claims } = insecure_decode::<Claims>(text).map_err(|_| Denied::Malformed)?;
        let key_id = found.kid.clone().ok_or(Denied::Malformed)?;
        // Another algorithm, and a field that asks for more than we do: both make it another header.
        if found != header(&key_id) {
            return Err(Denied::Malformed);
        }
        check_expiry(claims.exp, now)?;
        Ok(Self { text, key_id })
    }

    /// The key that it names.
    pub(crate) fn key_id(&self) -> &str {
        &self.key_id
    }

    /// What it allows, if this key signed it.
    pub(crate) fn verify(&self, key: &Key) -> Result<Capability, Denied> {
        hs256::install();
        let mut validation = Validation::new(Algorithm::HS256);
        // The crate would read the clock. Expiry is checked already, by the caller's.
        validation.validate_exp = false;
        let verified = decode::<Claims>(self.text, &DecodingKey::from_secret(key.secret()), &validation);
        verified.map(|token| token.claims.into()).map_err(|_| Denied::BadSignature)
    }
}

fn check_expiry(expires_at: Timestamp, now: Timestamp) -> Result<(), Denied> {
    let left = expires_at.duration_since(now);
    if left <= SignedDuration::ZERO {
        return Err(Denied::Expired);
    }
    if left > MAX_LIFETIME {
        return Err(Denied::Malformed);
    }
    Ok(())
}
