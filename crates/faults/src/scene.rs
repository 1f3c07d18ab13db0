//! An account, a script of faults, and functions that run against both.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use scripted::{Account, Answer, Call, Endpoint, Machine, Script};
use serde_json::Value;

use crate::runtime::{Ending, Function};

/// The id of the instance that most cases are about.
pub const ONE: &str = "i-0123456789abcdef0";

/// The operations that change something.
const CHANGES: [&str; 4] = ["StopInstances", "StartInstances", "CreateTags", "DeleteTags"];

/// Where a case takes place.
#[derive(Debug)]
pub struct Scene {
    /// The instances.
    pub account: Arc<Account>,
    /// What calls get instead of their normal answers.
    pub script: Arc<Script>,
    endpoint: Endpoint,
    functions: PathBuf,
}

impl Scene {
    /// An account with these instances, and the functions whose bootstraps are in that folder.
    #[must_use]
    pub fn new(functions: &Path, machines: impl IntoIterator<Item = Machine>) -> Self {
        let (account, script) = (Arc::new(Account::of(machines)), Arc::new(Script::default()));
        let (of_account, of_script) = (Arc::clone(&account), Arc::clone(&script));
        let endpoint = Endpoint::start(move |call| of_script.answer(call, || of_account.answer(call)));
        Self { account, script, endpoint, functions: functions.to_owned() }
    }

    /// A function that runs, with these variables.
    #[must_use]
    pub fn function(&self, name: &str, variables: &[(&str, &str)]) -> Function {
        Function::start(&self.functions.join(name).join("bootstrap"), self.endpoint.address(), variables)
    }

    /// A scheduler that stops and starts.
    #[must_use]
    pub fn scheduler(&self) -> Function {
        self.scheduler_with(&[])
    }

    /// The same, with more variables.
    #[must_use]
    pub fn scheduler_with(&self, variables: &[(&str, &str)]) -> Function {
        let enforce = [("DOZE_MODE", "enforce"), ("DOZE_MAX_STOPS_PERCENT", "100")];
        self.function("scheduler", &[&enforce[..], variables].concat())
    }

    /// All calls so far.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.endpoint.calls()
    }

    /// All calls of an operation so far.
    #[must_use]
    pub fn calls_of(&self, operation: &str) -> Vec<Call> {
        self.endpoint.calls_of(operation)
    }

    /// How often an operation was called.
    #[must_use]
    pub fn count(&self, operation: &str) -> usize {
        self.calls_of(operation).len()
    }

    /// How many calls were meant to change something.
    #[must_use]
    pub fn changes(&self) -> usize {
        self.calls().iter().filter(|call| CHANGES.contains(&call.operation.as_str())).count()
    }

    /// The state of an instance.
    #[must_use]
    pub fn state(&self, id: &str) -> &'static str {
        self.account.machine(id).state
    }
}

/// An id by its number.
#[must_use]
pub fn id(number: usize) -> String {
    format!("i-{number:017x}")
}

/// An idle instance of that id.
#[must_use]
pub fn idle(id: &str) -> Machine {
    Machine::idle(id, Account::default().now())
}

/// One that Doze stopped three hours ago, and whose schedule has a window open all day.
#[must_use]
pub fn asleep(id: &str) -> Machine {
    let stopped_at = hours_from_now(-3);
    let mut machine = idle(id)
        .tagged("doze:stopped-at", &stopped_at.to_string())
        .tagged("doze:schedule", "mon-sun 00:00-12:00 @ UTC + mon-sun 12:00-24:00 @ UTC");
    machine.state = "stopped";
    machine.state_reason =
        Some(("Client.UserInitiatedShutdown", "Client.UserInitiatedShutdown: User initiated shutdown"));
    machine
}

/// An instant in whole seconds.
#[must_use]
pub fn hours_from_now(hours: i64) -> Timestamp {
    let now = Account::default().now();
    Timestamp::from_second(now.as_second()).expect("is in range") + SignedDuration::from_hours(hours)
}

/// An event from the folder `events/`.
#[must_use]
pub fn event(path: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events");
    let text = std::fs::read_to_string(folder.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).expect("events are JSON")
}

/// CloudWatch's own event of an alarm over one instance.
#[must_use]
pub fn alarm(id: &str) -> Value {
    let mut event = event("scheduler/alarm-direct.json");
    event["alarmData"]["configuration"]["metrics"][0]["metricStat"]["metric"]["dimensions"]["InstanceId"] = id.into();
    event
}

/// An answer that never comes, as far as a function can wait.
#[must_use]
pub fn never() -> Answer {
    Answer::Late(Duration::from_secs(200), Box::new(Answer::HangUp))
}

/// The report that a function answered with.
#[must_use]
pub fn report(ending: Ending) -> Value {
    match ending {
        Ending::Answer(report) => report,
        other => panic!("no report: {other:?}"),
    }
}

/// The code and the message of the error that a function ended with.
#[must_use]
pub fn error(ending: &Ending) -> (String, String) {
    let Ending::Error(error) = ending else { panic!("no error: {ending:?}") };
    let text = |field: &str| error[field].as_str().expect("an error has a type and a message").to_owned();
    (text("errorType"), text("errorMessage"))
}

/// The one decision about an instance in a report: verdict and reason.
#[must_use]
pub fn decision(report: &Value, id: &str) -> (String, String) {
    let decisions = report["decisions"].as_array().expect("a report has decisions");
    let of_it: Vec<&Value> = decisions.iter().filter(|decision| decision["instance"] == id).collect();
    let [decision] = of_it[..] else { panic!("{} decisions about {id}", of_it.len()) };
    let text = |field: &str| decision[field].as_str().expect("is a text").to_owned();
    (text("verdict"), text("reason"))
}

/// The report's line in a function's log, which is there even if the run failed.
#[must_use]
pub fn logged_report(function: &Function) -> Value {
    let lines = log(function);
    lines.into_iter().rfind(|line| line["message"] == "report").expect("the log has a report")
}

/// A function's log.
#[must_use]
pub fn log(function: &Function) -> Vec<Value> {
    let parse = |line: String| {
        let value: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(value.is_object(), "no object: {line}");
        value
    };
    function.log().into_iter().map(parse).collect()
}
