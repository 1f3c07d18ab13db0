//! What the scheduler makes of an event: `scheduler::parse`.

use std::{collections::BTreeSet, sync::LazyLock};

use idleness::InstanceId;
use scheduler::{Purpose, Refusal, Request, Source, Target, TriggerKind, parse};
use serde_json::Value;

use crate::mutation::Material;

/// What events are made of.
pub static MATERIAL: LazyLock<Material> = LazyLock::new(|| Material::of_events(&["scheduler", "alarms"], WORDS));

const WORDS: &[&str] = &[
    "ALARM",
    "AWSAccountId",
    "AlarmName",
    "AlarmRule",
    "CloudWatch Alarm Contributor State Change",
    "CloudWatch Alarm State Change",
    "Dimensions",
    "EC2 Instance State-change Notification",
    "INSUFFICIENT_DATA",
    "InstanceId",
    "Message",
    "MetricStat",
    "Metrics",
    "NewStateValue",
    "OK",
    "Records",
    "SELECT MAX(CPUUtilization) FROM \"AWS/EC2\" GROUP BY InstanceId",
    "Scheduled Event",
    "Sns",
    "Trigger",
    "action",
    "alarmContributor",
    "alarmData",
    "alarmName",
    "alarmRule",
    "attributes",
    "aws.cloudwatch",
    "aws.ec2",
    "aws.events",
    "aws.scheduler",
    "configuration",
    "detail",
    "detail-type",
    "dimensions",
    "explain",
    "expression",
    "i-0123456789abcdef0",
    "i-0abc1234",
    "i-0ABC1234",
    "instance",
    "instance-id",
    "metricStat",
    "metrics",
    "muteDetail",
    "name",
    "source",
    "start",
    "state",
    "sweep",
    "value",
];

/// The codes that `Refusal::code` has for what `parse` alone can refuse.
const CODES: [&str; 7] = [
    "ambiguous-target",
    "bad-instance-id",
    "bad-state",
    "malformed-event",
    "no-target",
    "unknown-action",
    "unknown-event",
];

/// Parses the event, if the data are JSON.
///
/// # Panics
/// The request, or the refusal, is none that may come of the event.
pub fn run(data: &[u8]) {
    let Ok(event) = serde_json::from_slice::<Value>(data) else { return };
    let result = parse(&event);
    assert_eq!(parse(&event), result, "the same event, read twice");
    match result {
        Ok(request) => check_request(&event, &request),
        Err(refusal) => check_refusal(&refusal),
    }
}

fn check_refusal(refusal: &Refusal) {
    assert!(CODES.contains(&refusal.code()), "{refusal:?}");
    let message = refusal.to_string();
    assert!(!message.is_empty() && message.len() < 4000, "{} bytes", message.len());
    assert!(!message.contains(char::is_control), "{message:?}");
}

fn check_request(event: &Value, request: &Request) {
    let Request { trigger, target, purpose } = request;
    for quoted in [&trigger.name, &trigger.account, &trigger.region, &trigger.time].into_iter().flatten() {
        assert!(quoted.len() < 4000 && !quoted.contains(char::is_control), "{quoted:?}");
    }
    assert_eq!(trigger.kind == TriggerKind::Ignored, trigger.why.is_some());
    match (trigger.kind, purpose, target) {
        (TriggerKind::Ignored, Purpose::Act, Target::Nothing) => {
            assert!(!states(event).contains("ALARM") || is_muted(event));
        }
        (TriggerKind::Alarm, Purpose::Act, Target::Named { .. }) => check_alarm(event, trigger.source),
        (TriggerKind::StateChange, Purpose::Act, Target::Named { instances, lookups }) => {
            assert!(instances.len() == 1 && lookups.is_empty());
            assert_eq!(event["source"], "aws.ec2");
        }
        (TriggerKind::Manual, Purpose::Explain, Target::Named { instances, lookups }) => {
            assert!(instances.len() == 1 && lookups.is_empty());
            assert_eq!(event["action"], "explain");
        }
        (TriggerKind::Manual, Purpose::Act, Target::Fleet) => assert_eq!(event["action"], "sweep"),
        (TriggerKind::Sweep, Purpose::Start, Target::Fleet) => assert_eq!(event["action"], "start"),
        (TriggerKind::Sweep, Purpose::Act, Target::Fleet) => assert_eq!(event["detail-type"], "Scheduled Event"),
        _ => panic!("no event asks for this: {request:?}"),
    }
    if let Target::Named { instances, lookups } = target {
        assert!(!instances.is_empty() || !lookups.is_empty(), "a target that names nothing");
        let texts = texts(event);
        for id in instances {
            assert!(is_id(id), "{id}");
            assert!(texts.contains(id.as_str()), "{id} is not in the event");
        }
        for lookup in lookups {
            let (scheduler::Lookup::Composite(name) | scheduler::Lookup::Contributors(name)) = lookup;
            assert!(texts.contains(name), "{name:?} is not in the event");
        }
    }
}

/// An alarm that asks for something is in the state ALARM; of several, sent as one event, at least one is.
fn check_alarm(event: &Value, source: Option<Source>) {
    let states = states(event);
    let may_be_others = source == Some(Source::Sns);
    assert!(states.contains("ALARM") && (may_be_others || states.len() == 1), "{states:?}");
}

fn is_id(id: &InstanceId) -> bool {
    let Some(digits) = id.as_str().strip_prefix("i-") else { return false };
    [8, 17].contains(&digits.len()) && digits.chars().all(|digit| "0123456789abcdef".contains(digit))
}

fn is_muted(event: &Value) -> bool {
    ["alarmData", "detail"].into_iter().any(|alarm| !part(&event[alarm], "muteDetail", 4).is_null())
}

/// The states of all alarms in the event, where CloudWatch writes them.
fn states(event: &Value) -> BTreeSet<String> {
    let of_alarm = |alarm: &Value| part(part(alarm, "state", 1), "value", 0).clone();
    // What an event is read as, is decided in this order.
    let found = if event.get("alarmData").is_some() {
        vec![of_alarm(&event["alarmData"])]
    } else if event.get("detail-type").is_some() {
        vec![of_alarm(&event["detail"])]
    } else {
        let records = event["Records"].as_array().into_iter().flatten();
        let messages = records.filter_map(|record| part(part(record, "Sns", 0), "Message", 0).as_str());
        let documents = messages.filter_map(|message| serde_json::from_str::<Value>(message).ok());
        documents.map(|document| part(&document, "NewStateValue", 4).clone()).collect()
    };
    found.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// A field by its name or, since serde reads a list as the fields of a struct in their order, by its position.
fn part<'a>(value: &'a Value, name: &str, position: usize) -> &'a Value {
    if value.is_array() { &value[position] } else { &value[name] }
}

/// All texts in the event, and in the documents that these are.
fn texts(value: &Value) -> BTreeSet<String> {
    match value {
        Value::String(text) => {
            let inner = serde_json::from_str::<Value>(text).ok().filter(Value::is_object);
            let inner = inner.map(|inner| texts(&inner)).unwrap_or_default();
            inner.into_iter().chain([text.clone()]).collect()
        }
        Value::Array(values) => values.iter().flat_map(texts).collect(),
        Value::Object(fields) => fields.values().flat_map(texts).collect(),
        _ => BTreeSet::new(),
    }
}
