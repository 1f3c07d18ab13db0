//! The function over a fake fleet: what a button or a program asks of it, and what it answers. Every answer is held to
//! `infra/openapi.yaml` and to the headers that no answer goes without.
#![allow(dead_code, missing_docs, unreachable_pub, reason = "each test file uses its own part")]

pub mod fleet;

use std::cell::{Cell, RefCell};

use capability::{Capability, Key, KeyRing, Keys, KeysUnreadable, ReadKeys};
use fleet::FakeFleet;
use futures_util::FutureExt;
use idleness::{InstanceId, Mode};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use wake::{Settings, Sources, respond};

pub const HTML: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
pub const JSON: &str = "application/json";
pub const FORM: &str = "application/x-www-form-urlencoded";

/// A Saturday, 20:00 UTC.
pub fn now() -> Timestamp {
    "2026-11-21T20:00:20Z".parse().expect("a test's time is valid")
}

pub fn id(number: usize) -> InstanceId {
    format!("i-{number:017x}").parse().expect("a test's id is valid")
}

/// The address of an action on an instance.
pub fn path(number: usize, action: &str) -> String {
    format!("/instances/{}/{action}", id(number))
}

fn ring() -> KeyRing {
    let secret = "correct-horse-battery-staple-and-then-some";
    KeyRing::new(Key::new("8d1f0c2e-0000-4000-8000-000000000000", secret).expect("is long enough"), None)
}

/// A token for the capability, signed by the key of the function.
pub fn signed(capability: &Capability) -> String {
    ring().sign(capability)
}

pub fn in_an_hour() -> Timestamp {
    now() + SignedDuration::from_hours(1)
}

pub fn token_for(number: usize) -> String {
    signed(&Capability::for_instance(id(number), in_an_hour()))
}

/// The keys, and how often they were read.
#[derive(Default)]
pub struct FakeKeys {
    pub reads: Cell<usize>,
    pub is_down: Cell<bool>,
}

impl ReadKeys for &FakeKeys {
    async fn keys(&self) -> Result<KeyRing, KeysUnreadable> {
        self.reads.set(self.reads.get() + 1);
        if self.is_down.get() {
            return Err(KeysUnreadable::new("AccessDeniedException", "the role may not read arn:aws:secretsmanager"));
        }
        Ok(ring())
    }
}

/// The function, with everything it works on.
pub struct Site {
    pub fleet: FakeFleet,
    pub keys: FakeKeys,
    pub has_keys: bool,
    pub settings: Settings,
    pub now: RefCell<Timestamp>,
}

/// An answer as it leaves the function.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    pub status: u64,
    pub headers: Value,
    pub body: String,
}

impl Site {
    pub fn of(fleet: FakeFleet) -> Self {
        let hold = SignedDuration::from_hours(1);
        let settings = Settings { mode: Mode::Enforce, hold, max_keep_hours: 24, link_key: None, function: None };
        Self { fleet, keys: FakeKeys::default(), has_keys: true, settings, now: RefCell::new(now()) }
    }

    /// What a program gets that presses the button for instance 1, with its token in the header.
    pub fn press(&self, action: &str) -> Seen {
        self.post(&path(1, action), &[("accept", JSON), ("authorization", &format!("Bearer {}", token_for(1)))], "")
    }

    pub fn post(&self, target: &str, headers: &[(&str, &str)], body: &str) -> Seen {
        self.send(&event("POST", target, headers, body))
    }

    pub fn send(&self, event: &Value) -> Seen {
        let answer = self.answer(event);
        contract::check(event, &answer);
        Seen::of(&answer)
    }

    /// The answer to an event for an address that this function does not serve.
    pub fn answer_of(&self, event: &Value) -> Seen {
        Seen::of(&self.answer(event))
    }

    fn answer(&self, event: &Value) -> Value {
        let sources = Sources { fleet: &self.fleet, keys: self.has_keys.then(|| Keys::new(&self.keys)) };
        let now = *self.now.borrow();
        let respond = async |request: &web::Request| respond(request, &sources, &self.settings, now).await;
        let answer = web::answer(&event.to_string(), respond).now_or_never().expect("nothing waits");
        let answer = serde_json::to_value(answer).expect("serializes");
        for (name, value) in
            [("cache-control", "no-store"), ("referrer-policy", "no-referrer"), ("x-content-type-options", "nosniff")]
        {
            assert_eq!(answer["headers"][name], value, "{event}");
        }
        assert!(!self.fleet.calls().iter().any(|call| call.starts_with("stop")), "{:?}", self.fleet.calls());
        answer
    }
}

impl Seen {
    fn of(answer: &Value) -> Self {
        Self {
            status: answer["statusCode"].as_u64().expect("has a status"),
            headers: answer["headers"].clone(),
            body: answer["body"].as_str().expect("has a body").to_owned(),
        }
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers[name].as_str().unwrap_or_default()
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// What comes next, in words.
    pub fn next(&self) -> String {
        self.json()["next"]["text"].as_str().unwrap_or_default().to_owned()
    }

    /// The code of a refusal.
    pub fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// An event as API Gateway sends it.
pub fn event(method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Value {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut event = json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": query, "isBase64Encoded": false,
        "headers": {"host": "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com", "x-forwarded-proto": "https"},
        "requestContext": {
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.7"},
            "domainName": "a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com", "stage": "$default", "timeEpoch": 1,
        },
    });
    if !body.is_empty() {
        event["body"] = body.into();
    }
    for (name, value) in headers {
        event["headers"][*name] = (*value).into();
    }
    event
}
