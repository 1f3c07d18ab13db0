//! A decision in words that a person reads: every gate in order, whether it holds, and its numbers.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    decision::{Decision, Reason, Rules, Verdict},
    evidence::{Evidence, SeriesStatus},
    finding::Finding,
    gates::{Case, Gate, Hold, uptime},
    instance::{Instance, InstanceId, InstanceState, Market, StopProtection},
    metric::Unit,
    order::Turn,
    plan::Place,
};

/// Why an instance is stopped, started or kept.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    /// The instance.
    pub instance: InstanceId,
    /// When the decision was made.
    pub at: Timestamp,
    /// The policy that counted.
    pub policy: String,
    /// What was decided.
    pub verdict: Verdict,
    /// Which gate decided.
    pub reason: Reason,
    /// Every gate, in order. The first that holds decides.
    pub steps: Vec<Step>,
    /// All of it as a text of several lines.
    pub text: String,
}

/// One gate.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Step {
    /// What the gate is about.
    pub gate: &'static str,
    /// Whether it keeps the instance.
    pub holds: bool,
    /// Whether it is the one that decides.
    pub decides: bool,
    /// What was found, in words.
    pub words: String,
}

/// Explains a decision. `decision` is what became of the instance in the plan: the cap is the one gate that looks at others.
#[must_use]
pub fn explain(
    instance: &Instance,
    evidence: &Evidence,
    rules: &Rules,
    decision: &Decision,
    now: Timestamp,
) -> Explanation {
    let case = Case::new(instance, evidence, rules, now);
    let mut steps: Vec<Step> = Vec::new();
    for gate in Gate::ALL {
        let is_kept = steps.iter().any(|step| step.holds);
        steps.push(if gate == Gate::Grace && is_kept { grace_of_kept(&case) } else { step(gate, &case) });
    }
    steps.push(cap(decision));
    if let Some(turn) = Turn::of(decision) {
        // What other instances made of it stands beside what the instance itself asks for.
        let state = steps.iter_mut().filter(|step| step.gate == name(Gate::State));
        state.for_each(|step| step.words = format!("{}\n{}", step.words, turn.detail));
    }
    if let Some(first) = steps.iter_mut().find(|step| step.holds) {
        first.decides = true;
    }
    let mut explanation = Explanation {
        instance: instance.id.clone(),
        at: now,
        policy: case.policy().name.to_string(),
        verdict: decision.verdict,
        reason: decision.reason,
        steps,
        text: String::new(),
    };
    explanation.text = explanation.to_string();
    explanation
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.verdict {
            Verdict::Stop => "is to be stopped",
            Verdict::Keep => "is kept",
            Verdict::Start => "is to be started",
        };
        writeln!(f, "{} {verdict}: {}", self.instance, self.reason.as_str())?;
        writeln!(f, "at {}, by the policy {}", self.at, self.policy)?;
        let width = self.steps.iter().map(|step| step.gate.len()).max().unwrap_or_default();
        let mark_width = if self.verdict == Verdict::Start { 5 } else { 4 };
        for (number, step) in self.steps.iter().enumerate() {
            let mark = match (step.decides, step.holds) {
                (true, _) if self.verdict == Verdict::Start => "START",
                (true, _) => "KEEP",
                (false, true) => "keep",
                (false, false) => "pass",
            };
            let mut lines = step.words.lines();
            let (number, first) = (number + 1, lines.next().unwrap_or_default());
            writeln!(f, "{number:>3}. {mark:mark_width$}  {:width$}  {first}", step.gate)?;
            lines.try_for_each(|line| writeln!(f, "{:indent$}{line}", "", indent = mark_width + width + 9))?;
        }
        Ok(())
    }
}

fn step(gate: Gate, case: &Case<'_>) -> Step {
    let hold = gate.check(case);
    let words = words(gate, case, hold.as_ref());
    Step { gate: name(gate), holds: hold.is_some(), decides: false, words }
}

const fn name(gate: Gate) -> &'static str {
    match gate {
        Gate::OptIn => "opted in",
        Gate::State => "running",
        Gate::Tags => "tags",
        Gate::AutoScaling => "Auto Scaling",
        Gate::Cluster => "cluster",
        Gate::Spot => "Spot",
        Gate::InstanceStore => "root volume",
        Gate::StopProtection => "stop protection",
        Gate::KeepUntil => "kept awake",
        Gate::Schedule => "schedule",
        Gate::Uptime => "uptime",
        Gate::Data => "data",
        Gate::Activity => "activity",
        Gate::SessionsRead => "sessions known",
        Gate::Sessions => "sessions",
        Gate::Grace => "grace",
    }
}

