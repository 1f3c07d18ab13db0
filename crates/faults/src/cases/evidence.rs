//! Measurements that are missing, partial, old, or of something else.

use std::path::Path;

use jiff::SignedDuration;
use scripted::{Answer, cloudwatch};
use serde_json::{Value, json};

use super::Case;
use crate::scene::{ONE, Scene, alarm, decision, error, event, id, idle, log, report};

pub(super) const CASES: &[Case] = &[
    Case {
        number: 32,
        what: "`PartialData`, `InternalError`, `Forbidden`, call-level `Messages`",
        expected: "`insufficient-data`; messages are in the log",
        show: partial,
    },
    Case {
        number: 33,
        what: "no datapoint, too few, a page without results but with a token",
        expected: "`insufficient-data` until coverage is met",
        show: missing,
    },
    Case {
        number: 34,
        what: "CPU low while network or disk is busy",
        expected: "`busy`, naming the signal",
        show: other_signals,
    },
    Case {
        number: 35,
        what: "started minutes ago",
        expected: "`recently-started`, in the log at `DEBUG`",
        show: young,
    },
    Case {
        number: 36,
        what: "mass alarm: a hundred at once, on two functions",
        expected: "the cap holds, the rest is `over-cap`",
        show: storm,
    },
    Case {
        number: 37,
        what: "notification sink fails",
        expected: "the stop is unaffected; the failure is in the log",
        show: deaf,
    },
    Case {
        number: 46,
        what: "CloudWatch refuses an alarm",
        expected: "the report names it, and a metric counts it",
        show: refused_alarm,
    },
];

/// An answer of `GetMetricData` where each series has this status and so many datapoints.
fn series(status: &str, points: usize, messages: &Value) -> Answer {
    let now = SignedDuration::from_mins(5);
    let start = scripted::Account::default().now() - SignedDuration::from_mins(60);
    let times: Vec<String> = (0..points).map(|n| (start + now * i32::try_from(n).expect("few")).to_string()).collect();
    let results: Vec<Value> = (0..10)
        .map(|n| json!({"Id": format!("q{n}"), "StatusCode": status, "Timestamps": times, "Values": vec![0.0; points]}))
        .collect();
    cloudwatch::answer(&json!({"MetricDataResults": results, "Messages": messages}))
}

fn partial(functions: &Path) {
    for status in ["PartialData", "InternalError", "Forbidden"] {
        let scene = Scene::new(functions, [idle(ONE)]);
        scene.script.always("GetMetricData", series(status, 12, &json!([])));
        assert_eq!(decision(&report(scene.scheduler().invoke(&alarm(ONE))), ONE).1, "insufficient-data", "{status}");
        assert_eq!(scene.changes(), 0);
    }
    let scene = Scene::new(functions, [idle(ONE)]);
    let messages = json!([{"Code": "ArithmeticError", "Value": "One or more data-points have been dropped"}]);
    scene.script.always("GetMetricData", series("Complete", 0, &messages));
    let mut scheduler = scene.scheduler();
    assert_eq!(decision(&report(scheduler.invoke(&alarm(ONE))), ONE).1, "insufficient-data");
    assert!(log(&scheduler).iter().any(|line| line["code"] == "ArithmeticError"), "the log has the message");
}

fn missing(functions: &Path) {
    let mut unmeasured = idle(ONE);
    unmeasured.measures = None;
    let scene = Scene::new(functions, [unmeasured]);
    assert_eq!(decision(&report(scene.scheduler().invoke(&alarm(ONE))), ONE).1, "insufficient-data");
    for points in [1, 5] {
        let scene = Scene::new(functions, [idle(ONE)]);
        scene.script.always("GetMetricData", series("Complete", points, &json!([])));
        assert_eq!(decision(&report(scene.scheduler().invoke(&alarm(ONE))), ONE).1, "insufficient-data", "{points}");
    }
    let scene = Scene::new(functions, [idle(ONE)]);
    let page = json!({"MetricDataResults": [], "Messages": []});
    scene.script.instead("GetMetricData", cloudwatch::answer(&cloudwatch::with_token(page.clone(), Some("more"))));
    assert_eq!(decision(&report(scene.scheduler().invoke(&alarm(ONE))), ONE).1, "idle", "the next page has all");
    let scene = Scene::new(functions, [idle(ONE)]);
    scene.script.always("GetMetricData", cloudwatch::answer(&cloudwatch::with_token(page, Some("more"))));
    let (code, message) = error(&scene.scheduler().invoke(&alarm(ONE)));
    assert!(code == "unseen-fleet" && message.contains("circle"), "{message}");
    assert_eq!(scene.changes(), 0);
}

