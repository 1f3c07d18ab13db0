//! The gates. `decide` asks them in order and the first that holds wins; each has its reason, doing nothing included.

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    evidence::{Evidence, Finding},
    instance::{Instance, InstanceId, InstanceState, RootDevice},
    policy::{Policy, Unit},
    wishes::Wishes,
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
    /// A `doze:*` tag does not parse.
    BadTag,
    /// An Auto Scaling group would replace it.
    AutoScalingMember,
    /// It is a node of an EKS, Kubernetes or ECS cluster.
    ClusterMember,
    /// Its root volume is an instance store, so that it cannot be stopped.
    InstanceStoreRoot,
    /// The tag `doze:keep-until` is in the future.
    KeptAwake,
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
            | Self::BadTag
            | Self::AutoScalingMember
            | Self::ClusterMember
            | Self::InstanceStoreRoot
            | Self::KeptAwake
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
            Self::BadTag => "bad-tag",
            Self::AutoScalingMember => "auto-scaling-member",
            Self::ClusterMember => "cluster-member",
            Self::InstanceStoreRoot => "instance-store-root",
            Self::KeptAwake => "kept-awake",
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
    /// What made the gate hold, in words, where no number says it: the tag at fault, say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Decision {
    /// The decision about an id that EC2 does not know.
    #[must_use]
    pub fn not_found(instance: InstanceId) -> Self {
        Gate::plain(Reason::NotFound).decide(instance)
    }

    /// This decision, turned over for another reason with more evidence.
    pub(crate) fn overruled(mut self, reason: Reason, finding: Finding) -> Self {
        self.evidence.push(finding);
        Self { verdict: reason.verdict(), reason, ..self }
    }

    /// How close the busiest signal came to its limit: 0 is no activity, 1 is the limit itself.
    pub(crate) fn activity(&self) -> f64 {
        self.evidence.iter().map(Finding::activity).fold(0.0, f64::max)
    }
}

/// A gate that holds, and by what.
struct Gate {
    reason: Reason,
    evidence: Vec<Finding>,
    detail: Option<String>,
}

impl Gate {
    const fn plain(reason: Reason) -> Self {
        Self { reason, evidence: Vec::new(), detail: None }
    }

    const fn because(reason: Reason, detail: String) -> Self {
        Self { reason, evidence: Vec::new(), detail: Some(detail) }
    }

    const fn measured(reason: Reason, evidence: Vec<Finding>) -> Self {
        Self { reason, evidence, detail: None }
    }

    fn decide(self, instance: InstanceId) -> Decision {
        let Self { reason, evidence, detail } = self;
        Decision { instance, verdict: reason.verdict(), reason, evidence, detail }
    }
}

/// Decides about one instance. Pure: the same arguments give the same decision.
#[must_use]
pub fn decide(instance: &Instance, evidence: &Evidence, policy: &Policy, now: Timestamp) -> Decision {
    let gate = keep_unmeasured(instance, policy, now).unwrap_or_else(|| judge(evidence, policy, now));
    gate.decide(instance.id.clone())
}

/// Whether the decision about the instance depends on measurements. If not, none need to be read (and paid for).
#[must_use]
pub fn needs_evidence(instance: &Instance, policy: &Policy, now: Timestamp) -> bool {
    keep_unmeasured(instance, policy, now).is_none()
}

/// The gates that hold, or not, whatever CloudWatch says, in their order.
fn keep_unmeasured(instance: &Instance, policy: &Policy, now: Timestamp) -> Option<Gate> {
    if !instance.tags.opted_in() {
        return Some(Gate::plain(Reason::NotOptedIn));
    }
    not_running(instance.state).map(Gate::plain).or_else(|| match Wishes::read(&instance.tags) {
        Err(bad_tag) => Some(Gate::because(Reason::BadTag, bad_tag.to_string())),
        Ok(wishes) => protected(instance).or_else(|| kept_awake(wishes, now)).or_else(|| young(instance, policy, now)),
    })
}

fn not_running(state: InstanceState) -> Option<Reason> {
    match state {
        InstanceState::Running => None,
        InstanceState::Stopped => Some(Reason::AlreadyStopped),
        InstanceState::Pending | InstanceState::Stopping | InstanceState::Unknown => Some(Reason::InTransition),
        InstanceState::ShuttingDown | InstanceState::Terminated => Some(Reason::Terminated),
    }
}

/// Kinds of instances that somebody else manages, or that cannot be stopped.
fn protected(instance: &Instance) -> Option<Gate> {
    const AUTO_SCALING_TAG: &str = "aws:autoscaling:groupName";
    // Of EKS, of whatever else runs Kubernetes on EC2, and of ECS.
    const CLUSTER_TAGS: [&str; 4] = ["eks:cluster-name", "aws:eks:", "kubernetes.io/cluster/", "aws:ecs:"];
    if let Some(group) = instance.tags.get(AUTO_SCALING_TAG) {
        return Some(Gate::because(
            Reason::AutoScalingMember,
            format!("it belongs to the Auto Scaling group {group:?}"),
        ));
    }
    let of_cluster = |key: &&str| CLUSTER_TAGS.iter().any(|prefix| key.starts_with(prefix));
    if let Some(key) = instance.tags.keys().find(of_cluster) {
        return Some(Gate::because(Reason::ClusterMember, format!("it has the tag {key:?}")));
    }
    (instance.root_device == RootDevice::InstanceStore).then(|| Gate::plain(Reason::InstanceStoreRoot))
}

fn kept_awake(wishes: Wishes, now: Timestamp) -> Option<Gate> {
    let until = wishes.keep_until.filter(|until| now < *until)?;
    Some(Gate::because(Reason::KeptAwake, format!("it is kept awake until {until}")))
}

/// An instance that has not been up for long enough. One of which EC2 does not say since when counts as new.
fn young(instance: &Instance, policy: &Policy, now: Timestamp) -> Option<Gate> {
    let uptime = instance.launched_at.map(|launched_at| now.duration_since(launched_at));
    if uptime.is_some_and(|uptime| uptime >= policy.minimum_uptime) {
        return None;
    }
    let observed = uptime.map(|uptime| uptime.as_secs_f64());
    let finding = Finding::plain("uptime", observed, policy.minimum_uptime.as_secs_f64(), Unit::Seconds);
    Some(Gate::measured(Reason::RecentlyStarted, vec![finding]))
}

/// The gates that measure. All signals are listed, whichever decides.
fn judge(evidence: &Evidence, policy: &Policy, now: Timestamp) -> Gate {
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
    Gate::measured(reason, findings)
}
