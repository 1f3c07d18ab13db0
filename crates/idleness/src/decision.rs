//! The gates. `decide` asks them in order and the first that holds wins; each has its reason, doing nothing included.

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    evidence::{Evidence, Finding},
    instance::{Instance, InstanceId, InstanceState},
    policy::{Policy, Unit},
};

/// What to do with an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Leave it as it is.
    Keep,
    /// Stop it.
    Stop,
}

/// Why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// EC2 does not know the id.
    NotFound,
    /// The tag `doze` is not exactly `on`.
    NotOptedIn,
    /// It is stopped.
    AlreadyStopped,
    /// It is starting, stopping, or in a state unknown to us.
    InTransition,
    /// It is terminated, or about to be.
    Terminated,
    /// It has been up for less than the policy's minimum uptime, or EC2 did not say since when.
    RecentlyStarted,
    /// A signal has too few datapoints, an incomplete answer, or an impossible value.
    InsufficientData,
    /// A signal is above its limit.
    Busy,
    /// Idle, but the cap on stops is reached.
    OverCap,
    /// Every signal stayed within its limit for the whole lookback.
    Idle,
}

impl Reason {
    /// The verdict that goes with the reason. There is one reason to stop, and every other one keeps.
    #[must_use]
    pub const fn verdict(self) -> Verdict {
        match self {
            Self::Idle => Verdict::Stop,
            Self::NotFound
            | Self::NotOptedIn
            | Self::AlreadyStopped
            | Self::InTransition
            | Self::Terminated
            | Self::RecentlyStarted
            | Self::InsufficientData
            | Self::Busy
            | Self::OverCap => Verdict::Keep,
        }
    }

    /// The code, as it stands in reports and in the tag `doze:stopped-because`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotFound => "not-found",
            Self::NotOptedIn => "not-opted-in",
            Self::AlreadyStopped => "already-stopped",
            Self::InTransition => "in-transition",
            Self::Terminated => "terminated",
            Self::RecentlyStarted => "recently-started",
            Self::InsufficientData => "insufficient-data",
            Self::Busy => "busy",
            Self::OverCap => "over-cap",
            Self::Idle => "idle",
        }
    }
}

/// The outcome of all gates for one instance.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Decision {
    /// The instance.
    pub instance: InstanceId,
    /// What to do with it.
    pub verdict: Verdict,
    /// Which gate held.
    pub reason: Reason,
    /// What was measured, against which limits. Empty where the gate needs no measurement.
    pub evidence: Vec<Finding>,
}

impl Decision {
    /// The decision about an id that EC2 does not know.
    #[must_use]
    pub fn not_found(instance: InstanceId) -> Self {
        Self::new(instance, Reason::NotFound, Vec::new())
    }

    pub(crate) fn new(instance: InstanceId, reason: Reason, evidence: Vec<Finding>) -> Self {
        Self { instance, verdict: reason.verdict(), reason, evidence }
    }

    /// How close the busiest signal came to its limit: 0 is no activity, 1 is the limit itself.
    pub(crate) fn activity(&self) -> f64 {
        self.evidence.iter().map(Finding::activity).fold(0.0, f64::max)
    }
}

/// Decides about one instance. Pure: the same arguments give the same decision.
#[must_use]
pub fn decide(instance: &Instance, evidence: &Evidence, policy: &Policy, now: Timestamp) -> Decision {
    let (reason, findings) = match keep_unmeasured(instance, policy, now) {
        Some(kept) => kept,
        None => judge(evidence, policy, now),
    };
    Decision::new(instance.id.clone(), reason, findings)
}

/// Whether the decision about the instance depends on measurements. If not, none need to be read (and paid for).
#[must_use]
pub fn needs_evidence(instance: &Instance, policy: &Policy, now: Timestamp) -> bool {
    keep_unmeasured(instance, policy, now).is_none()
}

/// The gates that hold, or not, whatever CloudWatch says.
fn keep_unmeasured(instance: &Instance, policy: &Policy, now: Timestamp) -> Option<(Reason, Vec<Finding>)> {
    if !instance.tags.opted_in() {
        return Some((Reason::NotOptedIn, Vec::new()));
    }
    match instance.state {
        InstanceState::Running => {}
        InstanceState::Stopped => return Some((Reason::AlreadyStopped, Vec::new())),
        InstanceState::Pending | InstanceState::Stopping | InstanceState::Unknown => {
            return Some((Reason::InTransition, Vec::new()));
        }
        InstanceState::ShuttingDown | InstanceState::Terminated => return Some((Reason::Terminated, Vec::new())),
    }
    let uptime = instance.launched_at.map(|launched_at| now.duration_since(launched_at));
    if uptime.is_none_or(|uptime| uptime < policy.minimum_uptime) {
        let finding = Finding::plain(
            "uptime",
            uptime.map(|uptime| uptime.as_secs_f64()),
            policy.minimum_uptime.as_secs_f64(),
            Unit::Seconds,
        );
        return Some((Reason::RecentlyStarted, vec![finding]));
    }
    None
}

/// The gates that measure. All signals are listed, whichever decides.
fn judge(evidence: &Evidence, policy: &Policy, now: Timestamp) -> (Reason, Vec<Finding>) {
    let findings: Vec<Finding> =
        policy.signals.iter().map(|signal| Finding::measure(signal, evidence, policy, now)).collect();
    // A policy without signals proves nothing about anything.
    let reason = if findings.is_empty() || !findings.iter().all(|finding| finding.is_sufficient(policy)) {
        Reason::InsufficientData
    } else if findings.iter().any(Finding::is_busy) {
        Reason::Busy
    } else {
        Reason::Idle
    };
    (reason, findings)
}
