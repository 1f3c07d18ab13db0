//! Every file under `events/` is an event that somebody may send, and its whole effect is a snapshot: the calls that the
//! function makes, and its answer. A fixture without a snapshot fails, and so does a snapshot whose fixture is gone.

use std::{fs, path::Path};

use crate::support::{
    BUSY, FakeFleet,
    messages::TestKeys,
    now, settings,
    starts::{ASLEEP, FALLEN, OPEN, later},
};
use capability::Keys;
use idleness::{Mode, Prices, Record, Rules};
use jiff::SignedDuration;
use scheduler::{Entry, Run, answer, run};
use serde_json::{Value, json};

#[tokio::test(flavor = "current_thread")]
async fn every_event_has_the_effect_that_its_snapshot_shows() {
    let events = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events");
    let mut names = Vec::new();
    for function in fs::read_dir(&events).expect("events/ is there") {
        let function = function.expect("is readable").path();
        // They go to a function without a fleet to decide about; its own tests read them.
        if function.ends_with("alarms") {
            continue;
        }
        for file in fs::read_dir(&function).expect("events/ holds one folder a function") {
            let path = file.expect("is readable").path();
            assert_eq!(path.extension().and_then(|e| e.to_str()), Some("json"), "{} is no event", path.display());
            let event: Value = serde_json::from_slice(&fs::read(&path).expect("is readable"))
                .unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            let function = function.file_name().and_then(|name| name.to_str()).expect("is Unicode");
            let name = format!("{function}--{}", path.file_stem().and_then(|s| s.to_str()).expect("is Unicode"));
            let effect = match function {
                "scheduler" if name.starts_with("scheduler--queue-") => effect_of_queue(event).await,
                "scheduler" => effect_on_fleet(&name, &event).await,
                "hello" => {
                    let respond = async |request: &web::Request| hello::respond(request);
                    described(&event, &web::answer(&event.to_string(), respond).await)
                }
                "home" => answer_of_home(&name, &event).await,
                "wake" => answer_of_wake(&name, &event).await,
                other => panic!("events/{other} belongs to no function"),
            };
            insta::with_settings!({prepend_module_to_snapshot => false, omit_expression => true}, {
                insta::assert_json_snapshot!(name.as_str(), effect);
            });
            names.push(name);
        }
    }
    assert_no_snapshot_is_left_over(&names);
}

/// The page, with a fleet of one instance of each kind behind it. No event brings a token that is good, so none is read.
async fn answer_of_home(name: &str, event: &Value) -> Value {
    let settings = home::Settings {
        mode: Mode::DryRun,
        rules: Rules::default(),
        max_keep_hours: 24,
        prices: Prices::default(),
        link_key: None,
    };
    let sources = home::Sources { fleet: FakeFleet::of_every_kind(), keys: Some(Keys::new(TestKeys)) };
    let respond = async |request: &web::Request| home::respond(request, &sources, &settings, now()).await;
    let answer = described(event, &web::answer(&event.to_string(), respond).await);
    assert_refused_as_named(name, &answer);
    assert!(sources.fleet.calls().is_empty(), "{name} made calls: {:?}", sources.fleet.calls());
    answer
}

/// What a button does in `enforce`, which is nothing without a token that is good.
async fn answer_of_wake(name: &str, event: &Value) -> Value {
    let hold = SignedDuration::from_hours(1);
    let settings = wake::Settings { mode: Mode::Enforce, hold, max_keep_hours: 24, link_key: None, function: None };
    let sources = wake::Sources { fleet: FakeFleet::of_every_kind(), keys: Some(Keys::new(TestKeys)) };
    let respond = async |request: &web::Request| wake::respond(request, &sources, &settings, now()).await;
    let answer = described(event, &web::answer(&event.to_string(), respond).await);
    assert_refused_as_named(name, &answer);
    assert!(sources.fleet.calls().is_empty(), "{name} made calls: {:?}", sources.fleet.calls());
    answer
}

fn assert_refused_as_named(name: &str, answer: &Value) {
    let is_refused = answer["statusCode"].as_u64().is_some_and(|status| status >= 400);
    assert_eq!(is_refused, name.contains("--refused-"), "{name}: {answer}");
}

