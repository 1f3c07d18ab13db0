//! A fake fleet: five instances and a script of refusals, and a record of every call made.
#![allow(dead_code, missing_docs, unreachable_pub, reason = "each test file uses its own part")]

mod alarms;
mod changes;
pub mod messages;
pub mod starts;
mod turns;

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

use fleet::{ApiError, ReadAddresses, ReadFleet};
use futures_util::{Stream, stream};
use idleness::{
    Caps, Datapoint, Evidence, Instance, InstanceId, InstanceState, InstanceType, Market, Metric, Mode, Part, Percent,
    Policy, Prices, RootDevice, Rules, Series, SeriesStatus, Signal, StopProtection, Tags, Transition,
};
use jiff::{SignedDuration, Timestamp};
use scheduler::Settings;

pub use turns::Turns;

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
    let caps = Caps { stops: 25, share: Percent::ALL };
    Settings { mode, rules: Rules::default(), caps, prices: Prices::default(), topic: None, links: None }
}

/// The calls a run made, in order, in a form that reads well in an assertion.
pub type Calls = Vec<String>;

/// What may be wrong with all of the fleet.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    /// All instances are described, whichever are asked for.
    IgnoresFilters,
    /// Once a stop or a start was tried, single instances cannot be described any more.
    BlindAfterActing,
    /// No tag can be taken off.
    RefusesUntag,
    /// Sessions cannot be read.
    SessionsUnreadable,
}

#[derive(Default)]
pub struct FakeFleet {
    instances: RefCell<BTreeMap<InstanceId, Instance>>,
    cpu: BTreeMap<InstanceId, f64>,
    tags_while_measured: Vec<(InstanceId, String, String)>,
    gone_once_measured: Option<InstanceId>,
    sessions: BTreeMap<InstanceId, u32>,
    protected: BTreeSet<InstanceId>,
    children: BTreeMap<String, Vec<String>>,
    refuse_stop: BTreeMap<InstanceId, ApiError>,
    refuse_start: RefCell<BTreeMap<InstanceId, ApiError>>,
    lose_answer_of: BTreeSet<InstanceId>,
    refuse_tag: BTreeSet<InstanceId>,
    state_after_refusal: BTreeMap<InstanceId, InstanceState>,
    unreadable: Option<ApiError>,
    /// How many more changes there is time for. Always, if nothing is said.
    time_for: RefCell<Option<usize>>,
    faults: BTreeSet<Fault>,
    paging: Option<Paging>,
    /// How long a page and a measurement take.
    pub turns: Turns,
    calls: RefCell<Calls>,
}

/// How the fleet is described page by page. All at once, if nothing is said.
#[derive(Clone, Copy)]
pub struct Paging {
    pub size: usize,
    /// Whether each page has the last instance of the one before it once more.
    pub overlaps: bool,
    /// After how many pages comes an error, if one does.
    pub fails_after: Option<usize>,
}

impl FakeFleet {
    /// One instance of each kind.
    pub fn of_every_kind() -> Self {
        let mut fleet = Self::default();
        for (text, cpu) in [(IDLE, 0.4), (BUSY, 63.0), (NOT_OPTED_IN, 0.1), (JUST_STARTED, 0.1), (STOPPED, 0.1)] {
            fleet.add(text, cpu);
        }
        fleet.add(WITHOUT_DATA, 0.0);
        fleet.lose_measurements(WITHOUT_DATA);
        fleet.edit(NOT_OPTED_IN, |instance| instance.tags = Tags::default());
        fleet.edit(JUST_STARTED, |instance| instance.launched_at = Some(now() - SignedDuration::from_mins(3)));
        fleet.edit(STOPPED, |instance| instance.state = InstanceState::Stopped);
        // Its children name the idle instance, one that is busy, many at once, none at all, and it in turn.
        for (parent, children) in [
            ("doze-idle-composite", &["doze-idle-dev", "doze-inner", "doze-queue", "doze-two"][..]),
            ("doze-inner", &["doze-busy", "doze-idle-composite", "doze-idle-fleet"]),
            ("doze-of-other-things", &["doze-queue", "doze-two"]),
        ] {
            fleet.add_composite(parent, children);
        }
        fleet
    }

