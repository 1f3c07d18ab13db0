//! Decisions: `decide` asks the gates in order, and the first that holds wins. Each has its reason, doing nothing included.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    announcement::{self, Announcement},
    evidence::Evidence,
    finding::Finding,
    gates::{Case, Gate, Hold},
    instance::{Instance, InstanceId, InstanceState},
    plan::{STOPPED_AT_TAG, STOPPED_BECAUSE_TAG, was_stopped_within_the_hour},
    policies::Policies,
    policy::Policy,
    tags::{NAME_TAG, OPT_IN_TAG},
    wishes::{KEEP_UNTIL_TAG, POLICY_TAG, SCHEDULE_TAG, policy},
};

/// What to do with an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Leave it as it is.
    Keep,
    /// Stop it.
    Stop,
    /// Start it.
    Start,
}

impl Verdict {
    /// The verdict as reports name it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Stop => "stop",
            Self::Start => "start",
        }
    }
}

/// Why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// EC2 does not know the id.
    NotFound,
    /// The tag `doze` is not exactly `on`.
    NotOptedIn,
    /// It is stopped, and there is no reason to start it.
    AlreadyStopped,
    /// It was started, and fell back to `stopped`.
    StartFailed,
    /// It is stopped, and starts after others that do not run yet.
    WaitsForOthers,
    /// A window of its schedule is open, and it was Doze that stopped it.
    ScheduleOpen,
    /// A start that was refused is to be tried again.
    StartOwed,
    /// A person asked for it.
    Requested,
    /// Another instance is to start, and starts after this one, which Doze had stopped.
    Needed,
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
    /// Its capacity comes from a one-time Spot request, so that it cannot be stopped.
    OneTimeSpot,
    /// Its root volume is an instance store, so that it cannot be stopped.
    InstanceStoreRoot,
    /// Stop protection is on.
    StopProtected,
    /// The tag `doze:keep-until` is in the future.
    KeptAwake,
    /// A window of its schedule is open.
    InsideSchedule,
    /// It has been up for less than the policy's minimum uptime, or EC2 did not say since when.
    RecentlyStarted,
    /// A signal has too few datapoints, an incomplete answer, or an impossible value.
    InsufficientData,
    /// A signal is above its limit.
    Busy,
    /// A session of AWS Systems Manager is open.
    SessionActive,
    /// Idle, and its stop was announced: the grace period has begun or is running.
    Announced,
    /// Idle, but the cap on stops is reached.
    OverCap,
    /// Every signal stayed within its limit for the whole lookback.
    Idle,
}

impl Reason {
    /// The verdict that goes with the reason. There is one reason to stop, and four to start.
    #[must_use]
    pub const fn verdict(self) -> Verdict {
        match self {
            Self::Idle => Verdict::Stop,
            Self::ScheduleOpen | Self::StartOwed | Self::Requested | Self::Needed => Verdict::Start,
            Self::NotFound
            | Self::NotOptedIn
            | Self::AlreadyStopped
            | Self::StartFailed
            | Self::WaitsForOthers
            | Self::InTransition
            | Self::Terminated
            | Self::BadTag
            | Self::AutoScalingMember
            | Self::ClusterMember
            | Self::OneTimeSpot
            | Self::InstanceStoreRoot
            | Self::StopProtected
            | Self::KeptAwake
            | Self::InsideSchedule
            | Self::RecentlyStarted
            | Self::InsufficientData
            | Self::Busy
            | Self::SessionActive
            | Self::Announced
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
            Self::StartFailed => "start-failed",
            Self::WaitsForOthers => "waits-for-others",
            Self::ScheduleOpen => "schedule-open",
            Self::StartOwed => "start-owed",
            Self::Requested => "requested",
            Self::Needed => "needed",
            Self::InTransition => "in-transition",
            Self::Terminated => "terminated",
            Self::BadTag => "bad-tag",
            Self::AutoScalingMember => "auto-scaling-member",
            Self::ClusterMember => "cluster-member",
            Self::OneTimeSpot => "one-time-spot",
            Self::InstanceStoreRoot => "instance-store-root",
            Self::StopProtected => "stop-protected",
            Self::KeptAwake => "kept-awake",
            Self::InsideSchedule => "inside-schedule",
            Self::RecentlyStarted => "recently-started",
            Self::InsufficientData => "insufficient-data",
            Self::Busy => "busy",
            Self::SessionActive => "session-active",
            Self::Announced => "announced",
            Self::OverCap => "over-cap",
            Self::Idle => "idle",
        }
    }
}

