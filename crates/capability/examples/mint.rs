//! Signs one link: reads an order from standard input, as JSON, and prints the token. The key comes this way because
//! arguments and variables show in lists of processes. No error repeats what was read, but for an id or a time.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "printing is all it does")]

use std::{collections::BTreeSet, io::Read, process::ExitCode};

use capability::{Capability, Key, KeyRing, Permit, Subject};
use jiff::Timestamp;
use serde::Deserialize;

/// What to sign, and by which key.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    key_id: String,
    secret: String,
    /// An instance's id, or `fleet`.
    subject: String,
    /// All that such a link can permit, if it is absent.
    permits: Option<BTreeSet<Permit>>,
    /// As RFC 3339 has it.
    expires_at: String,
}

fn main() -> ExitCode {
    let mut order = String::new();
    let read = std::io::stdin().read_to_string(&mut order).map_err(|error| format!("standard input: {error}"));
    match read.and_then(|_| mint(&order)) {
        Ok(token) => {
            println!("{token}");
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("mint: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn mint(order: &str) -> Result<String, String> {
    let order: Order = serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_str(order))
        .map_err(|error| misfit(&error))?;
    let expires_at: Timestamp = order.expires_at.parse().map_err(|error| format!("expires_at: {error}"))?;
    let subject: Subject = order.subject.parse().map_err(|error| format!("subject: {error}"))?;
    let key = Key::new(order.key_id, order.secret).map_err(|error| format!("secret: {error}"))?;
    let mut capability = match subject {
        Subject::Instance(id) => Capability::for_instance(id, expires_at),
        Subject::Fleet => Capability::to_read_fleet(expires_at),
    };
    capability.permits = order.permits.unwrap_or(capability.permits);
    Ok(KeyRing::new(key, None).sign(&capability))
}

/// Where the order does not fit. The parser's own words would repeat what stands there, which may be the secret.
fn misfit(error: &serde_path_to_error::Error<serde_json::Error>) -> String {
    let (line, column) = (error.inner().line(), error.inner().column());
    format!("the order does not fit at line {line}, column {column}, field \"{}\"", error.path())
}

#[cfg(test)]
mod tests {
    use idleness::InstanceId;
    use serde_json::{Value, json};

    use super::*;

    const SECRET: &str = "correct-horse-battery-staple-and-then-some";

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a test's time is valid")
    }

    fn order() -> Value {
        let (key_id, expires_at) = ("8d1f0c2e-0000-4000-8000-000000000000", "2026-11-21T20:00:00Z");
        json!({"key_id": key_id, "secret": SECRET, "subject": "i-0123456789abcdef0", "expires_at": expires_at})
    }

    /// The order with another value in one field; without the field, if that is null.
    fn order_with(field: &str, value: Value) -> String {
        let mut order = order();
        let fields = order.as_object_mut().expect("is an object");
        if value.is_null() {
            fields.remove(field)
        } else {
            fields.insert(field.to_owned(), value)
        };
        order.to_string()
    }

    fn minted(order: &str) -> Capability {
        let token = mint(order).expect("can be signed");
        let ring = KeyRing::new(Key::new("8d1f0c2e", SECRET).expect("is long enough"), None);
        ring.verify(&token, at("2026-11-21T08:00:00Z")).expect("is good")
    }

    #[test]
    fn a_link_permits_all_that_it_can_unless_the_order_says_less() {
        let (id, expires_at): (InstanceId, _) = ("i-0123456789abcdef0".parse().unwrap(), at("2026-11-21T20:00:00Z"));
        let all = Capability::for_instance(id, expires_at);
        assert_eq!(minted(&order().to_string()), all);
        assert_eq!(minted(&order_with("subject", json!("fleet"))), Capability::to_read_fleet(expires_at));
        let to_read = Capability { permits: BTreeSet::from([Permit::Read]), ..all };
        assert_eq!(minted(&order_with("permits", json!(["read"]))), to_read);
    }

    #[test]
    fn an_order_that_does_not_fit_is_refused_and_names_its_field() {
        for (field, value) in [
            ("key_id", json!(1)),
            ("secret", json!([SECRET])),
            ("secret", json!(&SECRET[..31])),
            ("secret", json!(null)),
            ("subject", json!("everything")),
            ("permits", json!(["stop"])),
            ("expires_at", json!("tomorrow")),
            ("expires_at", json!(null)),
            ("hours", json!(12)),
        ] {
            let problem = mint(&order_with(field, value.clone())).expect_err("does not fit");
            assert!(problem.contains(field) || value.is_null(), "{field}: {problem}");
            assert!(!problem.contains("correct-horse"), "{field}: {problem}");
        }
        for text in ["", "{", "[]", SECRET] {
            assert!(!mint(text).expect_err("is no order").contains("correct"), "{text}");
        }
    }
}