    pub fn add_composite(&mut self, name: &str, children: &[&str]) {
        self.children.insert(name.to_owned(), children.iter().map(|child| (*child).to_owned()).collect());
    }

    /// Somebody tags the instance between the first look at it and its stop.
    pub fn tag_while_measured(&mut self, text: &str, key: &str, value: &str) {
        self.tags_while_measured.push((id(text), key.to_owned(), value.to_owned()));
    }

    /// EC2 knows the instance no more when it is looked at again.
    pub fn lose_while_measured(&mut self, text: &str) {
        self.gone_once_measured = Some(id(text));
    }

    /// From now on, a steady CPU load.
    pub fn work(&mut self, text: &str, cpu: f64) {
        self.cpu.insert(id(text), cpu);
    }

    /// There is no datapoint of its processor.
    pub fn lose_measurements(&mut self, text: &str) {
        self.cpu.remove(&id(text));
    }

    pub fn open_sessions(&mut self, text: &str, sessions: u32) {
        self.sessions.insert(id(text), sessions);
    }

    pub fn make_sessions_unreadable(&mut self) {
        self.faults.insert(Fault::SessionsUnreadable);
    }

    /// Stop protection is on.
    pub fn protect(&mut self, text: &str) {
        self.protected.insert(id(text));
        self.refuse_stop(text, "OperationNotPermitted");
    }