/// The rules of a run, the same for all instances.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rules {
    /// The policies that instances choose from.
    pub policies: Policies,
    /// How long before its stop an idle instance is announced. Zero stops at once.
    pub grace: SignedDuration,
}

impl Rules {
    /// The policy that counts for the instance: the one its tag chooses, or the default.
    #[must_use]
    pub fn policy_of(&self, instance: &Instance) -> &Policy {
        policy(&instance.tags, &self.policies).unwrap_or_else(|_| self.policies.default_policy())
    }

    /// Whether one and the same is asked of CloudWatch about both, and means the same: what was measured of one can be judged as
    /// the other.
    #[must_use]
    pub fn measure_alike(&self, one: &Instance, other: &Instance) -> bool {
        let is_of_one_kind = one.instance_type == other.instance_type && one.vcpus == other.vcpus;
        is_of_one_kind && self.policy_of(one) == self.policy_of(other)
    }
}

/// The outcome of all gates for one instance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What becomes of the announcement of its stop, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announcement: Option<Announcement>,
}

impl Decision {
    /// The decision about an id that EC2 does not know.
    #[must_use]
    pub const fn not_found(instance: InstanceId) -> Self {
        let reason = Reason::NotFound;
        Self { instance, verdict: reason.verdict(), reason, evidence: Vec::new(), detail: None, announcement: None }
    }

    /// The decision to start an instance because a person asked for it.
    pub(crate) const fn requested(instance: InstanceId) -> Self {
        let reason = Reason::Requested;
        Self { instance, verdict: reason.verdict(), reason, evidence: Vec::new(), detail: None, announcement: None }
    }

    /// This decision, turned over for another reason with more evidence.
    pub(crate) fn overruled(mut self, reason: Reason, finding: Finding) -> Self {
        self.evidence.push(finding);
        Self { verdict: reason.verdict(), reason, ..self }
    }

    /// This decision about a stopped instance, turned over because of other instances. An announcement that it still carries
    /// is for a run that is about the instance itself.
    pub(crate) fn turned(self, reason: Reason, detail: String) -> Self {
        Self { verdict: reason.verdict(), reason, detail: Some(detail), announcement: None, ..self }
    }

    /// How close the busiest signal came to its limit: 0 is no activity, 1 is the limit itself.
    #[must_use]
    pub fn activity(&self) -> f64 {
        self.evidence.iter().map(Finding::activity).fold(0.0, f64::max)
    }
}

/// Decides about one instance. Pure: the same arguments give the same decision.
#[must_use]
pub fn decide(instance: &Instance, evidence: &Evidence, rules: &Rules, now: Timestamp) -> Decision {
    let case = &Case::new(instance, evidence, rules, now);
    let (reason, mut evidence, detail, announcement) = match case.first_hold(&Gate::ALL) {
        Some((_, Hold { reason, evidence, detail, announcement })) => (reason, evidence, detail, announcement),
        None => (Reason::Idle, case.evidence(), None, None),
    };
    // A run may hold thousands, and most hold one finding.
    evidence.shrink_to_fit();
    Decision {
        instance: case.instance.id.clone(),
        verdict: reason.verdict(),
        reason,
        evidence,
        detail,
        announcement: announcement.or_else(|| announcement::after(reason, case)),
    }
}

/// Whether Doze might stop the instance at some hour, in some state: nothing that it is, and no tag, speaks against it for good.
/// Where stop protection has not been read, it is taken to be off.
#[must_use]
pub fn can_ever_be_stopped(instance: &Instance, rules: &Rules) -> bool {
    let evidence = Evidence::default();
    Case::new(instance, &evidence, rules, Timestamp::MIN).first_hold(&Gate::LASTING).is_none()
}

