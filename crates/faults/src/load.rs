//! More of everything than an account has on a bad day: what holds of the answers, and what the processes need for them.

use std::{
    path::Path,
    sync::{Mutex, PoisonError},
    thread,
};

use serde_json::json;

use crate::{
    runtime::Function,
    scene::{Scene, alarm, decision, event, id, idle, report},
};

/// The memory of the smallest function that Lambda has, in KiB.
const SMALLEST: u64 = 128 * 1024;
/// How much more a function may hold after its ten thousandth invocation than after its thousandth, in KiB: what allocators keep
/// is not let go at once, and a leak of a hundred bytes an invocation would be more.
const DRIFT: u64 = 512;

/// One kind of load.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// What comes.
    pub what: &'static str,
    /// Lets it come, and tells what was seen; panics if something does not hold.
    pub bear: fn(&Path) -> String,
}

/// All of them.
pub const LOADS: &[Load] = &[
    Load { what: "a thousand alarms at once, on four functions", bear: storm },
    Load { what: "10,000 requests to `home` and `hello`", bear: crowd },
    Load { what: "a sweep of 10,000 instances, in 128 MB", bear: large_fleet },
    Load { what: "10,000 warm invocations of the scheduler", bear: long_life },
];

fn storm(functions: &Path) -> String {
    const ALARMS: usize = 1000;
    const FUNCTIONS: usize = 4;
    const CAP: usize = 25;
    let ids: Vec<String> = (0..ALARMS).map(id).collect();
    let scene = Scene::new(functions, ids.iter().map(|id| idle(id)));
    let waiting = Mutex::new(ids.iter());
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
    let answers = thread::scope(|scope| {
        let bear = || {
            let mut scheduler = scene.scheduler();
            let mut reasons = Vec::new();
            while let Some(id) = next() {
                reasons.push(decision(&report(scheduler.invoke(&alarm(id))), id).1);
            }
            reasons
        };
        let functions: Vec<_> = (0..FUNCTIONS).map(|_| scope.spawn(bear)).collect();
        functions.into_iter().flat_map(|function| function.join().expect("bears it")).collect::<Vec<String>>()
    });
    let count = |reason: &str| answers.iter().filter(|answer| *answer == reason).count();
    let stopped = ids.iter().filter(|id| scene.state(id) != "running").count();
    assert_eq!((answers.len(), count("idle"), count("over-cap")), (ALARMS, stopped, ALARMS - stopped));
    // Runs at the same moment do not see each other's note, and each of these stops one at most.
    assert!((CAP..CAP + FUNCTIONS).contains(&stopped), "{stopped} stops");
    let asked: usize = scene.calls_of("StopInstances").iter().map(|call| call.values("InstanceId.").len()).sum();
    assert_eq!(asked, stopped, "no instance is stopped twice");
    format!("{stopped} stops, {} over the cap of {CAP}", count("over-cap"))
}

fn crowd(functions: &Path) -> String {
    const REQUESTS: u64 = 10_000;
    let scene = Scene::new(functions, []);
    let mut said = Vec::new();
    for (name, file) in [("home", "home/get-html.json"), ("hello", "hello/get.json")] {
        let mut function = scene.function(name, &[("AWS_LAMBDA_LOG_LEVEL", "INFO")]);
        let request = event(file);
        let grown = growth(&mut function, REQUESTS, |function, _| {
            let answer = report(function.invoke(&request));
            assert_eq!(answer["statusCode"], 200, "{answer}");
        });
        said.push(format!("{name}: {grown}"));
    }
    assert_eq!(scene.calls().len(), 0, "a public page asks nothing of AWS");
    said.join("; ")
}

fn large_fleet(functions: &Path) -> String {
    const INSTANCES: usize = 10_000;
    let scene = Scene::new(functions, (0..INSTANCES).map(|number| idle(&id(number))));
    let mut scheduler = scene.scheduler_with(&[("AWS_LAMBDA_LOG_LEVEL", "INFO")]);
    let report = report(scheduler.invoke(&json!({"action": "sweep"})));
    let expected = json!({"considered": INSTANCES, "stopped": 25, "failed": 0});
    for (field, value) in expected.as_object().expect("is an object") {
        assert_eq!(&report["summary"][field], value, "{field}");
    }
    let bytes = report.to_string().len();
    assert!(bytes < 1_000_000, "the report has {bytes} bytes");
    let peak = scheduler.memory().peak;
    assert!(peak < SMALLEST, "{peak} KiB");
    let calls = |operation: &str| scene.count(operation);
    format!(
        "peak {} MiB; {} descriptions, {} calls for metrics, {} stops; the report has {} KiB",
        peak / 1024,
        calls("DescribeInstances"),
        calls("GetMetricData"),
        calls("StopInstances"),
        bytes / 1024
    )
}

fn long_life(functions: &Path) -> String {
    const INVOCATIONS: u64 = 10_000;
    let scene = Scene::new(functions, (0..3).map(|number| idle(&id(number)).measuring("CPUUtilization", 60.0)));
    let mut scheduler = scene.scheduler_with(&[("AWS_LAMBDA_LOG_LEVEL", "INFO")]);
    let (sweep, single) = (json!({"action": "sweep"}), alarm(&id(1)));
    let grown = growth(&mut scheduler, INVOCATIONS, |scheduler, number| {
        let report = report(scheduler.invoke(if number % 2 == 0 { &sweep } else { &single }));
        assert_eq!(decision(&report, &id(1)).1, "busy");
    });
    assert_eq!(scene.changes(), 0);
    grown
}

/// Invokes a function so often, and sees how much memory it holds after a tenth of it and in the end.
fn growth(function: &mut Function, times: u64, invoke: impl Fn(&mut Function, u64)) -> String {
    let mut early = 0;
    for number in 0..times {
        if number == times / 10 {
            early = function.memory().now;
        }
        invoke(function, number);
    }
    let late = function.memory().now;
    assert!(late < early + DRIFT, "{early} KiB, and {late} KiB in the end");
    format!("{late} KiB after {times}, {early} KiB after {}", times / 10)
}
