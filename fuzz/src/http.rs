//! What the pages, the buttons and `GET /hello` answer to an event of API Gateway: `web::answer` around each of them.
//!
//! The data are an event. A field `doze` beside those of API Gateway says what the instance is like that is asked about, and
//! words such as `{{instance}}` in any text become tokens: whoever changes bytes could sign none.

use std::{cell::RefCell, collections::BTreeMap, sync::LazyLock};

use base64::{Engine, prelude::BASE64_STANDARD};
use capability::{Capability, Key, KeyRing, Keys, KeysUnreadable, Permit, ReadKeys, Subject};
use futures_util::FutureExt;
use idleness::{
    Instance, InstanceId, InstanceState, InstanceType, Market, Mode, Prices, RootDevice, Rules, StopProtection,
    Transition,
};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use web::Request;

use crate::{fleet::FakeFleet, mutation::Material};

/// What events are made of.
pub static MATERIAL: LazyLock<Material> = LazyLock::new(|| {
    let mut material = Material::of_events(&["hello", "home", "wake"], WORDS);
    material.documents.push(json!({"doze": {"is_enforced": true, "state": "stopped", "tags": {
        "Name": "<b>", "doze:after": "database", "doze:schedule": "mon-fri 09:00-18:00 @ Asia/Seoul",
        "doze:keep-until": "2026-11-22T00:00:00Z", "doze:start-owed-since": "2026-11-21T19:50:00Z",
    }}}));
    material
});

const WORDS: &[&str] = &[
    "*/*;q=0.1, application/json;q=0.9",
    "/",
    "/hello",
    "/instances",
    "/instances/i-0123456789abcdef0",
    "/instances/i-0123456789abcdef0/keep-awake",
    "/instances/i-0123456789abcdef0/start",
    "/instances/i-0abc1234",
    "2026-11-21T19:50:00Z",
    "2026-11-22T00:00:00Z",
    "</title><script>alert(1)</script>",
    "Bearer {{fleet}}",
    "Bearer {{instance}}",
    "GET",
    "HEAD",
    "Name",
    "POST",
    "\" onload=\"alert(1)",
    "application/json",
    "application/x-www-form-urlencoded",
    "authorization",
    "body",
    "content-type",
    "database",
    "doze",
    "doze:after",
    "doze:keep-until",
    "doze:policy",
    "doze:schedule",
    "doze:start-owed-since",
    "doze:stopped-at",
    "is_enforced",
    "isBase64Encoded",
    "mon-fri 09:00-18:00 @ Asia/Seoul",
    "name=%3Cb%3E",
    "name=Ada",
    "running",
    "stopped",
    "stopping",
    "terminated",
    "text/html",
    "token={{expired}}",
    "token={{fleet}}",
    "token={{fleet}}&hours=2",
    "token={{fleet}}&page=1",
    "token={{foreign}}",
    "token={{instance}}",
    "token={{instance}}&still",
    "token={{other}}",
    "token={{read}}",
    "{\"hours\": 4}",
];

const ID: &str = "i-0123456789abcdef0";
const OTHER_ID: &str = "i-0abc1234";

fn now() -> Timestamp {
    "2026-11-21T20:00:20Z".parse().expect("is a time")
}

fn id(text: &str) -> InstanceId {
    text.parse().expect("is an id")
}

/// What a token lets one do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Worth {
    Everything,
    Reading,
    Nothing,
}

