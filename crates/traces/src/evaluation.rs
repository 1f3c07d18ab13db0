//! All traces, under many seeds, judged by all policies and compared with the truth.

use std::ops::Range;

use idleness::{Decision, Policies, Policy, Verdict};

use crate::{
    case::Case,
    cloudwatch::Sampling,
    trace::{Label, Trace, Visibility},
};

/// What one policy said about one case.
#[derive(Debug)]
pub struct Judgement<'a> {
    /// The trace.
    pub trace: &'a Trace,
    /// The seed.
    pub seed: u64,
    /// The policy.
    pub policy: &'a Policy,
    /// What it should have said.
    pub right: Verdict,
    /// What it said.
    pub decision: Decision,
}

/// All presets, and `dev-box` as a user makes it ask for a heartbeat and for memory.
///
/// # Panics
/// Never: the policy is valid.
#[must_use]
pub fn policies() -> Vec<Policy> {
    const ASKING: &str =
        r#"{"dev-box-asking": {"signals": {"heartbeat": {}, "memory": {"limit": 50, "optional": true}}}}"#;
    let policies = Policies::parse(ASKING).expect("the policy is valid");
    let asking = policies.named("dev-box-asking").cloned();
    Policy::presets().into_iter().chain(asking).collect()
}

/// How a policy did over many cases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Score {
    /// Cases that must be kept.
    pub should_keep: usize,
    /// Stopped machines that were in use.
    pub stopped_in_use: usize,
    /// Stopped machines of which nobody could know.
    pub stopped_unknown: usize,
    /// Stopped machines that nobody used, though not for the policy's whole lookback.
    pub stopped_early: usize,
    /// Cases that should be stopped.
    pub should_stop: usize,
    /// Of these, how many were.
    pub stopped: usize,
}

impl Judgement<'_> {
    /// Whether it stops what must be kept.
    #[must_use]
    pub fn is_false_stop(&self) -> bool {
        self.right == Verdict::Keep && self.decision.verdict == Verdict::Stop
    }
}

/// Judges each trace under each seed by each policy. Each policy's judgements come in the order of the traces, and
/// these in the order of the seeds.
#[must_use]
pub fn evaluate<'a>(
    traces: &'a [Trace],
    seeds: &Range<u64>,
    policies: &'a [Policy],
    sampling: Sampling,
) -> Vec<Judgement<'a>> {
    let longest = policies.iter().map(|policy| policy.lookback).max().unwrap_or_default();
    let mut judgements = Vec::new();
    for trace in traces {
        for seed in seeds.clone() {
            let case = Case::of(trace, seed, longest);
            judgements.extend(policies.iter().map(|policy| Judgement {
                trace,
                seed,
                policy,
                right: trace.right_verdict(policy),
                decision: case.judged_by(policy, sampling),
            }));
        }
    }
    judgements.sort_by_key(|judgement| policies.iter().position(|policy| policy.name == judgement.policy.name));
    judgements
}

/// The judgements of one policy about the traces of one kind.
pub fn judgements_of<'j, 'a>(
    judgements: &'j [Judgement<'a>],
    policy: &Policy,
    visibility: Visibility,
) -> impl Iterator<Item = &'j Judgement<'a>> + use<'j, 'a> {
    let name = policy.name.clone();
    judgements.iter().filter(move |judgement| judgement.policy.name == name && judgement.trace.visibility == visibility)
}

impl Score {
    /// The score of these judgements.
    pub fn of<'j, 'a: 'j>(judgements: impl IntoIterator<Item = &'j Judgement<'a>>) -> Self {
        let mut score = Self::default();
        for judgement in judgements {
            let stops = usize::from(judgement.decision.verdict == Verdict::Stop);
            match (judgement.right, judgement.trace.label) {
                (Verdict::Stop, _) => score.stopped += stops,
                (Verdict::Keep | Verdict::Start, Label::InUse) => score.stopped_in_use += stops,
                (Verdict::Keep | Verdict::Start, Label::Unknown) => score.stopped_unknown += stops,
                (Verdict::Keep | Verdict::Start, Label::Idle { .. }) => score.stopped_early += stops,
            }
            match judgement.right {
                Verdict::Stop => score.should_stop += 1,
                Verdict::Keep | Verdict::Start => score.should_keep += 1,
            }
        }
        score
    }

    /// How many were stopped that must be kept.
    #[must_use]
    pub const fn false_stops(&self) -> usize {
        self.stopped_in_use + self.stopped_unknown + self.stopped_early
    }

    /// The share of what should be stopped that was. `None` if nothing should be.
    #[must_use]
    pub fn recall(&self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "some thousand cases")]
        let (stopped, should_stop) = (self.stopped as f64, self.should_stop as f64);
        (self.should_stop > 0).then(|| stopped / should_stop)
    }
}