/// The answer, which is as infra/openapi.yaml has it.
fn described(event: &Value, answer: &impl serde::Serialize) -> Value {
    let mut answer = to_json(answer);
    contract::check(event, &answer);
    // The style sheet and its hash are the same on every page, and change with every colour.
    if let Some((before, rest)) = answer["body"].as_str().and_then(|body| body.split_once("<style>")) {
        let (_, after) = rest.split_once("</style>").expect("the style sheet ends");
        answer["body"] = format!("{before}<style>…</style>{after}").into();
        let policy = answer["headers"]["content-security-policy"].as_str().expect("every page has a policy");
        let (before, _) = policy.split_once("style-src").expect("that allows its style sheet");
        answer["headers"]["content-security-policy"] = format!("{before}style-src …").into();
    }
    answer
}

/// What the scheduler does with the event in `enforce`, to a fleet with one instance of each kind. Events that start something
/// find one more that Doze stopped, and one whose start fell back.
async fn effect_on_fleet(name: &str, event: &Value) -> Value {
    let mut fleet = FakeFleet::of_every_kind();
    if ["scheduler--manual-start", "scheduler--state-change"].iter().any(|prefix| name.starts_with(prefix)) {
        fleet.add_asleep(ASLEEP, &[OPEN, ("Name", "web"), ("doze:after", BUSY)]);
        fleet.add_asleep(FALLEN, &[]);
        fleet.fall_back(FALLEN, "Client.InternalError", "Client error on launch", later(-1));
    }
    let answer = match run(event, &fleet, &settings(Mode::Enforce), now()).await {
        Ok(run) => {
            assert_decisions_can_be_made_again(&run);
            json!({"report": run.report})
        }
        Err(error) => json!({"error": {"code": error.code(), "message": journal::chain(&error)}}),
    };
    let refused = name.starts_with("scheduler--refused-");
    let unresolved = name.starts_with("scheduler--unresolved-");
    assert_eq!(refused || unresolved, answer.get("error").is_some(), "{name}: {answer}");
    if refused || name.starts_with("scheduler--ignored-") {
        assert!(fleet.calls().is_empty(), "{name} made calls: {:?}", fleet.calls());
    }
    let mut effect = json!({"calls": fleet.calls()});
    effect.as_object_mut().expect("is an object").extend(answer.as_object().cloned().unwrap_or_default());
    effect
}

/// What becomes of each message of a queue, and which of them come again.
async fn effect_of_queue(event: Value) -> Value {
    let fleet = FakeFleet::of_every_kind();
    let mut ends = Vec::new();
    let answer = answer(event, async |event: &Value| {
        let run = run(event, &fleet, &settings(Mode::Enforce), now()).await;
        ends.push(match &run {
            Ok(run) => json!({"trigger": run.report.trigger, "outcomes": run.report.outcomes}),
            Err(error) => json!({"error": {"code": error.code(), "message": journal::chain(error)}}),
        });
        run.map(|run| run.report)
    })
    .await
    .expect("a batch has an answer");
    json!({"calls": fleet.calls(), "messages": ends, "answer": answer})
}

/// From each decision's line in the log alone comes the same decision.
fn assert_decisions_can_be_made_again(run: &Run) {
    let lines = run.entries().filter(|entry| matches!(entry, Entry::Decision(_)));
    for (line, decision) in lines.zip(&run.report.decisions) {
        let line = serde_json::to_string(&line).expect("serializes");
        match serde_json::from_str::<Record>(&line) {
            Ok(record) => {
                assert_eq!(record.decision, *decision);
                assert_eq!(record.decide_again(), *decision, "{line}");
            }
            Err(error) => assert_eq!(decision.reason.as_str(), "not-found", "{error}: {line}"),
        }
    }
}

fn to_json(answer: &impl serde::Serialize) -> Value {
    serde_json::to_value(answer).expect("serializes")
}

fn assert_no_snapshot_is_left_over(names: &[String]) {
    let snapshots = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots");
    for file in fs::read_dir(snapshots).expect("snapshots are there") {
        let file = file.expect("is readable").file_name().into_string().expect("is Unicode");
        let Some(name) = file.strip_suffix(".snap") else { continue };
        assert!(names.iter().any(|other| other == name), "{file} belongs to no event");
    }
}