/// Words, and the tokens that they become.
static TOKENS: LazyLock<[(&str, String, Worth); 6]> = LazyLock::new(|| {
    let in_an_hour = now() + SignedDuration::from_hours(1);
    let of_the_fleet = |permits: &[Permit]| {
        let permits = permits.iter().copied().collect();
        Capability { subject: Subject::Fleet, permits, expires_at: in_an_hour }
    };
    let all = of_the_fleet(&[Permit::Read, Permit::Start, Permit::KeepAwake]);
    let foreign =
        KeyRing::new(Key::new("8d1f0c2e", "of another installation, and long enough").expect("is long"), None);
    [
        ("{{fleet}}", ring().sign(&all), Worth::Everything),
        ("{{read}}", ring().sign(&of_the_fleet(&[Permit::Read])), Worth::Reading),
        ("{{instance}}", ring().sign(&Capability::for_instance(id(ID), in_an_hour)), Worth::Everything),
        ("{{other}}", ring().sign(&Capability::for_instance(id(OTHER_ID), in_an_hour)), Worth::Everything),
        ("{{expired}}", ring().sign(&Capability::for_instance(id(ID), now())), Worth::Nothing),
        ("{{foreign}}", foreign.sign(&all), Worth::Nothing),
    ]
});

fn ring() -> KeyRing {
    KeyRing::new(Key::new("8d1f0c2e", "correct-horse-battery-staple-and-then-some").expect("is long enough"), None)
}

#[derive(Debug)]
struct FakeKeys;

impl ReadKeys for FakeKeys {
    async fn keys(&self) -> Result<KeyRing, KeysUnreadable> {
        Ok(ring())
    }
}

/// What the instance is like that is asked about.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Scene {
    is_enforced: bool,
    state: String,
    tags: BTreeMap<String, String>,
}

impl Scene {
    /// The instance, one that it may come after, and one that did not opt in.
    fn fleet(&self) -> FakeFleet {
        let instance = |id: &str, state: &str, tags: &BTreeMap<String, String>| Instance {
            id: id.parse().expect("is an id"),
            state: InstanceState::from_name(state),
            launched_at: Some(now() - SignedDuration::from_hours(10)),
            instance_type: InstanceType::from_name("m7g.large"),
            vcpus: Some(2),
            root_device: RootDevice::Ebs,
            market: Market::OnDemand,
            stop_protection: StopProtection::Unread,
            transition: Transition::default(),
            tags: tags.clone().into_iter().collect(),
        };
        let tags = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        let own = tags(&[("doze", "on")]).into_iter().chain(self.tags.clone()).collect();
        let state = if self.state.is_empty() { "running" } else { &self.state };
        let note = ("doze:stopped-at", "2026-11-21T15:00:00Z");
        FakeFleet::of([
            instance(ID, state, &own),
            instance(OTHER_ID, "stopped", &tags(&[("doze", "on"), ("Name", "database"), note])),
            instance("i-0def5678", "stopped", &tags(&[("Name", "</bdi><script>of others</script>")])),
        ])
    }

    const fn mode(&self) -> Mode {
        if self.is_enforced { Mode::Enforce } else { Mode::DryRun }
    }
}

/// An event, the best that a token in it is worth, and the fleet that it meets.
struct Visit {
    event: Value,
    worth: Worth,
    scene: Scene,
}

impl Visit {
    fn of(mut event: Value) -> Self {
        let scene = event.as_object_mut().and_then(|fields| fields.remove("doze")).unwrap_or_default();
        let mut worth = Worth::Nothing;
        if event["isBase64Encoded"] == true {
            let decoded = event["body"].as_str().and_then(|body| BASE64_STANDARD.decode(body).ok());
            if let Some(mut body) = decoded.and_then(|body| String::from_utf8(body).ok()) {
                put_tokens_into_text(&mut body, &mut worth);
                event["body"] = BASE64_STANDARD.encode(body).into();
            }
        }
        put_tokens(&mut event, &mut worth);
        Self { event, worth, scene: serde_json::from_value(scene).unwrap_or_default() }
    }
}

fn put_tokens(value: &mut Value, worth: &mut Worth) {
    match value {
        Value::String(text) => put_tokens_into_text(text, worth),
        Value::Array(values) => values.iter_mut().for_each(|value| put_tokens(value, worth)),
        Value::Object(fields) => fields.values_mut().for_each(|value| put_tokens(value, worth)),
        _ => {}
    }
}

