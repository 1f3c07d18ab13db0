//! A fake fleet: five instances and a script of refusals, and a record of every call made.
#![allow(dead_code, missing_docs, unreachable_pub, reason = "each test file uses its own part")]

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

use fleet::{Action, ApiError, ChangeFleet, Outcome, ReadFleet, Refused};
use idleness::{
    Caps, Datapoint, Evidence, Instance, InstanceId, InstanceState, MetricName, Mode, Percent, Policy, RootDevice,
    Series, SeriesStatus, Tags,
};
use jiff::{SignedDuration, Timestamp};
use scheduler::Settings;

pub const IDLE: &str = "i-0123456789abcdef0";
pub const BUSY: &str = "i-0123456789abcdef1";
pub const NOT_OPTED_IN: &str = "i-0123456789abcdef2";
pub const JUST_STARTED: &str = "i-0123456789abcdef3";
pub const STOPPED: &str = "i-0123456789abcdef4";
pub const WITHOUT_DATA: &str = "i-0123456789abcdef5";

pub fn now() -> Timestamp {
    "2026-11-21T20:00:20Z".parse().expect("a test's time is valid")
}

pub fn id(text: &str) -> InstanceId {
    text.parse().expect("a test's id is valid")
}

pub fn settings(mode: Mode) -> Settings {
    Settings { mode, policy: Policy::dev_box(), caps: Caps { stops: 25, share: Percent::ALL } }
}

/// The calls a run made, in order, in a form that reads well in an assertion.
pub type Calls = Vec<String>;

#[derive(Default)]
pub struct FakeFleet {
    instances: RefCell<BTreeMap<InstanceId, Instance>>,
    cpu: BTreeMap<InstanceId, f64>,
    refuse_stop: BTreeMap<InstanceId, ApiError>,
    lose_answer_of: BTreeSet<InstanceId>,
    refuse_tag: BTreeSet<InstanceId>,
    state_after_refusal: BTreeMap<InstanceId, InstanceState>,
    unreadable: Option<ApiError>,
    ignores_filters: bool,
    blind_after_acting: bool,
    refuses_untag: bool,
    calls: RefCell<Calls>,
}

impl FakeFleet {
    /// One instance of each kind.
    pub fn of_every_kind() -> Self {
        let mut fleet = Self::default();
        for (text, cpu) in [(IDLE, 0.4), (BUSY, 63.0), (NOT_OPTED_IN, 0.1), (JUST_STARTED, 0.1), (STOPPED, 0.1)] {
            fleet.add(text, cpu);
        }
        fleet.add(WITHOUT_DATA, 0.0);
        fleet.cpu.remove(&id(WITHOUT_DATA));
        fleet.edit(NOT_OPTED_IN, |instance| instance.tags = Tags::default());
        fleet.edit(JUST_STARTED, |instance| instance.launched_at = Some(now() - SignedDuration::from_mins(3)));
        fleet.edit(STOPPED, |instance| instance.state = InstanceState::Stopped);
        fleet
    }

    /// An opted-in instance that has run for ten hours, at a steady CPU load and with nothing else going on.
    pub fn add(&mut self, text: &str, cpu: f64) {
        let instance = Instance {
            id: id(text),
            state: InstanceState::Running,
            launched_at: Some(now() - SignedDuration::from_hours(10)),
            root_device: RootDevice::Ebs,
            tags: Tags::from_iter([("doze", "on")]),
        };
        self.cpu.insert(id(text), cpu);
        self.instances.borrow_mut().insert(id(text), instance);
    }

    pub fn edit(&self, text: &str, edit: impl FnOnce(&mut Instance)) {
        edit(self.instances.borrow_mut().get_mut(&id(text)).expect("the instance exists"));
    }

    pub fn refuse_stop(&mut self, text: &str, code: &str) {
        self.refuse_stop.insert(id(text), ApiError::new("ec2:StopInstances", code, "refused by the test"));
    }

    /// The stop is refused, and the instance is then found in this state.
    pub fn refuse_stop_in_state(&mut self, text: &str, state: InstanceState) {
        self.refuse_stop(text, "IncorrectInstanceState");
        self.state_after_refusal.insert(id(text), state);
    }

    pub fn lose_answer_of(&mut self, text: &str) {
        self.lose_answer_of.insert(id(text));
    }

    pub fn refuse_tag(&mut self, text: &str) {
        self.refuse_tag.insert(id(text));
    }

    pub fn make_unreadable(&mut self) {
        self.unreadable = Some(ApiError::new("ec2:DescribeInstances", "RequestLimitExceeded", "slow down"));
    }

    /// A stop takes effect, and the last of its attempts is answered with this error.
    pub fn stop_and_answer(&mut self, text: &str, code: &str) {
        self.refuse_stop(text, code);
        self.state_after_refusal.insert(id(text), InstanceState::Stopping);
    }

    /// Once a stop was tried, single instances cannot be described any more.
    pub fn go_blind_after_acting(&mut self) {
        self.blind_after_acting = true;
    }

    /// No tag can be taken off.
    pub fn refuse_untag(&mut self) {
        self.refuses_untag = true;
    }

    /// Describes all instances, whichever it is asked for.
    pub fn ignore_filters(&mut self) {
        self.ignores_filters = true;
    }

    pub fn calls(&self) -> Calls {
        self.calls.borrow().clone()
    }

