//! Calls that are throttled, denied, lost, or answered with nonsense.

use std::{path::Path, time::Duration};

use scripted::Answer;
use serde_json::json;

use super::Case;
use crate::{
    runtime::Ending,
    scene::{ONE, Scene, alarm, decision, error, id, idle, log, logged_report, never, report},
};

pub(super) const CASES: &[Case] = &[
    Case {
        number: 22,
        what: "an error after a partial effect",
        expected: "re-described, true states reported",
        show: after_effect,
    },
    Case {
        number: 23,
        what: "`RequestLimitExceeded` twice, then success",
        expected: "tried again with all ids, no bisecting",
        show: throttled_twice,
    },
    Case {
        number: 24,
        what: "throttled, or slow, past the deadline",
        expected: "a clean error `deadline` before the function's time-out; what is left is untouched",
        show: past_deadline,
    },
    Case {
        number: 25,
        what: "`UnauthorizedOperation`",
        expected: "names action and resource; the encoded message is not logged",
        show: denied,
    },
    Case {
        number: 26,
        what: "500, 503, connection reset, refused",
        expected: "bounded retry; an unknown outcome is re-described",
        show: broken,
    },
    Case {
        number: 27,
        what: "an answer that never comes",
        expected: "an error long before the function's deadline",
        show: silent,
    },
    Case {
        number: 28,
        what: "200 with an empty, malformed or HTML body",
        expected: "an error, never read as \"stopped\" or \"no instances\"",
        show: nonsense,
    },
];

fn throttled() -> Answer {
    Answer::ec2_error(503, "RequestLimitExceeded", "Request limit exceeded.")
}

fn after_effect(functions: &Path) {
    for answer in [Answer::ec2_error(500, "InternalError", "An internal error has occurred"), Answer::HangUp] {
        let scene = Scene::new(functions, [idle(ONE)]);
        for _ in 0..4 {
            scene.script.after("StopInstances", answer.clone());
        }
        let report = report(scene.scheduler().invoke(&alarm(ONE)));
        let outcome = &report["outcomes"][0];
        assert_eq!((&outcome["result"], &outcome["to"]), (&json!("done"), &json!("stopping")), "{outcome}");
    }
}

fn throttled_twice(functions: &Path) {
    let ids: Vec<String> = (0..3).map(id).collect();
    let scene = Scene::new(functions, ids.iter().map(|id| idle(id)));
    scene.script.instead("StopInstances", throttled());
    scene.script.instead("StopInstances", throttled());
    let report = report(scene.scheduler().invoke(&json!({"action": "sweep"})));
    assert_eq!(report["summary"]["stopped"], 3);
    let calls = scene.calls();
    let stops = calls.iter().filter(|call| call.operation == "StopInstances");
    assert_eq!(stops.map(|call| call.values("InstanceId.").len()).collect::<Vec<_>>(), [3, 3, 3]);
}

fn past_deadline(functions: &Path) {
    let time = Duration::from_secs(12);
    let scene = Scene::new(functions, [idle(ONE)]);
    scene.script.always("GetMetricData", Answer::Late(Duration::from_millis(2500), Box::new(throttled())));
    let mut scheduler = scene.scheduler();
    let ending = scheduler.invoke_within(alarm(ONE).to_string().as_bytes(), time);
    assert_eq!(error(&ending).0, "deadline");
    assert_eq!((scene.changes(), scene.state(ONE)), (0, "running"));
    scene.script.clear();
    assert_eq!(decision(&report(scheduler.invoke(&alarm(ONE))), ONE).0, "stop", "the next run does it");

    let many: Vec<String> = (0..300).map(id).collect();
    let scene = Scene::new(functions, many.iter().map(|id| idle(id)));
    scene.script.always("StopInstances", Answer::Late(Duration::from_millis(1500), Box::new(Answer::HangUp)));
    let mut scheduler = scene.scheduler_with(&[("DOZE_MAX_STOPS", "1000")]);
    let sweep = json!({"action": "sweep"});
    let ending = scheduler.invoke_within(sweep.to_string().as_bytes(), Duration::from_secs(20));
    assert!(matches!(ending, Ending::Error(_)), "{ending:?}");
    // The report is too long for one line; each stop has a line of its own.
    assert_eq!(logged_report(&scheduler)["summary"]["stop"], 300);
    let lines = log(&scheduler);
    let outcomes = lines.iter().filter_map(|line| line["outcomes"].as_array()).flatten();
    let left = outcomes.filter(|outcome| outcome["code"] == "deadline");
    let left: Vec<&str> = left.filter_map(|outcome| outcome["instance"].as_str()).collect();
    assert!(left.len() >= 100, "{} were left", left.len());
    let untouched = |id: &&str| !scene.account.machine(id).tags.contains_key("doze:stopped-at");
    assert!(left.iter().filter(|id| untouched(id)).count() >= left.len() - 50, "but for one batch at most");
}

