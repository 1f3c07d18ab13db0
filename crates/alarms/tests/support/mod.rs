//! A cloud of instances and alarms that counts calls, and a clock that only its waiting moves.
#![allow(dead_code, missing_docs, unreachable_pub, reason = "each test file uses its own part")]

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use alarms::{Clock, Naming, Settings};
use fleet::{ApiError, IdleAlarm, KeepAlarms, KeptAlarm, ReadFleet};
use idleness::{
    Evidence, Instance, InstanceId, InstanceState, InstanceType, Market, Part, Policies, Policy, RootDevice, Rules,
    StopProtection, Tags, Transition,
};
use jiff::{SignedDuration, Timestamp};

pub const PREFIX: &str = "doze-idle-auto-";
pub const ACTION: &str = "arn:aws:lambda:eu-west-1:111122223333:function:doze-scheduler";
/// More than any run here takes.
pub const LONG: Duration = Duration::from_hours(1);

pub fn naming() -> Naming {
    Naming { prefix: PREFIX.to_owned(), action: ACTION.to_owned() }
}

pub fn settings() -> Settings {
    Settings { rules: Ok(Rules::default()), naming: naming() }
}

/// The rules of these custom policies, as JSON.
pub fn rules(policies: &str) -> Rules {
    Rules { policies: Policies::parse(policies).expect("is valid"), grace: SignedDuration::ZERO }
}

pub fn id(number: u32) -> InstanceId {
    format!("i-{number:017x}").parse().expect("a test's id is valid")
}

/// An instance that opted in and runs.
pub fn instance(number: u32) -> Instance {
    Instance {
        id: id(number),
        state: InstanceState::Running,
        launched_at: None,
        instance_type: InstanceType::from_name("m7g.large"),
        vcpus: Some(2),
        root_device: RootDevice::Ebs,
        market: Market::OnDemand,
        stop_protection: StopProtection::Unread,
        transition: Transition::default(),
        tags: Tags::from_iter([("doze", "on")]),
    }
}

/// The same with these tags beside the opt-in.
pub fn tagged(number: u32, tags: &[(&str, &str)]) -> Instance {
    Instance { tags: [("doze", "on")].iter().chain(tags).copied().collect(), ..instance(number) }
}

/// A clock that stands still but for waiting and for calls, each of which takes a millisecond.
#[derive(Default)]
pub struct FakeClock(Cell<Duration>);

impl FakeClock {
    pub fn pass(&self, time: Duration) {
        self.0.set(self.0.get() + time);
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Duration {
        self.0.get()
    }

    async fn wait_until(&self, time: Duration) {
        self.0.set(self.0.get().max(time));
    }
}

#[derive(Default)]
pub struct Cloud {
    pub instances: RefCell<Vec<Instance>>,
    /// By name; `None` is an alarm that Doze could not have made.
    pub alarms: RefCell<BTreeMap<String, Option<IdleAlarm>>>,
    /// The changing calls, with the time of each.
    pub calls: RefCell<Vec<(Duration, String)>>,
    pub clock: FakeClock,
    pub refuse_put: BTreeMap<String, &'static str>,
    pub refuse_remove: Option<&'static str>,
    pub unseen_fleet: bool,
    pub unseen_alarms: bool,
    /// Alarms that somebody else still makes, one before each listing.
    pub made_meanwhile: RefCell<Vec<IdleAlarm>>,
}

impl Cloud {
    pub fn of(instances: impl IntoIterator<Item = Instance>) -> Self {
        Self { instances: RefCell::new(instances.into_iter().collect()), ..Self::default() }
    }

    pub fn names(&self) -> BTreeSet<String> {
        self.alarms.borrow().keys().cloned().collect()
    }

    pub fn call_names(&self) -> Vec<String> {
        self.calls.borrow().iter().map(|(_, call)| call.clone()).collect()
    }

    pub fn put(&self, name: &str, alarm: Option<IdleAlarm>) {
        self.alarms.borrow_mut().insert(name.to_owned(), alarm);
    }

    pub fn replace(&self, instance: Instance) {
        let mut instances = self.instances.borrow_mut();
        instances.retain(|there| there.id != instance.id);
        instances.push(instance);
    }

    /// The most changing calls within any one second.
    pub fn most_calls_a_second(&self) -> usize {
        let calls = self.calls.borrow();
        let within =
            |from: Duration| calls.iter().filter(|(at, _)| *at >= from && *at < from + Duration::from_secs(1)).count();
        calls.iter().map(|(at, _)| within(*at)).max().unwrap_or_default()
    }

    fn call(&self, call: String) {
        self.calls.borrow_mut().push((self.clock.now(), call));
        self.clock.pass(Duration::from_millis(1));
    }
}

fn failure(code: &str) -> ApiError {
    ApiError::new("cloudwatch:PutMetricAlarm", code, "refused by the test")
}

impl KeepAlarms for Cloud {
    async fn kept_alarms(&self, prefix: &str) -> Result<Vec<KeptAlarm>, ApiError> {
        if self.unseen_alarms {
            return Err(failure("InternalFailure"));
        }
        if let Some(alarm) = self.made_meanwhile.borrow_mut().pop() {
            self.alarms.borrow_mut().insert(alarm.name.clone(), Some(alarm));
        }
        let alarms = self.alarms.borrow();
        let ours = alarms.iter().filter(|(name, _)| name.starts_with(prefix));
        Ok(ours.map(|(name, alarm)| KeptAlarm { name: name.clone(), alarm: alarm.clone() }).collect())
    }

    async fn put_alarm(&self, alarm: &IdleAlarm) -> Result<(), ApiError> {
        self.call(format!("put {}", alarm.name));
        if let Some(code) = self.refuse_put.get(&alarm.name) {
            return Err(failure(code));
        }
        self.put(&alarm.name, Some(alarm.clone()));
        Ok(())
    }

    async fn remove_alarms(&self, names: &[String]) -> Result<(), ApiError> {
        assert!((1..=100).contains(&names.len()), "CloudWatch takes 1 to 100 names");
        self.call(format!("remove {}", names.join(" ")));
        if let Some(code) = self.refuse_remove {
            return Err(failure(code));
        }
        self.alarms.borrow_mut().retain(|name, _| !names.contains(name));
        Ok(())
    }
}

impl ReadFleet for Cloud {
    async fn opted_in(&self) -> Result<Vec<Instance>, ApiError> {
        if self.unseen_fleet {
            return Err(failure("RequestLimitExceeded"));
        }
        Ok(self.instances.borrow().iter().filter(|instance| instance.tags.opted_in()).cloned().collect())
    }

    async fn instances(&self, _: &[InstanceId]) -> Result<Vec<Instance>, ApiError> {
        unreachable!("alarms are kept for the whole fleet")
    }

    async fn evidence(
        &self,
        _: &[(&Instance, &Policy)],
        _: Part,
        _: Timestamp,
    ) -> Result<BTreeMap<InstanceId, Evidence>, ApiError> {
        unreachable!("nothing is measured")
    }

    async fn sessions(&self, _: &[InstanceId]) -> BTreeMap<InstanceId, u32> {
        unreachable!("nothing is measured")
    }

    async fn stop_protection(&self, _: &[InstanceId]) -> BTreeMap<InstanceId, StopProtection> {
        unreachable!("nothing is stopped")
    }
}
