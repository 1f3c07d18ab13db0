//! The report of a run: the function's return value, and its lines in the log.

use std::collections::BTreeMap;

use fleet::{Action, Outcome, OutcomeResult};
use idleness::{Decision, InstanceId, Mode, Plan, Reason, Verdict};
use jiff::Timestamp;
use journal::Level;
use serde::Serialize;

use crate::event::Trigger;

/// The most single keeps that a report lists.
const KEEPS_LISTED: usize = 1000;
/// The most that a report may take, in bytes of JSON, so that the document stays below 1 MB. Stops and outcomes are always
/// listed; the keeps share what they leave.
const REPORT_BYTES: usize = 950_000;
/// The most that one line of the log may take. CloudWatch Logs cuts an event at 256 KB.
const LINE_BYTES: usize = 200_000;

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

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Entry<'a> {
    /// A stop that was decided, with all its evidence, and what came of it, where it was tried.
    Stop {
        /// The decision.
        #[serde(flatten)]
        decision: &'a Decision,
        /// What came of it.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        outcomes: Vec<&'a Outcome>,
    },
    /// A keep.
    Keep(&'a Decision),
    /// The whole report.
    Report(&'a Report),
    /// The report without its decisions and outcomes, where the line would grow too long: the stops have lines of their
    /// own, and the keeps stay counted.
    #[expect(missing_docs, reason = "the fields are those of the report")]
    ShortReport { mode: Mode, trigger: &'a Trigger, at: Timestamp, summary: &'a Summary },
}

impl Entry<'_> {
    /// How much the line matters: a failed action is an error, a keep is for a closer look.
    #[must_use]
    pub fn level(&self) -> Level {
        match self {
            Self::Stop { outcomes, .. } if outcomes.iter().any(|outcome| outcome.is_failed()) => Level::Error,
            Self::Stop { .. } | Self::Report(_) | Self::ShortReport { .. } => Level::Info,
            Self::Keep(_) => Level::Debug,
        }
    }

    /// What kind of line it is.
    #[must_use]
    pub const fn message(&self) -> &'static str {
        match self {
            Self::Stop { .. } => "stop",
            Self::Keep(_) => "keep",
            Self::Report(_) | Self::ShortReport { .. } => "report",
        }
    }
}

impl Report {
    pub(crate) fn new(mode: Mode, trigger: Trigger, at: Timestamp, plan: Plan, outcomes: Vec<Outcome>) -> Self {
        let summary = Summary::of(&plan.decisions, &outcomes);
        let decisions = listed(plan.decisions, &outcomes);
        Self { mode, trigger, at, decisions, outcomes, summary }
    }

    /// The run's lines for the log: one a decision, and the report itself last.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        let decisions = self.decisions.iter().map(|decision| match decision.verdict {
            Verdict::Stop => Entry::Stop { decision, outcomes: self.outcomes_of(&decision.instance) },
            Verdict::Keep => Entry::Keep(decision),
        });
        decisions.chain([self.as_line()])
    }

    fn as_line(&self) -> Entry<'_> {
        if json_bytes(self) <= LINE_BYTES {
            return Entry::Report(self);
        }
        Entry::ShortReport { mode: self.mode, trigger: &self.trigger, at: self.at, summary: &self.summary }
    }

    /// The first action that failed, for the error that makes Lambda retry the event.
    #[must_use]
    pub fn first_failure(&self) -> Option<&Outcome> {
        self.outcomes.iter().find(|outcome| outcome.is_failed())
    }

    fn outcomes_of(&self, id: &InstanceId) -> Vec<&Outcome> {
        self.outcomes.iter().filter(|outcome| outcome.instance == *id).collect()
    }
}

/// All stops, and as many keeps, from the first, as the limits allow.
fn listed(decisions: Vec<Decision>, outcomes: &[Outcome]) -> Vec<Decision> {
    let stops = decisions.iter().filter(|decision| decision.verdict == Verdict::Stop).map(json_bytes);
    let mut bytes: usize = stops.chain(outcomes.iter().map(json_bytes)).sum();
    let mut keeps = 0;
    let mut fits = |decision: &Decision| {
        keeps += 1;
        bytes = bytes.saturating_add(json_bytes(decision));
        keeps <= KEEPS_LISTED && bytes <= REPORT_BYTES
    };
    decisions.into_iter().filter(|decision| decision.verdict == Verdict::Stop || fits(decision)).collect()
}

/// The length of a value in JSON, with the comma after it.
fn json_bytes(value: &impl Serialize) -> usize {
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