fn denied(functions: &Path) {
    let scene = Scene::new(functions, [idle(ONE)]);
    scene.account.change(ONE, |machine| machine.protected = false);
    let message = "You are not authorized to perform this operation. User: arn:aws:sts::1:assumed-role/r/s is not authorized to \
                   perform: ec2:CreateTags on resource: arn:aws:ec2:eu-west-1:1:instance/i-0123456789abcdef0. Encoded \
                   authorization failure message: c2VjcmV0LXNlY3JldA";
    scene.script.always("CreateTags", Answer::ec2_error(403, "UnauthorizedOperation", message));
    let mut scheduler = scene.scheduler();
    let ending = scheduler.invoke(&alarm(ONE));
    let (code, message) = error(&ending);
    assert_eq!(code, "action-failed");
    assert!(message.contains("ec2:CreateTags") && message.contains(ONE), "{message}");
    let all = log(&scheduler).iter().map(ToString::to_string).collect::<String>() + &message;
    assert!(!all.contains("c2VjcmV0"), "{all}");
    assert_eq!((scene.count("CreateTags"), scene.count("StopInstances")), (1, 0));
}

fn broken(functions: &Path) {
    let gone = Answer::ec2_error(500, "InternalError", "An internal error has occurred");
    let busy = Answer::ec2_error(503, "Unavailable", "The server is overloaded");
    for answer in [gone, busy, Answer::HangUp] {
        for operation in ["DescribeInstances", "GetMetricData"] {
            let scene = Scene::new(functions, [idle(ONE)]);
            scene.script.instead(operation, answer.clone());
            assert_eq!(decision(&report(scene.scheduler().invoke(&alarm(ONE))), ONE).0, "stop", "once is mended");
            let scene = Scene::new(functions, [idle(ONE)]);
            scene.script.always(operation, answer.clone());
            assert_eq!(error(&scene.scheduler().invoke(&alarm(ONE))).0, "unseen-fleet");
            assert!(scene.count(operation) <= 4 && scene.changes() == 0, "{} calls", scene.count(operation));
        }
    }
    // Nobody listens there.
    let mut alone = crate::runtime::Function::start(&functions.join("scheduler/bootstrap"), "http://127.0.0.1:9", &[]);
    let (code, message) = error(&alone.invoke(&alarm(ONE)));
    assert!(code == "unseen-fleet" && message.contains("NoConnection"), "{message}");
}

fn silent(functions: &Path) {
    for operation in ["DescribeInstances", "GetMetricData"] {
        let scene = Scene::new(functions, [idle(ONE)]);
        scene.script.always(operation, never());
        let mut scheduler = scene.scheduler();
        let ending = scheduler.invoke_within(alarm(ONE).to_string().as_bytes(), Duration::from_mins(1));
        let (code, message) = error(&ending);
        assert!(code == "unseen-fleet" && message.contains("Timeout"), "{operation}: {message}");
        assert_eq!(scene.changes(), 0);
    }
}

fn nonsense(functions: &Path) {
    for body in
        ["", "<html><body>Sign in</body></html>", "{}", "<DescribeInstancesResponse>", "<StopInstancesResponse/>"]
    {
        let scene = Scene::new(functions, [idle(ONE)]);
        scene.script.always("DescribeInstances", Answer::xml(body));
        assert_eq!(error(&scene.scheduler().invoke(&alarm(ONE))).0, "unseen-fleet", "{body:?}");
        assert_eq!(scene.changes(), 0);

        let scene = Scene::new(functions, [idle(ONE)]);
        scene.script.always("StopInstances", Answer::xml(body));
        let mut scheduler = scene.scheduler();
        assert_eq!(error(&scheduler.invoke(&alarm(ONE))).0, "action-failed", "{body:?}");
        let outcome = &logged_report(&scheduler)["outcomes"][0];
        assert_eq!((&outcome["result"], &outcome["to"]), (&json!("failed"), &json!("running")), "{body:?}");
    }
    for answer in scripted::cloudwatch::nonsense() {
        let scene = Scene::new(functions, [idle(ONE)]);
        scene.script.always("GetMetricData", answer);
        assert_eq!(error(&scene.scheduler().invoke(&alarm(ONE))).0, "unseen-fleet");
        assert_eq!(scene.changes(), 0);
    }
}
