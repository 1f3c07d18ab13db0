//! Requests that are wrong, odd or hostile.

use crate::support::{FORM, JSON, Site, event, fleet::FakeFleet, id, path, token_for};
use serde_json::Value;

fn site() -> Site {
    Site::of(FakeFleet::stopped())
}

#[test]
fn only_a_post_changes_anything() {
    for action in ["start", "keep-awake"] {
        for method in ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"] {
            let site = site();
            let target = format!("{}?token={}", path(1, action), token_for(1));
            let seen = site.send(&event(method, &target, &[("accept", JSON)], ""));
            assert_eq!((seen.status, seen.header("allow")), (405, "POST"), "{method} {action}");
            assert_eq!((site.fleet.calls(), site.keys.reads.get()), (vec![], 0));
        }
    }
}

#[test]
fn where_there_is_nothing_it_says_so() {
    let of_id = |rest: &str| format!("/instances/{}{rest}", id(1));
    for path in [
        "/",
        "/instances",
        &of_id(""),
        &of_id("/stop"),
        &of_id("/start/"),
        &of_id("/start/now"),
        &of_id("/Start"),
        "/start",
    ] {
        for method in ["GET", "POST"] {
            let site = site();
            // What the contract knows of these addresses is `home`'s.
            let seen = site.answer_of(&event(method, &format!("{path}?token={}", token_for(1)), &[], ""));
            assert_eq!((seen.status, site.fleet.calls()), (404, vec![]), "{method} {path}");
        }
    }
}

#[test]
fn an_id_that_is_none_is_refused_before_anything_is_read() {
    for id in ["i-1", "i-0ABC1234", "x", "i-0abc1234%0A", "%3Cscript%3E", "-", ""] {
        let site = site();
        let target = format!("/instances/{id}/start?token={}", token_for(1));
        let seen = site.post(&target, &[("accept", JSON)], "");
        assert_eq!((seen.status, seen.code().as_str()), (400, "bad-instance-id"), "{id}");
        assert!(!seen.body.contains("<script"), "{}", seen.body);
        assert_eq!((site.fleet.calls(), site.keys.reads.get()), (vec![], 0));
    }
}

#[test]
fn a_body_that_is_neither_form_nor_object_is_refused() {
    for content_type in
        ["", "text/plain", "multipart/form-data; boundary=x", "application/xml", "form", ";", "application/jsonx"]
    {
        for action in ["start", "keep-awake"] {
            let site = site();
            let target = format!("{}?token={}", path(1, action), token_for(1));
            let mut headers = vec![("accept", JSON)];
            if !content_type.is_empty() {
                headers.push(("content-type", content_type));
            }
            let seen = site.post(&target, &headers, "hours=4");
            assert_eq!((seen.status, seen.code().as_str()), (415, "bad-content-type"), "{content_type}");
            assert_eq!((site.fleet.calls(), site.keys.reads.get()), (vec![], 0));
        }
    }
}

#[test]
fn whatever_is_asked_the_answer_is_no_failure_and_nothing_is_changed() {
    let good = || event("POST", &format!("{}?token=x", path(1, "start")), &[("content-type", FORM)], "token=x");
    let with = |pointer: &str, value: Value| {
        let mut event = good();
        let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
        event.pointer_mut(parent).expect("the parent exists")[key] = value;
        event
    };
    let mut events = Vec::new();
    for query in ["<script>", "a b", "a\r\nb", "%", "%zz", "&&==&", "token=%00", "\u{0}", "ä", &"a".repeat(8_192)] {
        events.push(with("/rawQueryString", query.into()));
    }
    for path in
        ["/<script>", "/a b", "/%00", "", "x", "//", "/../..", &format!("/instances/{}/start", "a".repeat(3_000))]
    {
        events.push(with("/rawPath", path.into()));
    }
    for body in ["%%%", "aGVsbG8", "\u{0}"] {
        let mut event = with("/body", body.into());
        event["isBase64Encoded"] = true.into();
        events.push(event);
    }
    for body in ["\u{0}", "token", "token=%", "token=\u{fffd}", "=&=&=", &"a=b&".repeat(16_000), &"a".repeat(70_000)] {
        events.push(with("/body", body.into()));
    }
    for content_type in ["\u{1}", &"x".repeat(9_000), "application/json"] {
        events.push(with("/headers/content-type", content_type.into()));
    }
    for event in events {
        let site = site();
        let seen = site.answer_of(&event);
        assert!((400..500).contains(&seen.status), "{event}: {}", seen.status);
        assert_eq!(site.fleet.calls(), [""; 0]);
        assert!(!seen.body.contains("<script"), "{}", seen.body);
    }
}
