//! One instance as both pages show it.

use idleness::{Decision, Finding, Instance, InstanceId, InstanceState, Next, Reason, Rules, Verdict, next};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::words;

/// As much of a name as fits a row, in bytes on the page.
const NAME_BYTES: usize = 90;
/// As much of a reason's details.
const DETAIL_BYTES: usize = 210;

/// An instance, what was decided about it, and what comes next.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) id: InstanceId,
    pub(crate) name: Option<String>,
    #[serde(rename = "type")]
    pub(crate) instance_type: String,
    pub(crate) state: InstanceState,
    pub(crate) verdict: Verdict,
    pub(crate) reason: Reason,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) detail: Option<String>,
    pub(crate) evidence: Vec<Finding>,
    pub(crate) next: Option<Value>,
    #[serde(skip)]
    next_step: Option<Next>,
    #[serde(skip)]
    numbers: String,
}

impl Row {
    pub(crate) fn new(instance: &Instance, decision: &Decision, rules: &Rules, now: Timestamp) -> Self {
        let next_step = next(instance, decision, rules, now);
        let row = Self {
            id: instance.id.clone(),
            name: instance.name().map(str::to_owned),
            instance_type: instance.instance_type.as_str().to_owned(),
            state: instance.state,
            verdict: decision.verdict,
            reason: decision.reason,
            detail: decision.detail.clone(),
            evidence: decision.evidence.clone(),
            next: None,
            next_step,
            numbers: words::numbers(decision),
        };
        Self { next: row.next_as_json(), ..row }
    }

    /// What comes next for programs, in the words of the page.
    fn next_as_json(&self) -> Option<Value> {
        let mut json = serde_json::to_value(self.next_step?).ok()?;
        let at = self.next_step?.at.map(|at| format!(" {at}"));
        json["text"] = format!("{}{}", self.next_words(), at.unwrap_or_default()).into();
        Some(json)
    }

    /// What people call it.
    pub(crate) fn title(&self) -> String {
        self.name.as_deref().map_or_else(|| self.id.to_string(), |name| words::cut(name, NAME_BYTES))
    }

    pub(crate) fn verdict_words(&self) -> &'static str {
        words::verdict(self.verdict)
    }

    pub(crate) fn why(&self) -> &'static str {
        words::reason(self.reason)
    }

    /// What the reason rests on: its details, or else the numbers.
    pub(crate) fn because(&self) -> String {
        words::cut(self.detail.as_deref().unwrap_or(&self.numbers), DETAIL_BYTES)
    }

    /// What comes next, in words up to its time.
    pub(crate) fn next_words(&self) -> &'static str {
        use idleness::NextAction::{Decide, Start, Stop};
        match self.next_step.map(|next| (next.action, next.at.is_some())) {
            None => words::nothing_next(self.state, self.reason),
            Some((Stop, true)) => "stops, if still idle and under the cap,",
            Some((Stop, false)) => "stops when Doze looks next, if still idle and under the cap",
            Some((Start, true)) => "starts",
            Some((Start, false)) if self.reason == Reason::WaitsForOthers => "starts once that has changed",
            Some((Start, false)) => "starts when Doze looks next",
            Some((Decide, true)) => "stays on until",
            Some((Decide, false)) => "measurements decide",
        }
    }

    /// The time of what comes next: for people, and for machines.
    pub(crate) fn next_time(&self) -> Option<(String, Timestamp)> {
        let at = self.next_step?.at?;
        Some((words::time(at), at))
    }
}
