//! The truth: machines, what they did and when, and how EC2 and people change them. What Doze is told of it is `port`'s.

use std::collections::BTreeMap;

use idleness::{Instance, InstanceId, InstanceState, InstanceType, Market, RootDevice, StopProtection, Transition};
use jiff::{SignedDuration, Timestamp};

use crate::history::{Deed, Kind, Load, MachineSpec};

/// How long a stop takes, and a start.
const STOPPING: i64 = 90;
const STARTING: i64 = 40;
/// How long those have been up, or stopped, that are there from the beginning.
const BEFORE: i64 = 10 * 3600;

/// A machine, and all that is true of it.
#[derive(Clone, Debug)]
pub(crate) struct Machine {
    pub(crate) id: InstanceId,
    pub(crate) spec: MachineSpec,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) state: InstanceState,
    /// When a state that does not last goes over into the next one.
    pub(crate) until: Option<i64>,
    pub(crate) launched_at: i64,
    pub(crate) transition: Option<(&'static str, i64)>,
    pub(crate) is_protected: bool,
    pub(crate) sessions: u32,
    /// When it ran: from, and until if that is over.
    ran: Vec<(i64, Option<i64>)>,
    worked: Vec<(Load, i64, i64)>,
    lost: Vec<(i64, i64)>,
    /// Who stopped it last.
    pub(crate) stopped_by: Stopper,
    /// Whether a person asked for a start that has not come true.
    pub(crate) is_awaited: bool,
    /// When Doze stopped it.
    pub(crate) doze_stops: Vec<i64>,
    /// For when its stop was announced, and the hour of the run that did so, as long as the announcement stands.
    pub(crate) announced: Option<(i64, i64)>,
}

/// Who stopped a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stopper {
    /// Doze.
    Doze,
    /// A person, then.
    Person(i64),
    /// EC2, which had no capacity for it in the end.
    Capacity,
}

/// The account.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) now: i64,
    pub(crate) machines: BTreeMap<InstanceId, Machine>,
}

pub(crate) fn timestamp(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a simulated time is one")
}

/// The second of a tag's instant.
pub(crate) fn second(text: &str) -> Option<i64> {
    text.parse::<Timestamp>().ok().map(Timestamp::as_second)
}

impl World {
    pub(crate) fn new(specs: &[MachineSpec], now: i64) -> Self {
        let existing = specs.iter().enumerate().filter(|(_, spec)| spec.exists);
        let machines = existing.map(|(number, spec)| Machine::new(number, spec, now));
        Self { now, machines: machines.map(|machine| (machine.id.clone(), machine)).collect() }
    }

    /// Lets time pass.
    pub(crate) fn pass(&mut self, seconds: i64) {
        self.now += seconds;
        for machine in self.machines.values_mut() {
            machine.settle(self.now);
        }
    }
}

/// The id of the machine of that number.
pub(crate) fn id(number: usize) -> InstanceId {
    format!("i-{number:017x}").parse().expect("is an id")
}

impl Machine {
    fn new(number: usize, spec: &MachineSpec, now: i64) -> Self {
        let started = now - BEFORE;
        let mut machine = Self {
            id: id(number),
            spec: spec.clone(),
            tags: BTreeMap::from([("Name".to_owned(), format!("machine {number}"))]),
            state: if spec.runs { InstanceState::Running } else { InstanceState::Stopped },
            until: None,
            launched_at: started,
            transition: (!spec.runs).then_some(("Client.UserInitiatedShutdown", started + 60)),
            is_protected: false,
            sessions: 0,
            ran: vec![(started, if spec.runs { None } else { Some(started + 60) })],
            worked: Vec::new(),
            lost: Vec::new(),
            stopped_by: Stopper::Person(started + 60),
            is_awaited: false,
            doze_stops: Vec::new(),
            announced: None,
        };
        let kind = match spec.kind {
            Kind::Group => Some("aws:autoscaling:groupName"),
            Kind::Cluster => Some("kubernetes.io/cluster/blue"),
            Kind::Plain | Kind::OneTimeSpot | Kind::InstanceStore => None,
        };
        if let Some(key) = kind {
            machine.set(key, "owned");
        }
        if spec.opted_in {
            machine.set("doze", "on");
        }
        if spec.heeds_sessions {
            machine.set("doze:policy", "watched");
        }
        if let Some(hours) = spec.hours {
            machine.set("doze:schedule", &window(hours));
        }
        machine
    }

