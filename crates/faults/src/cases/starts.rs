//! Starts that EC2 has no capacity for, or that fall back.

use std::path::Path;

use jiff::SignedDuration;
use scripted::Answer;
use serde_json::json;

use super::Case;
use crate::scene::{ONE, Scene, asleep, decision, event, report};

const TOPIC: (&str, &str) = ("DOZE_TOPIC", "arn:aws:sns:eu-west-1:123456789012:doze");

pub(super) const CASES: &[Case] = &[
    Case {
        number: 29,
        what: "`InsufficientInstanceCapacity` on start",
        expected: "the start stays owed, is tried again, and told of once",
        show: no_capacity,
    },
    Case {
        number: 30,
        what: "start accepted, then back to `stopped`",
        expected: "the state's reason is in the decision",
        show: falls_back,
    },
    Case { number: 31, what: "hibernation", expected: "never asked for: plain stops alone", show: no_hibernation },
];

fn no_capacity(functions: &Path) {
    let scene = Scene::new(functions, [asleep(ONE)]);
    let none = Answer::ec2_error(500, "InsufficientInstanceCapacity", "We currently do not have sufficient capacity.");
    scene.script.always("StartInstances", none);
    let mut scheduler = scene.scheduler_with(&[TOPIC]);
    let tick = json!({"action": "start"});
    let first = report(scheduler.invoke(&tick));
    assert_eq!(first["outcomes"][0]["result"], "owed", "{first}");
    assert!(scene.account.machine(ONE).tags.contains_key("doze:start-owed-since"));
    assert_eq!((scene.count("StartInstances"), scene.count("Publish")), (1, 1));
    let again = report(scheduler.invoke(&tick));
    assert!(again["decisions"][0]["detail"].to_string().contains("its start has been owed since"), "{again}");
    assert_eq!((scene.count("StartInstances"), scene.count("Publish")), (1, 1), "it waits, and nobody is told again");
    scene.script.clear();
    // The next try is due by now.
    let tried = scene.account.now() - SignedDuration::from_hours(2);
    scene.account.change(ONE, |machine| {
        machine.tags.insert("doze:start-tried-at".to_owned(), tried.to_string());
        machine.tags.insert("doze:start-owed-since".to_owned(), tried.to_string());
    });
    let started = report(scheduler.invoke(&tick));
    assert_eq!((&started["summary"]["started"], scene.state(ONE)), (&json!(1), "pending"), "{started}");
}

fn falls_back(functions: &Path) {
    let mut machine = asleep(ONE);
    machine.state_reason = Some(("Client.InternalError", "Client.InternalError: Client error on launch"));
    let scene = Scene::new(functions, [machine]);
    let mut notice = event("scheduler/state-change-running.json");
    notice["detail"]["instance-id"] = ONE.into();
    notice["detail"]["state"] = "stopped".into();
    let report = report(scene.scheduler().invoke(&notice));
    assert_eq!(decision(&report, ONE).1, "start-failed", "{report}");
    assert!(report.to_string().contains("Client error on launch"), "{report}");
    assert_eq!(scene.count("StartInstances"), 0);
}

fn no_hibernation(functions: &Path) {
    let scene = Scene::new(functions, [crate::scene::idle(ONE)]);
    let _ = report(scene.scheduler().invoke(&json!({"action": "sweep"})));
    let calls = scene.calls();
    let stop = calls.iter().find(|call| call.operation == "StopInstances").expect("it is stopped");
    assert_eq!((stop.values("Hibernate").len(), stop.values("Force").len()), (0, 0));
}
