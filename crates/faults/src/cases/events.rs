//! Events that come twice, late, or as nonsense.

use std::{path::Path, thread, time::Duration};

use jiff::SignedDuration;
use scripted::{Answer, cloudwatch};
use serde_json::{Value, json};

use super::Case;
use crate::{
    runtime::{Ending, Function},
    scene::{ONE, Scene, alarm, decision, error, event, id, idle, log, report},
};

pub(super) const CASES: &[Case] = &[
    Case {
        number: 1,
        what: "the same event twice",
        expected: "one stop; the second reports `in-transition`, and later `already-stopped`",
        show: twice,
    },
    Case {
        number: 2,
        what: "two copies at once",
        expected: "both end well; the instance is stopped once, and not started",
        show: at_once,
    },
    Case {
        number: 3,
        what: "process killed between the stop and the report",
        expected: "the retry sees `in-transition` and reports it",
        show: killed,
    },
    Case {
        number: 4,
        what: "ALARM delivered after a newer OK",
        expected: "evidence is read again: `busy`",
        show: late_alarm,
    },
    Case { number: 5, what: "event hours old", expected: "evidence is read now and decides alone", show: old },
    Case {
        number: 6,
        what: "event time missing, in the future or malformed",
        expected: "the same: the time is reported, never relied on",
        show: odd_times,
    },
    Case { number: 7, what: "INSUFFICIENT_DATA, OK", expected: "`ignored`, no call at all", show: other_states },
    Case {
        number: 8,
        what: "missing or unknown `state.value`",
        expected: "the error `bad-state` or `malformed-event`, no call",
        show: no_state,
    },
    Case {
        number: 9,
        what: "period 86400, metric math, metric without dimensions",
        expected: "parsed; without an instance the error `no-target`",
        show: odd_metrics,
    },
    Case {
        number: 10,
        what: "composite alarm with and without suppressor",
        expected: "its children are looked up; without any the error `no-target`",
        show: composite,
    },
    Case { number: 11, what: "no InstanceId anywhere", expected: "the error `no-target`, no call", show: no_target },
    Case {
        number: 12,
        what: "InstanceId malformed, blank, with a newline",
        expected: "the error `bad-instance-id`, no call",
        show: bad_ids,
    },
    Case {
        number: 13,
        what: "alarm from another account or Region",
        expected: "`not-found`; the report says where it came from",
        show: from_elsewhere,
    },
    Case {
        number: 14,
        what: "truncated, deeply nested, 1 MB of JSON",
        expected: "an error; the next event is served",
        show: nonsense,
    },
    Case {
        number: 42,
        what: "a panic in a handler",
        expected: "an error answer, a line of JSON in the log; the next event is served",
        show: panic,
    },
    Case {
        number: 43,
        what: "batch of ten queue messages with one bad",
        expected: "only that one in `batchItemFailures`",
        show: batch,
    },
];

fn twice(functions: &Path) {
    let scene = Scene::new(functions, [idle(ONE)]);
    let mut scheduler = scene.scheduler();
    for (verdict, reason) in [("stop", "idle"), ("keep", "in-transition")] {
        let report = report(scheduler.invoke(&alarm(ONE)));
        assert_eq!(decision(&report, ONE), (verdict.to_owned(), reason.to_owned()));
    }
    scene.account.pass(SignedDuration::from_mins(2));
    assert_eq!(decision(&report(scheduler.invoke(&alarm(ONE))), ONE).1, "already-stopped");
    assert_eq!(scene.count("StopInstances"), 1);
}

fn at_once(functions: &Path) {
    let scene = Scene::new(functions, [idle(ONE)]);
    // Both have measured before one of them stops.
    let slow = || Answer::Late(Duration::from_secs(1), Box::new(Answer::ec2_error(503, "Unavailable", "later")));
    scene.script.instead("GetMetricData", slow());
    scene.script.instead("GetMetricData", slow());
    let mut both = [scene.scheduler(), scene.scheduler()];
    for scheduler in &mut both {
        scheduler.send(alarm(ONE).to_string().as_bytes(), Duration::from_mins(2));
    }
    for scheduler in &mut both {
        let report = report(scheduler.ending(Duration::from_mins(1)));
        assert_eq!(report["summary"]["failed"], 0, "{report}");
    }
    assert_eq!((scene.state(ONE), scene.count("StartInstances")), ("stopping", 0));
}

