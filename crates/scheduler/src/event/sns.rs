//! Alarms by SNS: the notification's message is a JSON text with keys and a dimension list of its own
//! (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html>).

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;

use super::{
    Refusal, Request, Source, Target, Trigger, TriggerKind,
    alarm::{AlarmState, only_instance},
    cut, fit, quote,
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Notification {
    records: Vec<Record>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Record {
    sns: Envelope,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Envelope {
    message: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Message {
    alarm_name: String,
    #[serde(rename = "AWSAccountId")]
    account: Option<Value>,
    /// A display name, such as "EU (Ireland)".
    region: Option<Value>,
    state_change_time: Option<Value>,
    new_state_value: Option<String>,
    trigger: Option<MessageTrigger>,
    alarm_rule: Option<Value>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MessageTrigger {
    #[serde(default)]
    dimensions: Option<Vec<Dimension>>,
    #[serde(default)]
    metrics: Vec<Metric>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Metric {
    metric_stat: Option<MetricStat>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MetricStat {
    metric: MetricIdentity,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MetricIdentity {
    dimensions: Option<Vec<Dimension>>,
}

#[derive(Deserialize)]
struct Dimension {
    name: String,
    value: String,
}

impl Notification {
    /// One request for all records: SNS sends one record today, and its format allows more.
    pub(super) fn into_request(self) -> Result<Request, Refusal> {
        let mut combined: Option<Request> = None;
        for record in self.records {
            let message: Value = serde_json::from_str(&record.sns.message).map_err(|error| Refusal::Malformed {
                envelope: "SNS notification",
                problem: format!("its message is no JSON: {error}"),
            })?;
            let request = fit::<Message>("SNS message", &message)?.into_request()?;
            combined = Some(match combined {
                Some(earlier) => merge(earlier, request),
                None => request,
            });
        }
        let problem = "it has no records".to_owned();
        combined.ok_or(Refusal::Malformed { envelope: "SNS notification", problem })
    }
}

/// Both targets, under the trigger of the first record that asks for something.
fn merge(earlier: Request, later: Request) -> Request {
    match (earlier.target, later.target) {
        (Target::Instances(mut ids), Target::Instances(more)) => {
            ids.extend(more);
            Request { trigger: earlier.trigger, target: Target::Instances(ids) }
        }
        (Target::Nothing, target) => Request { trigger: later.trigger, target },
        (target, _) => Request { trigger: earlier.trigger, target },
    }
}

impl Message {
    fn into_request(self) -> Result<Request, Refusal> {
        let trigger = Trigger {
            name: Some(cut(&self.alarm_name)),
            source: Some(Source::Sns),
            account: quote(self.account.as_ref()),
            region: quote(self.region.as_ref()),
            time: quote(self.state_change_time.as_ref()),
            ..Trigger::of(TriggerKind::Alarm)
        };
        if let Some(why) = AlarmState::named(self.new_state_value.as_deref())?.asks_for_nothing() {
            return Ok(Request::ignored(trigger, why));
        }
        if self.alarm_rule.is_some() {
            return Err(Refusal::CompositeAlarm);
        }
        let watched = self.trigger.unwrap_or_default();
        let of_expressions = watched.metrics.into_iter().filter_map(|metric| metric.metric_stat?.metric.dimensions);
        let dimensions: Vec<Dimension> = watched.dimensions.into_iter().chain(of_expressions).flatten().collect();
        let ids = dimensions.iter().filter(|dimension| dimension.name == "InstanceId").map(|d| d.value.as_str());
        let target = Target::Instances(BTreeSet::from([only_instance(ids)?]));
        Ok(Request { trigger, target })
    }
}
