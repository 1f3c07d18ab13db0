//! AWS, as one run meets it: the truth of `world`, late, in part, or not at all; each call waits once before it takes effect and
//! once before it is answered. What is asked and shown, the onlooker's log is told.

mod change;

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    future::poll_fn,
    rc::Rc,
    task::Poll,
};

use fastrand::Rng;
use fleet::{Alarm, ApiError, ReadAlarms, ReadFleet};
use futures_util::{Stream, TryStreamExt as _, stream};
use idleness::{
    Datapoint, Evidence, Instance, InstanceId, Measure, Part, Policy, Series, SeriesStatus, StopProtection,
};
use jiff::Timestamp;

use crate::{
    metrics::{Answered, Shown, Window, is_busy, value},
    oracle::Log,
    sabotage::Sabotage,
    world::{Machine, World, timestamp},
};

/// Few, so that most fleets have several pages.
const MACHINES_PER_PAGE: usize = 2;

pub(crate) struct Port {
    world: Rc<RefCell<World>>,
    log: Rc<RefCell<Log>>,
    random: RefCell<Rng>,
    time_for: Cell<Option<u8>>,
    sabotage: Option<Sabotage>,
}

impl Port {
    pub(crate) fn new(world: &Rc<RefCell<World>>, log: &Rc<RefCell<Log>>, sabotage: Option<Sabotage>) -> Self {
        let begin = log.borrow().begin;
        Self {
            world: Rc::clone(world),
            log: Rc::clone(log),
            random: RefCell::new(Rng::with_seed(begin.seed)),
            time_for: Cell::new(begin.changes),
            sabotage,
        }
    }

    fn is_sabotaged(&self, sabotage: Sabotage) -> bool {
        self.sabotage == Some(sabotage)
    }

    /// Whether something goes wrong here. If so, the onlooker knows.
    fn goes_wrong(&self) -> bool {
        let percent = self.log.borrow().begin.faults_percent;
        let is_wrong = self.random.borrow_mut().u8(0..100) < percent;
        self.log.borrow_mut().faults += usize::from(is_wrong);
        is_wrong
    }

    fn choose<T: Copy>(&self, choices: &[T]) -> T {
        choices[self.random.borrow_mut().usize(0..choices.len())]
    }

    /// A call that reads.
    async fn read<T>(&self, operation: &'static str, read: impl FnOnce(&World) -> T) -> Result<T, ApiError> {
        pause().await;
        let answer = if self.goes_wrong() { None } else { Some(read(&self.world.borrow())) };
        pause().await;
        answer.ok_or_else(|| {
            let codes = ["RequestLimitExceeded", "InternalError", ApiError::TIMEOUT, ApiError::BAD_ANSWER];
            ApiError::new(operation, self.choose(&codes), "the simulated day is a bad one")
        })
    }

    /// The opted-in machines that come after one, as many as fit into a page, and the last of them if that is full.
    fn page(&self, world: &World, after: Option<&InstanceId>) -> (Vec<Instance>, Option<InstanceId>) {
        let is_next = |machine: &&Machine| machine.is_opted_in() && after.is_none_or(|after| machine.id > *after);
        let page: Vec<&Machine> = world.machines.values().filter(is_next).take(MACHINES_PER_PAGE).collect();
        self.log.borrow_mut().count(&page);
        let last = page.last().filter(|_| page.len() == MACHINES_PER_PAGE).map(|machine| machine.id.clone());
        (page.into_iter().map(|machine| self.show(machine)).collect(), last)
    }

    /// The machine as the run is shown it.
    fn show(&self, machine: &Machine) -> Instance {
        let before = self.log.borrow_mut().look(machine);
        match before {
            Some(before) if self.is_sabotaged(Sabotage::SecondLook) => self.bend(&before),
            _ => self.bend(machine),
        }
    }

    fn bend(&self, machine: &Machine) -> Instance {
        self.sabotage.map_or_else(|| machine.describe(), |rule| rule.bend(machine, self.world.borrow().now))
    }

    /// A series as CloudWatch answers it, and the starts of the periods in it that are sound.
    fn series(&self, machine: &Machine, measure: &Measure, window: &Window) -> Answered {
        let now = self.world.borrow().now;
        let has = |at: &i64| machine.has_datapoint(*at, at + window.period, now);
        let mut starts: Vec<i64> = window.starts().filter(has).collect();
        let mut status = if starts.is_empty() { SeriesStatus::Absent } else { SeriesStatus::Complete };
        let mut is_sound = true;
        if self.goes_wrong() {
            match self.random.borrow_mut().u8(0..8) {
                0 => status = SeriesStatus::PartialData,
                1 => status = SeriesStatus::InternalError,
                2 => (status, starts) = (SeriesStatus::Forbidden, Vec::new()),
                3 => (status, starts) = (SeriesStatus::Unanswered, Vec::new()),
                4 => (status, starts) = (SeriesStatus::Absent, Vec::new()),
                5 => starts.truncate(starts.len().saturating_sub(3)),
                6 => starts.retain(|at| at % (3 * window.period) > 0),
                _ => is_sound = false,
            }
        }
        let value = |at: i64| if is_sound { value(measure, &machine.loads(at, at + window.period)) } else { f64::NAN };
        let points = starts.iter().map(|at| Datapoint { at: timestamp(*at), value: value(*at) }).collect();
        let is_idle = starts.iter().all(|at| !is_busy(measure, &machine.loads(*at, at + window.period)));
        Answered { series: Series { status, points }, starts, is_sound, is_idle }
    }