fn put_tokens_into_text(text: &mut String, best: &mut Worth) {
    for (word, token, worth) in TOKENS.iter() {
        if !text.contains(word) {
            continue;
        }
        *text = text.replace(word, token);
        if *best == Worth::Nothing || *worth == Worth::Everything {
            *best = *worth;
        }
    }
}

/// What a function answered, and to which request, if to one.
struct Seen {
    answer: Value,
    request: Option<(String, String)>,
}

/// Has each function answer the event, if the data are JSON.
///
/// # Panics
/// An answer is none that may be given, or something was read or done without a token that is good for it.
pub fn run(data: &[u8]) {
    let Ok(event) = serde_json::from_slice::<Value>(data) else { return };
    let Visit { event, worth, scene } = &Visit::of(event);
    greet(event);
    look(event, *worth, scene);
    press(event, *worth, scene);
}

fn greet(event: &Value) {
    let seen = send(event, &async |request| hello::respond(request));
    check(event, &seen, |method, path| matches!(method, "GET" | "HEAD") && path == "/hello");
}

fn look(event: &Value, worth: Worth, scene: &Scene) {
    let settings = home::Settings {
        mode: scene.mode(),
        rules: Rules::default(),
        max_keep_hours: 24,
        prices: Prices::default(),
        link_key: None,
    };
    let fleet = scene.fleet();
    let sources = home::Sources { fleet: &fleet, keys: Some(Keys::new(FakeKeys)) };
    let seen = send(event, &async |request| home::respond(request, &sources, &settings, now()).await);
    check(event, &seen, |method, path| {
        let is_of_others = (method == "GET" && path == "/hello") || (method == "POST" && is_button(path));
        !is_of_others
    });
    assert!(worth != Worth::Nothing || fleet.reads.get() == 0, "read without a token: {event}");
    assert_eq!(fleet.changes.get(), 0, "a page changed something: {event}");
}

fn press(event: &Value, worth: Worth, scene: &Scene) {
    let hold = SignedDuration::from_hours(1);
    let settings = wake::Settings { mode: scene.mode(), hold, max_keep_hours: 24, link_key: None, function: None };
    let fleet = scene.fleet();
    let sources = wake::Sources { fleet: &fleet, keys: Some(Keys::new(FakeKeys)) };
    let seen = send(event, &async |request| wake::respond(request, &sources, &settings, now()).await);
    check(event, &seen, |method, path| method == "POST" && is_button(path));
    let is_post = seen.request.as_ref().is_some_and(|(method, _)| method == "POST");
    let (reads, changes) = (fleet.reads.get(), fleet.changes.get());
    assert!(is_post || (reads, changes) == (0, 0), "pressed by a request that is no POST: {event}");
    // Whoever may only read, may press no button: the page is another function's.
    assert!(worth == Worth::Everything || (reads, changes) == (0, 0), "pressed without a token: {event}");
    assert!(scene.is_enforced || changes == 0, "changed in a dry run: {event}");
}

fn is_button(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    matches!(parts[..], ["", "instances", id, "start" | "keep-awake"] if !id.is_empty())
}

fn send(event: &Value, respond: &impl AsyncFn(&Request) -> web::Answer) -> Seen {
    let asked = RefCell::new(None);
    let respond = async |request: &Request| {
        asked.replace(Some((request.method().to_string(), request.uri().path().to_owned())));
        respond(request).await
    };
    let answer = web::answer(&event.to_string(), respond).now_or_never().expect("nothing waits");
    Seen { answer: serde_json::to_value(answer).expect("an answer serializes"), request: asked.into_inner() }
}

