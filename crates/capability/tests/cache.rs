//! How often the keys are read, and what holds while they cannot be.

use std::cell::{Cell, RefCell};

use crate::support::{claims, good, header, id, in_seconds, ring, signed, with};
use capability::{Capability, Denied, Key, KeyRing, Keys, KeysUnreadable, ReadKeys, TokenError};
use futures_util::FutureExt;
use serde_json::json;

/// A source whose keys can change, and go away, and that counts how often it is read.
#[derive(Default)]
struct Source {
    versions: RefCell<Vec<&'static str>>,
    is_down: Cell<bool>,
    reads: Cell<usize>,
}

impl ReadKeys for &Source {
    async fn keys(&self) -> Result<KeyRing, KeysUnreadable> {
        self.reads.set(self.reads.get() + 1);
        let versions = self.versions.borrow();
        let mut latest = versions.iter().rev().map(|version| key(version));
        match latest.next() {
            Some(current) if !self.is_down.get() => Ok(KeyRing::new(current, latest.next())),
            _ => Err(down()),
        }
    }
}

fn key(version: &str) -> Key {
    Key::new(version, format!("the secret of this very version, {version}")).expect("is long enough")
}

fn down() -> KeysUnreadable {
    KeysUnreadable::new("InternalServiceError", "try again later")
}

