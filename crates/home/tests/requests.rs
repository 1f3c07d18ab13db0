//! Requests that are wrong, odd or hostile, and an AWS that does not answer.

use crate::support::{self, HTML, JSON, Site, event, fleet::FakeFleet, fleet_token, id, token_for};
use serde_json::{Value, json};

fn site() -> Site {
    Site::of(FakeFleet::of(2))
}

#[test]
fn other_methods_are_refused_with_those_that_are_taken() {
    let instance = format!("/instances/{}", id(1));
    let (start, keep) = (format!("{instance}/start"), format!("{instance}/keep-awake"));
    for (path, allow) in [
        ("/", "GET, HEAD"),
        ("/instances", "GET, HEAD"),
        (&instance, "GET, HEAD"),
        // The method is refused before what else is wrong with the address.
        ("/instances/i-012345", "GET, HEAD"),
        (&start, "POST"),
        (&keep, "POST"),
        ("/hello", "GET"),
    ] {
        for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
            if allow == "POST" && method == "POST" {
                continue; // `wake` serves it.
            }
            let seen = site().send(&event(method, &format!("{path}?token={}", fleet_token()), &[("accept", JSON)]));
            assert_eq!((seen.status, seen.header("allow")), (405, allow), "{method} {path}");
        }
    }
    assert_eq!(site().send(&event("POST", "/instances?page=0", &[])).status, 405);
    for path in [&start, &keep] {
        for method in ["GET", "HEAD"] {
            let site = site();
            let seen = site.send(&event(method, &format!("{path}?token={}", token_for(1)), &[]));
            assert_eq!((seen.status, seen.header("allow")), (405, "POST"), "{method} {path}");
            assert_eq!(site.fleet.calls(), [""; 0]);
        }
    }
}

#[test]
fn head_is_answered_like_get() {
    let instance = format!("/instances/{}?token={}", id(1), token_for(1));
    for target in ["/", &format!("/instances?token={}", fleet_token()), &instance, "/instances", "/nothing"] {
        let [get, head] = ["GET", "HEAD"].map(|method| site().send(&event(method, target, &[("accept", HTML)])));
        assert_eq!((get.status, &get.headers), (head.status, &head.headers), "{target}");
    }
}

#[test]
fn where_there_is_nothing_it_says_so() {
    for path in [
        "/nothing",
        "/instances/",
        "//instances",
        "/Instances",
        "/instances/a/b",
        "/instances//start",
        "/index.html",
        "/favicon.ico",
    ] {
        for accept in [HTML, JSON] {
            let site = site();
            let seen = site.send(&event("GET", &format!("{path}?token={}", fleet_token()), &[("accept", accept)]));
            assert_eq!(seen.status, 404, "{path}");
            assert_eq!((site.fleet.calls().len(), site.keys.reads.get()), (0, 0));
        }
    }
}

#[test]
fn an_id_that_is_none_is_refused_before_anything_is_read() {
    for id in ["i-1", "i-0ABC1234", "x", "i-0abc1234%0A", "%3Cscript%3E", "i-0abc1234;start"] {
        let site = site();
        let seen = site.send(&event("GET", &format!("/instances/{id}?token={}", fleet_token()), &[("accept", JSON)]));
        assert!(matches!(seen.status, 400 | 404), "{id}: {}", seen.status);
        assert!(!seen.body.contains("<script"), "{}", seen.body);
        assert_eq!((site.fleet.calls().len(), site.keys.reads.get()), (0, 0));
    }
    let text = site().get("/instances/i-1").text();
    assert!(text.contains("Instance id \"i-1\" is malformed: expected `i-` and 8 or 17 hexadecimal digits."), "{text}");
}

#[test]
fn an_aws_that_does_not_answer_is_said_without_its_words() {
    let fleet = format!("/instances?token={}", fleet_token());
    let instance = format!("/instances/{}?token={}", id(1), token_for(1));
    for (target, call) in [
        (&fleet, "opted-in"),
        (&fleet, "evidence"),
        (&instance, "instances"),
        (&instance, "evidence"),
        (&instance, "address"),
    ] {
        for accept in [HTML, JSON] {
            let mut site = site();
            site.fleet.broken = Some(call);
            let seen = site.send(&event("GET", target, &[("accept", accept)]));
            assert_eq!((seen.status, seen.header("retry-after")), (503, "60"), "{call}");
            for word in ["arn:", "123456789012", "Unauthorized", "Describe", "authorized"] {
                assert!(!seen.body.contains(word), "{word}: {}", seen.body);
            }
            assert!(seen.body.contains("did not answer as it should"), "{}", seen.body);
        }
    }
}

