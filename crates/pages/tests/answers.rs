//! What refusals look like, and what every answer carries.

use crate::support::accepting;
use askama::Template;
use futures_util::FutureExt;
use pages::{Page, Problem};
use serde_json::{Value, json};
use web::{Answer, http::StatusCode};

/// The answer as API Gateway gets it.
fn sent(answer: &Answer) -> Value {
    let event = json!({
        "version": "2.0", "rawPath": "/", "rawQueryString": "", "headers": {"host": "doze.example"}, "isBase64Encoded": false,
        "requestContext": {"http": {"method": "GET", "path": "/"}, "stage": "$default", "timeEpoch": 1},
    });
    let answer =
        web::answer(&event.to_string(), async |_: &web::Request| answer.clone()).now_or_never().expect("nothing waits");
    serde_json::to_value(answer).expect("serializes")
}

fn header<'a>(answer: &'a Value, name: &str) -> &'a str {
    answer["headers"][name].as_str().unwrap_or_default()
}

fn problems() -> [(Problem, u16, &'static str); 7] {
    let of = |status, code| Problem::new(status, code, "it is <so>");
    [
        (Problem::not_found(), 404, "not-found"),
        (Problem::wrong_method("GET, HEAD"), 405, "wrong-method"),
        (Problem::unavailable(), 503, "unavailable"),
        (of(StatusCode::UNAUTHORIZED, "no-token"), 401, "no-token"),
        (of(StatusCode::FORBIDDEN, "wrong-token"), 403, "wrong-token"),
        (of(StatusCode::CONFLICT, "terminated"), 409, "terminated"),
        (of(StatusCode::BAD_REQUEST, "bad-page"), 400, "bad-page"),
    ]
}

#[test]
fn programs_get_a_code_and_a_message() {
    for (problem, status, code) in problems() {
        let answer = sent(&problem.answer(&accepting("application/json")));
        assert_eq!(
            (answer["statusCode"].as_u64(), header(&answer, "content-type")),
            (Some(status.into()), "application/json")
        );
        let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
        assert_eq!(body, json!({"error": {"code": code, "message": problem.message}}));
    }
}

#[test]
fn people_get_a_page_that_escapes_the_message() {
    for (problem, status, _) in problems() {
        let answer = sent(&problem.answer(&accepting("text/html")));
        let kind = header(&answer, "content-type");
        assert_eq!((answer["statusCode"].as_u64(), kind), (Some(status.into()), "text/html; charset=utf-8"));
        let body = answer["body"].as_str().unwrap();
        assert!(body.contains("<h1>") && body.ends_with("</html>"), "{body}");
        let first = problem.message[..1].to_uppercase();
        let message = format!("{first}{}.", &problem.message[1..]).replace('<', "&#60;").replace('>', "&#62;");
        assert!(body.contains(&message) && !body.contains("<so>"), "{body}");
    }
}

#[test]
fn a_refusal_says_what_would_be_accepted_and_when() {
    for accept in ["text/html", "application/json"] {
        for (problem, status, _) in problems() {
            let answer = sent(&problem.answer(&accepting(accept)));
            let found = ["allow", "retry-after", "www-authenticate"].map(|name| header(&answer, name));
            let expected = match status {
                405 => ["GET, HEAD", "", ""],
                503 => ["", "60", ""],
                401 => ["", "", "Bearer realm=\"Doze\""],
                _ => ["", "", ""],
            };
            assert_eq!(found, expected, "{status}");
        }
    }
}

#[derive(Template)]
#[template(source = "<p>{{ text }}</p>", ext = "html")]
struct Content {
    text: &'static str,
}

#[test]
fn every_answer_carries_the_security_headers() {
    let page = Page { title: "T", refresh_seconds: None }.answer(StatusCode::OK, &Content { text: "x" });
    let problems = problems();
    let refusals = problems
        .iter()
        .flat_map(|(problem, ..)| ["text/html", "application/json"].map(|accept| problem.answer(&accepting(accept))));
    let plain = [Answer::text(StatusCode::OK, "x"), Answer::json(StatusCode::OK, &json!({}))];
    for answer in refusals.chain(plain).chain([page]).map(|answer| sent(&answer)) {
        let fixed = ["cache-control", "referrer-policy", "x-content-type-options"].map(|name| header(&answer, name));
        assert_eq!(fixed, ["no-store", "no-referrer", "nosniff"], "{answer}");
        let policy = header(&answer, "content-security-policy");
        let forms = if header(&answer, "content-type").starts_with("text/html") { "'self'" } else { "'none'" };
        for directive in
            ["default-src 'none'; base-uri 'none'", &format!("form-action {forms}"), "frame-ancestors 'none'"]
        {
            assert!(policy.contains(directive), "{policy} lacks {directive}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains("script"), "{policy}");
    }
}

#[test]
fn a_page_is_loaded_again_only_where_it_shows_something_under_way() {
    let refresh = |refresh_seconds| {
        let page = Page { title: "T", refresh_seconds }.answer(StatusCode::OK, &Content { text: "x" });
        header(&sent(&page), "refresh").to_owned()
    };
    assert_eq!((refresh(Some(5)).as_str(), refresh(None).as_str()), ("5", ""));
}