fn source(versions: &[&'static str]) -> Source {
    Source { versions: RefCell::new(versions.to_vec()), ..Source::default() }
}

/// A token of this version, good for a day.
fn token(version: &str) -> String {
    KeyRing::new(key(version), None).sign(&capability())
}

fn capability() -> Capability {
    Capability::for_instance(id(1), in_seconds(86_400))
}

const OK: Result<(), TokenError> = Ok(());
const UNKNOWN: Result<(), TokenError> = Err(TokenError::Denied(Denied::UnknownKey));

fn verify(keys: &Keys<&Source>, token: &str, seconds: i64) -> Result<(), TokenError> {
    let verified = keys.verify(token, in_seconds(seconds)).now_or_never().expect("nothing waits");
    verified.map(|found| assert_eq!(found, capability()))
}

#[test]
fn keys_are_read_with_the_first_token_and_kept_for_five_minutes() {
    let source = source(&["one"]);
    let keys = Keys::new(&source);
    assert_eq!(source.reads.get(), 0);
    for seconds in [0, 1, 29, 30, 31, 299] {
        assert_eq!(verify(&keys, &token("one"), seconds), OK);
        assert_eq!(source.reads.get(), 1, "after {seconds} s");
    }
    assert_eq!(verify(&keys, &token("one"), 300), OK);
    assert_eq!(source.reads.get(), 2);
    assert_eq!(verify(&keys, &token("one"), 599), OK);
    assert_eq!(source.reads.get(), 2);
}

#[test]
fn signing_uses_the_same_keys() {
    let source = source(&["one"]);
    let keys = Keys::new(&source);
    let sign = |seconds| keys.sign(&capability(), in_seconds(seconds)).now_or_never().expect("nothing waits");
    assert_eq!(sign(0), Ok(token("one")));
    assert_eq!(verify(&keys, &token("one"), 1), OK);
    assert_eq!(source.reads.get(), 1);
    source.versions.borrow_mut().push("two");
    assert_eq!(sign(299), Ok(token("one")));
    assert_eq!(sign(300), Ok(token("two")));
    source.is_down.set(true);
    assert_eq!(sign(300 + 3_599), Ok(token("two")));
    assert_eq!(sign(300 + 3_600), Err(down()));
}

#[test]
fn a_token_of_a_key_that_has_come_since_is_accepted_at_once() {
    let source = source(&["one"]);
    let keys = Keys::new(&source);
    assert_eq!(verify(&keys, &token("one"), 0), OK);
    source.versions.borrow_mut().push("two");
    assert_eq!(verify(&keys, &token("two"), 30), OK);
    assert_eq!(source.reads.get(), 2);
    assert_eq!(verify(&keys, &token("one"), 31), OK);
    source.versions.borrow_mut().push("three");
    assert_eq!(verify(&keys, &token("one"), 330), UNKNOWN);
}

#[test]
fn tokens_of_unknown_keys_have_the_keys_read_once_in_half_a_minute() {
    let source = source(&["one"]);
    let keys = Keys::new(&source);
    assert_eq!(verify(&keys, &token("one"), 0), OK);
    for seconds in 0..300 {
        for stranger in ["x", "y", "z"] {
            assert_eq!(verify(&keys, &token(stranger), seconds), UNKNOWN);
        }
        assert_eq!(verify(&keys, &token("one"), seconds), OK);
    }
    assert_eq!(source.reads.get(), 10);
}

#[test]
fn a_stranger_first_has_the_keys_read_once() {
    let source = source(&["one"]);
    let keys = Keys::new(&source);
    for _ in 0..100 {
        assert_eq!(verify(&keys, &token("x"), 0), UNKNOWN);
    }
    assert_eq!(source.reads.get(), 1);
}

#[test]
fn a_bad_signature_by_a_known_key_has_nothing_read() {
    let source = source(&["one"]);
    let keys = Keys::new(&source);
    let forged = KeyRing::new(Key::new("one", "x".repeat(64)).expect("is long enough"), None).sign(&capability());
    for seconds in 0..300 {
        assert_eq!(verify(&keys, &forged, seconds), Err(Denied::BadSignature.into()));
    }
    assert_eq!(source.reads.get(), 1);
}

#[test]
fn what_no_key_could_save_is_denied_without_reading_any() {
    let source = source(&["one"]);
    let keys = Keys::new(&source);
    let header = || with(header(), "kid", json!("one"));
    let by_none = signed(&with(header(), "alg", json!("none")).to_string(), &claims().to_string());
    let stop = signed(&header().to_string(), &with(claims(), "act", json!(["stop"])).to_string());
    let far = ring().sign(&Capability::to_read_fleet(in_seconds(367 * 86_400)));
    let good_token = token("one");
    let (unsigned, _) = good_token.rsplit_once('.').expect("has parts");
    let long = "x".repeat(5_000);
    for token in ["", "x", "a.b.c", &by_none, &stop, &far, unsigned, &format!("{unsigned}."), &long] {
        assert_eq!(verify(&keys, token, 0), Err(Denied::Malformed.into()), "{token}");
    }
    for seconds in [86_400, 86_401, 864_000] {
        assert_eq!(verify(&keys, &good_token, seconds), Err(Denied::Expired.into()), "after {seconds} s");
    }
    assert_eq!(source.reads.get(), 0);
}

#[test]
fn keys_that_cannot_be_read_are_asked_for_again_with_the_next_token() {
    let source = source(&["one"]);
    source.is_down.set(true);
    let keys = Keys::new(&source);
    assert_eq!(verify(&keys, &token("one"), 0), Err(down().into()));
    assert_eq!(verify(&keys, &token("one"), 1), Err(down().into()));
    source.is_down.set(false);
    assert_eq!(verify(&keys, &token("one"), 2), OK);
    assert_eq!(source.reads.get(), 3);
}

#[test]
fn old_keys_are_used_on_for_an_hour_while_new_ones_cannot_be_read() {
    let source = source(&["one"]);
    let keys = Keys::new(&source);
    assert_eq!(verify(&keys, &token("one"), 0), OK);
    source.is_down.set(true);
    for seconds in [300, 301, 329, 330, 1_000, 3_599] {
        assert_eq!(verify(&keys, &token("one"), seconds), OK, "after {seconds} s");
    }
    assert_eq!(source.reads.get(), 5, "at 0, 300, 330, 1000 and 3599 s");
    assert_eq!(verify(&keys, &token("x"), 3_599), UNKNOWN);
    assert_eq!(verify(&keys, &token("one"), 3_600), Err(down().into()));
    source.is_down.set(false);
    assert_eq!(verify(&keys, &token("one"), 3_601), OK);
    assert_eq!(source.reads.get(), 7);
}

#[test]
fn a_clock_that_is_set_back_neither_keeps_keys_for_ever_nor_reads_them_for_every_token() {
    for back in [1, 10, 29, 30, 299, 300, 3_600, 86_400, 86_400 * 300] {
        let source = source(&["one"]);
        let keys = Keys::new(&source);
        assert_eq!(verify(&keys, &token("one"), 0), OK);
        for second in 0..=600 {
            assert_eq!(verify(&keys, &token("one"), second - back), OK, "set back by {back} s");
            assert_eq!(verify(&keys, &token("x"), second - back), UNKNOWN, "set back by {back} s");
        }
        source.versions.borrow_mut().extend(["two", "three"]);
        assert_eq!(verify(&keys, &token("one"), 901 - back), UNKNOWN, "set back by {back} s");
        assert!(source.reads.get() <= 23, "set back by {back} s: {} reads in ten minutes", source.reads.get());
    }
}

#[test]
fn keys_read_in_what_is_now_the_future_serve_within_the_same_bounds() {
    let source = source(&["one"]);
    let keys = Keys::new(&source);
    assert_eq!(verify(&keys, &token("one"), 0), OK);
    source.is_down.set(true);
    assert_eq!(verify(&keys, &token("one"), -3_599), OK);
    assert_eq!(verify(&keys, &token("one"), -3_600), Err(down().into()));
}

#[test]
fn a_capability_verified_is_the_one_that_was_signed() {
    let source = source(&["8d1f0c2e"]);
    let keys = Keys::new(&source);
    let token = keys.sign(&good(), in_seconds(0)).now_or_never().expect("nothing waits").expect("can be signed");
    let verified = keys.verify(&token, in_seconds(0)).now_or_never().expect("nothing waits");
    assert_eq!(verified, Ok(good()));
}
