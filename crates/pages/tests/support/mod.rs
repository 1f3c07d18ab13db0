//! Requests of the tests.
#![allow(dead_code, missing_docs, unreachable_pub, reason = "each test file uses its own part")]

use web::{Request, http};

pub const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

pub fn request(method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Request {
    let builder = http::Request::builder().method(method).uri(format!("https://doze.example{target}"));
    let builder = headers.iter().fold(builder, |builder, (name, value)| builder.header(*name, *value));
    builder.body(body.into()).expect("a test's request is valid")
}

pub fn accepting(accept: &str) -> Request {
    request("GET", "/", &[("accept", accept)], "")
}