/// An event that somebody sends to do harm.
fn with(pointer: &str, value: impl Into<Value>) -> Value {
    let mut event = event("GET", &format!("/instances?token={}", fleet_token()), &[("accept", HTML)]);
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
    event.pointer_mut(parent).expect("the parent exists")[key] = value.into();
    event
}

#[test]
fn whatever_is_asked_the_answer_is_no_failure() {
    let token = fleet_token();
    let queries = [
        "<script>",
        "a b",
        "a\r\nset-cookie: x=1",
        "%",
        "%zz",
        "token=%00",
        "&&==&",
        "page=%3Cb%3E",
        "token[]=x",
        "ä",
        "\u{0}",
        "still=<b>",
        "token=%F0%28%8C%BC",
    ];
    let mut events: Vec<Value> = queries.map(|query| with("/rawQueryString", query)).into();
    events.extend([8_192, 4_096, 4_097].map(|length| with("/rawQueryString", "a".repeat(length))));
    for page in ["0", "-1", "18446744073709551615", "18446744073709551616", &"9".repeat(4_000), "1e99", "NaN", "１"] {
        events.push(with("/rawQueryString", format!("page={page}&token={token}")));
    }
    for path in [
        "/<script>",
        "/a b",
        "/a\r\nb",
        "/%00",
        "/../../etc/passwd",
        "/instances/%2e%2e",
        "/\\",
        "",
        "x",
        "//",
        "/instances/ä",
    ] {
        events.push(with("/rawPath", path));
    }
    events.push(with("/rawPath", format!("/instances/{}", "a".repeat(3_000))));
    for accept in ["", ";;;", "\u{1}", "text/html;q=9", "application/json;q=abc", &"a/b,".repeat(5_000)] {
        events.push(with("/headers/accept", accept));
    }
    for authorization in ["Bearer", "Bearer x y z", "bearer \u{e4}", &"x".repeat(9_000)] {
        events.push(with("/headers/authorization", authorization));
    }
    for body in ["%%%", "aGVsbG8", "\u{0}"] {
        let mut event = with("/body", body);
        event["isBase64Encoded"] = true.into();
        events.push(event);
    }
    events.push(with("/body", "a".repeat(70_000)));
    for event in events {
        let seen = site().send(&event);
        assert!(seen.status < 500, "{event}: {}", seen.status);
        assert!(!seen.body.contains("<script") && !seen.body.contains("<b>"), "{event}: {}", seen.body);
        assert_eq!(seen.header("set-cookie"), "");
    }
}

#[test]
fn a_long_query_a_broken_body_and_a_huge_page_number_are_named() {
    let mut body = with("/body", "%%%");
    body["isBase64Encoded"] = true.into();
    let huge = format!("page=99999999999999999999999&token={}", fleet_token());
    for (event, status) in [
        (with("/rawQueryString", "a".repeat(8_192)), 414),
        (body, 400),
        (with("/rawQueryString", huge), 400),
        (with("/rawQueryString", "a b"), 400),
        (with("/body", "a".repeat(70_000)), 413),
    ] {
        assert_eq!(site().send(&event).status, status, "{event}");
    }
}

#[test]
fn what_is_no_request_is_refused() {
    for event in [json!({"action": "sweep"}), json!([]), json!(null)] {
        let sources = home::Sources { fleet: &FakeFleet::of(1), keys: None::<capability::Keys<&support::FakeKeys>> };
        let site = site();
        let respond =
            async |request: &web::Request| home::respond(request, &sources, &site.settings, support::now()).await;
        let answer =
            futures_util::FutureExt::now_or_never(web::answer(&event.to_string(), respond)).expect("nothing waits");
        assert_eq!(answer.status_code, 400);
    }
}
