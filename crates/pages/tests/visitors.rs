//! Where a token is found, what a good one is worth, and what somebody prefers.

use std::cell::Cell;

use crate::support::{FORM, accepting, request};
use capability::{Capability, Key, KeyRing, Keys, KeysUnreadable, ReadKeys};
use futures_util::FutureExt;
use jiff::Timestamp;
use pages::{Problem, Visitor, field, prefers_json, token};
use web::http::StatusCode;

#[test]
fn the_token_is_that_of_the_form_then_of_the_query_then_of_the_header() {
    for (form, query, header, expected) in [
        ("token=f", "?token=q", "Bearer h", Some("f")),
        ("token=", "?token=q", "Bearer h", Some("q")),
        ("hours=4", "?token=q", "Bearer h", Some("q")),
        ("", "?token=q", "Bearer h", Some("q")),
        ("", "?token=", "Bearer h", Some("h")),
        ("token=", "?page=2&token=", "bearer h", Some("h")),
        ("", "", "BEARER  h ", Some("h")),
        ("", "?page=2&token=q&token=r", "", Some("q")),
        ("", "?token=a%2Bb%20c+d", "", Some("a+b c d")),
        ("token=", "?token=", "Bearer ", None),
        ("", "?Token=q", "Basic h", None),
        ("", "?tokens=q", "h", None),
        ("", "", "", None),
    ] {
        let request = request("POST", &format!("/instances{query}"), &[FORM, ("authorization", header)], form);
        assert_eq!(token(&request).as_deref(), expected, "form {form:?}, query {query:?}, header {header:?}");
    }
}

#[test]
fn a_field_is_read_from_a_form_alone() {
    let hours = |content_type: &str| {
        field(&request("POST", "/", &[("content-type", content_type)], "hours=4&hours=5"), "hours")
    };
    for content_type in ["application/x-www-form-urlencoded", "Application/X-WWW-Form-URLencoded; charset=utf-8"] {
        assert_eq!(hours(content_type).as_deref(), Some("4"), "{content_type}");
    }
    for content_type in ["", "application/json", "text/plain", "multipart/form-data"] {
        assert_eq!(hours(content_type), None, "{content_type}");
    }
    assert_eq!(field(&request("POST", "/", &[], "hours=4"), "hours"), None);
    assert_eq!(field(&request("POST", "/", &[FORM], "minutes=4"), "hours"), None);
}

#[test]
fn json_is_for_those_who_ask_for_it_and_html_for_everybody_else() {
    for accept in ["", "*/*", "text/html", "image/png", ";;;", "text/html, application/json", "application/json;q=0"] {
        assert!(!prefers_json(&accepting(accept)), "{accept:?}");
    }
    assert!(!prefers_json(&request("GET", "/", &[], "")));
    for accept in ["application/json", "application/json, */*;q=0.1", "text/html;q=0.2, application/json;q=0.9"] {
        assert!(prefers_json(&accepting(accept)), "{accept:?}");
    }
}

/// Keys that cannot be read where there are none, and that count how often that is tried.
struct Source {
    secret: Option<&'static str>,
    reads: Cell<usize>,
}

impl ReadKeys for &Source {
    async fn keys(&self) -> Result<KeyRing, KeysUnreadable> {
        self.reads.set(self.reads.get() + 1);
        let unreadable = || KeysUnreadable::new("AccessDeniedException", "arn:aws:secretsmanager:…:key is not yours");
        self.secret.map(ring).ok_or_else(unreadable)
    }
}

fn ring(secret: &str) -> KeyRing {
    KeyRing::new(Key::new("8d1f0c2e", secret).expect("is long enough"), None)
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("a test's time is valid")
}

fn visitor(token: Option<&str>, source: &Source) -> Result<Visitor, Problem> {
    let query = token.map(|token| format!("?token={token}")).unwrap_or_default();
    let request = request("GET", &format!("/instances{query}"), &[], "");
    let keys = Keys::new(source);
    Visitor::of(&request, Some(&keys), at("2026-11-21T20:00:00Z")).now_or_never().expect("nothing waits")
}

const SECRET: &str = "correct-horse-battery-staple-and-then-some";

#[test]
fn a_good_token_lets_in_and_nothing_else_does() {
    let capability = Capability::to_read_fleet(at("2026-11-21T20:00:01Z"));
    let good = ring(SECRET).sign(&capability);
    let source = Source { secret: Some(SECRET), reads: Cell::default() };
    let found = visitor(Some(&good), &source).expect("is good");
    assert_eq!((found.token, found.capability), (good.clone(), capability));

    let expired = ring(SECRET).sign(&Capability::to_read_fleet(at("2026-11-21T20:00:00Z")));
    let forged = ring("another-horse-with-another-battery-altogether")
        .sign(&Capability::to_read_fleet(at("2027-01-01T00:00:00Z")));
    for (token, code, words) in [
        (None, "no-token", "a link with a token"),
        (Some("x.y.z"), "bad-token", "the link is invalid"),
        (Some(forged.as_str()), "bad-token", "the link is invalid"),
        (Some(expired.as_str()), "bad-token", "the link has expired"),
    ] {
        let problem = visitor(token, &source).expect_err("lets nobody in");
        assert_eq!((problem.status.as_u16(), problem.code), (401, code));
        assert!(problem.message.contains(words), "{problem:?}");
    }
    assert_eq!(visitor(None, &source).expect_err("lets nobody in").status.as_u16(), 401);
}

#[test]
fn keys_that_cannot_be_read_are_nobodys_business() {
    let source = Source { secret: None, reads: Cell::default() };
    let good = ring(SECRET).sign(&Capability::to_read_fleet(at("2027-01-01T00:00:00Z")));
    let problem = visitor(Some(&good), &source).expect_err("cannot be told");
    assert_eq!(problem, Problem::unavailable());
    assert!(!problem.message.contains("secretsmanager"), "{problem:?}");
    assert_eq!(source.reads.get(), 1);
    visitor(None, &source).expect_err("lets nobody in");
    assert_eq!(source.reads.get(), 1, "without a token no key is read");
}

#[test]
fn without_keys_nobody_is_let_in() {
    for (query, expected) in [("?token=x", Problem::unavailable().status), ("", StatusCode::UNAUTHORIZED)] {
        let request = request("GET", &format!("/instances{query}"), &[], "");
        let visitor = Visitor::of(&request, None::<&Keys<&Source>>, at("2026-11-21T20:00:00Z"));
        assert_eq!(visitor.now_or_never().expect("nothing waits").expect_err("lets nobody in").status, expected);
    }
}
