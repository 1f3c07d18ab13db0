//! Which tokens are good: `capability::KeyRing`.
//!
//! The first byte says what the rest is: a token as it came; a header and claims, a line each, to be signed by the ring's own
//! key whatever they say; or what to sign, and what to change of it then.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use capability::{Capability, Denied, Key, KeyRing, Permit, Subject};
use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use sha2::Sha256;

use crate::bytes::Bytes;

const SECRETS: [&str; 3] = [
    "correct-horse-battery-staple-and-then-some",
    "another-horse-with-another-battery-altogether",
    "a-stranger's-horse-and-what-it-runs-on-at-night",
];
/// The ids of the keys that have these secrets. The last one is a stranger's, who took a name that is known.
const IDS: [&str; 3] = ["8d1f0c2e", "f00dfeed", "8d1f0c2e"];
const LONGEST: i64 = 366 * 24 * 60 * 60;

fn now() -> Timestamp {
    "2026-11-21T20:03:17Z".parse().expect("is a time")
}

fn key(number: usize) -> Key {
    Key::new(IDS[number], SECRETS[number]).expect("is long enough")
}

/// The ring that tells: its current key, and the one before.
fn ring() -> KeyRing {
    KeyRing::new(key(0), Some(key(1)))
}

/// Has the ring tell what tokens are worth.
///
/// # Panics
/// One was accepted that nobody signed, or that says something else than what was signed; or a good one was refused.
pub fn run(data: &[u8]) {
    let mut bytes = Bytes(data);
    match bytes.byte() {
        0 => check_received(&bytes.text()),
        1 => check_signed(&bytes.text()),
        _ => check_changed(bytes),
    }
}

/// Whoever has no key cannot come by a good token other than by copying one. The ones that are there to be copied are those
/// that the ring itself would sign.
fn check_received(token: &str) {
    if let Ok(capability) = ring().verify(token, now()) {
        let signed = [0, 1].map(|number| KeyRing::new(key(number), None).sign(&capability));
        assert!(signed.iter().any(|signed| signed == token), "{token:?} is good for {capability:?}");
    }
}

/// A key in right hands signs nothing but what our tokens say: any other header, and any other claims, are refused.
fn check_signed(parts: &str) {
    let (header, claims) = parts.split_once('\n').unwrap_or((parts, ""));
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let hmac = Hmac::<Sha256>::new_from_slice(SECRETS[0].as_bytes()).expect("takes any key");
    let signature = hmac.chain_update(&message).finalize().into_bytes();
    let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature));
    let Ok(capability) = ring().verify(&token, now()) else { return };

    let fields = |text: &str| match serde_json::from_str(text) {
        Ok(Value::Object(fields)) => fields,
        other => panic!("{text:?} is accepted, which is {other:?}"),
    };
    let (header, claims) = (fields(header), fields(claims));
    assert_eq!((&header["alg"], &header["kid"]), (&Value::from("HS256"), &Value::from(IDS[0])));
    assert_eq!(claims.keys().collect::<Vec<_>>(), ["act", "exp", "sub"]);
    assert_eq!(claims["sub"], capability.subject.to_string());
    assert_eq!(claims["exp"], capability.expires_at.as_second());
    let left = capability.expires_at.as_second() - now().as_second();
    assert!((1..=LONGEST).contains(&left), "good for {left} seconds");
    assert_eq!(ring().verify(&ring().sign(&capability), now()), Ok(capability), "signed anew");
}

/// A token is good if one of the ring's keys signed it and its time has not come; and not any more with any byte changed.
fn check_changed(mut bytes: Bytes<'_>) {
    let signer = bytes.choose(&[0, 1, 2]);
    let left = SignedDuration::from_secs(bytes.signed());
    let Ok(expires_at) = now().checked_add(left) else { return };
    let all = [Permit::Read, Permit::Start, Permit::KeepAwake];
    let chosen = bytes.byte();
    let permits = all.into_iter().enumerate().filter(|(at, _)| chosen & (1 << at) != 0).map(|(_, permit)| permit);
    let digits = if bytes.up_to(1) == 0 { 17 } else { 8 };
    let id: String = (0..digits).map(|_| char::from(b"0123456789abcdef"[usize::from(bytes.up_to(15))])).collect();
    let id = format!("i-{id}").parse().expect("is an id");
    let subject = if bytes.up_to(2) == 0 { Subject::Fleet } else { Subject::Instance(id) };
    let capability = Capability { subject, permits: permits.collect(), expires_at };
    let token = KeyRing::new(key(signer), None).sign(&capability);

    let expected = if left <= SignedDuration::ZERO {
        Err(Denied::Expired)
    } else if left.as_secs() > LONGEST {
        Err(Denied::Malformed)
    } else if signer == 2 {
        Err(Denied::BadSignature)
    } else {
        Ok(capability.clone())
    };
    assert_eq!(ring().verify(&token, now()), expected, "{token}");
    if expires_at < Timestamp::MAX {
        assert!(ring().verify(&token, expires_at).is_err(), "when its time has come");
    }

    let mut changed = token.clone().into_bytes();
    let place = usize::from(bytes.byte()) + usize::from(bytes.byte());
    let place = place % changed.len();
    let byte = bytes.byte();
    match bytes.up_to(3) {
        0 => changed[place] = byte,
        1 => drop(changed.remove(place)),
        2 => changed.insert(place, byte),
        _ => changed.truncate(place),
    }
    if changed != token.as_bytes() {
        let changed = String::from_utf8_lossy(&changed);
        assert!(ring().verify(&changed, now()).is_err(), "{changed:?} instead of {token:?}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Else a ring that refuses everything would hold.
    #[test]
    fn a_good_token_is_received_and_signed() {
        let capability = Capability::to_read_fleet(now() + SignedDuration::from_hours(1));
        for number in [0, 1] {
            let token = KeyRing::new(key(number), None).sign(&capability);
            assert_eq!(ring().verify(&token, now()), Ok(capability.clone()));
            check_received(&token);
        }
        let claims = format!(r#"{{"sub":"fleet","act":["read"],"exp":{}}}"#, capability.expires_at.as_second());
        check_signed(&format!("{{\"alg\":\"HS256\",\"kid\":\"8d1f0c2e\"}}\n{claims}"));
    }
}
