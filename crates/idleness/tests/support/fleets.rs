//! Fleets of stopped instances that start one after the other.

use std::collections::BTreeMap;

use idleness::{Decision, Instance, InstanceId, InstanceState, Reason, Verdict, decide, in_order};

use super::{
    instance, now, quiet, rules,
    starts::{OPEN, STOPPED_AT, with_tags},
};

/// Instances with names, numbered from 1 in the order in which they were added. Doze stopped all of them.
#[derive(Clone, Debug, Default)]
pub struct Fleet {
    pub instances: Vec<Instance>,
}

pub fn id(number: u32) -> InstanceId {
    instance(number).id
}

/// `a after b after a` as Doze says it of the first instances, which are called so.
pub fn label(circle: &str, length: usize) -> String {
    let number = |name: &str| u32::from(name.as_bytes()[0] - b'a') + 1;
    let names: Vec<String> = circle.split(" after ").map(|name| format!("{name:?} ({})", id(number(name)))).collect();
    assert_eq!(names.len(), length + 1);
    names.join(" after ")
}

impl Fleet {
    /// One more instance, which starts after those of these names.
    pub fn add(&mut self, name: &str, after: &[&str]) -> &mut Self {
        match after {
            [] => self.add_with(name, &[]),
            _ => self.add_with(name, &[("doze:after", &after.join(" + "))]),
        }
    }

    pub fn add_with(&mut self, name: &str, tags: &[(&str, &str)]) -> &mut Self {
        let number = u32::try_from(self.instances.len()).expect("few") + 1;
        self.instances.push(with_tags(number, &[&[STOPPED_AT, ("Name", name)], tags].concat()));
        self
    }

    pub fn add_another(&mut self, name: &str) -> &mut Self {
        self.add(name, &[])
    }

    /// A window of its schedule is open.
    pub fn want(&mut self, name: &str) -> &mut Self {
        self.edit(name, |it| it.tags = it.tags.iter().chain([OPEN]).collect());
        self
    }

    pub fn set(&mut self, name: &str, state: InstanceState) -> &mut Self {
        self.edit(name, |it| it.state = state);
        self
    }

    pub fn set_number(&mut self, number: usize, state: InstanceState) {
        self.instances[number - 1].state = state;
    }

    pub fn edit(&mut self, name: &str, edit: impl FnOnce(&mut Instance)) {
        edit(self.instances.iter_mut().find(|instance| instance.name() == Some(name)).expect("is in the fleet"));
    }

    pub fn named(&self, name: &str) -> &Instance {
        self.instances.iter().find(|instance| instance.name() == Some(name)).expect("is in the fleet")
    }

    /// One decision an instance, before they are put into order.
    pub fn decisions(&self) -> Vec<Decision> {
        self.instances.iter().map(|instance| decide(instance, &quiet(), &rules(), now())).collect()
    }

    pub fn ordered(&self) -> BTreeMap<InstanceId, Decision> {
        let ordered = in_order(self.decisions(), &self.instances);
        ordered.into_iter().map(|decision| (decision.instance.clone(), decision)).collect()
    }

    pub fn turn(&self, name: &str) -> (Reason, Option<String>) {
        let decision = self.ordered().remove(&self.named(name).id).expect("was decided about");
        (decision.reason, decision.detail)
    }

    /// The instances that are started, by id.
    pub fn started_ids(&self) -> Vec<InstanceId> {
        let starts = |decision: &Decision| decision.verdict == Verdict::Start;
        self.ordered().into_iter().filter(|(_, decision)| starts(decision)).map(|(id, _)| id).collect()
    }

    /// The same by name.
    pub fn started(&self) -> Vec<&str> {
        let started = self.started_ids();
        let is_started = |instance: &&Instance| started.contains(&instance.id);
        self.instances.iter().filter(is_started).filter_map(Instance::name).collect()
    }

    /// What becomes of those that are stopped and to start, or wait: all of them.
    #[track_caller]
    pub fn check(&self, expected: &[(&str, Reason, &str)]) {
        let is_about_starts =
            |decision: &&Decision| decision.verdict == Verdict::Start || decision.reason == Reason::WaitsForOthers;
        let ordered = self.ordered();
        let found: Vec<_> = ordered
            .values()
            .filter(is_about_starts)
            .map(|decision| {
                let instance = self.instances.iter().find(|it| it.id == decision.instance).expect("is in the fleet");
                (instance.name().expect("has a name"), decision.reason, decision.detail.as_deref().unwrap_or_default())
            })
            .collect();
        assert_eq!(found, expected);
    }
}
