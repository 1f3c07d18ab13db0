//! The simulated account as Doze sees it.

use std::collections::{BTreeMap, BTreeSet};

use fleet::{Alarm, ApiError, ChangeFleet, Outcome, ReadAddresses, ReadAlarms, ReadFleet, Refused};
use idleness::{Datapoint, Evidence, Instance, InstanceId, Metric, Part, Policy, Series, SeriesStatus, StopProtection};
use jiff::Timestamp;

use super::world::World;

impl ReadFleet for &World {
    async fn opted_in(&self) -> Result<Vec<Instance>, ApiError> {
        Ok(World::instances(self).into_iter().filter(|instance| instance.tags.opted_in()).collect())
    }

    async fn instances(&self, ids: &[InstanceId]) -> Result<Vec<Instance>, ApiError> {
        Ok(World::instances(self).into_iter().filter(|instance| ids.contains(&instance.id)).collect())
    }

    async fn evidence(
        &self,
        subjects: &[(&Instance, &Policy)],
        part: Part,
        now: Timestamp,
    ) -> Result<BTreeMap<InstanceId, Evidence>, ApiError> {
        let of = |(instance, policy): &(&Instance, &Policy)| {
            let series = policy.measures(part, instance).into_iter().map(|(signal, measure)| {
                let cpu = self.cpu(&instance.id, policy.window(signal, now).from);
                let is_cpu = measure.metric == Metric::CPU;
                let value = |point: &Datapoint| Datapoint { value: if is_cpu { point.value } else { 0.0 }, ..*point };
                let points = cpu.iter().map(value).collect();
                (measure, Series { status: SeriesStatus::Complete, points })
            });
            (instance.id.clone(), series.collect())
        };
        Ok(subjects.iter().map(of).collect())
    }

    async fn sessions(&self, ids: &[InstanceId]) -> BTreeMap<InstanceId, u32> {
        ids.iter().map(|id| (id.clone(), 0)).collect()
    }

    async fn stop_protection(&self, ids: &[InstanceId]) -> BTreeMap<InstanceId, StopProtection> {
        ids.iter().map(|id| (id.clone(), StopProtection::Off)).collect()
    }
}

impl ReadAddresses for &World {
    async fn address(&self, _: &InstanceId) -> Result<Option<String>, ApiError> {
        Ok(None)
    }
}

impl ReadAlarms for &World {
    async fn alarms(&self, _: &[String]) -> Result<Vec<Alarm>, ApiError> {
        unreachable!("there are no alarms here")
    }

    async fn children(&self, _: &str) -> Result<Vec<String>, ApiError> {
        unreachable!("there are no alarms here")
    }

    async fn contributors(&self, _: &str) -> Result<BTreeSet<String>, ApiError> {
        unreachable!("there are no alarms here")
    }
}

impl ChangeFleet for &World {
    async fn stop(&self, ids: &[InstanceId]) -> Vec<Outcome> {
        let stop = |id: &InstanceId| {
            let (from, to) = World::stop(self, id, true);
            Outcome::stopped(id.clone(), from, to)
        };
        ids.iter().map(stop).collect()
    }

    async fn start(&self, ids: &[InstanceId]) -> Vec<Outcome> {
        let no_capacity = ApiError::new("ec2:StartInstances", "InsufficientInstanceCapacity", "none is left");
        let start = |id: &InstanceId| match World::start(self, id) {
            Some((from, to)) => Outcome::started(id.clone(), from, to),
            None => Outcome::not_started(id.clone(), &no_capacity),
        };
        ids.iter().map(start).collect()
    }

    async fn tag(&self, ids: &[InstanceId], tags: &[(&str, &str)]) -> Vec<Refused> {
        for id in ids {
            self.change_tags(id, tags, &[]);
        }
        Vec::new()
    }

    async fn untag(&self, ids: &[InstanceId], keys: &[&str]) -> Vec<Refused> {
        for id in ids {
            self.change_tags(id, &[], keys);
        }
        Vec::new()
    }
}
