//! From a Lambda event to a request: which envelope it is, who sent it, and what it asks to be looked at.
//!
//! Only what Doze uses is read, by narrow types of our own; whatever does not fit is refused with a reason that names
//! what was wrong. Nothing here is evidence: states and times in an event are reported, never relied upon.

mod alarm;
mod sns;
mod state_change;

use std::collections::BTreeSet;

use fleet::Watches;
use idleness::{InstanceId, InvalidInstanceId};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use alarm::{BridgeAlarm, DirectAlarm};
use sns::Notification;
use state_change::StateChange;

/// What an event asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What set the run off, for the report.
    pub trigger: Trigger,
    /// What to look at.
    pub target: Target,
    /// What for.
    pub purpose: Purpose,
}

/// What to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Nothing: the event asks for no action.
    Nothing,
    /// These instances, and those behind these alarms.
    Named {
        /// The instances that the event names.
        instances: BTreeSet<InstanceId>,
        /// The alarms that have to be looked up, because the event does not name their instances.
        lookups: BTreeSet<Lookup>,
    },
    /// All opted-in instances.
    Fleet,
}

/// What a run is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To decide, and to act upon it as far as the mode allows.
    Act,
    /// To start those of the stopped instances that are to run. It measures nothing, so that it may happen often.
    Start,
    /// To say why an instance would be stopped or kept. Nothing is changed, whatever the mode.
    Explain,
}

/// An alarm whose instances are not in its event.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lookup {
    /// A composite alarm: its children name them.
    Composite(String),
    /// An alarm over many time series: its contributors name them.
    Contributors(String),
}

impl Lookup {
    /// The alarm's name, and where its instances are to be found.
    pub(crate) fn as_open(&self) -> (String, Watches) {
        match self {
            Self::Composite(name) => (name.clone(), Watches::Alarms),
            Self::Contributors(name) => (name.clone(), Watches::Contributors),
        }
    }
}

/// What set a run off. Everything but `kind` and `source` is quoted from the event, and proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Trigger {
    /// The kind of event.
    pub kind: TriggerKind,
    /// The alarm's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The way it came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// The account it says it came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The Region it says it came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The time it says it was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// Why nothing is done, where nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<&'static str>,
}

/// The kinds of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TriggerKind {
    /// An alarm in the state `ALARM`.
    Alarm,
    /// A tick of the clock.
    Sweep,
    /// An EC2 instance that changed its state.
    StateChange,
    /// A person, or a script.
    Manual,
    /// An alarm that asks for nothing.
    Ignored,
}

/// The ways an alarm comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// CloudWatch invoked the function.
    Direct,
    /// By an EventBridge rule.
    Eventbridge,
    /// By an SNS topic.
    Sns,
}

/// Why an event was refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// None of the envelopes.
    #[error("the event is none that Doze knows: {0}")]
    UnknownEvent(String),
    /// An envelope that Doze knows, whose content does not fit.
    #[error("the {envelope} does not fit: {problem}")]
    Malformed {
        /// The envelope.
        envelope: &'static str,
        /// What does not fit, and where.
        problem: String,
    },
    /// A manual event that asks for something unknown.
    #[error(
        "the manual event does not fit: {0}; expected {{\"action\":\"sweep\"}}, {{\"action\":\"start\"}} or {{\"action\":\"explain\",\"instance\":\"i-…\"}}"
    )]
    UnknownAction(String),
    /// An alarm without a state, or with one that is none of CloudWatch's.
    #[error("the alarm's state is {}: expected ALARM, OK or INSUFFICIENT_DATA", .0.as_ref().map_or("missing".to_owned(), |state| format!("{state:?}")))]
    BadState(Option<String>),
    /// An alarm that names no instance.
    #[error("the alarm names no instance: none of its metrics, children or contributors has the dimension InstanceId")]
    NoTarget,
    /// An alarm over several instances, which does not say which of them is meant.
    #[error("the alarm names {0} instances, and does not say which of them is idle")]
    AmbiguousTarget(usize),
    /// A composite alarm that leads to very many others.
    #[error("the alarm leads to more than {0} other alarms")]
    TooManyAlarms(usize),
    /// An instance id that is none.
    #[error(transparent)]
    BadInstanceId(#[from] InvalidInstanceId),
}

impl Refusal {
    /// A stable code for logs and error types.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownEvent(_) => "unknown-event",
            Self::Malformed { .. } => "malformed-event",
            Self::UnknownAction(_) => "unknown-action",
            Self::BadState(_) => "bad-state",
            Self::NoTarget => "no-target",
            Self::AmbiguousTarget(_) => "ambiguous-target",
            Self::TooManyAlarms(_) => "too-many-alarms",
            Self::BadInstanceId(_) => "bad-instance-id",
        }
    }
}

