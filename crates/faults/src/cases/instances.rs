//! Instances that are not to be stopped, or not any more.

use std::path::Path;

use scripted::{Answer, Machine};
use serde_json::json;

use super::Case;
use crate::scene::{ONE, Scene, alarm, decision, id, idle, logged_report, report};

pub(super) const CASES: &[Case] = &[
    Case {
        number: 15,
        what: "opt-in tag absent, `off`, or removed between describe and stop",
        expected: "kept; `UnauthorizedOperation` becomes the outcome `failed`, not tried again",
        show: opted_out,
    },
    Case { number: 16, what: "Auto Scaling, EKS, ECS member", expected: "kept", show: members },
    Case { number: 17, what: "stop protection", expected: "kept; protection is never switched off", show: protected },
    Case {
        number: 18,
        what: "instance-store root, one-time Spot",
        expected: "kept, without calling stop",
        show: unstoppable,
    },
    Case {
        number: 19,
        what: "`pending`, `stopping`, `shutting-down`, `terminated`",
        expected: "kept, without a change",
        show: in_between,
    },
    Case {
        number: 20,
        what: "NotFound for an instance that is there; NotFound for ever",
        expected: "re-described, its true state reported; `not-found`",
        show: not_found,
    },
    Case {
        number: 21,
        what: "one bad id among 50",
        expected: "49 handled, 1 named, a bounded number of calls",
        show: one_bad,
    },
];

/// What is kept for this reason, is kept by the binary without a change.
fn kept(functions: &Path, machine: Machine, reason: &str) {
    let scene = Scene::new(functions, [machine]);
    assert_eq!(decision(&report(scene.scheduler().invoke(&alarm(ONE))), ONE), ("keep".to_owned(), reason.to_owned()));
    assert_eq!(scene.changes(), 0, "{reason}");
}

fn opted_out(functions: &Path) {
    kept(functions, idle(ONE).tagged("doze", "off"), "not-opted-in");
    kept(functions, idle(ONE).tagged("doze", "ON"), "not-opted-in");
    let mut untagged = idle(ONE);
    untagged.tags.clear();
    kept(functions, untagged, "not-opted-in");

    let scene = Scene::new(functions, [idle(ONE)]);
    let message = format!(
        "You are not authorized to perform this operation. not authorized on resource: arn:aws:ec2:r:1:instance/{ONE}. \
         Encoded authorization failure message: c2VjcmV0"
    );
    scene.script.always("StopInstances", Answer::ec2_error(403, "UnauthorizedOperation", &message));
    let mut scheduler = scene.scheduler();
    let _ = scheduler.invoke(&alarm(ONE));
    let outcome = &logged_report(&scheduler)["outcomes"][0];
    assert_eq!((&outcome["result"], &outcome["code"]), (&json!("failed"), &json!("UnauthorizedOperation")));
    assert_eq!(scene.count("StopInstances"), 1);
}

fn members(functions: &Path) {
    kept(functions, idle(ONE).tagged("aws:autoscaling:groupName", "g"), "auto-scaling-member");
    kept(functions, idle(ONE).tagged("eks:cluster-name", "c"), "cluster-member");
    kept(functions, idle(ONE).tagged("kubernetes.io/cluster/c", "owned"), "cluster-member");
}

fn protected(functions: &Path) {
    let mut machine = idle(ONE);
    machine.protected = true;
    let scene = Scene::new(functions, [machine]);
    assert_eq!(decision(&report(scene.scheduler().invoke(&alarm(ONE))), ONE).1, "stop-protected");
    assert_eq!((scene.changes(), scene.count("ModifyInstanceAttribute")), (0, 0));
}

fn unstoppable(functions: &Path) {
    let mut machine = idle(ONE);
    machine.root_device = "instance-store";
    kept(functions, machine, "instance-store-root");
    let mut machine = idle(ONE);
    machine.spot = Some("one-time");
    kept(functions, machine, "one-time-spot");
}

fn in_between(functions: &Path) {
    for (state, reason) in [
        ("pending", "in-transition"),
        ("stopping", "in-transition"),
        ("shutting-down", "terminated"),
        ("terminated", "terminated"),
    ] {
        let mut machine = idle(ONE);
        machine.state = state;
        kept(functions, machine, reason);
    }
}

fn not_found(functions: &Path) {
    let scene = Scene::new(functions, [idle(ONE)]);
    let missing = format!("The instance ID '{ONE}' does not exist");
    scene.script.instead("StopInstances", Answer::ec2_error(400, "InvalidInstanceID.NotFound", &missing));
    let mut scheduler = scene.scheduler();
    let _ = scheduler.invoke(&alarm(ONE));
    let outcome = &logged_report(&scheduler)["outcomes"][0];
    assert_eq!((&outcome["code"], &outcome["to"]), (&json!("InvalidInstanceID.NotFound"), &json!("running")));
    assert!(!scene.account.machine(ONE).tags.contains_key("doze:stopped-at"), "the note is taken back");
    assert_eq!(decision(&report(scheduler.invoke(&alarm(ONE))), ONE).0, "stop", "and the next event tries again");

    let scene = Scene::new(functions, []);
    assert_eq!(decision(&report(scene.scheduler().invoke(&alarm(ONE))), ONE).1, "not-found");
    assert_eq!(scene.changes(), 0);
}

fn one_bad(functions: &Path) {
    let scene = Scene::new(functions, (0..50).map(|number| idle(&id(number))));
    let bad = id(30);
    let missing =
        Answer::ec2_error(400, "InvalidInstanceID.NotFound", &format!("The instance ID '{bad}' does not exist"));
    scene.script.instead("StopInstances", missing);
    let mut scheduler = scene.scheduler_with(&[("DOZE_MAX_STOPS", "50")]);
    let _ = scheduler.invoke(&json!({"action": "sweep"}));
    let report = logged_report(&scheduler);
    assert_eq!((&report["summary"]["stopped"], &report["summary"]["failed"]), (&json!(49), &json!(1)));
    let failed =
        report["outcomes"].as_array().expect("has outcomes").iter().find(|outcome| outcome["result"] == "failed");
    assert_eq!(failed.expect("one failed")["instance"], json!(bad));
    assert!(scene.count("StopInstances") <= 4, "{} calls", scene.count("StopInstances"));
}