    pub fn state(&self, text: &str) -> InstanceState {
        self.instances.borrow()[&id(text)].state
    }

    pub fn tag_of(&self, text: &str, key: &str) -> Option<String> {
        self.instances.borrow()[&id(text)].tags.get(key).map(str::to_owned)
    }

    fn record(&self, call: &str, ids: &[InstanceId]) {
        let ids: Vec<_> = ids.iter().map(InstanceId::as_str).collect();
        self.calls.borrow_mut().push(format!("{call} {}", ids.join(" ")).trim_end().to_owned());
    }

    fn change_tags(&self, id: &InstanceId, add: &[(&str, &str)], remove: &[&str]) {
        let mut instances = self.instances.borrow_mut();
        let instance = instances.get_mut(id).expect("only described instances are tagged");
        let known = ["doze", "doze:stopped-at", "doze:stopped-because"];
        let old = known.iter().filter_map(|key| Some((*key, instance.tags.get(key)?.to_owned())));
        let new = add.iter().map(|(key, value)| (*key, (*value).to_owned()));
        instance.tags = old.chain(new).filter(|(key, _)| !remove.contains(key)).collect();
    }

    fn readable(&self) -> Result<(), ApiError> {
        self.unreadable.clone().map_or(Ok(()), Err)
    }
}

impl ReadFleet for FakeFleet {
    async fn opted_in(&self) -> Result<Vec<Instance>, ApiError> {
        self.record("opted-in", &[]);
        self.readable()?;
        Ok(self.instances.borrow().values().filter(|instance| instance.tags.opted_in()).cloned().collect())
    }

    async fn instances(&self, ids: &[InstanceId]) -> Result<Vec<Instance>, ApiError> {
        self.record("instances", ids);
        self.readable()?;
        if self.blind_after_acting && self.calls().iter().any(|call| call.starts_with("stop")) {
            return Err(ApiError::new("ec2:DescribeInstances", "RequestLimitExceeded", "slow down"));
        }
        let all = self.instances.borrow();
        Ok(all.values().filter(|instance| self.ignores_filters || ids.contains(&instance.id)).cloned().collect())
    }

    async fn evidence(
        &self,
        ids: &[InstanceId],
        policy: &Policy,
        now: Timestamp,
    ) -> Result<BTreeMap<InstanceId, Evidence>, ApiError> {
        self.record("evidence", ids);
        let of = |id: &InstanceId| {
            let metrics: Vec<MetricName> = policy.signals.iter().flat_map(|signal| signal.metrics.clone()).collect();
            let value =
                |metric| if metric == MetricName::CpuUtilization { self.cpu.get(id).copied() } else { Some(0.0) };
            metrics.into_iter().map(|metric| (metric, steady(value(metric), policy, now))).collect()
        };
        Ok(ids.iter().map(|id| (id.clone(), of(id))).collect())
    }
}

fn steady(value: Option<f64>, policy: &Policy, now: Timestamp) -> Series {
    let from = policy.window(now).from;
    let times = (0..12).map(|i| from + SignedDuration::from_mins(5 * i));
    let points = times.filter_map(|at| Some(Datapoint { at, value: value? })).collect();
    Series { status: SeriesStatus::Complete, points }
}

impl ChangeFleet for FakeFleet {
    async fn stop(&self, ids: &[InstanceId]) -> Vec<Outcome> {
        self.record("stop", ids);
        let mut instances = self.instances.borrow_mut();
        let mut stop = |id: &InstanceId| {
            if let Some(error) = self.refuse_stop.get(id) {
                if let Some(state) = self.state_after_refusal.get(id) {
                    instances.get_mut(id).expect("exists").state = *state;
                }
                return Outcome::failed(id.clone(), Action::Stop, error);
            }
            let instance = instances.get_mut(id).expect("only described instances are stopped");
            let from = std::mem::replace(&mut instance.state, InstanceState::Stopping);
            if self.lose_answer_of.contains(id) {
                let error = ApiError::new("ec2:StopInstances", ApiError::TIMEOUT, "no answer");
                return Outcome::failed(id.clone(), Action::Stop, &error);
            }
            Outcome::stopped(id.clone(), from, InstanceState::Stopping)
        };
        ids.iter().map(&mut stop).collect()
    }

    async fn tag(&self, ids: &[InstanceId], tags: &[(&str, &str)]) -> Vec<Refused> {
        self.record("tag", ids);
        let (refused, accepted): (Vec<_>, Vec<_>) = ids.iter().partition(|id| self.refuse_tag.contains(id));
        for id in accepted {
            self.change_tags(id, tags, &[]);
        }
        let error = ApiError::new("ec2:CreateTags", "TagLimitExceeded", "refused by the test");
        refused.into_iter().map(|id| Refused { instance: id.clone(), error: error.clone() }).collect()
    }

    async fn untag(&self, ids: &[InstanceId], keys: &[&str]) -> Vec<Refused> {
        self.record("untag", ids);
        if self.refuses_untag {
            let error = ApiError::new("ec2:DeleteTags", "OperationNotPermitted", "refused by the test");
            return ids.iter().map(|id| Refused { instance: id.clone(), error: error.clone() }).collect();
        }
        for id in ids {
            self.change_tags(id, &[], keys);
        }
        Vec::new()
    }
}
