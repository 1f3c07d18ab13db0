//! The fake fleet's stopped instances: who stopped them, and what becomes of starts.

use idleness::{InstanceState, Transition};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{FakeFleet, now};

/// A schedule with a window that has just opened, and closes in an hour.
pub const OPEN: (&str, &str) = ("doze:schedule", "sat 20:00-21:00 @ UTC");
/// One that Doze stopped.
pub const ASLEEP: &str = "i-0123456789abcdef6";
/// One whose start fell back.
pub const FALLEN: &str = "i-0123456789abcdef7";
pub const SINCE: &str = "doze:start-owed-since";
pub const TRIED: &str = "doze:start-tried-at";
pub const NO_CAPACITY: &str = "InsufficientInstanceCapacity";

pub fn later(minutes: i64) -> Timestamp {
    now() + SignedDuration::from_mins(minutes)
}

/// EC2's notice that the instance reached a state.
pub fn state_change(instance: &str, state: &str) -> Value {
    let mut event: Value =
        serde_json::from_str(include_str!("../../../../events/scheduler/state-change-running.json")).expect("is JSON");
    event["detail"]["instance-id"] = instance.into();
    event["detail"]["state"] = state.into();
    event
}

impl FakeFleet {
    /// An instance that Doze stopped three hours ago, with more tags.
    pub fn add_asleep(&mut self, text: &str, tags: &[(&str, &str)]) {
        let stopped_at = later(-180);
        self.add(text, 0.0);
        self.edit(text, |instance| {
            instance.state = InstanceState::Stopped;
            instance.transition = Transition {
                code: Some("Client.UserInitiatedShutdown".to_owned()),
                message: Some("Client.UserInitiatedShutdown: User initiated shutdown".to_owned()),
                at: Some(stopped_at + SignedDuration::from_secs(1)),
            };
        });
        self.put_tags(text, &[("doze:stopped-at", &stopped_at.to_string())]);
        self.put_tags(text, tags);
    }

    /// The same, which a person stopped.
    pub fn add_switched_off(&mut self, text: &str, tags: &[(&str, &str)]) {
        self.add_asleep(text, tags);
        self.edit(text, |instance| {
            instance.tags = instance.tags.iter().filter(|(key, _)| *key != "doze:stopped-at").collect();
        });
    }

    /// More tags by somebody else's hand.
    pub fn put_tags(&self, text: &str, tags: &[(&str, &str)]) {
        self.edit(text, |instance| instance.tags = instance.tags.iter().chain(tags.iter().copied()).collect());
    }

    /// The start has come to its end.
    pub fn come_up(&self, text: &str, at: Timestamp) {
        self.edit(text, |instance| {
            instance.state = InstanceState::Running;
            instance.launched_at = Some(at);
            instance.transition = Transition::default();
        });
    }

    /// The start was accepted, and the instance fell back to stopped.
    pub fn fall_back(&self, text: &str, code: &str, message: &str, at: Timestamp) {
        self.edit(text, |instance| {
            instance.state = InstanceState::Stopped;
            instance.launched_at = Some(at);
            instance.transition =
                Transition { code: Some(code.to_owned()), message: Some(format!("{code}: {message}")), at: None };
        });
    }
}
