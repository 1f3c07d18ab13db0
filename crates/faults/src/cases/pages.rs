//! Settings, texts and requests from people who mean harm, or mistype.

use std::{path::Path, time::Duration};

use scripted::Machine;
use serde_json::{Value, json};

use super::Case;
use crate::scene::{ONE, Scene, alarm, decision, event, idle, log, report};

pub(super) const CASES: &[Case] = &[
    Case {
        number: 39,
        what: "missing or bad setting",
        expected: "fails at init, naming the variable",
        show: bad_settings,
    },
    Case {
        number: 40,
        what: "hostile names and tags in the log",
        expected: "every line is still one JSON document",
        show: hostile_tags,
    },
    Case {
        number: 41,
        what: "HTTP: `<`, space, CRLF, bad base64 body, 8 KB query",
        expected: "4xx or an escaped 200; never 5xx",
        show: odd_requests,
    },
];

fn bad_settings(functions: &Path) {
    let scene = Scene::new(functions, []);
    for (function, variable, value) in [
        ("scheduler", "DOZE_MODE", "on"),
        ("scheduler", "DOZE_MAX_STOPS", "many"),
        ("scheduler", "DOZE_POLICY", "nobody"),
        ("scheduler", "DOZE_POLICIES", "{"),
        ("scheduler", "DOZE_LINK_KEY", "arn:aws:secretsmanager:eu-west-1:1:secret:k"),
        ("home", "DOZE_MODE", "on"),
        ("wake", "DOZE_HOLD_MINUTES", "-1"),
    ] {
        let mut function = scene.function(function, &[(variable, value)]);
        let status = function.ended(Duration::from_secs(10)).expect("it does not start");
        assert!(!status.success());
        assert!(log(&function).iter().any(|line| line.to_string().contains(variable)), "{variable} is named");
    }
}

fn hostile_tags(functions: &Path) {
    let texts =
        ["<script>alert(1)</script>", "\"}\n{\"message\":\"report\"}", "a\r\nb", "\u{2028}\u{202e}", &"x".repeat(256)];
    for text in texts {
        for key in ["Name", "doze:policy", "doze:schedule", "doze:keep-until", "doze:after"] {
            let machine: Machine = idle(ONE).tagged(key, text);
            let scene = Scene::new(functions, [machine]);
            let mut scheduler = scene.scheduler();
            let (verdict, reason) = decision(&report(scheduler.invoke(&alarm(ONE))), ONE);
            match key {
                "Name" | "doze:after" => assert_eq!(verdict, "stop", "{key}: {text:?}"),
                _ => assert_eq!((verdict.as_str(), reason.as_str()), ("keep", "bad-tag"), "{key}: {text:?}"),
            }
            assert!(!log(&scheduler).is_empty(), "all of which are JSON");
        }
    }
}

fn odd_requests(functions: &Path) {
    let scene = Scene::new(functions, [idle(ONE)]);
    for name in ["hello", "home"] {
        let mut function = scene.function(name, &[]);
        let path = if name == "hello" { "/hello" } else { "/" };
        for change in changes() {
            let mut request = event(if name == "hello" { "hello/get.json" } else { "home/get-html.json" });
            for (field, value) in change.as_object().expect("is an object") {
                request[field] = value.clone();
            }
            let answer = report(function.invoke(&request));
            let status = answer["statusCode"].as_u64().expect("has a status");
            assert!((200..500).contains(&status), "{path}: {status}: {change:.200}");
            assert!(!answer["body"].as_str().unwrap_or_default().contains("<script>alert"), "{answer}");
        }
    }
    assert_eq!(scene.calls().len(), 0, "nothing is asked of AWS");
}

fn changes() -> Vec<Value> {
    let long = format!("name={}", "x".repeat(8192));
    let queries =
        ["name=<script>alert(1)</script>", "name=a b", "name=%0d%0aset-cookie:x", "name=%ff", "a=b&&=&name", &long];
    let mut changes: Vec<Value> = queries.iter().map(|query| json!({"rawQueryString": query})).collect();
    changes.extend([
        json!({"body": "%%%", "isBase64Encoded": true}),
        json!({"rawPath": "/hello<"}),
        json!({"rawPath": "/ /\r\n"}),
        json!({"headers": {"host": "a b"}}),
        json!({"requestContext": {"http": {"method": "BREW", "path": "/"}}}),
        json!({"version": "1.0"}),
    ]);
    changes
}
