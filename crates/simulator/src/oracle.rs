//! What must hold, by the truth and by what a run was shown, never by the code that decides. A rule that is broken is noted where
//! it is broken, at the call that breaks it.

use std::collections::{BTreeMap, BTreeSet};

use fleet::{Action, Outcome, OutcomeResult};
use idleness::{Decision, Instance, InstanceId, InstanceState, Measure, Policy};
use scheduler::{Run, RunError};

use crate::{
    history::{Begin, History, Kind, Trigger},
    metrics::Shown,
    world::{Machine, Stopper, World, second},
};

/// The signal of the policies that are played on which these do not insist.
const OPTIONAL: &str = "vcpus";
/// How long an instance of the policies that are played must have been up.
const MINIMUM_UPTIME: i64 = 30 * 60;
/// How far EC2's time of a stop may be from Doze's note, so that nobody can tell whose stop it was.
const INDISTINCT: std::ops::RangeInclusive<i64> = -120..=180;
/// The tags that Doze writes, and takes off.
const OWN_TAGS: [&str; 5] =
    ["doze:start-owed-since", "doze:start-tried-at", "doze:stop-at", "doze:stopped-at", "doze:stopped-because"];

/// A rule that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The rule.
    pub rule: &'static str,
    /// What was done to whom.
    pub what: String,
}

/// A run, as an onlooker knows it: when it began, what it was shown, and what it did.
#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) begin: Begin,
    pub(crate) now: i64,
    max_stops: usize,
    max_stops_percent: usize,
    grace: i64,
    looks: BTreeMap<InstanceId, Machine>,
    pub(crate) protected: BTreeMap<InstanceId, bool>,
    pub(crate) sessions: BTreeMap<InstanceId, u32>,
    proven: BTreeMap<InstanceId, Proof>,
    census: Option<Census>,
    stopped: BTreeSet<InstanceId>,
    pub(crate) started: usize,
    pub(crate) faults: usize,
    /// What it decided about each, in words.
    pub(crate) decided: BTreeMap<InstanceId, String>,
    pub(crate) violations: Vec<Violation>,
}

/// What measurements proved.
#[derive(Debug, Default)]
struct Proof {
    /// The measures of each signal that counts, and whether all of these may say nothing.
    signals: Vec<(bool, Vec<Measure>)>,
    shown: BTreeMap<Measure, Shown>,
}

impl Proof {
    /// Whether each measure of each signal was shown, and proves that nobody worked.
    fn is_whole(&self) -> bool {
        let is_proven = |(may_say_nothing, measures): &(bool, Vec<Measure>)| {
            let shown: Option<Vec<&Shown>> = measures.iter().map(|measure| self.shown.get(measure)).collect();
            shown.is_some_and(|shown| {
                shown.iter().all(|shown| shown.is_proof)
                    || (*may_say_nothing && shown.iter().all(|shown| shown.says_nothing))
            })
        };
        !self.signals.is_empty() && self.signals.iter().all(is_proven)
    }
}

/// The fleet as a run counted it.
#[derive(Debug, Default)]
struct Census {
    running: usize,
    stopped_before: BTreeSet<InstanceId>,
    opted_in: usize,
}

impl Log {
    pub(crate) fn new(begin: Begin, history: &History, now: i64) -> Self {
        Self {
            begin,
            now,
            max_stops: history.max_stops,
            max_stops_percent: usize::from(history.max_stops_percent),
            grace: history.grace_minutes * 60,
            looks: BTreeMap::new(),
            protected: BTreeMap::new(),
            sessions: BTreeMap::new(),
            proven: BTreeMap::new(),
            census: None,
            stopped: BTreeSet::new(),
            started: 0,
            faults: 0,
            decided: BTreeMap::new(),
            violations: Vec::new(),
        }
    }

    fn violated(&mut self, rule: &'static str, what: &impl ToString) {
        self.violations.push(Violation { rule, what: what.to_string() });
    }

    /// How many it stopped.
    pub(crate) fn stops(&self) -> usize {
        self.stopped.len()
    }