/// Reads an event.
///
/// # Errors
/// The event is none that Doze knows, or does not say what it means.
pub fn parse(event: &Value) -> Result<Request, Refusal> {
    let Some(fields) = event.as_object() else {
        return Err(Refusal::UnknownEvent(format!("it is no JSON object, but {}", kind_of(event))));
    };
    if fields.contains_key("alarmData") {
        return fit::<DirectAlarm>("alarm event", event)?.into_request();
    }
    if let Some(detail_type) = fields.get("detail-type") {
        return parse_bridged(detail_type, event);
    }
    if fields.contains_key("Records") {
        return fit::<Notification>("SNS notification", event)?.into_request();
    }
    if fields.contains_key("action") {
        return parse_manual(fields);
    }
    let names: Vec<_> = fields.keys().map(|name| format!("{:?}", cut(name))).take(8).collect();
    Err(Refusal::UnknownEvent(format!("its fields are [{}]", names.join(", "))))
}

/// An event of EventBridge's envelope: who sent it decides with what it says.
fn parse_bridged(detail_type: &Value, event: &Value) -> Result<Request, Refusal> {
    let detail_type = detail_type.as_str().unwrap_or_default();
    let source = event.get("source").and_then(Value::as_str).unwrap_or_default();
    match (source, detail_type) {
        ("aws.cloudwatch", "CloudWatch Alarm State Change" | "CloudWatch Alarm Contributor State Change") => {
            fit::<BridgeAlarm>("alarm event", event)?.into_request()
        }
        ("aws.scheduler" | "aws.events", "Scheduled Event") => {
            let trigger = Trigger { source: None, ..fit::<Sender>("tick", event)?.trigger(TriggerKind::Sweep) };
            Ok(Request { trigger, target: Target::Fleet, purpose: Purpose::Act })
        }
        ("aws.ec2", "EC2 Instance State-change Notification") => {
            fit::<StateChange>("state change", event)?.into_request()
        }
        _ => {
            let described = format!("detail-type {:?} from source {:?}", cut(detail_type), cut(source));
            Err(Refusal::UnknownEvent(described))
        }
    }
}

/// An event that a person or a script wrote. Unknown fields are refused: they were meant to do something.
fn parse_manual(fields: &Map<String, Value>) -> Result<Request, Refusal> {
    let trigger = Trigger::of(TriggerKind::Manual);
    match fields.get("action") {
        Some(Value::String(action)) if action == "sweep" => {
            only_fields(fields, &["action"])?;
            Ok(Request { trigger, target: Target::Fleet, purpose: Purpose::Act })
        }
        Some(Value::String(action)) if action == "start" => {
            only_fields(fields, &["action"])?;
            let trigger = Trigger::of(TriggerKind::Sweep);
            Ok(Request { trigger, target: Target::Fleet, purpose: Purpose::Start })
        }
        Some(Value::String(action)) if action == "explain" => {
            only_fields(fields, &["action", "instance"])?;
            let Some(Value::String(instance)) = fields.get("instance") else {
                return Err(Refusal::UnknownAction("the field \"instance\" is no text".to_owned()));
            };
            Ok(Request { trigger, target: Target::instance(instance.parse()?), purpose: Purpose::Explain })
        }
        Some(Value::String(action)) => Err(Refusal::UnknownAction(format!("unknown action {:?}", cut(action)))),
        other => Err(Refusal::UnknownAction(format!("the action is {}", other.map_or("missing", kind_of)))),
    }
}

fn only_fields(fields: &Map<String, Value>, known: &[&str]) -> Result<(), Refusal> {
    match fields.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(Refusal::UnknownAction(format!("unknown field {:?}", cut(name)))),
        None => Ok(()),
    }
}

impl Target {
    /// One instance.
    fn instance(id: InstanceId) -> Self {
        Self::Named { instances: BTreeSet::from([id]), lookups: BTreeSet::new() }
    }

    /// The instances behind an alarm.
    fn behind(lookup: Lookup) -> Self {
        Self::Named { instances: BTreeSet::new(), lookups: BTreeSet::from([lookup]) }
    }
}

impl Trigger {
    /// A trigger of which nothing more is known.
    const fn of(kind: TriggerKind) -> Self {
        Self { kind, name: None, source: None, account: None, region: None, time: None, why: None }
    }
}

/// What EventBridge's envelope says of where an event comes from.
#[derive(Deserialize)]
struct Sender {
    account: Option<Value>,
    region: Option<Value>,
    time: Option<Value>,
}

impl Sender {
    fn trigger(&self, kind: TriggerKind) -> Trigger {
        Trigger {
            source: Some(Source::Eventbridge),
            account: quote(self.account.as_ref()),
            region: quote(self.region.as_ref()),
            time: quote(self.time.as_ref()),
            ..Trigger::of(kind)
        }
    }
}

/// Reads the parts of an event that Doze uses; the error says where in the event it does not fit.
fn fit<T: DeserializeOwned>(envelope: &'static str, event: &Value) -> Result<T, Refusal> {
    serde_path_to_error::deserialize(event)
        .map_err(|error| Refusal::Malformed { envelope, problem: cut(&error.to_string()) })
}

/// A field that is only quoted: a short text, or nothing.
fn quote(value: Option<&Value>) -> Option<String> {
    value.and_then(Value::as_str).map(cut)
}

/// The beginning of a text from outside, on one line: enough to recognize it, too little to flood a log. An alarm's name
/// has at most 255 characters.
fn cut(text: &str) -> String {
    const SHOWN_CHARACTERS: usize = 255;
    let mut shown = String::new();
    for character in text.chars().take(SHOWN_CHARACTERS) {
        if character.is_control() {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

const fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
