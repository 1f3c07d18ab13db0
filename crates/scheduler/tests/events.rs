//! Every file under `events/` is an event that somebody may send, and its whole effect is a snapshot: the calls that the
//! function makes, and its answer. A fixture without a snapshot fails, and so does a snapshot whose fixture is gone.

mod support;

use std::{fs, path::Path};

use home::Settings as HomeSettings;
use idleness::{Mode, Record};
use scheduler::{Entry, Run, run};
use serde_json::{Value, json};
use support::{FakeFleet, now, settings};

#[tokio::test(flavor = "current_thread")]
async fn every_event_has_the_effect_that_its_snapshot_shows() {
    let events = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events");
    let mut names = Vec::new();
    for function in fs::read_dir(&events).expect("events/ is there") {
        let function = function.expect("is readable").path();
        for file in fs::read_dir(&function).expect("events/ holds one folder a function") {
            let path = file.expect("is readable").path();
            assert_eq!(path.extension().and_then(|e| e.to_str()), Some("json"), "{} is no event", path.display());
            let event: Value = serde_json::from_slice(&fs::read(&path).expect("is readable"))
                .unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            let function = function.file_name().and_then(|name| name.to_str()).expect("is Unicode");
            let name = format!("{function}--{}", path.file_stem().and_then(|s| s.to_str()).expect("is Unicode"));
            let effect = match function {
                "scheduler" => effect_on_fleet(&name, &event).await,
                "hello" => to_json(&web::answer(event, hello::respond)),
                "home" => {
                    let settings = HomeSettings { mode: Mode::DryRun };
                    to_json(&web::answer(event, |request| home::respond(request, settings)))
                }
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

/// What the scheduler does with the event in `enforce`, to a fleet with one instance of each kind.
async fn effect_on_fleet(name: &str, event: &Value) -> Value {
    let fleet = FakeFleet::of_every_kind();
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
