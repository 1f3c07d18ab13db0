//! A site over a fake fleet: what a browser or a program asks of it, and what it answers. Every answer is held to
//! `infra/openapi.yaml` and to the headers that no answer goes without.
#![allow(dead_code, missing_docs, unreachable_pub, reason = "each test file uses its own part")]

pub mod fleet;

use std::cell::Cell;

use capability::{Capability, Key, KeyRing, Keys, KeysUnreadable, ReadKeys};
use fleet::FakeFleet;
use futures_util::FutureExt;
use home::{Settings, Sources, respond};
use idleness::{InstanceId, Mode, Prices, Rules};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

pub const HTML: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
pub const JSON: &str = "application/json";

/// A Saturday, 20:00 UTC.
pub fn now() -> Timestamp {
    "2026-11-21T20:00:20Z".parse().expect("a test's time is valid")
}

pub fn minutes_ago(minutes: i64) -> Timestamp {
    now() - SignedDuration::from_mins(minutes)
}

pub fn id(number: usize) -> InstanceId {
    format!("i-{number:017x}").parse().expect("a test's id is valid")
}

fn ring(secret: &str) -> KeyRing {
    KeyRing::new(Key::new("8d1f0c2e-0000-4000-8000-000000000000", secret).expect("is long enough"), None)
}

/// A token for the capability, signed by the key of the site.
pub fn signed(capability: &Capability) -> String {
    ring(FakeKeys::SECRET).sign(capability)
}

pub fn in_an_hour() -> Timestamp {
    now() + SignedDuration::from_hours(1)
}

pub fn fleet_token() -> String {
    signed(&Capability::to_read_fleet(in_an_hour()))
}

pub fn token_for(number: usize) -> String {
    signed(&Capability::for_instance(id(number), in_an_hour()))
}

/// The keys of the site, and how often they were read.
#[derive(Default)]
pub struct FakeKeys {
    pub reads: Cell<usize>,
    pub is_down: Cell<bool>,
}

impl FakeKeys {
    const SECRET: &str = "correct-horse-battery-staple-and-then-some";
}

impl ReadKeys for &FakeKeys {
    async fn keys(&self) -> Result<KeyRing, KeysUnreadable> {
        self.reads.set(self.reads.get() + 1);
        if self.is_down.get() {
            return Err(KeysUnreadable::new("AccessDeniedException", "the role may not read arn:aws:secretsmanager"));
        }
        Ok(ring(FakeKeys::SECRET))
    }
}

/// The function, with everything it reads from.
pub struct Site {
    pub fleet: FakeFleet,
    pub keys: FakeKeys,
    pub has_keys: bool,
    pub settings: Settings,
}

/// An answer as it leaves the function.
#[derive(Clone, Debug)]
pub struct Seen {
    pub status: u64,
    pub headers: Value,
    pub body: String,
}

impl Site {
    pub fn of(fleet: FakeFleet) -> Self {
        let settings = Settings {
            mode: Mode::Enforce,
            rules: Rules::default(),
            max_keep_hours: 24,
            prices: Prices::default(),
            link_key: None,
        };
        Self { fleet, keys: FakeKeys::default(), has_keys: true, settings }
    }

    /// What a browser gets.
    pub fn get(&self, target: &str) -> Seen {
        self.send(&event("GET", target, &[("accept", HTML)]))
    }

    /// What a program gets.
    pub fn get_json(&self, target: &str) -> Value {
        self.send(&event("GET", target, &[("accept", JSON)])).json()
    }

    pub fn send(&self, event: &Value) -> Seen {
        let sources = Sources { fleet: &self.fleet, keys: self.has_keys.then(|| Keys::new(&self.keys)) };
        let respond = async |request: &web::Request| respond(request, &sources, &self.settings, now()).await;
        let answer = web::answer(&event.to_string(), respond).now_or_never().expect("nothing waits");
        let answer = serde_json::to_value(answer).expect("serializes");
        contract::check(event, &answer);
        for (name, value) in
            [("cache-control", "no-store"), ("referrer-policy", "no-referrer"), ("x-content-type-options", "nosniff")]
        {
            assert_eq!(answer["headers"][name], value, "{event}");
        }
        let body = answer["body"].as_str().expect("has a body").to_owned();
        let seen = Seen {
            status: answer["statusCode"].as_u64().expect("has a status"),
            headers: answer["headers"].clone(),
            body,
        };
        assert!(seen.body.len() < 20_000 || seen.header("content-type") == JSON, "{} bytes", seen.body.len());
        seen
    }
}

impl Seen {
    pub fn header(&self, name: &str) -> &str {
        self.headers[name].as_str().unwrap_or_default()
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// The answer without the page's head, which is the same for all.
    pub fn content(&self) -> &str {
        self.body.split_once("</head>").map_or(&self.body, |(_, content)| content)
    }

    /// The text of the page, as a browser shows it: without tags, its references resolved, on one line.
    pub fn text(&self) -> String {
        let (mut text, mut is_tag) = (String::new(), false);
        for character in self.content().chars() {
            match character {
                '<' => is_tag = true,
                '>' => {
                    is_tag = false;
                    text.push(' ');
                }
                _ if is_tag => {}
                _ => text.push(character),
            }
        }
        let mut words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for (reference, character) in
            [("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#39;", "'"), ("&amp;", "&"), ("&#38;", "&")]
        {
            words = words.replace(reference, character);
        }
        words
    }

    /// The values of an attribute, in their order on the page, references resolved.
    pub fn attributes(&self, name: &str) -> Vec<String> {
        let start = format!(" {name}=\"");
        let parts = self.body.split(&start).skip(1);
        parts.filter_map(|part| Some(part.split_once('"')?.0.replace("&amp;", "&"))).collect()
    }
}

/// An event as API Gateway sends it.
pub fn event(method: &str, target: &str, headers: &[(&str, &str)]) -> Value {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut event = json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": query, "isBase64Encoded": false,
        "headers": {"host": "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com", "x-forwarded-proto": "https"},
        "requestContext": {
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.7"},
            "domainName": "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com", "stage": "$default", "timeEpoch": 1,
        },
    });
    for (name, value) in headers {
        event["headers"][*name] = (*value).into();
    }
    event
}
