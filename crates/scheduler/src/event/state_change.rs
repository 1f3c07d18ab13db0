//! EC2's notice that an instance changed its state, by EventBridge
//! (<https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitoring-instance-state-changes.html>).

use serde::Deserialize;

use super::{Purpose, Refusal, Request, Sender, Target, TriggerKind};

#[derive(Deserialize)]
pub(super) struct StateChange {
    #[serde(flatten)]
    sender: Sender,
    detail: Detail,
}

#[derive(Deserialize)]
struct Detail {
    #[serde(rename = "instance-id")]
    instance_id: String,
}

impl StateChange {
    pub(super) fn into_request(self) -> Result<Request, Refusal> {
        let trigger = self.sender.trigger(TriggerKind::StateChange);
        Ok(Request { trigger, target: Target::instance(self.detail.instance_id.parse()?), purpose: Purpose::Act })
    }
}