    /// It was shown a machine.
    pub(crate) fn look(&mut self, machine: &Machine) -> Option<Machine> {
        self.looks.insert(machine.id.clone(), machine.clone())
    }

    /// It was shown measures of a machine. Which ones it takes, it is not asked: all of each signal.
    pub(crate) fn measures(&mut self, (instance, policy): (&Instance, &Policy), shown: Vec<(Measure, Shown)>) {
        let proof = self.proven.entry(instance.id.clone()).or_default();
        let signals = policy.signals_for(instance);
        proof.signals = signals.map(|signal| (OPTIONAL == signal.name, signal.measures().collect())).collect();
        proof.shown.extend(shown);
    }

    /// It was shown a page of the fleet.
    pub(crate) fn count(&mut self, page: &[&Machine]) {
        let (now, census) = (self.now, self.census.get_or_insert_default());
        let stopped = page.iter().filter(|machine| machine.was_stopped_within_the_hour(now));
        census.stopped_before.extend(stopped.map(|machine| machine.id.clone()));
        census.running += page.iter().filter(|machine| machine.state == InstanceState::Running).count();
        census.opted_in += page.len();
    }

    /// Whether nobody waits any more for the owed start of a machine, by what it saw: the window in which it was owed has closed.
    pub(crate) fn sees_given_up(&self, id: &InstanceId) -> bool {
        let Some(machine) = self.looks.get(id) else { return false };
        let since = machine.tags.get("doze:start-owed-since").and_then(|text| second(text));
        let has_closed = since.is_some_and(|since| machine.is_inside_schedule(since));
        has_closed && !machine.is_inside_schedule(self.now) && !machine.is_kept_awake(self.now)
    }

    /// It asks for any change.
    pub(crate) fn asks_for_change(&mut self, operation: &str) {
        if self.begin.is_dry {
            self.violated("dry-run", &operation);
        }
    }