/// Whether a run may hold on to nothing of the instance but its name and the reason: it was decided by measurements alone, which no
/// other instance's decision depends on, and no tag of it announces or owes anything, names others, or counts for the caps.
#[must_use]
pub fn can_be_counted(instance: &Instance, decision: &Decision, now: Timestamp) -> bool {
    const PLAIN: [&str; 7] =
        [NAME_TAG, OPT_IN_TAG, POLICY_TAG, SCHEDULE_TAG, KEEP_UNTIL_TAG, STOPPED_AT_TAG, STOPPED_BECAUSE_TAG];
    let is_measured = matches!(decision.reason, Reason::Busy | Reason::InsufficientData | Reason::Idle);
    let is_running = instance.state == InstanceState::Running;
    let is_plain = instance.tags.keys().all(|key| PLAIN.contains(&key));
    is_measured && is_running && is_plain && !was_stopped_within_the_hour(instance, now)
}

/// Whether the decision about the instance depends on measurements. If not, none need to be read (and paid for).
#[must_use]
pub fn needs_evidence(instance: &Instance, rules: &Rules, now: Timestamp) -> bool {
    Case::new(instance, &Evidence::default(), rules, now).first_hold(Gate::unmeasured()).is_none()
}

/// Whether the decision about the instance depends on more than the first part of its policy's signals, which has been read: that
/// part does not prove use, and there are others.
#[must_use]
pub fn needs_rest(instance: &Instance, evidence: &Evidence, rules: &Rules, now: Timestamp) -> bool {
    let case = Case::new(instance, evidence, rules, now);
    case.first_hold(Gate::unmeasured()).is_none() && case.has_rest() && !case.is_use_proven_first()
}

/// Whether the decision about the instance depends on its open sessions, which have not been read yet.
#[must_use]
pub fn needs_sessions(instance: &Instance, evidence: &Evidence, rules: &Rules, now: Timestamp) -> bool {
    let case = Case::new(instance, evidence, rules, now);
    case.policy().heeds_sessions && case.first_hold(&Gate::ALL).is_some_and(|(gate, _)| gate == Gate::SessionsRead)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::{Market, tests::instance};

    #[test]
    fn only_what_nothing_else_depends_on_is_counted() {
        let now: Timestamp = "2026-11-21T20:00:00Z".parse().expect("is valid");
        let busy = Decision { reason: Reason::Busy, ..Decision::not_found(instance().id) };
        let counted = |tag: (&str, &str), reason| {
            let instance = Instance { tags: [("doze", "on"), tag].into_iter().collect(), ..instance() };
            can_be_counted(&instance, &Decision { reason, ..busy.clone() }, now)
        };
        for (tag, expected) in [
            (("Name", "db"), true),
            (("doze:policy", "gcp"), true),
            (("doze:keep-until", "2026-11-21T19:00:00Z"), true),
            (("doze:schedule", "mon-fri 08:00-18:00 @ UTC"), true),
            (("doze:stopped-at", "2026-11-21T18:00:00Z"), true),
            (("doze:stopped-because", "idle"), true),
            (("doze:stopped-at", "2026-11-21T19:30:00Z"), false),
            (("doze:stopped-at", "yesterday"), false),
            (("doze:stop-at", "2026-11-21T18:00:00Z"), false),
            (("doze:start-owed-since", "2026-11-21T18:00:00Z"), false),
            (("doze:start-tried-at", "2026-11-21T18:00:00Z"), false),
            (("doze:after", "db"), false),
            (("doze:later", "x"), false),
        ] {
            assert_eq!(counted(tag, Reason::Busy), expected, "{tag:?}");
        }
        for (reason, expected) in [
            (Reason::Idle, true),
            (Reason::InsufficientData, true),
            (Reason::SessionActive, false),
            (Reason::Announced, false),
            (Reason::AlreadyStopped, false),
        ] {
            assert_eq!(counted(("Name", "db"), reason), expected, "{reason:?}");
        }
        for state in [InstanceState::Pending, InstanceState::Stopped] {
            assert!(!can_be_counted(&Instance { state, market: Market::OnDemand, ..instance() }, &busy, now));
        }
    }
}
