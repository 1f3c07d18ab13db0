//! Nothing shows a secret or a token, however it is printed.

use crate::support::{OTHER_SECRET, SECRET, encoded, good, key, now, other_key, ring};
use capability::{Denied, Key, KeyRing, Keys, KeysUnreadable, ReadKeys, TokenError, WeakKey};
use futures_util::FutureExt;

#[derive(Debug)]
struct Source;

impl ReadKeys for Source {
    async fn keys(&self) -> Result<KeyRing, KeysUnreadable> {
        Ok(KeyRing::new(key(), Some(other_key())))
    }
}

/// Panics if the text shows any eight bytes of a secret, as text, as numbers, in base64 or in hexadecimal digits.
fn assert_secret(shown: &str) {
    for secret in [SECRET, OTHER_SECRET] {
        for part in secret.as_bytes().windows(8) {
            let text = String::from_utf8_lossy(part).into_owned();
            let numbers = part.iter().map(ToString::to_string).collect::<Vec<_>>();
            let digits = part.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
            for form in [text, numbers.join(", "), numbers.join(",\n"), encoded(&part[..6]), digits] {
                assert!(!shown.contains(&form), "{shown} shows {form}");
            }
        }
    }
}

#[test]
fn the_search_finds_a_secret_in_each_form() {
    for shown in [SECRET.to_owned(), format!("{:?}", SECRET.as_bytes()), encoded(SECRET)] {
        assert!(std::panic::catch_unwind(|| assert_secret(&shown)).is_err(), "{shown}");
    }
}

#[test]
fn keys_and_rings_show_ids_alone() {
    assert_eq!(format!("{:?}", key()), r#"Key { id: "8d1f0c2e", .. }"#);
    let ring = KeyRing::new(key(), Some(other_key()));
    assert!(format!("{ring:?}").contains("f00dfeed"));
    let keys = Keys::new(Source);
    assert!(keys.sign(&good(), now()).now_or_never().is_some_and(|signed| signed.is_ok()));
    assert!(format!("{keys:?}").contains("f00dfeed"), "the ring was read, and is shown");
    for shown in [format!("{ring:?} {ring:#?}"), format!("{keys:?} {keys:#?}"), format!("{:#?}", key())] {
        assert_secret(&shown);
    }
}

#[test]
fn a_weak_key_is_not_repeated() {
    let weak = Key::new("id", &SECRET[..20]).expect_err("is too short");
    assert_eq!(weak.to_string(), "the key has fewer than 32 bytes");
    assert_eq!(format!("{weak:?}"), format!("{WeakKey:?}"));
}

#[test]
fn a_refusal_says_only_that_the_link_is_invalid_or_has_expired() {
    for denied in [Denied::Malformed, Denied::UnknownKey, Denied::BadSignature] {
        assert_eq!(denied.to_string(), "the link is invalid");
        assert_eq!(TokenError::from(denied).to_string(), "the link is invalid");
    }
    assert_eq!(TokenError::from(Denied::Expired).to_string(), "the link has expired");
}

#[test]
fn a_refusal_repeats_nothing_of_the_token() {
    let token = ring().sign(&good());
    for text in [format!("{token}x"), token.replacen('.', "", 1), format!("{}A", &token[..token.len() - 1])] {
        let error = TokenError::from(ring().verify(&text, now()).expect_err("is not ours"));
        for shown in [format!("{error:?}"), error.to_string()] {
            assert!(shown.len() < 40 && !token.contains(&shown), "{shown}");
            assert_secret(&shown);
        }
    }
}

#[test]
fn unreadable_keys_are_named_by_their_code() {
    let error = KeysUnreadable::new("AccessDeniedException", "not authorized");
    assert_eq!(error.to_string(), "the key of the links cannot be read: AccessDeniedException: not authorized");
    assert_eq!(TokenError::from(error.clone()).to_string(), error.to_string());
}
