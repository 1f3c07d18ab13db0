//! A fleet that answers everything, and remembers what it was asked and told.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
};

use ::fleet::{ApiError, ChangeFleet, Outcome, ReadAddresses, ReadFleet, Refused};
use idleness::{
    Datapoint, Evidence, Instance, InstanceId, InstanceState, Part, Policy, Series, SeriesStatus, StopProtection, Tags,
};
use jiff::Timestamp;

/// What was asked of a fleet, and told.
#[derive(Debug, Default)]
pub(crate) struct FakeFleet {
    instances: RefCell<BTreeMap<InstanceId, Instance>>,
    pub(crate) reads: Cell<usize>,
    pub(crate) changes: Cell<usize>,
}

impl FakeFleet {
    pub(crate) fn of(instances: impl IntoIterator<Item = Instance>) -> Self {
        let instances = instances.into_iter().map(|instance| (instance.id.clone(), instance)).collect();
        Self { instances: RefCell::new(instances), ..Self::default() }
    }

    fn read(&self) {
        self.reads.set(self.reads.get() + 1);
    }

    fn change(&self) {
        self.changes.set(self.changes.get() + 1);
    }
}

impl ReadFleet for &FakeFleet {
    async fn opted_in(&self) -> Result<Vec<Instance>, ApiError> {
        self.read();
        Ok(self.instances.borrow().values().filter(|instance| instance.tags.opted_in()).cloned().collect())
    }

    async fn instances(&self, ids: &[InstanceId]) -> Result<Vec<Instance>, ApiError> {
        self.read();
        let all = self.instances.borrow();
        Ok(ids.iter().filter_map(|id| all.get(id)).cloned().collect())
    }

    async fn evidence(
        &self,
        subjects: &[(&Instance, &Policy)],
        part: Part,
        now: Timestamp,
    ) -> Result<BTreeMap<InstanceId, Evidence>, ApiError> {
        self.read();
        let at_rest = |(instance, policy): &(&Instance, &Policy)| {
            let series = policy.measures(part, instance).into_iter().map(|(signal, measure)| {
                let from = policy.window(signal, now).from;
                let points = (1..).map(|i| Datapoint { at: from + signal.period * i, value: 0.0 });
                let points = points.take(policy.expected_points(signal)).collect();
                (measure, Series { status: SeriesStatus::Complete, points })
            });
            (instance.id.clone(), series.collect())
        };
        Ok(subjects.iter().map(at_rest).collect())
    }

    async fn sessions(&self, ids: &[InstanceId]) -> BTreeMap<InstanceId, u32> {
        self.read();
        ids.iter().map(|id| (id.clone(), 0)).collect()
    }

    async fn stop_protection(&self, ids: &[InstanceId]) -> BTreeMap<InstanceId, StopProtection> {
        self.read();
        ids.iter().map(|id| (id.clone(), StopProtection::Off)).collect()
    }
}

impl ReadAddresses for &FakeFleet {
    async fn address(&self, _: &InstanceId) -> Result<Option<String>, ApiError> {
        self.read();
        Ok(Some("ec2-192-0-2-7.eu-west-1.compute.amazonaws.com".to_owned()))
    }
}

impl ChangeFleet for &FakeFleet {
    async fn stop(&self, ids: &[InstanceId]) -> Vec<Outcome> {
        panic!("no page stops anything, and none {ids:?}");
    }

    async fn start(&self, ids: &[InstanceId]) -> Vec<Outcome> {
        self.change();
        let mut instances = self.instances.borrow_mut();
        let mut start = |id: &InstanceId| {
            let instance = instances.get_mut(id).expect("only described instances are started");
            assert!(instance.tags.opted_in(), "{id} is none of ours");
            let from = std::mem::replace(&mut instance.state, InstanceState::Pending);
            Outcome::started(id.clone(), from, InstanceState::Pending)
        };
        ids.iter().map(&mut start).collect()
    }

    async fn tag(&self, ids: &[InstanceId], tags: &[(&str, &str)]) -> Vec<Refused> {
        self.change();
        let may_be_written = |key: &str| matches!(key, "doze:keep-until" | "doze:start-owed-since");
        assert!(tags.iter().all(|(key, _)| may_be_written(key)), "the role may not write {tags:?}");
        let mut instances = self.instances.borrow_mut();
        for id in ids {
            let instance = instances.get_mut(id).expect("only described instances are tagged");
            assert!(instance.tags.opted_in(), "{id} is none of ours");
            let kept = instance.tags.iter().filter(|(key, _)| tags.iter().all(|(other, _)| key != other));
            let all: Tags = kept.chain(tags.iter().copied()).collect();
            instance.tags = all;
        }
        Vec::new()
    }

    async fn untag(&self, _: &[InstanceId], keys: &[&str]) -> Vec<Refused> {
        panic!("the role may take off no tag, and not {keys:?}");
    }
}