fn other_signals(functions: &Path) {
    for (metric, signal) in [("NetworkIn", "network"), ("NetworkOut", "network"), ("EBSReadOps", "ebs")] {
        let scene = Scene::new(functions, [idle(ONE).measuring(metric, 1e9)]);
        let report = report(scene.scheduler().invoke(&alarm(ONE)));
        assert_eq!(decision(&report, ONE).1, "busy", "{metric}");
        assert!(report["decisions"][0].to_string().contains(signal), "{report}");
        assert_eq!(scene.changes(), 0);
    }
}

fn young(functions: &Path) {
    let mut machine = idle(ONE);
    machine.launched_at += SignedDuration::from_hours(24) - SignedDuration::from_mins(3);
    let scene = Scene::new(functions, [machine]);
    let mut scheduler = scene.scheduler();
    assert_eq!(decision(&report(scheduler.invoke(&alarm(ONE))), ONE).1, "recently-started");
    assert_eq!(scene.changes(), 0);
    // The log's own lines are there at `DEBUG`, though nothing of what libraries say at that level is in a release.
    let debug: Vec<_> = log(&scheduler).into_iter().filter(|line| line["level"] == "DEBUG").collect();
    assert_eq!(debug.iter().map(|line| &line["message"]).collect::<Vec<_>>(), ["keep"]);
}

fn storm(functions: &Path) {
    let ids: Vec<String> = (0..100).map(id).collect();
    let scene = Scene::new(functions, ids.iter().map(|id| idle(id)));
    let caps = [("DOZE_MAX_STOPS", "5")];
    let mut both = [scene.scheduler_with(&caps), scene.scheduler_with(&caps)];
    let mut over = 0;
    for (number, id) in ids.iter().enumerate() {
        let report = report(both[number % 2].invoke(&alarm(id)));
        over += usize::from(decision(&report, id).1 == "over-cap");
    }
    let stopped = ids.iter().filter(|id| scene.state(id) != "running").count();
    assert_eq!((stopped, over), (5, 95));
}

fn deaf(functions: &Path) {
    let scene = Scene::new(functions, [idle(ONE)]);
    scene.script.always("Publish", Answer::ec2_error(403, "AuthorizationError", "no"));
    let mut scheduler = scene.scheduler_with(&[("DOZE_TOPIC", "arn:aws:sns:eu-west-1:123456789012:doze")]);
    let report = report(scheduler.invoke(&alarm(ONE)));
    assert_eq!((&report["summary"]["stopped"], scene.state(ONE)), (&json!(1), "stopping"));
    assert_eq!(report["notification"]["result"], "failed", "{report}");
    assert!(log(&scheduler).iter().any(|line| line["message"] == "notification" && line["level"] == "ERROR"));
}

fn refused_alarm(functions: &Path) {
    let scene = Scene::new(functions, [idle(ONE)]);
    scene.script.always("DescribeAlarms", cloudwatch::answer(&json!({"MetricAlarms": []})));
    scene.script.always("PutMetricAlarm", cloudwatch::error(400, "LimitExceededFault", Some("LimitExceeded")));
    let action = "arn:aws:lambda:eu-west-1:123456789012:function:doze-scheduler";
    let variables = [("DOZE_ALARM_PREFIX", "doze-idle-auto-"), ("DOZE_ALARM_ACTION", action)];
    let mut alarms = scene.function("alarms", &variables);
    let report = report(alarms.invoke(&event("alarms/tick.json")));
    assert_eq!(report["failed"][0]["alarm"], format!("doze-idle-auto-{ONE}"), "{report}");
    let lines = log(&alarms);
    let metric = lines.iter().find(|line| line["RefusedAlarms"] == 1.0).expect("it is counted");
    // An alarm finds it by its namespace and dimensions alone.
    let directive = &metric["_aws"]["CloudWatchMetrics"][0];
    assert_eq!((&directive["Namespace"], &directive["Dimensions"]), (&json!("Doze"), &json!([["FunctionName"]])));
    assert_eq!(metric["FunctionName"], "doze-test");
}
