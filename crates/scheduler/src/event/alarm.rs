//! Alarms as CloudWatch sends them itself: directly to the function, and by EventBridge. Both carry the same inner object
//! (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html>).

use std::collections::{BTreeMap, BTreeSet};

use fleet::Watches;
use idleness::InstanceId;
use serde::Deserialize;
use serde_json::Value;

use super::{Lookup, Purpose, Refusal, Request, Sender, Source, Target, Trigger, TriggerKind, cut, quote};

const INSTANCE_DIMENSION: &str = "InstanceId";

/// CloudWatch's direct invocation.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DirectAlarm {
    account_id: Option<Value>,
    region: Option<Value>,
    time: Option<Value>,
    alarm_data: Alarm,
}

/// The same by EventBridge.
#[derive(Deserialize)]
pub(super) struct BridgeAlarm {
    #[serde(flatten)]
    sender: Sender,
    detail: Alarm,
}

#[derive(Deserialize)]
struct Alarm {
    #[serde(rename = "alarmName")]
    name: Option<String>,
    /// A map, since a struct would be read from a list as well.
    state: Option<BTreeMap<String, Value>>,
    configuration: Option<Configuration>,
    #[serde(rename = "alarmContributor")]
    contributor: Option<Contributor>,
    #[serde(rename = "muteDetail")]
    mute: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Configuration {
    #[serde(default)]
    metrics: Vec<Metric>,
    alarm_rule: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metric {
    /// Absent from an expression.
    metric_stat: Option<MetricStat>,
    expression: Option<String>,
}

#[derive(Deserialize)]
struct MetricStat {
    metric: MetricIdentity,
}

#[derive(Deserialize)]
struct MetricIdentity {
    dimensions: Option<BTreeMap<String, String>>,
}

/// The one time series that crossed the threshold, of an alarm that watches many.
#[derive(Deserialize)]
struct Contributor {
    attributes: BTreeMap<String, String>,
}

impl DirectAlarm {
    pub(super) fn into_request(self) -> Result<Request, Refusal> {
        let trigger = Trigger {
            source: Some(Source::Direct),
            account: quote(self.account_id.as_ref()),
            region: quote(self.region.as_ref()),
            time: quote(self.time.as_ref()),
            ..Trigger::of(TriggerKind::Alarm)
        };
        self.alarm_data.into_request(trigger)
    }
}

impl BridgeAlarm {
    pub(super) fn into_request(self) -> Result<Request, Refusal> {
        self.detail.into_request(self.sender.trigger(TriggerKind::Alarm))
    }
}

impl Alarm {
    fn into_request(self, trigger: Trigger) -> Result<Request, Refusal> {
        let trigger = Trigger { name: self.name.as_deref().map(cut), ..trigger };
        let state = AlarmState::named(self.state.as_ref().and_then(|state| state.get("value")?.as_str()))?;
        if let Some(why) = state.asks_for_nothing() {
            return Ok(Request::ignored(trigger, why));
        }
        if self.mute.is_some() {
            return Ok(Request::ignored(trigger, "the alarm is muted"));
        }
        Ok(Request { trigger, target: self.target()?, purpose: Purpose::Act })
    }

    fn target(self) -> Result<Target, Refusal> {
        if let Some(contributor) = &self.contributor {
            let named = contributor.attributes.get(INSTANCE_DIMENSION).map(String::as_str).into_iter();
            return only_instance(named).map(Target::instance);
        }
        let configuration = self.configuration.ok_or(Refusal::NoTarget)?;
        let lookup = |of: fn(String) -> Lookup| self.name.map(of).map(Target::behind).ok_or(Refusal::NoTarget);
        if configuration.alarm_rule.is_some() {
            return lookup(Lookup::Composite);
        }
        let mut expressions = configuration.metrics.iter().filter_map(|metric| metric.expression.as_deref());
        if expressions.any(Watches::is_metrics_insights) {
            return lookup(Lookup::Contributors);
        }
        let metrics = configuration.metrics.iter().filter_map(|metric| metric.metric_stat.as_ref());
        let dimensions = metrics.filter_map(|stat| stat.metric.dimensions.as_ref());
        let ids = dimensions.filter_map(|dimensions| dimensions.get(INSTANCE_DIMENSION)).map(String::as_str);
        only_instance(ids).map(Target::instance)
    }
}

/// The one instance that all the ids name.
pub(super) fn only_instance<'a>(ids: impl Iterator<Item = &'a str>) -> Result<InstanceId, Refusal> {
    let ids: BTreeSet<InstanceId> = ids.map(str::parse).collect::<Result<_, _>>()?;
    let count = ids.len();
    match (ids.into_iter().next(), count) {
        (Some(id), 1) => Ok(id),
        (None, _) => Err(Refusal::NoTarget),
        (Some(_), _) => Err(Refusal::AmbiguousTarget(count)),
    }
}

/// The states of an alarm. A state that is missing or unknown is neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AlarmState {
    Alarm,
    Ok,
    InsufficientData,
}

impl AlarmState {
    pub(super) fn named(name: Option<&str>) -> Result<Self, Refusal> {
        match name {
            Some("ALARM") => Ok(Self::Alarm),
            Some("OK") => Ok(Self::Ok),
            Some("INSUFFICIENT_DATA") => Ok(Self::InsufficientData),
            other => Err(Refusal::BadState(other.map(cut))),
        }
    }

    /// Why an alarm in this state asks for nothing, if it does not.
    pub(super) const fn asks_for_nothing(self) -> Option<&'static str> {
        match self {
            Self::Alarm => None,
            Self::Ok => Some("the alarm's state is OK"),
            Self::InsufficientData => Some("the alarm's state is INSUFFICIENT_DATA"),
        }
    }
}

impl Request {
    /// A request that asks for nothing, and says why.
    pub(super) fn ignored(trigger: Trigger, why: &'static str) -> Self {
        let trigger = Trigger { kind: TriggerKind::Ignored, why: Some(why), ..trigger };
        Self { trigger, target: Target::Nothing, purpose: Purpose::Act }
    }
}
