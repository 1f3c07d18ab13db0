//! Tokens that we did not sign, and ours with something changed. Each must be refused, whatever it is that is wrong.

use crate::support::{
    self, OTHER_SECRET, SECRET, claims, decoded, encoded, good, header, hmac, in_seconds, now, ring, signed, signed_by,
    with,
};
use capability::{Capability, Denied};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::{Sha384, Sha512};

fn verdict(token: &str) -> Result<Capability, Denied> {
    ring().verify(token, now())
}

/// The three parts of a good token.
fn parts() -> [String; 3] {
    let token = ring().sign(&good());
    let parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    parts.try_into().expect("a token has three parts")
}

#[test]
fn the_token_that_is_tampered_with_is_good_before() {
    assert_eq!(verdict(&parts().join(".")), Ok(good()));
}

#[test]
fn no_character_can_be_another() {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \n%é\0";
    let token = parts().join(".");
    for (position, original) in token.char_indices() {
        for other in ALPHABET.chars().filter(|other| *other != original) {
            let mut tampered = token.clone();
            tampered.replace_range(position..=position, other.encode_utf8(&mut [0; 4]));
            assert!(verdict(&tampered).is_err(), "{tampered:?} with {other:?} at {position}");
        }
    }
}

#[test]
fn no_bit_can_be_another() {
    for part in 0..3 {
        let bytes = decoded(&parts()[part]);
        for bit in 0..bytes.len() * 8 {
            let mut tampered = bytes.clone();
            tampered[bit / 8] ^= 1 << (bit % 8);
            let mut parts = parts();
            parts[part] = encoded(tampered);
            assert!(verdict(&parts.join(".")).is_err(), "bit {bit} of part {part}");
        }
    }
}

#[test]
fn no_character_can_be_missing_or_one_too_many() {
    let token = parts().join(".");
    for position in 0..token.len() {
        let mut shorter = token.clone();
        shorter.remove(position);
        assert!(verdict(&shorter).is_err(), "without the one at {position}");
        for extra in ['A', '.', '=', '\n', ' '] {
            let mut longer = token.clone();
            longer.insert(position, extra);
            assert!(verdict(&longer).is_err(), "with {extra:?} at {position}");
            assert!(verdict(&format!("{token}{extra}")).is_err(), "with {extra:?} at the end");
        }
        assert!(verdict(&token[..position]).is_err(), "cut at {position}");
    }
}

#[test]
fn what_another_token_says_cannot_be_put_into_this_one() {
    let [header, _, signature] = parts();
    let others = [
        with(claims(), "sub", json!("fleet")),
        with(claims(), "sub", json!("i-00000000000000002")),
        with(claims(), "act", json!(["read"])),
        with(claims(), "exp", json!(in_seconds(86_400 * 30).as_second())),
    ];
    for other in others {
        let token = format!("{header}.{}.{signature}", encoded(other.to_string()));
        assert_eq!(verdict(&token), Err(Denied::BadSignature), "{other}");
        let well_signed = signed(&support::header().to_string(), &other.to_string());
        assert!(verdict(&well_signed).is_ok(), "it is the signature that is missing: {other}");
    }
}

#[test]
fn a_token_without_signature_is_refused_whatever_its_header_says() {
    let [our_header, our_claims, signature] = parts();
    for algorithm in ["none", "None", "NONE", "nOnE", ""] {
        let header = encoded(with(header(), "alg", json!(algorithm)).to_string());
        for signature in ["", &signature, &encoded([0; 32])] {
            assert_eq!(verdict(&format!("{header}.{our_claims}.{signature}")), Err(Denied::Malformed), "{algorithm}");
        }
        assert_eq!(verdict(&format!("{header}.{our_claims}")), Err(Denied::Malformed), "{algorithm}");
    }
    for token in [
        format!("{our_header}.{our_claims}."),
        format!("{our_header}.{our_claims}"),
        format!("{our_header}..{signature}"),
        format!(".{our_claims}.{signature}"),
        format!("{our_claims}.{signature}"),
        format!("{our_header}.{our_claims}.{signature}.{signature}"),
        format!("{our_header}.{our_claims}.{signature}."),
        format!(".{our_header}.{our_claims}.{signature}"),
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "...".to_owned(),
    ] {
        assert_eq!(verdict(&token), Err(Denied::Malformed), "{token}");
    }
}

#[test]
fn no_other_algorithm_is_accepted_even_with_a_signature_by_our_key() {
    let names = ["HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA", "hs256", "HS256 "];
    for name in names {
        let header = with(header(), "alg", json!(name)).to_string();
        assert_eq!(verdict(&signed(&header, &claims().to_string())), Err(Denied::Malformed), "{name}");
    }
    let message = |name| {
        let header = with(header(), "alg", json!(name)).to_string();
        format!("{}.{}", encoded(header), encoded(claims().to_string()))
    };
    let (hs384, hs512) = (message("HS384"), message("HS512"));
    let by_384 = Hmac::<Sha384>::new_from_slice(SECRET.as_bytes()).unwrap().chain_update(&hs384).finalize();
    let by_512 = Hmac::<Sha512>::new_from_slice(SECRET.as_bytes()).unwrap().chain_update(&hs512).finalize();
    assert_eq!(verdict(&format!("{hs384}.{}", encoded(by_384.into_bytes()))), Err(Denied::Malformed));
    assert_eq!(verdict(&format!("{hs512}.{}", encoded(by_512.into_bytes()))), Err(Denied::Malformed));
}

#[test]
fn a_signature_by_anything_but_our_key_is_refused() {
    let (header, claims) = (header().to_string(), claims().to_string());
    assert_eq!(verdict(&signed(&header, &claims)), Ok(good()));
    let guesses = ["", "8d1f0c2e", "secret", OTHER_SECRET, &SECRET[..41], &header, &encoded(SECRET)];
    for guess in guesses {
        assert_eq!(verdict(&signed_by(guess.as_bytes(), &header, &claims)), Err(Denied::BadSignature), "{guess}");
    }
}

#[test]
fn a_signature_of_anything_but_header_and_claims_is_refused() {
    let [header, claims, _] = parts();
    let message = format!("{header}.{claims}");
    let others = [&header, &claims, &format!("{message}."), &format!("{header}{claims}"), ""];
    for other in others {
        let signature = encoded(hmac(SECRET.as_bytes(), other.as_bytes()));
        assert_eq!(verdict(&format!("{message}.{signature}")), Err(Denied::BadSignature), "{other}");
    }
    let right = hmac(SECRET.as_bytes(), message.as_bytes());
    for length in 0..32 {
        assert_eq!(verdict(&format!("{message}.{}", encoded(&right[..length]))), Err(Denied::Malformed), "{length}");
    }
    let doubled = [right.clone(), right].concat();
    assert_eq!(verdict(&format!("{message}.{}", encoded(doubled))), Err(Denied::Malformed));
}

#[test]
fn a_key_within_the_token_is_not_asked() {
    let key_within = json!({"kty": "oct", "k": encoded(OTHER_SECRET)});
    let header = with(header(), "jwk", key_within).to_string();
    assert_eq!(verdict(&signed_by(OTHER_SECRET.as_bytes(), &header, &claims().to_string())), Err(Denied::Malformed));
}
