//! Keys, times and instances of the tests, and tokens made by hand: with any header and claims, signed right or wrong.
#![allow(dead_code, missing_docs, unreachable_pub, reason = "a module of tests, not an interface; none uses all of it")]

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use capability::{Capability, Key, KeyRing};
use hmac::{Hmac, KeyInit, Mac};
use idleness::InstanceId;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sha2::Sha256;

pub const SECRET: &str = "correct-horse-battery-staple-and-then-some";
pub const OTHER_SECRET: &str = "another-horse-with-another-battery-altogether";

pub fn key() -> Key {
    Key::new("8d1f0c2e-0000-4000-8000-000000000000", SECRET).expect("is long enough")
}

pub fn other_key() -> Key {
    Key::new("f00dfeed-0000-4000-8000-000000000000", OTHER_SECRET).expect("is long enough")
}

pub fn ring() -> KeyRing {
    KeyRing::new(key(), None)
}

pub fn id(number: usize) -> InstanceId {
    format!("i-{number:017x}").parse().expect("a test's id is valid")
}

pub fn now() -> Timestamp {
    "2026-11-21T20:03:17Z".parse().expect("a test's time is valid")
}

pub fn in_seconds(seconds: i64) -> Timestamp {
    now() + SignedDuration::from_secs(seconds)
}

/// A capability that is good for half a day, and permits all that can be permitted for instance 1.
pub fn good() -> Capability {
    Capability::for_instance(id(1), in_seconds(12 * 60 * 60))
}

/// The header of our tokens.
pub fn header() -> Value {
    json!({"alg": "HS256", "kid": "8d1f0c2e"})
}

/// The claims of [`good`].
pub fn claims() -> Value {
    json!({"sub": id(1), "act": ["read", "start", "keep-awake"], "exp": good().expires_at.as_second()})
}

/// The object with another value in one field.
pub fn with(mut object: Value, field: &str, value: Value) -> Value {
    object.as_object_mut().expect("is an object").insert(field.to_owned(), value);
    object
}

/// The object without one of its fields.
pub fn without(mut object: Value, field: &str) -> Value {
    object.as_object_mut().expect("is an object").remove(field);
    object
}

pub fn encoded(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub fn decoded(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).expect("is base64")
}

/// HMAC with SHA-256. That it is the real one is tested beside the code that uses it.
pub fn hmac(secret: &[u8], message: &[u8]) -> Vec<u8> {
    Hmac::<Sha256>::new_from_slice(secret)
        .expect("takes any key")
        .chain_update(message)
        .finalize()
        .into_bytes()
        .to_vec()
}

/// A token of these texts, signed by this secret.
pub fn signed_by(secret: &[u8], header: &str, claims: &str) -> String {
    let message = format!("{}.{}", encoded(header), encoded(claims));
    let signature = encoded(hmac(secret, message.as_bytes()));
    format!("{message}.{signature}")
}

/// A token of these texts, signed by the key of [`ring`].
pub fn signed(header: &str, claims: &str) -> String {
    signed_by(SECRET.as_bytes(), header, claims)
}
