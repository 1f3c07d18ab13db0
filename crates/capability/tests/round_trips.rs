//! What is signed is what is read, and it is no more than what was signed.

use crate::support::{claims, decoded, good, header, id, in_seconds, key, now, other_key, ring, signed};
use capability::{Capability, Denied, KeyRing, Permit, Subject};
use jiff::{SignedDuration, Timestamp};
use proptest::{collection::btree_set, prelude::*, sample::select};

fn any_subject() -> impl Strategy<Value = Subject> {
    prop_oneof![
        Just(Subject::Fleet),
        "i-([0-9a-f]{8}|[0-9a-f]{17})".prop_map(|id| Subject::Instance(id.parse().expect("is an id")))
    ]
}

fn any_capability() -> impl Strategy<Value = Capability> {
    let permits = btree_set(select(vec![Permit::Read, Permit::Start, Permit::KeepAwake]), 0..=3);
    (any_subject(), permits, 1..=366 * 86_400_i64).prop_map(|(subject, permits, seconds)| Capability {
        subject,
        permits,
        expires_at: in_seconds(seconds),
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn what_was_signed_is_what_is_verified(capability in any_capability(), has_previous in any::<bool>()) {
        let ring = KeyRing::new(key(), has_previous.then(other_key));
        let token = ring.sign(&capability);
        prop_assert_eq!(ring.verify(&token, now()), Ok(capability.clone()));
        prop_assert_eq!(KeyRing::new(other_key(), None).verify(&token, now()), Err(Denied::UnknownKey));
        let link_safe = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
        prop_assert!(token.chars().all(link_safe), "{} needs no escapes in a link", token);
    }

    #[test]
    fn whatever_the_text_it_is_denied(text in any::<String>()) {
        prop_assert_eq!(ring().verify(&text, now()), Err(Denied::Malformed));
    }

    #[test]
    fn whatever_a_header_and_claims_say_nothing_panics(header in any::<String>(), claims in any::<String>()) {
        prop_assert_eq!(ring().verify(&signed(&header, &claims), now()), Err(Denied::Malformed));
    }
}

#[test]
fn a_token_made_by_hand_is_the_one_that_is_signed() {
    let token = ring().sign(&good());
    let parts: Vec<&str> = token.split('.').collect();
    let [found_header, found_claims, _] = parts[..] else { panic!("{token} has not three parts") };
    let expected_claims =
        format!(r#"{{"sub":"{}","act":["read","start","keep-awake"],"exp":{}}}"#, id(1), good().expires_at.as_second());
    assert_eq!(String::from_utf8(decoded(found_header)).unwrap(), r#"{"alg":"HS256","kid":"8d1f0c2e"}"#);
    assert_eq!(String::from_utf8(decoded(found_claims)).unwrap(), expected_claims);
    assert_eq!(token, signed(r#"{"alg":"HS256","kid":"8d1f0c2e"}"#, &expected_claims));
    assert_eq!(ring().verify(&signed(&header().to_string(), &claims().to_string()), now()), Ok(good()));
}

#[test]
fn parts_of_a_second_are_dropped() {
    let expires_at: Timestamp = now() + SignedDuration::from_millis(5_900);
    let token = ring().sign(&Capability::to_read_fleet(expires_at));
    assert_eq!(ring().verify(&token, now()), Ok(Capability::to_read_fleet(in_seconds(5))));
}