    pub(crate) fn set(&mut self, key: &str, value: &str) {
        self.tags.insert(key.to_owned(), value.to_owned());
    }

    pub(crate) fn is_opted_in(&self) -> bool {
        self.tags.get("doze").is_some_and(|value| value == "on")
    }

    /// Whether Doze stopped it within the hour before.
    pub(crate) fn was_stopped_within_the_hour(&self, now: i64) -> bool {
        let hour = SignedDuration::from_hours(1).as_secs();
        self.doze_stops.iter().any(|at| now - at < hour)
    }

    fn settle(&mut self, now: i64) {
        let Some(until) = self.until.filter(|until| *until <= now) else { return };
        self.until = None;
        self.state = match self.state {
            InstanceState::Pending => {
                self.is_awaited = false;
                InstanceState::Running
            }
            InstanceState::Stopping => InstanceState::Stopped,
            InstanceState::ShuttingDown => InstanceState::Terminated,
            state => state,
        };
        if self.state == InstanceState::Running {
            self.ran.push((until, None));
        }
    }

    /// Whether it is at the end of its ways: no start and no stop is under way.
    pub(crate) fn is_settled(&self) -> bool {
        self.until.is_none()
    }

    /// EC2 stops it, unless it is still starting: `IncorrectInstanceState`.
    pub(crate) fn stop(&mut self, now: i64, by: Stopper) {
        if self.state != InstanceState::Running {
            return;
        }
        self.state = InstanceState::Stopping;
        self.until = Some(now + STOPPING);
        self.transition = Some(("Client.UserInitiatedShutdown", now));
        self.stopped_by = by;
        self.is_awaited = false;
        self.halt(now);
    }

    fn halt(&mut self, now: i64) {
        self.sessions = 0;
        if let Some((_, until @ None)) = self.ran.last_mut() {
            *until = Some(now);
        }
        for (_, _, until) in &mut self.worked {
            *until = (*until).min(now);
        }
    }

    /// EC2 starts it.
    pub(crate) fn start(&mut self, now: i64) {
        if self.state == InstanceState::Stopped {
            self.state = InstanceState::Pending;
            self.until = Some(now + STARTING);
            self.launched_at = now;
            self.transition = None;
        }
    }

    /// EC2 accepts a start, and has no capacity in the end.
    pub(crate) fn start_and_fall_back(&mut self, now: i64) {
        if self.state == InstanceState::Stopped {
            self.launched_at = now;
            self.transition = Some(("Server.InsufficientInstanceCapacity", now));
            self.stopped_by = Stopper::Capacity;
        }
    }

    /// What people and the world do.
    pub(crate) fn undergo(&mut self, deed: Deed, now: i64) {
        match deed {
            Deed::OptIn => self.set("doze", "on"),
            Deed::OptOut => drop(self.tags.remove("doze")),
            Deed::KeepAwake { minutes } => self.keep_awake(now + i64::from(minutes) * 60),
            Deed::Schedule { from, to } => self.set("doze:schedule", &window((from, to))),
            Deed::NoSchedule => drop(self.tags.remove("doze:schedule")),
            Deed::Misspell => self.set("doze:keep-untill", "tomorrow"),
            Deed::Correct => drop(self.tags.remove("doze:keep-untill")),
            Deed::Protect => self.is_protected = true,
            Deed::Unprotect => self.is_protected = false,
            // EC2 refuses whom it protects.
            Deed::Stop if !self.is_protected => self.stop(now, Stopper::Person(now)),
            Deed::Start => self.start(now),
            Deed::Restart if !self.is_protected && self.state == InstanceState::Running => {
                self.halt(now);
                (self.state, self.until) = (InstanceState::Pending, Some(now + STARTING));
                (self.launched_at, self.transition) = (now, None);
            }
            Deed::Wake { is_refused } => self.wake(is_refused, now),
            Deed::Terminate if !self.is_protected && self.state != InstanceState::Terminated => {
                self.halt(now);
                (self.state, self.until) = (InstanceState::ShuttingDown, Some(now + STOPPING));
            }
            Deed::Work { load, minutes } if self.state == InstanceState::Running => {
                self.worked.push((load, now, now + i64::from(minutes) * 60));
            }
            Deed::OpenSession if self.state == InstanceState::Running => self.sessions += 1,
            Deed::CloseSessions => self.sessions = 0,
            Deed::LoseData { minutes } => self.lost.push((now, now + i64::from(minutes) * 60)),
            Deed::Postpone => {
                self.tags.remove("doze:stop-at");
                self.announced = None;
            }
            Deed::Stop | Deed::Terminate | Deed::Restart | Deed::Work { .. } | Deed::OpenSession => {}
        }
    }

