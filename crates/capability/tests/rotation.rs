//! Two keys while one takes over from the other.

use crate::support::{self, OTHER_SECRET, SECRET, claims, good, header, now, ring, signed_by, with};
use capability::{Denied, Key, KeyRing};

fn key(id: &str, secret: &str) -> Key {
    Key::new(id, secret).expect("is long enough")
}

#[test]
fn a_link_outlives_one_change_of_the_key_and_not_two() {
    let (first, second, third) = ("1".repeat(64), "2".repeat(64), "3".repeat(64));
    let token = KeyRing::new(key("one", &first), None).sign(&good());
    let after_one = KeyRing::new(key("two", &second), Some(key("one", &first)));
    assert_eq!(after_one.verify(&token, now()), Ok(good()));
    let after_two = KeyRing::new(key("three", &third), Some(key("two", &second)));
    assert_eq!(after_two.verify(&token, now()), Err(Denied::UnknownKey));
    assert_eq!(after_two.verify(&after_one.sign(&good()), now()), Ok(good()));
}

#[test]
fn only_the_current_key_signs() {
    let both = KeyRing::new(support::key(), Some(support::other_key()));
    assert_eq!(both.sign(&good()), ring().sign(&good()));
}

#[test]
fn a_signature_by_one_key_is_none_by_the_other() {
    let both = KeyRing::new(key("old", SECRET), Some(key("older", OTHER_SECRET)));
    let claims = claims().to_string();
    let token =
        |id: &str, secret: &str| signed_by(secret.as_bytes(), &with(header(), "kid", id.into()).to_string(), &claims);
    assert_eq!(both.verify(&token("old", SECRET), now()), Ok(good()));
    assert_eq!(both.verify(&token("older", OTHER_SECRET), now()), Ok(good()));
    assert_eq!(both.verify(&token("old", OTHER_SECRET), now()), Err(Denied::BadSignature));
    assert_eq!(both.verify(&token("older", SECRET), now()), Err(Denied::BadSignature));
    assert_eq!(both.verify(&token("oldest", SECRET), now()), Err(Denied::UnknownKey));
    assert_eq!(both.verify(&token("", SECRET), now()), Err(Denied::UnknownKey));
}

#[test]
fn where_both_keys_begin_alike_both_are_tried() {
    let both = KeyRing::new(key("12345678-new", SECRET), Some(key("12345678-old", OTHER_SECRET)));
    for secret in [SECRET, OTHER_SECRET] {
        let token = KeyRing::new(key("12345678", secret), None).sign(&good());
        assert_eq!(both.verify(&token, now()), Ok(good()));
    }
    let token = KeyRing::new(key("12345678", &"x".repeat(32)), None).sign(&good());
    assert_eq!(both.verify(&token, now()), Err(Denied::BadSignature));
}

#[test]
fn a_short_secret_is_no_key() {
    for length in [0, 1, 31] {
        assert!(Key::new("id", "x".repeat(length)).is_err(), "{length} bytes");
    }
    for length in [32, 64, 65, 1000] {
        let ring = || KeyRing::new(key("id", &"x".repeat(length)), None);
        assert_eq!(ring().verify(&ring().sign(&good()), now()), Ok(good()), "{length} bytes");
    }
}