    /// It asks to write tags. Those of whoever opted out meanwhile, it may try to take back.
    pub(crate) fn asks_to_tag<'a>(&mut self, ids: &[InstanceId], keys: impl IntoIterator<Item = &'a str>) {
        for id in ids {
            if !self.looks.get(id).is_some_and(Machine::is_opted_in) {
                self.violated("not-opted-in", id);
            }
        }
        self.asks_for_keys(keys);
    }

    /// It asks to write tags of these names, or to take them off.
    pub(crate) fn asks_for_keys<'a>(&mut self, keys: impl IntoIterator<Item = &'a str>) {
        for key in keys {
            if !OWN_TAGS.contains(&key) {
                self.violated("foreign-tag", &key);
            }
        }
    }

    /// It asks to stop a machine: whatever EC2 makes of that, what it saw last must allow it.
    pub(crate) fn asks_to_stop(&mut self, id: &InstanceId) {
        let Some(machine) = self.looks.get(id) else { return self.violated("not-looked-at", id) };
        let (kind, now) = (machine.spec.kind, self.now);
        let watched = machine.tags.get("doze:policy").is_some_and(|policy| policy == "watched");
        let sessions = self.sessions.get(id);
        let broken = [
            ("not-opted-in", !machine.is_opted_in()),
            ("not-running", machine.state != InstanceState::Running),
            ("bad-tag", machine.tags.contains_key("doze:keep-untill")),
            ("auto-scaling-member", kind == Kind::Group),
            ("cluster-member", kind == Kind::Cluster),
            ("one-time-spot", kind == Kind::OneTimeSpot),
            ("instance-store-root", kind == Kind::InstanceStore),
            ("stop-protected", self.protected.get(id) == Some(&true)),
            ("kept-awake", machine.is_kept_awake(now)),
            ("inside-schedule", machine.is_inside_schedule(now)),
            ("recently-started", now - machine.launched_at < MINIMUM_UPTIME),
            ("unproven", !self.proven.get(id).is_some_and(Proof::is_whole)),
            ("sessions-unread", watched && sessions.is_none()),
            ("session-active", watched && sessions.is_some_and(|open| *open > 0)),
            ("unannounced", self.grace > 0 && !self.was_announced(machine)),
            ("uncounted", self.census.is_none()),
        ];
        for (rule, _) in broken.into_iter().filter(|(_, is_broken)| *is_broken) {
            self.violated(rule, id);
        }
    }

    /// Whether the stop was announced since the last start, a whole grace ago, for a time that has come.
    fn was_announced(&self, machine: &Machine) -> bool {
        machine.announced.is_some_and(|(stop_at, announced_at)| {
            let is_of_this_start = machine.launched_at <= announced_at;
            stop_at <= self.now && announced_at + self.grace <= self.now && is_of_this_start
        })
    }

    /// EC2 stops a machine for it.
    pub(crate) fn stops_machine(&mut self, id: &InstanceId) {
        self.stopped.insert(id.clone());
        let Some(Census { running, stopped_before, .. }) = &self.census else { return };
        let limit = self.max_stops.min((running * self.max_stops_percent / 100).max(1));
        let stops = stopped_before.union(&self.stopped).count();
        if stops > limit {
            let words = format!("{stops} stops within the hour, {limit} are allowed");
            self.violated("over-cap", &words);
        }
    }

    /// EC2 starts a machine for it.
    pub(crate) fn starts_machine(&mut self, machine: &Machine) {
        self.started += 1;
        let Some(look) = self.looks.get(&machine.id) else { return self.violated("not-looked-at", &machine.id) };
        let noted = look.tags.get("doze:stopped-at").and_then(|text| second(text));
        let by_doze = match machine.stopped_by {
            Stopper::Doze | Stopper::Capacity => true,
            Stopper::Person(at) => noted.is_some_and(|noted| INDISTINCT.contains(&(at - noted))),
        };
        let is_owed = look.tags.contains_key("doze:start-owed-since");
        let is_wanted = machine.is_awaited || (by_doze && (is_owed || look.is_inside_schedule(self.now)));
        let broken = [
            ("starts-not-opted-in", !look.is_opted_in()),
            ("starts-despite-bad-tag", look.tags.contains_key("doze:keep-untill")),
            ("starts-unasked", !is_wanted),
        ];
        for (rule, _) in broken.into_iter().filter(|(_, is_broken)| *is_broken) {
            self.violated(rule, &machine.id);
        }
    }

    /// It has come to its end.
    pub(crate) fn ends(&mut self, result: &Result<Run, RunError>, world: &World) {
        let run = match result {
            Ok(run) => run,
            Err(error) => {
                if self.faults == 0 {
                    self.violated("failed-without-a-fault", error);
                }
                return;
            }
        };
        let report = &run.report;
        let words =
            |decision: &Decision| (decision.instance.clone(), format!("{:?}: {:?}", decision.reason, decision.detail));
        self.decided = report.decisions.iter().map(words).collect();
        let decided: BTreeSet<_> = report.decisions.iter().map(|decision| &decision.instance).collect();
        if decided.len() != report.decisions.len() {
            self.violated("decided-twice", &format!("{} of {}", decided.len(), report.decisions.len()));
        }
        let expected = match self.begin.trigger {
            Trigger::Sweep => self.census.as_ref().map_or(0, |census| census.opted_in),
            Trigger::Recovery(_) => 0,
            // Those that start after it are decided about, too.
            Trigger::Alarm(_) | Trigger::StateChange(_) => 1,
        };
        if decided.len() != expected || report.summary.considered != expected {
            self.violated("decided-about-others", &format!("{} instead of {expected}", decided.len()));
        }
        for outcome in &report.outcomes {
            self.check_outcome(outcome, world);
        }
    }

    /// A stop or a start that is called done took place.
    fn check_outcome(&mut self, outcome: &Outcome, world: &World) {
        let is_done = outcome.result == OutcomeResult::Done;
        let machine = &world.machines[&outcome.instance];
        let took_place = match outcome.action {
            Action::Stop => {
                machine.doze_stops.contains(&self.now)
                    || matches!(machine.state, InstanceState::Stopping | InstanceState::Stopped)
            }
            Action::Start => machine.launched_at >= self.now,
            _ => true,
        };
        if is_done && !took_place {
            self.violated("reported-what-is-not-so", &format!("{outcome:?}"));
        }
    }
}
