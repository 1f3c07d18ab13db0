//! EC2's notice that an instance changed its state, by EventBridge
//! (<https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitoring-instance-state-changes.html>).

use serde::Deserialize;
use serde_json::Value;

use super::{Purpose, Refusal, Request, Source, Target, Trigger, TriggerKind, quote};

#[derive(Deserialize)]
pub(super) struct StateChange {
    account: Option<Value>,
    region: Option<Value>,
    time: Option<Value>,
    detail: Detail,
}

#[derive(Deserialize)]
struct Detail {
    #[serde(rename = "instance-id")]
    instance_id: String,
}

impl StateChange {
    pub(super) fn into_request(self) -> Result<Request, Refusal> {
        let trigger = Trigger {
            source: Some(Source::Eventbridge),
            account: quote(self.account.as_ref()),
            region: quote(self.region.as_ref()),
            time: quote(self.time.as_ref()),
            ..Trigger::of(TriggerKind::StateChange)
        };
        Ok(Request { trigger, target: Target::instance(self.detail.instance_id.parse()?), purpose: Purpose::Act })
    }
}
