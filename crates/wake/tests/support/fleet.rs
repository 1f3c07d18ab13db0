//! A fake fleet that can be started and tagged, a script of refusals, and a record of every call made.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

use fleet::{ApiError, ChangeFleet, Outcome, ReadAddresses, ReadFleet, Refused};
use idleness::{
    Evidence, Instance, InstanceId, InstanceState, InstanceType, Market, Part, Policy, RootDevice, StopProtection,
    Tags, Transition,
};
use jiff::{SignedDuration, Timestamp};

use super::{id, now};

/// What an AWS error says must not be shown to anybody.
pub const AWS_SAYS: &str = "User: arn:aws:sts::123456789012:assumed-role/doze-wake is not authorized";

#[derive(Default)]
pub struct FakeFleet {
    instances: RefCell<BTreeMap<InstanceId, Instance>>,
    /// By instance, the code with which its start is refused, and the state in which it is found after that.
    refused_starts: BTreeMap<InstanceId, (&'static str, Option<InstanceState>)>,
    /// By instance, the code with which its tags are refused.
    refused_tags: BTreeMap<InstanceId, &'static str>,
    /// The read that fails, and how.
    pub broken: Option<(&'static str, &'static str)>,
    calls: RefCell<Vec<String>>,
}

impl FakeFleet {
    /// Instance 1, in this state.
    pub fn in_state(state: InstanceState) -> Self {
        Self::default().and(1, |instance| instance.state = state)
    }

    pub fn stopped() -> Self {
        Self::in_state(InstanceState::Stopped)
    }

    /// The same fleet, and one more opted-in instance, which was started ten hours ago.
    #[must_use]
    pub fn and(self, number: usize, edit: impl FnOnce(&mut Instance)) -> Self {
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
        self.instances.borrow_mut().insert(instance.id.clone(), instance);
        self
    }

    /// The same fleet with another tag on instance 1.
    #[must_use]
    pub fn tagged(self, key: &str, value: &str) -> Self {
        self.edit(1, |instance| tag(instance, key, value));
        self
    }

    pub fn edit(&self, number: usize, edit: impl FnOnce(&mut Instance)) {
        edit(self.instances.borrow_mut().get_mut(&id(number)).expect("the instance exists"));
    }

    #[must_use]
    pub fn refusing_start(mut self, number: usize, code: &'static str) -> Self {
        self.refused_starts.insert(id(number), (code, None));
        self
    }

    #[must_use]
    pub fn refusing_start_in_state(mut self, number: usize, code: &'static str, state: InstanceState) -> Self {
        self.refused_starts.insert(id(number), (code, Some(state)));
        self
    }

    #[must_use]
    pub fn refusing_tags(mut self, number: usize, code: &'static str) -> Self {
        self.refused_tags.insert(id(number), code);
        self
    }

    pub fn instance(&self, number: usize) -> Instance {
        self.instances.borrow()[&id(number)].clone()
    }

    pub fn tag_of(&self, number: usize, key: &str) -> Option<String> {
        self.instance(number).tags.get(key).map(str::to_owned)
    }

    pub fn calls(&self) -> Vec<String> {
        self.calls.borrow().clone()
    }

    /// The calls that change something.
    pub fn changes(&self) -> Vec<String> {
        self.calls().into_iter().filter(|call| !call.starts_with("instances") && call != "opted-in").collect()
    }