    /// An opted-in instance that has run for ten hours, at a steady CPU load and with nothing else going on.
    pub fn add(&mut self, text: &str, cpu: f64) {
        let instance = Instance {
            id: id(text),
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
        self.cpu.insert(id(text), cpu);
        self.instances.borrow_mut().insert(id(text), instance);
    }

    pub fn edit(&self, text: &str, edit: impl FnOnce(&mut Instance)) {
        edit(self.instances.borrow_mut().get_mut(&id(text)).expect("the instance exists"));
    }

    pub fn refuse_stop(&mut self, text: &str, code: &str) {
        self.refuse_stop.insert(id(text), ApiError::new("ec2:StopInstances", code, "refused by the test"));
    }

    /// Starts are refused from now on, or accepted again.
    pub fn refuse_start(&self, text: &str, code: Option<&str>) {
        let mut refused = self.refuse_start.borrow_mut();
        match code {
            Some(code) => {
                refused.insert(id(text), ApiError::new("ec2:StartInstances", code, "refused by the test"));
            }
            None => {
                refused.remove(&id(text));
            }
        }
    }

    /// The start is refused, and the instance is then found in this state.
    pub fn refuse_start_in_state(&mut self, text: &str, state: InstanceState) {
        self.refuse_start(text, Some("IncorrectInstanceState"));
        self.state_after_refusal.insert(id(text), state);
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

    /// Once a stop or a start was tried, single instances cannot be described any more.
    pub fn go_blind_after_acting(&mut self) {
        self.faults.insert(Fault::BlindAfterActing);
    }

    /// No tag can be taken off.
    pub fn refuse_untag(&mut self) {
        self.faults.insert(Fault::RefusesUntag);
    }

    /// Describes all instances, whichever it is asked for.
    pub fn ignore_filters(&mut self) {
        self.faults.insert(Fault::IgnoresFilters);
    }

    /// There is time for so many changes, and no more.
    pub fn leave_time_for(&self, changes: usize) {
        self.time_for.replace(Some(changes));
    }

    /// There is time for everything.
    pub fn leave_time(&self) {
        self.time_for.replace(None);
    }

    pub const fn page(&mut self, paging: Paging) {
        self.paging = Some(paging);
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
        let kept = instance.tags.iter().filter(|(key, _)| !remove.contains(key));
        let tags: Tags = kept.chain(add.iter().copied()).collect();
        instance.tags = tags;
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

    fn opted_in_by_page(&self) -> impl Stream<Item = Result<Vec<Instance>, ApiError>> {
        let Paging { size, overlaps, fails_after } =
            self.paging.unwrap_or(Paging { size: usize::MAX, overlaps: false, fails_after: None });
        let page_of = move |all: Vec<Instance>, page: usize| {
            let first = (page * size).saturating_sub(usize::from(overlaps));
            let end = (page + 1).saturating_mul(size).min(all.len());
            (all[first..end].to_vec(), end < all.len())
        };
        stream::try_unfold(Some(0), move |page| async move {
            let Some(page) = page else { return Ok(None) };
            if fails_after == Some(page) {
                return Err(ApiError::new("ec2:DescribeInstances", "RequestLimitExceeded", "slow down"));
            }
            self.turns.take().await;
            let (instances, has_next) = page_of(self.opted_in().await?, page);
            Ok(Some((instances, has_next.then_some(page + 1))))
        })
    }

    async fn instances(&self, ids: &[InstanceId]) -> Result<Vec<Instance>, ApiError> {
        self.record("instances", ids);
        self.readable()?;
        if self.faults.contains(&Fault::BlindAfterActing)
            && self.calls().iter().any(|call| call.starts_with("stop ") || call.starts_with("start "))
        {
            return Err(ApiError::new("ec2:DescribeInstances", "RequestLimitExceeded", "slow down"));
        }
        let all = self.instances.borrow();
        Ok(all
            .values()
            .filter(|instance| self.faults.contains(&Fault::IgnoresFilters) || ids.contains(&instance.id))
            .cloned()
            .collect())
    }

    async fn evidence(
        &self,
        subjects: &[(&Instance, &Policy)],
        part: Part,
        now: Timestamp,
    ) -> Result<BTreeMap<InstanceId, Evidence>, ApiError> {
        let ids: Vec<InstanceId> = subjects.iter().map(|(instance, _)| instance.id.clone()).collect();
        self.record(if part == Part::Rest { "rest" } else { "evidence" }, &ids);
        self.turns.take().await;
        for (id, key, value) in &self.tags_while_measured {
            self.change_tags(id, &[(key, value)], &[]);
        }
        self.instances.borrow_mut().retain(|id, _| Some(id) != self.gone_once_measured.as_ref());
        let of = |(instance, policy): &(&Instance, &Policy)| {
            let series = policy.measures(part, instance).into_iter().map(|(signal, measure)| {
                let cpu = self.cpu.get(&instance.id).copied();
                let value = if measure.metric == Metric::CPU { cpu } else { Some(0.0) };
                (measure, steady(value, policy, signal, now))
            });
            (instance.id.clone(), series.collect())
        };
        Ok(subjects.iter().map(of).collect())
    }

    async fn sessions(&self, ids: &[InstanceId]) -> BTreeMap<InstanceId, u32> {
        self.record("sessions", ids);
        if self.faults.contains(&Fault::SessionsUnreadable) {
            return BTreeMap::new();
        }
        ids.iter().map(|id| (id.clone(), self.sessions.get(id).copied().unwrap_or_default())).collect()
    }

    async fn stop_protection(&self, ids: &[InstanceId]) -> BTreeMap<InstanceId, StopProtection> {
        self.record("protection", ids);
        let of = |id: &InstanceId| if self.protected.contains(id) { StopProtection::On } else { StopProtection::Off };
        ids.iter().map(|id| (id.clone(), of(id))).collect()
    }
}

impl ReadAddresses for FakeFleet {
    async fn address(&self, id: &InstanceId) -> Result<Option<String>, ApiError> {
        self.record("address", std::slice::from_ref(id));
        Ok(None)
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