fn killed(functions: &Path) {
    let scene = Scene::new(functions, [idle(ONE)]);
    scene.script.after("StopInstances", Answer::Late(Duration::from_secs(5), Box::new(Answer::HangUp)));
    let mut scheduler = scene.scheduler();
    scheduler.send(alarm(ONE).to_string().as_bytes(), Duration::from_mins(2));
    for _ in 0..500 {
        if scene.state(ONE) == "stopping" {
            break;
        }
        thread::sleep(Duration::from_millis(20));
    }
    scheduler.kill();
    assert_eq!(scene.state(ONE), "stopping");
    let report = report(scene.scheduler().invoke(&alarm(ONE)));
    assert_eq!(decision(&report, ONE), ("keep".to_owned(), "in-transition".to_owned()));
    assert_eq!(scene.count("StopInstances"), 1);
}

fn late_alarm(functions: &Path) {
    let scene = Scene::new(functions, [idle(ONE).measuring("CPUUtilization", 80.0)]);
    let mut scheduler = scene.scheduler();
    assert_eq!(report(scheduler.invoke(&event("scheduler/ignored-alarm-ok.json")))["trigger"]["kind"], "ignored");
    assert_eq!(decision(&report(scheduler.invoke(&alarm(ONE))), ONE).1, "busy");
    assert_eq!(scene.changes(), 0);
}

fn old(functions: &Path) {
    for (cpu, reason) in [(0.4, "idle"), (80.0, "busy")] {
        let scene = Scene::new(functions, [idle(ONE).measuring("CPUUtilization", cpu)]);
        let mut event = alarm(ONE);
        event["time"] = json!("2026-01-01T00:00:00.000+0000");
        assert_eq!(decision(&report(scene.scheduler().invoke(&event)), ONE).1, reason);
    }
}

fn odd_times(functions: &Path) {
    for time in [Value::Null, json!("2999-01-01T00:00:00Z"), json!("yesterday"), json!(17), json!({"a": "b"})] {
        let scene = Scene::new(functions, [idle(ONE)]);
        let mut event = alarm(ONE);
        event["time"] = time.clone();
        let report = report(scene.scheduler().invoke(&event));
        assert_eq!(decision(&report, ONE).1, "idle", "{time}");
        assert_ne!(report["at"], time, "and the report has its own");
    }
}

fn other_states(functions: &Path) {
    let scene = Scene::new(functions, [idle(ONE)]);
    let mut scheduler = scene.scheduler();
    for state in ["OK", "INSUFFICIENT_DATA"] {
        let mut event = alarm(ONE);
        event["alarmData"]["state"]["value"] = state.into();
        assert_eq!(report(scheduler.invoke(&event))["trigger"]["kind"], "ignored", "{state}");
    }
    assert_eq!(scene.calls().len(), 0);
}

fn no_state(functions: &Path) {
    let scene = Scene::new(functions, [idle(ONE)]);
    let mut scheduler = scene.scheduler();
    for state in [
        json!({}),
        json!({"value": "alarm"}),
        json!({"value": ""}),
        json!({"value": 1}),
        json!("ALARM"),
        json!(["ALARM"]),
    ] {
        let mut event = alarm(ONE);
        event["alarmData"]["state"] = state.clone();
        let (code, _) = error(&scheduler.invoke(&event));
        assert!(["bad-state", "malformed-event"].contains(&code.as_str()), "{state}: {code}");
    }
    assert_eq!(scene.calls().len(), 0);
}

fn odd_metrics(functions: &Path) {
    let scene = Scene::new(functions, [idle(ONE)]);
    let mut scheduler = scene.scheduler();
    for name in ["alarm-direct-period-of-a-day", "alarm-direct-metric-math"] {
        let report = report(scheduler.invoke(&event(&format!("scheduler/{name}.json"))));
        assert_eq!(report["summary"]["considered"], 1, "{name}");
    }
    let refused = scheduler.invoke(&event("scheduler/refused-no-dimensions.json"));
    assert_eq!(error(&refused).0, "no-target");
}

fn composite(functions: &Path) {
    for name in ["alarm-direct-composite", "alarm-eventbridge-composite-with-suppressor"] {
        let scene = Scene::new(functions, [idle(ONE)]);
        let child = json!({"AlarmName": "doze-idle-dev", "Dimensions": [{"Name": "InstanceId", "Value": ONE}]});
        let children = cloudwatch::answer(&json!({"MetricAlarms": [child], "CompositeAlarms": []}));
        scene.script.always("DescribeAlarms", children);
        let composite = event(&format!("scheduler/{name}.json"));
        let mut scheduler = scene.scheduler();
        assert_eq!(decision(&report(scheduler.invoke(&composite)), ONE).0, "stop", "{name}");

        // An account that knows no such alarms.
        let scene = Scene::new(functions, [idle(ONE)]);
        let none = cloudwatch::answer(&json!({"MetricAlarms": [], "CompositeAlarms": []}));
        scene.script.always("DescribeAlarms", none);
        assert_eq!(error(&scene.scheduler().invoke(&composite)).0, "no-target");
        assert_eq!(scene.changes(), 0);
    }
}

