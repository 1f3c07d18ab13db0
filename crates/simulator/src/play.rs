//! Plays a history: polls the runs as its steps say, lets time pass, and in the end lets all faults cease and sees to it that
//! nobody was forgotten.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use idleness::{InstanceId, InstanceState};
use scheduler::{Run, RunError, Settings, run};
use serde_json::Value;
use settings::Environment;

use crate::{
    history::{Begin, History, Kind, Step, Trigger},
    oracle::{Log, Violation},
    port::Port,
    sabotage::Sabotage,
    world::{Machine, Stopper, World, id, timestamp},
};

/// The beginning of every history: 2026-11-21T12:00:00Z.
const NOON: i64 = 1_795_262_400;
/// How many runs are under way at once, at most.
const AT_ONCE: usize = 3;
const ALARM: &str = include_str!("../../../events/scheduler/alarm-direct.json");
const RECOVERY: &str = include_str!("../../../events/scheduler/ignored-alarm-ok.json");
const STATE_CHANGE: &str = include_str!("../../../events/scheduler/state-change-running.json");
const SWEEP: &str = include_str!("../../../events/scheduler/tick-from-scheduler.json");
/// The instance that the events are about.
const NAMED: &str = "i-0123456789abcdef0";

/// How much happened: a simulation in which nothing does, proves nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Runs that began.
    pub runs: usize,
    /// Runs that began while another one was under way.
    pub beside_others: usize,
    /// Runs that died.
    pub killed: usize,
    /// Calls that went wrong.
    pub faults: usize,
    /// Stops.
    pub stops: usize,
    /// Starts.
    pub starts: usize,
    /// Instances that had to be stopped in the end, and were.
    pub stopped_in_the_end: usize,
    /// Instances that had to be started in the end, and were.
    pub started_in_the_end: usize,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.runs += other.runs;
        self.beside_others += other.beside_others;
        self.killed += other.killed;
        self.faults += other.faults;
        self.stops += other.stops;
        self.starts += other.starts;
        self.stopped_in_the_end += other.stopped_in_the_end;
        self.started_in_the_end += other.started_in_the_end;
    }
}

/// Plays a history, with a rule of the product switched off if one is given.
///
/// # Errors
/// The first rule that was broken.
pub fn play(history: &History, sabotage: Option<Sabotage>) -> Result<Tally, Violation> {
    let mut stage = Stage::new(history, sabotage);
    for step in &history.steps {
        stage.step(*step)?;
    }
    stage.end()?;
    Ok(stage.tally)
}

/// A run that is under way.
struct UnderWay {
    future: Pin<Box<dyn Future<Output = Result<Run, RunError>>>>,
    log: Rc<RefCell<Log>>,
}

struct Stage<'a> {
    history: &'a History,
    sabotage: Option<Sabotage>,
    world: Rc<RefCell<World>>,
    under_way: Vec<UnderWay>,
    /// Whether the caps are lifted, at the end.
    is_end: bool,
    /// What the run that ended last decided.
    decided: BTreeMap<InstanceId, String>,
    tally: Tally,
}

impl<'a> Stage<'a> {
    fn new(history: &'a History, sabotage: Option<Sabotage>) -> Self {
        let world = Rc::new(RefCell::new(World::new(&history.machines, NOON)));
        Self {
            history,
            sabotage,
            world,
            under_way: Vec::new(),
            is_end: false,
            decided: BTreeMap::new(),
            tally: Tally::default(),
        }
    }

    fn step(&mut self, step: Step) -> Result<(), Violation> {
        match step {
            Step::Pass { minutes } => self.pass(i64::from(minutes) * 60),
            Step::Wait { seconds } => {
                self.world.borrow_mut().pass(i64::from(seconds));
                Ok(())
            }
            Step::Begin(begin) => self.begin(begin),
            Step::Poll { run, times } => {
                for _ in 0..times {
                    let Some(number) = usize::from(run).checked_rem(self.under_way.len()) else { break };
                    self.poll(number)?;
                }
                Ok(())
            }
            Step::Kill { run } => {
                if let Some(number) = usize::from(run).checked_rem(self.under_way.len()) {
                    let killed = self.under_way.swap_remove(number);
                    self.count(&killed);
                    self.tally.killed += 1;
                }
                Ok(())
            }
            Step::Do { machine, deed } => {
                let world = &mut *self.world.borrow_mut();
                if let Some(machine) = world.machines.get_mut(&self.id(machine)) {
                    machine.undergo(deed, world.now);
                }
                Ok(())
            }
        }
    }