    /// A part of the evidence about one machine, and what is true of each measure in it.
    fn measure(
        &self,
        machine: &Machine,
        (instance, policy): (&Instance, &Policy),
        part: Part,
        now: Timestamp,
    ) -> (Evidence, Vec<(Measure, Shown)>) {
        let (mut evidence, mut shown) = (Evidence::none(), Vec::new());
        for (signal, measure) in policy.measures(part, instance) {
            let window = Window::of(policy, signal, now);
            if part == Part::Rest && self.is_sabotaged(Sabotage::Rest) {
                evidence.add(measure, window.quiet());
                continue;
            }
            let answered = self.series(machine, &measure, &window);
            shown.push((measure.clone(), answered.shown(&window)));
            let bent = self.sabotage.map(|rule| rule.bend_series(&answered.series, &window));
            evidence.add(measure, bent.unwrap_or(answered.series));
        }
        (evidence, shown)
    }
}

/// A point at which other things may happen.
async fn pause() {
    let mut has_paused = false;
    poll_fn(|context| {
        if std::mem::replace(&mut has_paused, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

impl ReadFleet for Port {
    async fn opted_in(&self) -> Result<Vec<Instance>, ApiError> {
        self.opted_in_by_page().try_concat().await
    }

    /// Between one page and the next, anything may happen.
    fn opted_in_by_page(&self) -> impl Stream<Item = Result<Vec<Instance>, ApiError>> {
        stream::try_unfold(Some(None), |next: Option<Option<InstanceId>>| async {
            let Some(after) = next else { return Ok(None) };
            let (page, last) = self.read("ec2:DescribeInstances", |world| self.page(world, after.as_ref())).await?;
            Ok(Some((page, last.map(Some))))
        })
    }

    async fn instances(&self, ids: &[InstanceId]) -> Result<Vec<Instance>, ApiError> {
        self.read("ec2:DescribeInstances", |world| {
            ids.iter().filter_map(|id| world.machines.get(id)).map(|machine| self.show(machine)).collect()
        })
        .await
    }

    async fn evidence(
        &self,
        subjects: &[(&Instance, &Policy)],
        part: Part,
        now: Timestamp,
    ) -> Result<BTreeMap<InstanceId, Evidence>, ApiError> {
        if self.is_sabotaged(Sabotage::Reading) {
            return Err(ApiError::new("cloudwatch:GetMetricData", "InternalError", "sabotaged"));
        }
        self.read("cloudwatch:GetMetricData", |world| {
            let of = |subject: &(&Instance, &Policy)| {
                let id = &subject.0.id;
                let (evidence, shown) = self.measure(&world.machines[id], *subject, part, now);
                self.log.borrow_mut().measures(*subject, shown);
                (id.clone(), evidence)
            };
            subjects.iter().map(of).collect()
        })
        .await
    }

    async fn sessions(&self, ids: &[InstanceId]) -> BTreeMap<InstanceId, u32> {
        let open = |world: &World| ids.iter().map(|id| (id.clone(), world.machines[id].sessions)).collect();
        let read: BTreeMap<InstanceId, u32> = self.read("ssm:DescribeSessions", open).await.unwrap_or_default();
        self.log.borrow_mut().sessions.extend(read.clone());
        match self.sabotage {
            Some(Sabotage::SessionsRead) if read.is_empty() => ids.iter().map(|id| (id.clone(), 0)).collect(),
            Some(Sabotage::Sessions) => read.into_keys().map(|id| (id, 0)).collect(),
            _ => read,
        }
    }

    async fn stop_protection(&self, ids: &[InstanceId]) -> BTreeMap<InstanceId, StopProtection> {
        let on = |world: &World| ids.iter().map(|id| (id.clone(), world.machines[id].is_protected)).collect();
        let read: BTreeMap<InstanceId, bool> = self.read("ec2:DescribeInstanceAttribute", on).await.unwrap_or_default();
        self.log.borrow_mut().protected.extend(read.clone());
        let said = |is_on| {
            let is_on = is_on && !self.is_sabotaged(Sabotage::StopProtection);
            if is_on { StopProtection::On } else { StopProtection::Off }
        };
        read.into_iter().map(|(id, is_on)| (id, said(is_on))).collect()
    }
}

impl ReadAlarms for Port {
    async fn alarms(&self, _: &[String]) -> Result<Vec<Alarm>, ApiError> {
        Ok(Vec::new())
    }

    async fn children(&self, _: &str) -> Result<Vec<String>, ApiError> {
        Ok(Vec::new())
    }

    async fn contributors(&self, _: &str) -> Result<BTreeSet<String>, ApiError> {
        Ok(BTreeSet::new())
    }
}