/// Only the stop of an idle instance is announced.
fn grace_of_kept(case: &Case<'_>) -> Step {
    let words = match case.wishes().map(|wishes| wishes.stop_at) {
        Some(None) if case.rules.grace.is_zero() => "stops need no announcement".to_owned(),
        Some(None) => "only the stop of an idle instance is announced".to_owned(),
        Some(Some(stop_at)) => format!("its stop was announced for {stop_at}"),
        None => UNREADABLE.to_owned(),
    };
    Step { gate: name(Gate::Grace), holds: false, decides: false, words }
}

/// What is said of the other tags where one cannot be read.
const UNREADABLE: &str = "not looked at, since a tag cannot be read";

fn words(gate: Gate, case: &Case<'_>, hold: Option<&Hold>) -> String {
    let (holds, instance) = (hold.is_some(), case.instance);
    if let Some(detail) = hold.and_then(|hold| hold.detail.clone()) {
        return if gate == Gate::State { format!("its state is {}; {detail}", state(instance)) } else { detail };
    }
    let either = |if_holds: &str, if_passes: &str| if holds { if_holds } else { if_passes }.to_owned();
    match gate {
        Gate::OptIn => either("the tag doze is not exactly on", "the tag doze is on"),
        Gate::State => format!("its state is {}", state(instance)),
        Gate::Tags => "all its doze tags can be read".to_owned(),
        Gate::AutoScaling => "it belongs to no Auto Scaling group".to_owned(),
        Gate::Cluster => "it is no node of a cluster".to_owned(),
        Gate::Spot => match instance.market {
            Market::OnDemand => "it is no Spot instance".to_owned(),
            Market::SpotPersistent => "its Spot request is persistent".to_owned(),
            Market::SpotOneTime | Market::SpotUnknown => "its Spot request is a one-time request".to_owned(),
        },
        Gate::InstanceStore => either("its root volume is an instance store", "its root volume outlives a stop"),
        Gate::StopProtection => match instance.stop_protection {
            StopProtection::On => "stop protection is on".to_owned(),
            StopProtection::Off => "stop protection is off".to_owned(),
            StopProtection::Unread => "not looked up; EC2 refuses the stop if it is on".to_owned(),
        },
        Gate::KeepUntil => match case.wishes().map(|wishes| wishes.keep_until) {
            Some(Some(until)) => format!("the tag doze:keep-until is past: {until}"),
            Some(None) => "it has no tag doze:keep-until".to_owned(),
            None => UNREADABLE.to_owned(),
        },
        Gate::Schedule => schedule(case),
        Gate::Uptime => match uptime(case) {
            Finding { observed: Some(ago), .. } if instance.state == InstanceState::Stopped => {
                format!("last started {} minutes ago", minutes(ago))
            }
            Finding { observed: Some(up), limit, .. } => {
                format!("up for {} minutes, at least {}", minutes(up), minutes(limit))
            }
            Finding { .. } => "EC2 does not say since when it is up".to_owned(),
        },
        Gate::Data => data(case),
        Gate::Activity => activity(case),
        Gate::SessionsRead | Gate::Sessions => sessions(case),
        Gate::Grace => grace(case),
    }
}

fn state(instance: &Instance) -> String {
    serde_json::to_value(instance.state).ok().and_then(|state| Some(state.as_str()?.to_owned())).unwrap_or_default()
}

fn schedule(case: &Case<'_>) -> String {
    let Some(wishes) = case.wishes() else { return UNREADABLE.to_owned() };
    let Some(schedule) = &wishes.schedule else { return "it has no schedule".to_owned() };
    match schedule.next_opening(case.now) {
        Some(opening) => format!("no window is open; the next one opens at {opening}"),
        None => "no window is open".to_owned(),
    }
}

fn data(case: &Case<'_>) -> String {
    if case.evidence.is_empty() {
        return "no datapoint was read".to_owned();
    }
    let policy = case.policy();
    let signals = policy.signals_for(case.instance).zip(case.findings());
    let mut lines: Vec<String> = signals
        .map(|(signal, finding)| {
            let (points, expected) = (finding.points.unwrap_or_default(), finding.expected.unwrap_or_default());
            let required = policy.required_points(signal);
            match finding.status {
                _ if finding.skipped => format!("{}: none, and none is required", finding.signal),
                None => format!("{}: {points} of {expected} datapoints, at least {required}", finding.signal),
                Some(status) => {
                    format!(
                        "{}: {points} of {expected} datapoints, at least {required}; {}",
                        finding.signal,
                        problem(status)
                    )
                }
            }
        })
        .collect();
    let left_out = policy.signals_for(case.instance).skip(lines.len());
    let names: Vec<&str> = left_out.map(|signal| signal.name.as_ref()).collect();
    if !names.is_empty() {
        lines.push(format!("not asked for, since use is proven: {}", names.join(", ")));
    }
    if lines.is_empty() { "the policy measures nothing".to_owned() } else { lines.join("\n") }
}

