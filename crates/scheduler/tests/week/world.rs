//! A simulated account: instances whose states take their time, whose work leaves datapoints behind, and of which EC2 sends
//! events. It has a clock of its own.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
};

use idleness::{
    Datapoint, Instance, InstanceId, InstanceState, InstanceType, Market, RootDevice, StopProtection, Tags, Transition,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::times::{Span, text};

const STARTING: SignedDuration = SignedDuration::from_mins(1);
const STOPPING: SignedDuration = SignedDuration::from_mins(2);
/// Basic monitoring: a datapoint every five minutes, which is there five minutes after its end.
const PERIOD: SignedDuration = SignedDuration::from_mins(5);
const DELAY: SignedDuration = SignedDuration::from_mins(5);

/// What becomes of a machine, whatever Doze does.
#[derive(Clone, Debug, Default)]
pub struct Story {
    pub tags: &'static [(&'static str, &'static str)],
    /// When somebody, or something, works on it.
    pub work: Vec<Span>,
    /// When EC2 has no capacity for its type.
    pub no_capacity: Vec<Span>,
    /// When the key of its volume is disabled.
    pub no_key: Vec<Span>,
}

struct Machine {
    instance: Instance,
    story: Story,
    /// The state that it is on the way to, and when it gets there.
    due: Option<(Timestamp, InstanceState)>,
    /// When it was running.
    ran: Vec<Span>,
}

pub struct World {
    now: Cell<Timestamp>,
    machines: RefCell<BTreeMap<InstanceId, Machine>>,
}

impl World {
    /// All machines have been running for a day.
    pub fn at(now: Timestamp, stories: Vec<(&'static str, Story)>) -> Self {
        let day_ago = now - SignedDuration::from_hours(24);
        let machine = |(number, (name, story)): (usize, (&'static str, Story))| {
            let id: InstanceId = format!("i-{:017x}", number + 1).parse().expect("a test's id is valid");
            let instance = Instance {
                id: id.clone(),
                state: InstanceState::Running,
                launched_at: Some(day_ago),
                instance_type: InstanceType::from_name("m7i.large"),
                vcpus: Some(2),
                root_device: RootDevice::Ebs,
                market: Market::OnDemand,
                stop_protection: StopProtection::Unread,
                transition: Transition::default(),
                tags: [("Name", name)].into_iter().chain(story.tags.iter().copied()).collect(),
            };
            let ran = vec![Span { from: day_ago, to: Timestamp::MAX }];
            (id, Machine { instance, story, due: None, ran })
        };
        let machines = stories.into_iter().enumerate().map(machine).collect();
        Self { now: Cell::new(now), machines: RefCell::new(machines) }
    }

    pub fn now(&self) -> Timestamp {
        self.now.get()
    }

    /// A minute passes. Returns the events that EC2 sends of it.
    pub fn pass_a_minute(&self) -> Vec<Value> {
        self.now.set(self.now() + SignedDuration::from_mins(1));
        let now = self.now();
        let mut machines = self.machines.borrow_mut();
        machines.values_mut().filter_map(|machine| machine.arrive(now)).collect()
    }

    /// All instances with their names, in the order of their stories.
    pub fn instances(&self) -> Vec<Instance> {
        self.machines.borrow().values().map(|machine| machine.instance.clone()).collect()
    }

    pub fn id(&self, name: &str) -> InstanceId {
        let all = self.instances();
        all.iter().find(|instance| instance.name() == Some(name)).expect("the machine exists").id.clone()
    }

    /// Stops the instance. Doze never does that while somebody works on it, and a person may.
    pub fn stop(&self, id: &InstanceId, is_by_doze: bool) -> (InstanceState, InstanceState) {
        let mut machines = self.machines.borrow_mut();
        let machine = machines.get_mut(id).expect("the instance exists");
        let now = self.now();
        let hour = Span { from: now - SignedDuration::from_hours(1), to: now };
        let is_used = machine.works_during(hour) || machine.story.work.iter().any(|work| work.contains(now));
        assert!(!(is_by_doze && is_used), "{:?} is stopped while it is used, {}", machine.instance.name(), text(now));
        machine.stop(now)
    }

    /// Starts the instance, if there is capacity.
    pub fn start(&self, id: &InstanceId) -> Option<(InstanceState, InstanceState)> {
        let mut machines = self.machines.borrow_mut();
        machines.get_mut(id).expect("the instance exists").start(self.now())
    }

    pub fn change_tags(&self, id: &InstanceId, add: &[(&str, &str)], remove: &[&str]) {
        let mut machines = self.machines.borrow_mut();
        let tags = &mut machines.get_mut(id).expect("the instance exists").instance.tags;
        let is_kept = |(key, _): &(&str, &str)| !remove.contains(key) && !add.iter().any(|(other, _)| other == key);
        let changed: Tags = tags.iter().filter(is_kept).chain(add.iter().copied()).collect();
        *tags = changed;
    }

    /// The datapoints of the CPU from an instant on, as far as they are there.
    pub fn cpu(&self, id: &InstanceId, from: Timestamp) -> Vec<Datapoint> {
        let machines = self.machines.borrow();
        let machine = &machines[id];
        let starts = std::iter::successors(Some(from), |at| Some(*at + PERIOD));
        let periods = starts.map(|from| Span { from, to: from + PERIOD }).take_while(|p| p.to + DELAY <= self.now());
        let was_on = |period: &Span| machine.ran.iter().any(|ran| ran.overlaps(*period));
        let value = |period: Span| if machine.works_during(period) { 40.0 } else { 0.4 };
        periods.filter(was_on).map(|period| Datapoint { at: period.from, value: value(period) }).collect()
    }
}

impl Machine {
    /// The machine gets to the state that it was on the way to, if it is time.
    fn arrive(&mut self, now: Timestamp) -> Option<Value> {
        let (_, state) = self.due.filter(|(at, _)| *at <= now)?;
        self.due = None;
        let falls_back = state == InstanceState::Running && self.story.no_key.iter().any(|span| span.contains(now));
        self.instance.state = if falls_back { InstanceState::Stopped } else { state };
        if falls_back {
            let code = "Client.InternalError";
            let message = Some(format!("{code}: Client error on launch"));
            self.instance.transition = Transition { code: Some(code.to_owned()), message, at: None };
        } else if state == InstanceState::Running {
            self.ran.push(Span { from: now, to: Timestamp::MAX });
        }
        Some(json!({
            "version": "0", "id": "c4c1c1c9-6542-e61b-6ef0-8c4d36933a92", "source": "aws.ec2",
            "detail-type": "EC2 Instance State-change Notification", "account": "123456789012", "region": "eu-central-1",
            "time": now, "detail": {"instance-id": self.instance.id, "state": self.instance.state},
        }))
    }

    fn stop(&mut self, now: Timestamp) -> (InstanceState, InstanceState) {
        let from = self.instance.state;
        assert_eq!(from, InstanceState::Running, "only what runs is stopped here");
        self.ran.last_mut().expect("it ran").to = now;
        self.instance.state = InstanceState::Stopping;
        let code = Some("Client.UserInitiatedShutdown".to_owned());
        self.instance.transition = Transition { code, message: None, at: Some(now) };
        self.due = Some((now + STOPPING, InstanceState::Stopped));
        (from, InstanceState::Stopping)
    }

    fn start(&mut self, now: Timestamp) -> Option<(InstanceState, InstanceState)> {
        let from = self.instance.state;
        assert_eq!(from, InstanceState::Stopped, "only what is stopped is started here");
        if self.story.no_capacity.iter().any(|span| span.contains(now)) {
            return None;
        }
        self.instance.state = InstanceState::Pending;
        self.instance.launched_at = Some(now);
        self.instance.transition = Transition::default();
        self.due = Some((now + STARTING, InstanceState::Running));
        Some((from, InstanceState::Pending))
    }

    fn works_during(&self, span: Span) -> bool {
        let is_on = |work: &Span| self.ran.iter().any(|ran| ran.overlaps(*work) && ran.overlaps(span));
        self.story.work.iter().any(|work| work.overlaps(span) && is_on(work))
    }
}
