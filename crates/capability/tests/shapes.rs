//! Tokens signed by our key whose content is not ours: it takes the key to make one, and still each is refused.

use crate::support::{claims, good, header, in_seconds, now, ring, signed, with, without};
use capability::{Capability, Denied};
use serde_json::{Value, json};

fn verdict(header: &str, claims: &str) -> Result<Capability, Denied> {
    ring().verify(&signed(header, claims), now())
}

fn with_claim(name: &str, value: Value) -> Result<Capability, Denied> {
    verdict(&header().to_string(), &with(claims(), name, value).to_string())
}

fn with_field(name: &str, value: Value) -> Result<Capability, Denied> {
    verdict(&with(header(), name, value).to_string(), &claims().to_string())
}

#[test]
fn claims_of_other_types_are_refused() {
    let values =
        [json!(null), json!(true), json!(1), json!(-1), json!(1.5), json!(""), json!("x"), json!({}), json!([1])];
    for value in values {
        for name in ["sub", "act"] {
            assert_eq!(with_claim(name, value.clone()), Err(Denied::Malformed), "{name}: {value}");
        }
    }
    for value in [json!(["stop"]), json!(["read", "stop"]), json!(["Read"]), json!(["keep_awake"]), json!([null])] {
        assert_eq!(with_claim("act", value.clone()), Err(Denied::Malformed), "{value}");
    }
    for value in ["*", "Fleet", " fleet", "i-1", "i-0123456789ABCDEF0", "i-0123456789abcdef0\n", "../fleet"] {
        assert_eq!(with_claim("sub", json!(value)), Err(Denied::Malformed), "{value}");
    }
}

#[test]
fn an_expiry_is_a_whole_number_of_seconds_that_makes_sense() {
    let good_second = good().expires_at.as_second();
    assert!(with_claim("exp", json!(good_second)).is_ok());
    let texts =
        ["null", "true", "\"\"", "[]", "{}", "1e400", "-", "NaN", "99999999999999999999999999999999999999999999"];
    let numbers = [u64::MAX.to_string(), i64::MAX.to_string(), i64::MIN.to_string(), "253402300800".to_owned()];
    let nearly = [format!("{good_second}.5"), format!("{good_second}e0"), format!("\"{good_second}\"")];
    for text in texts.map(str::to_owned).into_iter().chain(numbers).chain(nearly) {
        let claims = format!(r#"{{"sub":"fleet","act":["read"],"exp":{text}}}"#);
        assert_eq!(verdict(&header().to_string(), &claims), Err(Denied::Malformed), "{text}");
    }
    // In milliseconds, by mistake: some fifty thousand years ahead.
    assert_eq!(with_claim("exp", json!(good_second * 1000)), Err(Denied::Malformed));
    for past in [0, -1, -1_000_000, in_seconds(0).as_second(), in_seconds(-1).as_second()] {
        assert_eq!(with_claim("exp", json!(past)), Err(Denied::Expired), "{past}");
    }
}

#[test]
fn a_claim_that_is_missing_unknown_or_there_twice_is_refused() {
    for name in ["sub", "act", "exp"] {
        let claims = without(claims(), name).to_string();
        assert_eq!(verdict(&header().to_string(), &claims), Err(Denied::Malformed), "{name}");
    }
    for name in ["aud", "iss", "nbf", "iat", "jti", "Sub", ""] {
        assert_eq!(with_claim(name, json!(1)), Err(Denied::Malformed), "{name}");
    }
    let second = claims().to_string().replacen('{', r#"{"sub":"fleet","#, 1);
    assert_eq!(verdict(&header().to_string(), &second), Err(Denied::Malformed));
    let second = claims().to_string().replacen('{', r#"{"exp":4000000000,"#, 1);
    assert_eq!(verdict(&header().to_string(), &second), Err(Denied::Malformed));
}

#[test]
fn content_that_is_no_object_is_refused() {
    let (header, claims) = (header().to_string(), claims().to_string());
    for text in ["", "null", "[]", "{}", "\"fleet\"", "{", "{}{}", "\u{feff}{}", "\0", "é"] {
        assert_eq!(verdict(&header, text), Err(Denied::Malformed), "claims {text:?}");
        assert_eq!(verdict(text, &claims), Err(Denied::Malformed), "header {text:?}");
    }
    assert_eq!(verdict(&header, &format!("{claims}x")), Err(Denied::Malformed));
    assert_eq!(verdict(&header, &"[".repeat(200)), Err(Denied::Malformed));
}

#[test]
fn a_header_that_says_more_than_ours_is_refused() {
    let fields = ["typ", "cty", "jku", "x5u", "zip", "enc", "url", "nonce", "b64", "anything"];
    for name in fields {
        assert_eq!(with_field(name, json!("JWT")), Err(Denied::Malformed), "{name}");
    }
    // RFC 7515, section 4.1.11: whoever does not understand a critical extension must refuse the token.
    assert_eq!(with_field("crit", json!(["exp"])), Err(Denied::Malformed));
}

#[test]
fn a_header_without_our_algorithm_or_a_key_is_refused() {
    let claims = claims().to_string();
    for name in ["alg", "kid"] {
        let header = without(header(), name).to_string();
        assert_eq!(verdict(&header, &claims), Err(Denied::Malformed), "{name}");
        for value in [json!(null), json!(0), json!([]), json!({})] {
            assert_eq!(with_field(name, value.clone()), Err(Denied::Malformed), "{name}: {value}");
        }
    }
    let second = header().to_string().replacen('{', r#"{"alg":"HS256","#, 1);
    assert_eq!(verdict(&second, &claims), Err(Denied::Malformed));
}

#[test]
fn a_token_is_no_longer_than_a_kilobyte() {
    let padded = |spaces: usize| signed(&header().to_string(), &format!("{}{}", claims(), " ".repeat(spaces)));
    let mut spaces = 0;
    while padded(spaces).len() <= 1024 {
        assert_eq!(ring().verify(&padded(spaces), now()), Ok(good()), "{spaces} spaces");
        spaces += 1;
    }
    assert!(spaces > 500, "so many fitted: {spaces}");
    for spaces in [spaces, spaces + 1, 5_000, 1_000_000] {
        assert_eq!(ring().verify(&padded(spaces), now()), Err(Denied::Malformed), "{spaces} spaces");
    }
}

#[test]
fn text_that_is_not_ascii_is_refused() {
    let token = ring().sign(&good());
    for text in ["é.é.é", "\u{0}", "🗝️.🗝️.🗝️", "\u{202e}", &token.replace('.', "。"), &format!("\u{feff}{token}")]
    {
        assert_eq!(ring().verify(text, now()), Err(Denied::Malformed), "{text:?}");
    }
    for text in [format!(" {token}"), format!("{token}\n"), format!("Bearer {token}"), token.replace('.', ".\n")] {
        assert_eq!(ring().verify(&text, now()), Err(Denied::Malformed), "{text:?}");
    }
}
