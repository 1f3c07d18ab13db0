//! The report of a run: the function's return value.

use std::collections::BTreeMap;

use fleet::{Action, Outcome, OutcomeResult};
use idleness::{Decision, Explanation, Mode, Plan, Reason, Verdict};
use jiff::Timestamp;
use serde::Serialize;

use crate::event::Trigger;

/// The most single keeps that a report lists.
const KEEPS_LISTED: usize = 1000;
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

impl Report {
    pub(crate) fn new(
        mode: Mode,
        trigger: Trigger,
        at: Timestamp,
        plan: &Plan,
        outcomes: Vec<Outcome>,
        explanation: Option<Explanation>,
    ) -> Self {
        let summary = Summary::of(&plan.decisions, &outcomes);
        let decisions = listed(&plan.decisions, &outcomes);
        Self { mode, trigger, at, decisions, outcomes, summary, explanation }
    }

    /// The first action that failed, for the error that makes Lambda retry the event.
    #[must_use]
    pub fn first_failure(&self) -> Option<&Outcome> {
        self.outcomes.iter().find(|outcome| outcome.is_failed())
    }
}

/// All stops, and as many keeps, from the first, as the limits allow.
fn listed(decisions: &[Decision], outcomes: &[Outcome]) -> Vec<Decision> {
    let stops = decisions.iter().filter(|decision| decision.verdict == Verdict::Stop).map(json_bytes);
    let mut bytes: usize = stops.chain(outcomes.iter().map(json_bytes)).sum();
    let mut keeps = 0;
    let mut fits = |decision: &Decision| {
        keeps += 1;
        bytes = bytes.saturating_add(json_bytes(decision));
        keeps <= KEEPS_LISTED && bytes <= REPORT_BYTES
    };
    decisions.iter().filter(|decision| decision.verdict == Verdict::Stop || fits(decision)).cloned().collect()
}

/// The length of a value in JSON, with the comma after it.
pub(crate) fn json_bytes(value: &impl Serialize) -> usize {
    serde_json::to_vec(value).map_or(0, |json| json.len() + 1)
}

impl Summary {
    fn of(decisions: &[Decision], outcomes: &[Outcome]) -> Self {
        let kept = || decisions.iter().filter(|decision| decision.verdict == Verdict::Keep);
        let mut keep_by_reason = BTreeMap::new();
        for reason in kept().map(|decision| Reason::as_str(decision.reason)) {
            *keep_by_reason.entry(reason).or_default() += 1;
        }
        let is_stopped = |outcome: &&Outcome| outcome.action == Action::Stop && outcome.result == OutcomeResult::Done;
        Self {
            considered: decisions.len(),
            stop: decisions.len() - kept().count(),
            keep: kept().count(),
            stopped: outcomes.iter().filter(is_stopped).count(),
            started: 0,
            failed: outcomes.iter().filter(|outcome| outcome.is_failed()).count(),
            keep_by_reason,
        }
    }
}
