#![doc = include_str!("../README.md")]

mod page;
mod settings;

use headers_accept::Accept;
use mediatype::{MediaType, names};
use serde_json::json;
use web::{
    Answer, Request,
    http::{StatusCode, header::VARY},
    refuse_all_but,
};

pub use crate::settings::Settings;

const HTML: MediaType<'static> = MediaType::new(names::TEXT, names::HTML);
const JSON: MediaType<'static> = MediaType::new(names::APPLICATION, names::JSON);

/// Answers one request.
#[must_use]
pub fn respond(request: &Request, settings: Settings) -> Answer {
    if let Some(refusal) = refuse_all_but("/", request) {
        return refusal;
    }
    let answer = if prefers_json(request) { as_json(settings) } else { page::render(settings) };
    answer.with_header(VARY, "accept")
}

/// HTML is the answer to anybody who does not ask for JSON, and to a header that makes no sense.
fn prefers_json(request: &Request) -> bool {
    let accept = request.headers().get("accept").and_then(|value| value.to_str().ok());
    let Some(Ok(accept)) = accept.map(str::parse::<Accept>) else { return false };
    accept.negotiate([&HTML, &JSON]) == Some(&JSON)
}

fn as_json(settings: Settings) -> Answer {
    let body = json!({
        "name": page::NAME,
        "version": page::VERSION,
        "mode": settings.mode,
        "links": {"self": "/", "hello": "/hello"},
    });
    Answer::json(StatusCode::OK, &body)
}

#[cfg(test)]
mod tests {
    use idleness::Mode;
    use serde_json::Value;

    use super::*;

    fn get(accept: &str, mode: Mode) -> Value {
        let mut event: Value =
            serde_json::from_str(include_str!("../../../events/home/get-html.json")).expect("the fixture is JSON");
        event["headers"]["accept"] = accept.into();
        let answer = web::answer(event, |request| respond(request, Settings { mode }));
        serde_json::to_value(answer).expect("serializes")
    }

    fn content_type(accept: &str) -> String {
        get(accept, Mode::DryRun)["headers"]["content-type"].as_str().unwrap_or_default().to_owned()
    }

    #[test]
    fn html_is_the_default_and_json_is_for_those_who_ask() {
        for accept in [
            "",
            "*/*",
            "text/html",
            "image/png",
            ";;;",
            "text/html, application/json",
            "application/json;q=0.5, text/html",
        ] {
            assert_eq!(content_type(accept), "text/html; charset=utf-8", "{accept:?}");
        }
        for accept in ["application/json", "application/json, */*;q=0.1", "text/html;q=0.2, application/json;q=0.9"] {
            assert_eq!(content_type(accept), "application/json", "{accept:?}");
        }
    }

    #[test]
    fn the_json_answer_says_name_version_mode_and_links() {
        let answer = get("application/json", Mode::Enforce);
        let body: Value = serde_json::from_str(answer["body"].as_str().expect("a body")).expect("is JSON");
        insta::assert_json_snapshot!(body, {".version" => "[version]"}, @r#"
        {
          "links": {
            "hello": "/hello",
            "self": "/"
          },
          "mode": "enforce",
          "name": "Doze",
          "version": "[version]"
        }
        "#);
    }

    #[test]
    fn the_page_says_the_mode_in_words() {
        for (mode, words) in [(Mode::DryRun, "stops nothing"), (Mode::Enforce, "stops instances")] {
            let answer = get("text/html", mode);
            let body = answer["body"].as_str().expect("a body");
            assert!(body.contains(words) && body.contains(mode.as_str()), "{body}");
            assert!(body.len() < 20_000);
        }
    }

    #[test]
    fn every_answer_carries_the_security_headers() {
        for accept in ["text/html", "application/json"] {
            let headers = &get(accept, Mode::DryRun)["headers"];
            assert_eq!(headers["x-content-type-options"], "nosniff");
            assert_eq!(headers["cache-control"], "no-store");
            let policy = headers["content-security-policy"].as_str().expect("a policy");
            assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        }
    }

    #[test]
    fn settings_default_to_dry_run_and_name_the_variable_at_fault() {
        let read = |value: &str| Settings::read(&[("DOZE_MODE", value)].into_iter().collect());
        assert_eq!(read(""), Ok(Settings { mode: Mode::DryRun }));
        assert_eq!(read("enforce"), Ok(Settings { mode: Mode::Enforce }));
        assert_eq!(
            read("Enforce").expect_err("is not lower case").to_string(),
            r#"DOZE_MODE is "Enforce": expected `dry-run` or `enforce`"#
        );
    }
}