const fn problem(status: SeriesStatus) -> &'static str {
    match status {
        SeriesStatus::Complete => "complete",
        SeriesStatus::PartialData => "CloudWatch returned only a part",
        SeriesStatus::InternalError => "CloudWatch failed",
        SeriesStatus::Forbidden => "the role may not read them",
        SeriesStatus::Unanswered => "CloudWatch said nothing of them",
        SeriesStatus::Absent => "there is no such metric of this instance",
        SeriesStatus::InvalidValue => "a value is negative or no number",
        SeriesStatus::Stale => "the newest are missing",
        SeriesStatus::UnknownVcpus => "the number of virtual CPUs is not known",
    }
}

fn activity(case: &Case<'_>) -> String {
    let lines: Vec<String> =
        case.findings().iter().filter(|finding| !finding.skipped).map(Finding::to_string).collect();
    if lines.is_empty() { "nothing was measured".to_owned() } else { lines.join("\n") }
}

impl fmt::Display for Finding {
    /// The number, its limit, and the share where one is allowed: `cpu: 63 above 5 %`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(observed) = self.observed else { return write!(f, "{}: not measured", self.signal) };
        let comparison = if self.is_busy() { "above" } else { "within" };
        let limit = format!("{} {}", rounded(self.limit), unit(self.unit));
        write!(f, "{}: {} {comparison} {}", self.signal, told_apart(observed, self.limit), limit.trim_end())?;
        match self.share {
            Some(share) => write!(f, "; {} datapoints above, {} allowed", share.above, share.allowed_above),
            None => Ok(()),
        }
    }
}

/// A number with as many digits as it takes to tell it from a limit that it is above.
fn told_apart(value: f64, limit: f64) -> String {
    let shown = rounded(value);
    let looks_within = shown.parse().is_ok_and(|shown: f64| shown <= limit);
    if value > limit && looks_within { value.to_string() } else { shown }
}

const fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Percent => "%",
        Unit::Vcpus => "vCPUs",
        Unit::BytesPerSecond => "B/s",
        Unit::BytesPerDay => "B/day",
        Unit::OperationsPerSecond => "operations/s",
        Unit::Count => "",
        Unit::Seconds => "s",
        Unit::Sessions => "sessions",
        Unit::StopsPerHour => "stops/h",
    }
}

fn sessions(case: &Case<'_>) -> String {
    match (case.policy().heeds_sessions, case.evidence.sessions()) {
        (false, _) => "the policy does not ask for sessions".to_owned(),
        (true, None) => "not looked up".to_owned(),
        (true, Some(1)) => "1 session is open".to_owned(),
        (true, Some(open)) => format!("{open} sessions are open"),
    }
}

fn grace(case: &Case<'_>) -> String {
    match case.wishes().and_then(|wishes| wishes.stop_at) {
        Some(stop_at) => format!("its stop was announced for {stop_at}, which has come"),
        None => "stops need no announcement".to_owned(),
    }
}

/// The cap, which looks at the other stops of the hour, too.
fn cap(decision: &Decision) -> Step {
    let words = match (Place::of(decision), decision.verdict) {
        (Some(Place { stops_so_far, limit }), _) => format!("{stops_so_far} of {limit} stops in the last hour"),
        (None, Verdict::Stop) => "there is a place left in this hour".to_owned(),
        (None, Verdict::Keep) => "not asked for: it takes no place".to_owned(),
        (None, Verdict::Start) => "not asked for: a start takes no place".to_owned(),
    };
    Step { gate: "cap on stops", holds: decision.reason == Reason::OverCap, decides: false, words }
}

/// A number with the digits that matter to a reader.
fn rounded(value: f64) -> String {
    let digits = if value >= 1000.0 || value.fract() == 0.0 { 0 } else { 2 };
    format!("{value:.digits$}")
}

fn minutes(seconds: f64) -> String {
    format!("{:.0}", (seconds / 60.0).floor())
}
