//! A fake fleet that can only be read, and a record of every call made.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

use fleet::{ApiError, ReadAddresses, ReadFleet};
use idleness::{
    Datapoint, Evidence, Instance, InstanceId, InstanceState, InstanceType, Market, Metric, Part, Policy, RootDevice,
    Series, SeriesStatus, Signal, StopProtection, Tags, Transition,
};
use jiff::{SignedDuration, Timestamp};

use super::{id, now};

#[derive(Default)]
pub struct FakeFleet {
    instances: BTreeMap<InstanceId, Instance>,
    cpu: BTreeMap<InstanceId, f64>,
    pub sessions: BTreeMap<InstanceId, u32>,
    pub protected: BTreeSet<InstanceId>,
    pub addresses: BTreeMap<InstanceId, String>,
    /// The call that fails.
    pub broken: Option<&'static str>,
    calls: RefCell<Vec<String>>,
}

/// What an AWS error says must not be shown to anybody.
pub const AWS_SAYS: &str = "User: arn:aws:sts::123456789012:assumed-role/doze-home is not authorized";

impl FakeFleet {
    /// So many instances, opted in, idle for hours, named `box-01` and so on.
    pub fn of(count: usize) -> Self {
        let mut fleet = Self::default();
        for number in 1..=count {
            fleet.add(number, |instance| tag(instance, "Name", &format!("box-{number:02}")));
        }
        fleet
    }

    /// One instance, edited.
    pub fn with(edit: impl FnOnce(&mut Instance)) -> Self {
        let mut fleet = Self::default();
        fleet.add(1, edit);
        fleet
    }

    /// Adds an opted-in instance that has run for ten hours and does nothing.
    pub fn add(&mut self, number: usize, edit: impl FnOnce(&mut Instance)) {
        let mut instance = Instance {
            id: id(number),
            state: InstanceState::Running,
            launched_at: Some(now() - SignedDuration::from_hours(10)),
            instance_type: InstanceType::from_name("m7g.large"),
            vcpus: Some(2),
            root_device: RootDevice::Ebs,
            market: Market::OnDemand,
            stop_protection: StopProtection::Unread,
            transition: Transition::default(),
            tags: Tags::from_iter([("doze", "on")]),
        };
        edit(&mut instance);
        self.cpu.insert(instance.id.clone(), 0.4);
        self.instances.insert(instance.id.clone(), instance);
    }

    /// A steady CPU load, or no data at all.
    pub fn work(&mut self, number: usize, cpu: Option<f64>) {
        match cpu {
            Some(cpu) => self.cpu.insert(id(number), cpu),
            None => self.cpu.remove(&id(number)),
        };
    }

    pub fn calls(&self) -> Vec<String> {
        self.calls.borrow().clone()
    }

    fn call(&self, name: &'static str, ids: &[&InstanceId]) -> Result<(), ApiError> {
        let ids: Vec<&str> =
            ids.iter().map(|id| id.as_str().trim_start_matches("i-").trim_start_matches('0')).collect();
        self.calls.borrow_mut().push(format!("{name} {}", ids.join(" ")).trim_end().to_owned());
        if self.broken == Some(name) {
            return Err(ApiError::new("ec2:DescribeInstances", "UnauthorizedOperation", AWS_SAYS));
        }
        Ok(())
    }
}

pub fn tag(instance: &mut Instance, key: &str, value: &str) {
    let kept = instance.tags.iter().filter(|(other, _)| *other != key);
    let tags: Tags = kept.chain([(key, value)]).collect();
    instance.tags = tags;
}

impl ReadFleet for &FakeFleet {
    async fn opted_in(&self) -> Result<Vec<Instance>, ApiError> {
        self.call("opted-in", &[])?;
        Ok(self.instances.values().filter(|instance| instance.tags.opted_in()).cloned().collect())
    }

    async fn instances(&self, ids: &[InstanceId]) -> Result<Vec<Instance>, ApiError> {
        self.call("instances", &ids.iter().collect::<Vec<_>>())?;
        Ok(ids.iter().filter_map(|id| self.instances.get(id)).cloned().collect())
    }

    async fn evidence(
        &self,
        subjects: &[(&Instance, &Policy)],
        part: Part,
        now: Timestamp,
    ) -> Result<BTreeMap<InstanceId, Evidence>, ApiError> {
        self.call("evidence", &subjects.iter().map(|(instance, _)| &instance.id).collect::<Vec<_>>())?;
        let of = |(instance, policy): &(&Instance, &Policy)| {
            let cpu = self.cpu.get(&instance.id).copied().filter(|_| instance.state == InstanceState::Running);
            let series = policy.measures(part, instance).into_iter().map(|(signal, measure)| {
                let value = cpu.map(|cpu| if measure.metric == Metric::CPU { cpu } else { 0.0 });
                (measure, steady(value, policy, signal, now))
            });
            (instance.id.clone(), series.collect())
        };
        Ok(subjects.iter().map(of).collect())
    }

    async fn sessions(&self, ids: &[InstanceId]) -> BTreeMap<InstanceId, u32> {
        self.call("sessions", &ids.iter().collect::<Vec<_>>()).ok();
        ids.iter().map(|id| (id.clone(), self.sessions.get(id).copied().unwrap_or_default())).collect()
    }

    async fn stop_protection(&self, ids: &[InstanceId]) -> BTreeMap<InstanceId, StopProtection> {
        self.call("protection", &ids.iter().collect::<Vec<_>>()).ok();
        let of = |id: &InstanceId| if self.protected.contains(id) { StopProtection::On } else { StopProtection::Off };
        ids.iter().map(|id| (id.clone(), of(id))).collect()
    }
}

impl ReadAddresses for &FakeFleet {
    async fn address(&self, id: &InstanceId) -> Result<Option<String>, ApiError> {
        self.call("address", &[id])?;
        Ok(self.addresses.get(id).cloned())
    }
}

/// As many datapoints of one value as the policy expects.
fn steady(value: Option<f64>, policy: &Policy, signal: &Signal, now: Timestamp) -> Series {
    let from = policy.window(signal, now).from;
    let count = i32::try_from(policy.expected_points(signal)).expect("few");
    // The first period is the one before the lookback.
    let times = (1..=count).map(|i| from + signal.period * i);
    let points = times.filter_map(|at| Some(Datapoint { at, value: value? })).collect();
    Series { status: SeriesStatus::Complete, points }
}
