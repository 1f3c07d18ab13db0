#![doc = include_str!("../README.md")]

mod document;

use std::{collections::BTreeMap, sync::LazyLock};

use boon::{Compiler, SchemaIndex, Schemas};
use document::{Document, Operation};
use serde_json::Value;

static CONTRACT: LazyLock<Contract> = LazyLock::new(|| Contract::of(Document::of_the_api()));

/// Checks the answer to an event, both as API Gateway has them (payload format 2.0).
///
/// # Panics
/// The answer is not as `infra/openapi.yaml` describes it, which fails the test.
pub fn check(event: &Value, answer: &Value) {
    if let Err(problem) = CONTRACT.fits(event, answer) {
        panic!("{problem}\nevent: {event}\nanswer: {answer}");
    }
}

struct Contract {
    document: Document,
    schemas: Schemas,
    /// By their places in the document.
    by_place: BTreeMap<String, SchemaIndex>,
}

impl Contract {
    fn of(document: Document) -> Self {
        const URL: &str = "https://doze.invalid/openapi.json";
        let (mut compiler, mut schemas) = (Compiler::new(), Schemas::new());
        compiler.enable_format_assertions();
        compiler.add_resource(URL, document.json().clone()).expect("the document is at a URL of its own");
        let mut by_place = BTreeMap::new();
        for pointer in document.schemas() {
            let schema = compiler.compile(&format!("{URL}#{pointer}"), &mut schemas);
            by_place.insert(pointer.clone(), schema.unwrap_or_else(|error| panic!("{pointer}: {error:#}")));
        }
        Self { document, schemas, by_place }
    }

    fn fits(&self, event: &Value, answer: &Value) -> Result<(), String> {
        let text =
            |value: &Value, pointer| value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (method, path) = (text(event, "/requestContext/http/method"), text(event, "/rawPath"));
        let status = answer["statusCode"].as_u64().ok_or("the answer has no status")?;
        let body = text(answer, "/body");
        let place = match self.document.operation(&method, &path) {
            Operation::OtherMethod(_) if status != 405 => {
                return Err(format!("{method} {path} is {status}, and no method"));
            }
            Operation::Described(place) | Operation::OtherMethod(place) => place,
            Operation::Nothing if (400..500).contains(&status) => return Ok(()),
            Operation::Nothing => return Err(format!("{path} is {status}, and no path")),
        };
        let response = self.document.response(&place, status).ok_or_else(|| format!("{place} has no {status}"))?;
        for (name, _) in response.headers() {
            let is_there = answer["headers"].get(name.to_ascii_lowercase()).is_some();
            is_there.then_some(()).ok_or_else(|| format!("{place} {status} lacks the header {name}"))?;
        }
        let content_type = text(answer, "/headers/content-type");
        let essence = content_type.split(';').next().unwrap_or_default();
        let Some(pointer) = response.schema(essence) else {
            // A response that is described without content may bring any, since nobody looks at it.
            return if response.has_content() { Err(format!("{place} {status} is no {essence}")) } else { Ok(()) };
        };
        if essence != "application/json" {
            return Ok(());
        }
        let body: Value = serde_json::from_str(&body).map_err(|error| format!("the body is no JSON: {error}"))?;
        self.schemas.validate(&body, self.by_place[&pointer]).map_err(|error| format!("{error:#}"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn problem(method: &str, path: &str, status: u16, content_type: &str, body: &str) -> Option<String> {
        let event = json!({"rawPath": path, "requestContext": {"http": {"method": method}}});
        let headers = json!({"content-type": content_type, "allow": "GET"});
        CONTRACT.fits(&event, &json!({"statusCode": status, "headers": headers, "body": body})).err()
    }

    const JSON: &str = "application/json";

    fn home(with: (&str, Value)) -> String {
        let mut home = json!({"name": "Doze", "version": "0.1.0", "mode": "enforce", "links": {"self": "/"}});
        home[with.0] = with.1;
        home.to_string()
    }

    #[test]
    fn an_answer_that_fits_is_accepted() {
        assert_eq!(problem("GET", "/", 200, JSON, &home(("mode", json!("dry-run")))), None);
        assert_eq!(problem("HEAD", "/", 200, "text/html; charset=utf-8", "<!doctype html>"), None);
        assert_eq!(problem("GET", "/nothing", 404, "text/plain", ""), None);
        let problem_body = r#"{"error": {"code": "wrong-method", "message": "no"}}"#;
        assert_eq!(problem("DELETE", "/instances/i-0abc1234/start", 405, JSON, problem_body), None);
    }

    #[test]
    fn a_value_of_another_kind_and_a_field_that_is_not_described_are_refused() {
        for (field, value) in
            [("mode", json!("on")), ("version", json!(1)), ("links", json!({"self": 1})), ("instances", json!([]))]
        {
            assert!(problem("GET", "/", 200, JSON, &home((field, value))).is_some(), "{field}");
        }
        let summary = json!({
            "id": "i-0abc1234", "name": null, "type": "t3.micro", "state": "running", "verdict": "keep", "reason": "busy",
            "evidence": [], "next": null,
        });
        let fleet = |summary: &Value| {
            let fleet = json!({"mode": "enforce", "at": "2026-11-21T20:00:00Z", "page": 1, "pages": 1, "total": 1,
                               "instances": [summary]});
            problem("GET", "/instances", 200, JSON, &fleet.to_string())
        };
        assert_eq!(fleet(&summary), None);
        for (field, value) in [
            ("id", json!("i-1")),
            ("reason", json!("Busy")),
            ("colour", json!("red")),
            ("next", json!({"action": "stop", "at": "soon", "text": "stops"})),
            ("evidence", json!([{"signal": "cpu", "observed": 1.0, "limit": 5.0, "unit": "percent", "colour": "red"}])),
        ] {
            let mut summary = summary.clone();
            summary[field] = value;
            assert!(fleet(&summary).is_some(), "{summary}");
        }
    }

    #[test]
    fn a_status_a_kind_of_body_a_header_or_a_path_that_is_not_described_is_refused() {
        for (method, path, status, content_type) in [
            ("GET", "/", 202, "text/html"),
            ("GET", "/", 200, "text/plain"),
            ("GET", "/instances", 503, "text/html"),
            ("GET", "/nothing", 200, "text/html"),
            ("POST", "/instances", 200, "text/html"),
            ("POST", "/instances/i-0abc1234/start", 303, "text/plain"),
        ] {
            assert!(problem(method, path, status, content_type, "").is_some(), "{method} {path} {status}");
        }
    }
}
