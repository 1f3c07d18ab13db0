//! The report of a run: the function's return value.

use std::collections::BTreeMap;

use fleet::{Action, Outcome, OutcomeResult};
use idleness::{Decision, Explanation, Mode, Plan, Reason, Savings, Verdict};
use jiff::Timestamp;
use serde::Serialize;

use crate::event::Trigger;

/// The most single keeps that a report lists, and the log.
pub(crate) const KEEPS_LISTED: usize = 1000;
/// The most that a report may take, in bytes of JSON, so that the document stays below 1 MB. Stops and outcomes are always
/// listed; the keeps share what they leave.
const REPORT_BYTES: usize = 950_000;

/// What a run saw, decided and did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Whether the plan was carried out.
    pub mode: Mode,
    /// What set the run off.
    pub trigger: Trigger,
    /// When the run took place; all ages are measured from here.
    pub at: Timestamp,
    /// The decisions, by instance id. Keeps beyond the first 1,000 are only counted in the summary.
    pub decisions: Vec<Decision>,
    /// What came of the actions. Empty in `dry-run`.
    pub outcomes: Vec<Outcome>,
    /// The counts.
    pub summary: Summary,
    /// What sleeps right now because of Doze, where the run saw the whole fleet. What the run itself stopped is not in it yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub savings: Option<Savings>,
    /// What became of the message about this run, where there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notification: Option<Notification>,
    /// The decision in words, gate by gate, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explanation: Option<Explanation>,
}

/// The counts of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Instances decided about.
    pub considered: usize,
    /// Decisions to stop.
    pub stop: usize,
    /// Decisions to start.
    pub start: usize,
    /// Decisions to keep.
    pub keep: usize,
    /// Instances stopped by this run.
    pub stopped: usize,
    /// Instances started by this run.
    pub started: usize,
    /// Actions that failed.
    pub failed: usize,
    /// The keeps, counted by reason.
    pub keep_by_reason: BTreeMap<&'static str, usize>,
}

/// What became of the message about a run. That it failed changes nothing about the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "result", rename_all = "kebab-case")]
pub enum Notification {
    /// It was published.
    Sent,
    /// It was not.
    Failed {
        /// The service's error code, or one of `ApiError`'s own.
        code: String,
        /// What went wrong.
        message: String,
    },
}

impl Report {
    /// The report about a plan and what came of it; `counted` are keeps that the plan does not hold.
    pub(crate) fn new(
        mode: Mode,
        trigger: Trigger,
        at: Timestamp,
        plan: &Plan,
        counted: &BTreeMap<Reason, usize>,
        outcomes: Vec<Outcome>,
    ) -> Self {
        let summary = Summary::of(&plan.decisions, counted, &outcomes);
        let decisions = listed(&plan.decisions, &outcomes);
        Self { mode, trigger, at, decisions, outcomes, summary, savings: None, notification: None, explanation: None }
    }

    /// The first action that failed, for the error that makes Lambda retry the event.
    #[must_use]
    pub fn first_failure(&self) -> Option<&Outcome> {
        self.outcomes.iter().find(|outcome| outcome.is_failed())
    }
}

/// All stops and starts, and as many keeps, from the first, as the limits allow.
fn listed(decisions: &[Decision], outcomes: &[Outcome]) -> Vec<Decision> {
    let changes = decisions.iter().filter(|decision| decision.verdict != Verdict::Keep).map(json_bytes);
    let mut bytes: usize = changes.chain(outcomes.iter().map(json_bytes)).sum();
    let mut keeps = 0;
    let mut fits = |decision: &Decision| {
        keeps += 1;
        bytes = bytes.saturating_add(json_bytes(decision));
        keeps <= KEEPS_LISTED && bytes <= REPORT_BYTES
    };
    decisions.iter().filter(|decision| decision.verdict != Verdict::Keep || fits(decision)).cloned().collect()
}

/// The length of a value in JSON, with the comma after it.
pub(crate) fn json_bytes(value: &impl Serialize) -> usize {
    serde_json::to_vec(value).map_or(0, |json| json.len() + 1)
}

impl Summary {
    fn of(decisions: &[Decision], counted: &BTreeMap<Reason, usize>, outcomes: &[Outcome]) -> Self {
        let with = |verdict| decisions.iter().filter(move |decision| decision.verdict == verdict);
        let done = |action| {
            let is_done = move |o: &&Outcome| o.action == action && o.result == OutcomeResult::Done;
            outcomes.iter().filter(is_done).count()
        };
        let only_counted: usize = counted.values().sum();
        let mut keep_by_reason = BTreeMap::new();
        let keeps = with(Verdict::Keep).map(|decision| (decision.reason, 1));
        for (reason, count) in keeps.chain(counted.iter().map(|(reason, count)| (*reason, *count))) {
            *keep_by_reason.entry(reason.as_str()).or_default() += count;
        }
        Self {
            considered: decisions.len() + only_counted,
            stop: with(Verdict::Stop).count(),
            start: with(Verdict::Start).count(),
            keep: with(Verdict::Keep).count() + only_counted,
            stopped: done(Action::Stop),
            started: done(Action::Start),
            failed: outcomes.iter().filter(|outcome| outcome.is_failed()).count(),
            keep_by_reason,
        }
    }
}