    fn id(&self, machine: u8) -> InstanceId {
        id(usize::from(machine) % self.history.machines.len())
    }

    /// All runs come to their end, since no function lives for minutes; then time passes.
    fn pass(&mut self, seconds: i64) -> Result<(), Violation> {
        while !self.under_way.is_empty() {
            self.poll(0)?;
        }
        self.world.borrow_mut().pass(seconds);
        Ok(())
    }

    fn begin(&mut self, begin: Begin) -> Result<(), Violation> {
        while self.under_way.len() >= AT_ONCE {
            self.poll(0)?;
        }
        let now = self.world.borrow().now;
        let mut history = self.history.clone();
        if self.is_end {
            (history.max_stops, history.max_stops_percent) = (1000, 100);
        }
        let log = Rc::new(RefCell::new(Log::new(begin, &history, now)));
        let port = Port::new(&self.world, &log, self.sabotage);
        let settings = self.settings(&history, begin);
        let event = self.event(begin.trigger);
        let future = Box::pin(async move { run(&event, &port, &settings, timestamp(now)).await });
        self.tally.runs += 1;
        self.tally.beside_others += usize::from(!self.under_way.is_empty());
        self.under_way.push(UnderWay { future, log });
        Ok(())
    }

    fn settings(&self, history: &History, begin: Begin) -> Settings {
        let is_dry = begin.is_dry && self.sabotage != Some(Sabotage::DryRun);
        let max_stops = if self.sabotage == Some(Sabotage::Caps) { 1000 } else { history.max_stops };
        let percent = if self.sabotage == Some(Sabotage::Caps) { 100 } else { history.max_stops_percent };
        let grace = if self.sabotage == Some(Sabotage::Grace) { 0 } else { history.grace_minutes };
        let environment: Environment = [
            ("DOZE_MODE", if is_dry { "dry-run" } else { "enforce" }.to_owned()),
            ("DOZE_MAX_STOPS", max_stops.to_string()),
            ("DOZE_MAX_STOPS_PERCENT", percent.to_string()),
            ("DOZE_GRACE_MINUTES", grace.to_string()),
            ("DOZE_POLICIES", r#"{"watched": {"sessions": true}}"#.to_owned()),
        ]
        .into_iter()
        .collect();
        Settings::read(&environment).expect("these settings are valid")
    }

    fn event(&self, trigger: Trigger) -> Value {
        let (template, machine) = match trigger {
            Trigger::Sweep => (SWEEP, 0),
            Trigger::Alarm(machine) => (ALARM, machine),
            Trigger::Recovery(machine) => (RECOVERY, machine),
            Trigger::StateChange(machine) => (STATE_CHANGE, machine),
        };
        // A machine that was taken away leaves its number behind, and its alarms.
        let text = template.replace(NAMED, self.id(machine).as_str());
        serde_json::from_str(&text).expect("a fixture is JSON")
    }

    fn poll(&mut self, number: usize) -> Result<(), Violation> {
        let under_way = &mut self.under_way[number];
        let polled = under_way.future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        if let Poll::Ready(result) = &polled {
            let world = self.world.borrow();
            under_way.log.borrow_mut().ends(result, &world);
        }
        let violation = under_way.log.borrow().violations.first().cloned();
        if polled.is_ready() {
            let ended = self.under_way.swap_remove(number);
            self.count(&ended);
            self.decided = ended.log.borrow().decided.clone();
        }
        violation.map_or(Ok(()), Err)
    }

    fn count(&mut self, run: &UnderWay) {
        let log = run.log.borrow();
        self.tally.faults += log.faults;
        self.tally.stops += log.stops();
        self.tally.starts += log.started;
    }

    /// Faults cease, and everybody rests: what is idle is stopped within two sweeps, what is due is started.
    fn end(&mut self) -> Result<(), Violation> {
        self.pass(0)?;
        self.is_end = true;
        {
            let world = &mut *self.world.borrow_mut();
            let now = world.now;
            world.machines.values_mut().for_each(|machine| machine.rest(now));
        }
        // The lookback, what was asked to be kept awake, and the wait of an owed start.
        self.pass(3 * 3600)?;
        let (idle, due) = (self.all(is_to_stop), self.all(is_to_start));
        self.sweep()?;
        // Longer than any grace that is played, and than an hour: who was stopped counts for no cap any more, which is a share of
        // those that run on.
        self.pass(65 * 60)?;
        let (still_idle, still_due) = (self.all(is_to_stop), self.all(is_to_start));
        self.sweep()?;
        self.pass(5 * 60)?;
        let left = self.left_running(&idle, &still_idle).or_else(|| self.left_stopped(&due, &still_due));
        if let Some((id, rule)) = left {
            let decided = self.decided.get(&id).map_or("nothing", String::as_str);
            return Err(Violation { rule, what: format!("{id}; the last sweep said: {decided}") });
        }
        self.tally.stopped_in_the_end += idle.len();
        self.tally.started_in_the_end += due.len();
        Ok(())
    }

    fn sweep(&mut self) -> Result<(), Violation> {
        self.begin(Begin { trigger: Trigger::Sweep, is_dry: false, faults_percent: 0, changes: None, seed: 0 })?;
        self.pass(0)
    }

    fn all(&self, is_meant: fn(&Machine, i64) -> bool) -> BTreeSet<InstanceId> {
        let world = self.world.borrow();
        let meant = world.machines.values().filter(|machine| is_meant(machine, world.now));
        meant.map(|machine| machine.id.clone()).collect()
    }

    /// Those that had to be stopped before the last sweep, and run.
    fn left_running(
        &self,
        idle: &BTreeSet<InstanceId>,
        still: &BTreeSet<InstanceId>,
    ) -> Option<(InstanceId, &'static str)> {
        let running = self.all(|machine, _| machine.state == InstanceState::Running);
        let left = idle.iter().find(|id| still.contains(id) && running.contains(id));
        left.map(|id| (id.clone(), "left-running"))
    }

    /// Those that had to be started before the last sweep, and do not run.
    fn left_stopped(
        &self,
        due: &BTreeSet<InstanceId>,
        still: &BTreeSet<InstanceId>,
    ) -> Option<(InstanceId, &'static str)> {
        let stopped = self.all(|machine, _| machine.state == InstanceState::Stopped);
        let left = due.iter().find(|id| still.contains(id) && stopped.contains(id));
        left.map(|id| (id.clone(), "left-stopped"))
    }
}

/// Whether it is idle, and nothing speaks against its stop.
fn is_to_stop(machine: &Machine, now: i64) -> bool {
    let is_plain = machine.spec.kind == Kind::Plain && !machine.is_protected;
    let is_wanted = machine.is_inside_schedule(now) || machine.is_kept_awake(now);
    let is_old = now - machine.launched_at >= 2 * 3600;
    is_plain && is_readable(machine) && !is_wanted && is_old && machine.state == InstanceState::Running
}

/// Whether it sleeps by Doze's hand inside its schedule, or somebody waits for its start.
fn is_to_start(machine: &Machine, now: i64) -> bool {
    let is_owed = machine.is_awaited && !machine.tags.contains_key("doze:schedule");
    let is_awake_time = machine.is_inside_schedule(now) && machine.stopped_by == Stopper::Doze;
    let is_asleep = machine.state == InstanceState::Stopped && machine.is_settled();
    is_readable(machine) && is_asleep && (is_owed || is_awake_time)
}

/// Whether it is opted in, by tags that can be read.
fn is_readable(machine: &Machine) -> bool {
    machine.is_opted_in() && !machine.tags.contains_key("doze:keep-untill")
}