    fn keep_awake(&mut self, until: i64) {
        self.set("doze:keep-until", &timestamp(until).to_string());
    }

    /// As the function `wake` does it.
    fn wake(&mut self, is_refused: bool, now: i64) {
        if !self.is_opted_in() {
            return;
        }
        self.keep_awake(now + 3600);
        match self.state {
            InstanceState::Stopped if !is_refused => {
                self.is_awaited = true;
                self.start(now);
            }
            InstanceState::Stopped | InstanceState::Stopping => {
                self.is_awaited = true;
                let now = timestamp(now).to_string();
                self.set("doze:start-owed-since", &now);
                self.set("doze:start-tried-at", &now);
            }
            _ => {}
        }
    }

    /// Whether nobody works on it any more, and nobody will.
    pub(crate) fn rest(&mut self, now: i64) {
        self.sessions = 0;
        self.lost.clear();
        for (_, _, until) in &mut self.worked {
            *until = (*until).min(now);
        }
    }

    /// Whether its schedule's window is open, by the hours themselves.
    pub(crate) fn is_inside_schedule(&self, now: i64) -> bool {
        let hour = now.rem_euclid(86_400) / 3600;
        self.tags
            .get("doze:schedule")
            .and_then(|text| hours_of(text))
            .is_some_and(|(from, to)| (from..to).contains(&hour))
    }

    pub(crate) fn is_kept_awake(&self, now: i64) -> bool {
        self.tags.get("doze:keep-until").and_then(|text| second(text)).is_some_and(|until| now < until)
    }

    /// Whether CloudWatch has a datapoint of a period yet.
    pub(crate) fn has_datapoint(&self, from: i64, until: i64, now: i64) -> bool {
        let overlaps = |(a, b): (i64, i64)| a < until && from < b;
        let ran = self.ran.iter().any(|(a, b)| overlaps((*a, b.unwrap_or(i64::MAX))));
        ran && until + self.spec.delay_seconds <= now && !self.lost.iter().copied().any(overlaps)
    }

    /// What was done in a period.
    pub(crate) fn loads(&self, from: i64, until: i64) -> Vec<Load> {
        self.worked.iter().filter(|(_, a, b)| *a < until && from < *b).map(|(load, ..)| *load).collect()
    }

    /// The machine as EC2 describes it. Stop protection is asked for apart.
    pub(crate) fn describe(&self) -> Instance {
        Instance {
            id: self.id.clone(),
            state: self.state,
            launched_at: Some(timestamp(self.launched_at)),
            instance_type: InstanceType::from_name("m7g.large"),
            vcpus: Some(2),
            root_device: if self.spec.kind == Kind::InstanceStore {
                RootDevice::InstanceStore
            } else {
                RootDevice::Ebs
            },
            market: if self.spec.kind == Kind::OneTimeSpot { Market::SpotOneTime } else { Market::OnDemand },
            stop_protection: StopProtection::Unread,
            transition: self.transition.map_or_else(Transition::default, |(code, at)| Transition {
                code: Some(code.to_owned()),
                message: Some(format!("{code}: as EC2 words it")),
                at: Some(timestamp(at)),
            }),
            tags: self.tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect(),
        }
    }
}

/// A schedule's text.
fn window((from, to): (u8, u8)) -> String {
    format!("mon-sun {from:02}:00-{to:02}:00 @ UTC")
}

/// The hours of such a text.
fn hours_of(text: &str) -> Option<(i64, i64)> {
    let hour = |at: usize| text.get(at..at + 2)?.parse().ok();
    Some((hour(8)?, hour(14)?))
}