fn no_target(functions: &Path) {
    let scene = Scene::new(functions, [idle(ONE)]);
    let ending = scene.scheduler().invoke(&event("scheduler/refused-no-instance.json"));
    assert_eq!(error(&ending).0, "no-target");
    assert_eq!(scene.calls().len(), 0);
}

fn bad_ids(functions: &Path) {
    let scene = Scene::new(functions, [idle(ONE)]);
    let mut scheduler = scene.scheduler();
    for id in ["", " ", "i-", "i-012345678", "I-0123456789abcdef0", "i-0123456789abcdef0\n", "i-0123456789abcdeg0", "*"]
    {
        assert_eq!(error(&scheduler.invoke(&alarm(id))).0, "bad-instance-id", "{id:?}");
    }
    assert_eq!(scene.calls().len(), 0);
}

fn from_elsewhere(functions: &Path) {
    let scene = Scene::new(functions, []);
    let report = report(scene.scheduler().invoke(&event("scheduler/alarm-direct-from-another-account.json")));
    assert_eq!(report["summary"]["keep_by_reason"], json!({"not-found": 1}));
    assert!(report["trigger"]["account"].is_string() && report["trigger"]["region"].is_string(), "{report}");
}

fn nonsense(functions: &Path) {
    let scene = Scene::new(functions, [idle(ONE)]);
    let mut scheduler = scene.scheduler();
    let nested = "[".repeat(100_000);
    let huge = json!({"action": "x".repeat(1_000_000)}).to_string();
    for text in ["", "{", "{\"alarmData\":", "\u{0}", "nul", &nested, &huge] {
        let time = Duration::from_secs(30);
        match scheduler.invoke_within(text.as_bytes(), time) {
            Ending::Error(_) => {}
            // What is no JSON at all may end the process, as in any function of the runtime: Lambda starts the next one.
            Ending::Gone => scheduler = again(&scene, scheduler),
            other => panic!("{text:.20}: {other:?}"),
        }
        let report = report(scheduler.invoke(&event("scheduler/ignored-alarm-ok.json")));
        assert_eq!(report["trigger"]["kind"], "ignored", "the next event is served");
    }
    assert_eq!(scene.calls().len(), 0);
}

fn again(scene: &Scene, ended: Function) -> Function {
    drop(ended);
    scene.scheduler()
}

fn panic(functions: &Path) {
    let scene = Scene::new(functions, []);
    let bootstrap = std::env::current_exe().expect("is a file").with_file_name("panics");
    let mut function = Function::start(&bootstrap, "http://127.0.0.1:9", &[]);
    for words in ["something is wrong", "a\nb \"c\" {}", ""] {
        let (_, message) = error(&function.invoke(&json!({"panic": words})));
        assert!(message.contains(words), "{message}");
        assert_eq!(function.invoke(&json!({"answer": 42})), Ending::Answer(json!({"answer": 42})), "it goes on");
        let said = |line: &Value| line["level"] == "ERROR" && line["message"] == words && line["at"].is_string();
        assert!(log(&function).iter().any(said), "{words:?}: {:?}", function.log());
    }
    assert_eq!(scene.calls().len(), 0);
}

fn batch(functions: &Path) {
    // The cap is a share of those that run on, so that ten of ten would not be stopped one by one.
    let scene = Scene::new(functions, (0..30).map(|number| idle(&id(number))));
    let ids: Vec<String> = (0..10).map(id).collect();
    let mut scheduler = scene.scheduler();
    let body = |number: usize| if number == 6 { "no JSON".to_owned() } else { alarm(&ids[number]).to_string() };
    let message = |number| json!({"messageId": format!("m-{number}"), "eventSource": "aws:sqs", "body": body(number)});
    let records: Vec<Value> = (0..10).map(message).collect();
    let answer = report(scheduler.invoke(&json!({"Records": records})));
    assert_eq!(answer, json!({"batchItemFailures": [{"itemIdentifier": "m-6"}]}));
    let stopped: Vec<&String> = ids.iter().filter(|id| scene.state(id) != "running").collect();
    assert!(stopped.len() == 9 && !stopped.contains(&&ids[6]), "{stopped:?}");
}
