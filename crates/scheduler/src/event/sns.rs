//! Alarms by SNS: the notification's message is a JSON text with keys and a dimension list of its own
//! (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html>).

use fleet::Watches;
use serde::Deserialize;
use serde_json::Value;

use super::{
    Lookup, Purpose, Refusal, Request, Source, Target, Trigger, TriggerKind,
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
    expression: Option<String>,
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
        (Target::Named { mut instances, mut lookups }, Target::Named { instances: more, lookups: more_lookups }) => {
            instances.extend(more);
            lookups.extend(more_lookups);
            Request { target: Target::Named { instances, lookups }, trigger: earlier.trigger, purpose: Purpose::Act }
        }
        (Target::Nothing, target) => Request { target, trigger: later.trigger, purpose: Purpose::Act },
        (target, _) => Request { target, trigger: earlier.trigger, purpose: Purpose::Act },
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
        Ok(Request { trigger, target: self.target()?, purpose: Purpose::Act })
    }

    fn target(self) -> Result<Target, Refusal> {
        if self.alarm_rule.is_some() {
            return Ok(Target::behind(Lookup::Composite(self.alarm_name)));
        }
        let watched = self.trigger.unwrap_or_default();
        let mut expressions = watched.metrics.iter().filter_map(|metric| metric.expression.as_deref());
        if expressions.any(Watches::is_metrics_insights) {
            return Ok(Target::behind(Lookup::Contributors(self.alarm_name)));
        }
        let of_expressions = watched.metrics.into_iter().filter_map(|metric| metric.metric_stat?.metric.dimensions);
        let dimensions: Vec<Dimension> = watched.dimensions.into_iter().chain(of_expressions).flatten().collect();
        let ids = dimensions.iter().filter(|dimension| dimension.name == "InstanceId").map(|d| d.value.as_str());
        only_instance(ids).map(Target::instance)
    }
}
