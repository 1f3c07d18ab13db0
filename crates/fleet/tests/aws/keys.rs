//! The keys of links in Secrets Manager: which versions are asked for, and what is no key.

use capability::{Capability, KeyRing, KeysUnreadable, ReadKeys, SecretKeys};
use serde_json::{Value, json};

use crate::support::{Answer, Call, Endpoint, at, config, id, now};

const ARN: &str = "arn:aws:secretsmanager:eu-west-1:1:secret:doze-links-a1b2c3";
const CURRENT: &str = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ01";
const PREVIOUS: &str = "zyxwvutsrqponmlkjihgfedcba9876543210ZYXWVUTSRQPONMLKJIHGFEDCBA98";

fn secret(version: &str, value: &Value) -> Answer {
    let body = json!({"ARN": ARN, "Name": "doze-links", "VersionId": version, "SecretString": value});
    Answer::json(200, &body.to_string())
}

fn error(status: u16, code: &str) -> Answer {
    Answer::json(status, &json!({"__type": code, "message": "no"}).to_string())
}

fn stage(call: &Call) -> &str {
    call.body["VersionStage"].as_str().unwrap_or_default()
}

async fn keys(
    answer: impl Fn(&Call) -> Answer + Send + Sync + 'static,
) -> (Result<KeyRing, KeysUnreadable>, Vec<Call>) {
    let endpoint = Endpoint::start(answer);
    let keys = SecretKeys::new(&config(&endpoint), ARN).keys().await;
    (keys, endpoint.calls())
}

#[tokio::test]
async fn the_current_key_signs_and_the_previous_one_is_still_accepted() {
    let (ring, calls) = keys(|call| match stage(call) {
        "AWSCURRENT" => secret("c0ffee00-1111", &CURRENT.into()),
        _ => secret("deadbeef-2222", &PREVIOUS.into()),
    })
    .await;
    let mut stages: Vec<&str> = calls.iter().map(stage).collect();
    stages.sort_unstable();
    assert_eq!(stages, ["AWSCURRENT", "AWSPREVIOUS"], "the role may read these stages, and only by name");
    assert!(calls.iter().all(|call| call.operation == "GetSecretValue" && call.body["SecretId"] == ARN), "{calls:?}");

    let ring = ring.expect("both are keys");
    let capability = Capability::for_instance(id(0), at("2026-11-22T00:00:00Z"));
    let key = |version: &str, text: &str| capability::Key::new(version, text).expect("is long enough");
    let by_previous = KeyRing::new(key("deadbeef-2222", PREVIOUS), None).sign(&capability);
    let by_current = KeyRing::new(key("c0ffee00-1111", CURRENT), None).sign(&capability);
    assert_eq!(ring.sign(&capability), by_current);
    for token in [by_current, by_previous] {
        assert_eq!(ring.verify(&token, now()), Ok(capability.clone()));
    }
}

#[tokio::test]
async fn a_key_that_was_never_changed_has_no_previous_one() {
    let (ring, _) = keys(|call| match stage(call) {
        "AWSCURRENT" => secret("c0ffee00-1111", &CURRENT.into()),
        _ => error(400, "ResourceNotFoundException"),
    })
    .await;
    assert!(ring.is_ok(), "{ring:?}");
}

#[tokio::test]
async fn what_is_no_key_is_unreadable_and_never_quoted() {
    let no_keys = [
        secret("c0ffee00-1111", &"short".into()),
        secret("c0ffee00-1111", &Value::Null),
        error(400, "AccessDeniedException"),
        error(400, "ResourceNotFoundException"),
        Answer::json(200, "{}"),
        Answer::json(200, "<html>"),
    ];
    for answer in no_keys {
        let (ring, _) = keys(move |_| answer.clone()).await;
        let error = ring.expect_err("is no key");
        assert!(!error.to_string().contains("short"), "{error}");
    }
}

#[tokio::test]
async fn a_previous_key_that_cannot_be_read_makes_the_keys_unreadable() {
    let (ring, _) = keys(|call| match stage(call) {
        "AWSCURRENT" => secret("c0ffee00-1111", &CURRENT.into()),
        _ => error(400, "AccessDeniedException"),
    })
    .await;
    assert_eq!(ring.expect_err("half of it").code, "AccessDeniedException");
}