/// What holds of every answer; and of one that API Gateway would route here, that it is described.
fn check(event: &Value, seen: &Seen, is_routed_here: impl Fn(&str, &str) -> bool) {
    let Seen { answer, request } = seen;
    let status = answer["statusCode"].as_u64().expect("has a status");
    assert!((200..500).contains(&status), "{status}: {event}");
    let header = |name: &str| answer["headers"][name].as_str().unwrap_or_default();
    for (name, value) in
        [("cache-control", "no-store"), ("referrer-policy", "no-referrer"), ("x-content-type-options", "nosniff")]
    {
        assert_eq!(header(name), value, "{name}: {event}");
    }
    let policy = header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; base-uri 'none'; form-action '"), "{policy}");
    assert!(policy.contains("; frame-ancestors 'none'") && !policy.contains("unsafe"), "{policy}");
    let body = answer["body"].as_str().expect("has a body");
    match header("content-type").split(';').next().unwrap_or_default() {
        "text/html" => check_html(body),
        "application/json" => drop(serde_json::from_str::<Value>(body).expect("is JSON")),
        "text/plain" => {}
        other => panic!("{other:?}: {event}"),
    }
    if let Some((method, path)) = request.as_ref().filter(|(method, path)| is_routed_here(method, path)) {
        contract::check(&json!({"rawPath": path, "requestContext": {"http": {"method": method}}}), answer);
    }
}

/// A page has the elements of its templates and no other, and no attribute that runs anything: so nothing that a visitor
/// sent, or somebody wrote into a tag, became part of it unescaped.
fn check_html(body: &str) {
    const ELEMENTS: &[&str] = &[
        "!doctype", "a", "bdi", "body", "br", "button", "code", "div", "footer", "form", "h1", "h2", "head", "header",
        "html", "input", "label", "main", "meta", "nav", "p", "small", "span", "strong", "style", "table", "tbody",
        "td", "th", "thead", "time", "title", "tr",
    ];
    assert!(body.len() < 20_000, "{} bytes", body.len());
    for after in body.split('<').skip(1) {
        let (element, _) = after.split_once('>').unwrap_or_else(|| panic!("<{after}"));
        let name = element.trim_start_matches('/').split([' ', '\n']).next().unwrap_or_default();
        assert!(ELEMENTS.contains(&name), "<{element}>");
        let outside_values = element.split('"').step_by(2).flat_map(str::split_whitespace);
        for attribute in outside_values.filter_map(|word| word.strip_suffix('=')) {
            assert!(!attribute.starts_with("on") && attribute != "src", "<{element}>");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visit(path: &str, query: &str, method: &str) -> Visit {
        let mut event = MATERIAL.documents[0].clone();
        event["rawPath"] = path.into();
        event["rawQueryString"] = query.into();
        event["requestContext"]["http"]["method"] = method.into();
        event["doze"] = json!({"is_enforced": true, "state": "stopped"});
        Visit::of(event)
    }

    /// Else a token that is never good, and a fleet that is never asked, would hold.
    #[test]
    fn a_good_token_lets_in() {
        for (word, _, worth) in TOKENS.iter() {
            let Visit { event, worth: found, scene } =
                visit(&format!("/instances/{ID}/start"), &format!("token={word}"), "POST");
            assert_eq!(found, *worth, "{word}");
            let fleet = scene.fleet();
            let sources = wake::Sources { fleet: &fleet, keys: Some(Keys::new(FakeKeys)) };
            let hold = SignedDuration::from_hours(1);
            let settings =
                wake::Settings { mode: Mode::Enforce, hold, max_keep_hours: 24, link_key: None, function: None };
            send(&event, &async |request| wake::respond(request, &sources, &settings, now()).await);
            let is_good_here = *worth == Worth::Everything && *word != "{{other}}";
            assert_eq!(fleet.changes.get() > 0, is_good_here, "{word}");
        }
    }

    #[test]
    fn a_token_in_base64_is_one() {
        let mut event = MATERIAL.documents[0].clone();
        event["isBase64Encoded"] = true.into();
        event["body"] = BASE64_STANDARD.encode("token={{read}}").into();
        assert_eq!(Visit::of(event).worth, Worth::Reading);
    }

    #[test]
    #[should_panic(expected = "<script>")]
    fn an_element_that_is_in_no_template_is_found() {
        check_html("<p><script></p>");
    }
}