    fn call(&self, name: &str, ids: &[InstanceId], more: &[(&str, &str)]) -> Result<(), ApiError> {
        let numbers = ids.iter().map(|id| id.as_str().trim_start_matches("i-").trim_start_matches('0').to_owned());
        let more = more.iter().map(|(key, value)| format!("{key}={value}"));
        let words: Vec<String> = [name.to_owned()].into_iter().chain(numbers).chain(more).collect();
        self.calls.borrow_mut().push(words.join(" "));
        match self.broken {
            Some((broken, code)) if broken == name => Err(error(code)),
            _ => Ok(()),
        }
    }
}

fn error(code: &str) -> ApiError {
    ApiError::new("ec2:Something", code, AWS_SAYS)
}

pub fn tag(instance: &mut Instance, key: &str, value: &str) {
    let kept = instance.tags.iter().filter(|(other, _)| *other != key);
    let tags: Tags = kept.chain([(key, value)]).collect();
    instance.tags = tags;
}

impl ReadFleet for &FakeFleet {
    async fn opted_in(&self) -> Result<Vec<Instance>, ApiError> {
        self.call("opted-in", &[], &[])?;
        Ok(self.instances.borrow().values().filter(|instance| instance.tags.opted_in()).cloned().collect())
    }

    async fn instances(&self, ids: &[InstanceId]) -> Result<Vec<Instance>, ApiError> {
        self.call("instances", ids, &[])?;
        let all = self.instances.borrow();
        Ok(ids.iter().filter_map(|id| all.get(id)).cloned().collect())
    }

    async fn evidence(
        &self,
        _: &[(&Instance, &Policy)],
        _: Part,
        _: Timestamp,
    ) -> Result<BTreeMap<InstanceId, Evidence>, ApiError> {
        self.call("evidence", &[], &[])?;
        Ok(BTreeMap::new())
    }

    async fn sessions(&self, _: &[InstanceId]) -> BTreeMap<InstanceId, u32> {
        self.call("sessions", &[], &[]).ok();
        BTreeMap::new()
    }

    async fn stop_protection(&self, _: &[InstanceId]) -> BTreeMap<InstanceId, StopProtection> {
        self.call("protection", &[], &[]).ok();
        BTreeMap::new()
    }
}

impl ReadAddresses for &FakeFleet {
    async fn address(&self, _: &InstanceId) -> Result<Option<String>, ApiError> {
        Ok(None)
    }
}

impl ChangeFleet for &FakeFleet {
    async fn stop(&self, ids: &[InstanceId]) -> Vec<Outcome> {
        self.call("stop", ids, &[]).ok();
        unreachable!("nothing here stops anything")
    }

    async fn start(&self, ids: &[InstanceId]) -> Vec<Outcome> {
        self.call("start", ids, &[]).ok();
        let mut instances = self.instances.borrow_mut();
        let mut start = |id: &InstanceId| {
            let instance = instances.get_mut(id).expect("only described instances are started");
            if let Some((code, state)) = self.refused_starts.get(id) {
                instance.state = state.unwrap_or(instance.state);
                return Outcome::not_started(id.clone(), &error(code));
            }
            let from = std::mem::replace(&mut instance.state, InstanceState::Pending);
            instance.launched_at = Some(now());
            Outcome::started(id.clone(), from, InstanceState::Pending)
        };
        ids.iter().map(&mut start).collect()
    }

    async fn tag(&self, ids: &[InstanceId], tags: &[(&str, &str)]) -> Vec<Refused> {
        self.call("tag", ids, tags).ok();
        let known: BTreeSet<&str> = BTreeSet::from(["doze:keep-until", "doze:start-owed-since"]);
        assert!(tags.iter().all(|(key, _)| known.contains(key)), "the role may not write {tags:?}");
        let mut refused = Vec::new();
        for id in ids {
            if let Some(code) = self.refused_tags.get(id) {
                refused.push(Refused { instance: id.clone(), error: error(code) });
                continue;
            }
            let mut instances = self.instances.borrow_mut();
            let instance = instances.get_mut(id).expect("only described instances are tagged");
            for (key, value) in tags {
                tag(instance, key, value);
            }
        }
        refused
    }

    async fn untag(&self, ids: &[InstanceId], keys: &[&str]) -> Vec<Refused> {
        self.call("untag", ids, &[]).ok();
        unreachable!("the role may take off no tag, {keys:?} included")
    }
}
