//! The gates, in their order. Each looks at one case and says whether it holds, and by what; each keeps the instance from
//! being stopped. An instance that no gate keeps is idle. What becomes of one that is stopped already is `starting`'s.

use std::cell::OnceCell;

use jiff::Timestamp;

use crate::{
    announcement::{Announcement, announced},
    decision::{Reason, Rules},
    evidence::Evidence,
    finding::Finding,
    instance::{Instance, InstanceState, Market, RootDevice, StopProtection},
    metric::Unit,
    policy::{Part, Policy},
    starting::at_rest,
    tags::{AUTO_SCALING_TAG, is_cluster_tag},
    wishes::{BadTag, Wishes},
};

/// The name under which uptime stands in evidence.
const UPTIME: &str = "uptime";
/// The name under which open sessions stand in evidence.
const SESSIONS: &str = "sessions";

/// One instance, and all that is known of it.
pub(crate) struct Case<'a> {
    pub(crate) instance: &'a Instance,
    pub(crate) evidence: &'a Evidence,
    pub(crate) rules: &'a Rules,
    pub(crate) now: Timestamp,
    policy: &'a Policy,
    wishes: Result<Wishes, BadTag>,
    findings: OnceCell<Vec<Finding>>,
}

/// The gates. Their order is that of `Gate::ALL`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gate {
    OptIn,
    State,
    Tags,
    AutoScaling,
    Cluster,
    Spot,
    InstanceStore,
    StopProtection,
    KeepUntil,
    Schedule,
    Uptime,
    Data,
    Activity,
    SessionsRead,
    Sessions,
    Grace,
}

/// Why a gate holds.
#[derive(Debug)]
pub(crate) struct Hold {
    pub(crate) reason: Reason,
    pub(crate) evidence: Vec<Finding>,
    pub(crate) detail: Option<String>,
    pub(crate) announcement: Option<Announcement>,
}

impl Hold {
    pub(crate) const fn plain(reason: Reason) -> Self {
        Self { reason, evidence: Vec::new(), detail: None, announcement: None }
    }

    pub(crate) fn because(reason: Reason, detail: String) -> Self {
        Self { detail: Some(detail), ..Self::plain(reason) }
    }

    fn measured(reason: Reason, evidence: Vec<Finding>) -> Self {
        Self { evidence, ..Self::plain(reason) }
    }
}

impl<'a> Case<'a> {
    pub(crate) fn new(instance: &'a Instance, evidence: &'a Evidence, rules: &'a Rules, now: Timestamp) -> Self {
        let wishes = Wishes::read(&instance.tags, &rules.policies);
        Self { instance, evidence, rules, now, policy: rules.policy_of(instance), wishes, findings: OnceCell::new() }
    }

    /// The policy that counts here.
    pub(crate) const fn policy(&self) -> &'a Policy {
        self.policy
    }

    pub(crate) fn wishes(&self) -> Option<&Wishes> {
        self.wishes.as_ref().ok()
    }

    /// What was measured, one finding a signal. Where the first part proves use, and the others were left unread for that, the first
    /// part alone: the others cannot turn `keep` into `stop`, whatever they say.
    pub(crate) fn findings(&self) -> &[Finding] {
        self.findings.get_or_init(|| {
            let policy = self.policy();
            let measure = |signal| Finding::measure(signal, self.instance, self.evidence, policy, self.now);
            let mut all = policy.signals_for(self.instance).map(measure);
            let mut findings: Vec<Finding> = all.by_ref().take(self.first_signals()).collect();
            if !findings.iter().any(Finding::is_busy) || self.was_rest_asked() {
                findings.extend(all);
            }
            findings
        })
    }

    /// Whether anything but the first part of the signals was asked for.
    fn was_rest_asked(&self) -> bool {
        let rest = self.policy().measures(Part::Rest, self.instance);
        rest.iter().any(|(_, measure)| self.evidence.was_asked(measure))
    }

    /// Whether the first part of the signals proves use.
    pub(crate) fn is_use_proven_first(&self) -> bool {
        self.findings()[..self.first_signals()].iter().any(Finding::is_busy)
    }

    /// Whether there are signals beside the first part.
    pub(crate) fn has_rest(&self) -> bool {
        self.first_signals() < self.policy().signals_for(self.instance).count()
    }

    fn first_signals(&self) -> usize {
        self.policy().first_signals(self.instance)
    }

    /// All findings, and that about sessions where the policy asks for it.
    pub(crate) fn evidence(&self) -> Vec<Finding> {
        let heeded = self.policy().heeds_sessions;
        self.findings().iter().cloned().chain(heeded.then(|| self.sessions())).collect()
    }

    fn sessions(&self) -> Finding {
        Finding::plain(SESSIONS, self.evidence.sessions().map(f64::from), 0.0, Unit::Sessions)
    }

    /// The first gate that holds.
    pub(crate) fn first_hold(&self, gates: &[Gate]) -> Option<(Gate, Hold)> {
        gates.iter().find_map(|gate| Some((*gate, gate.check(self)?)))
    }
}

impl Gate {
    pub(crate) const ALL: [Self; 16] = [
        Self::OptIn,
        Self::State,
        Self::Tags,
        Self::AutoScaling,
        Self::Cluster,
        Self::Spot,
        Self::InstanceStore,
        Self::StopProtection,
        Self::KeepUntil,
        Self::Schedule,
        Self::Uptime,
        Self::Data,
        Self::Activity,
        Self::SessionsRead,
        Self::Sessions,
        Self::Grace,
    ];

    /// The gates that hold, or not, whatever was measured.
    pub(crate) fn unmeasured() -> &'static [Self] {
        const DATA: usize = Gate::Data as usize;
        &Self::ALL[..DATA]
    }

    /// The gates that hold, or not, by what an instance is and carries, whatever the hour and its state.
    pub(crate) const LASTING: [Self; 7] = [
        Self::OptIn,
        Self::Tags,
        Self::AutoScaling,
        Self::Cluster,
        Self::Spot,
        Self::InstanceStore,
        Self::StopProtection,
    ];

    /// Whether the gate holds, and by what.
    pub(crate) fn check(self, case: &Case<'_>) -> Option<Hold> {
        match self {
            Self::OptIn => (!case.instance.tags.opted_in()).then(|| Hold::plain(Reason::NotOptedIn)),
            Self::State => not_running(case),
            Self::Tags => case.wishes.as_ref().err().map(|bad| Hold::because(Reason::BadTag, bad.to_string())),
            Self::AutoScaling => auto_scaling_member(case.instance),
            Self::Cluster => cluster_member(case.instance),
            Self::Spot => one_time_spot(case.instance),
            Self::InstanceStore => {
                (case.instance.root_device == RootDevice::InstanceStore).then(|| Hold::plain(Reason::InstanceStoreRoot))
            }
            Self::StopProtection => {
                (case.instance.stop_protection == StopProtection::On).then(|| Hold::plain(Reason::StopProtected))
            }
            Self::KeepUntil => kept_awake(case),
            Self::Schedule => inside_schedule(case),
            Self::Uptime => recently_started(case),
            Self::Data => insufficient_data(case),
            Self::Activity => busy(case),
            Self::SessionsRead => sessions_unread(case),
            Self::Sessions => session_active(case),
            Self::Grace => announced(case).map(|announcement| Hold {
                announcement: Some(announcement),
                detail: Some(announcement.to_string()),
                ..Hold::measured(Reason::Announced, case.evidence())
            }),
        }
    }
}

fn not_running(case: &Case<'_>) -> Option<Hold> {
    match case.instance.state {
        InstanceState::Running => None,
        InstanceState::Stopped => Some(at_rest(case)),
        InstanceState::Pending | InstanceState::Stopping | InstanceState::Unknown => {
            Some(Hold::plain(Reason::InTransition))
        }
        InstanceState::ShuttingDown | InstanceState::Terminated => Some(Hold::plain(Reason::Terminated)),
    }
}

fn auto_scaling_member(instance: &Instance) -> Option<Hold> {
    let group = instance.tags.get(AUTO_SCALING_TAG)?;
    Some(Hold::because(Reason::AutoScalingMember, format!("it belongs to the Auto Scaling group {group:?}")))
}

fn cluster_member(instance: &Instance) -> Option<Hold> {
    let key = instance.tags.keys().find(|key| is_cluster_tag(key))?;
    Some(Hold::because(Reason::ClusterMember, format!("it has the tag {key:?}")))
}

fn one_time_spot(instance: &Instance) -> Option<Hold> {
    match instance.market {
        Market::OnDemand | Market::SpotPersistent => None,
        Market::SpotOneTime => Some(Hold::plain(Reason::OneTimeSpot)),
        Market::SpotUnknown => {
            let detail = "the kind of its Spot request is not known, and counts as one-time".to_owned();
            Some(Hold::because(Reason::OneTimeSpot, detail))
        }
    }
}

fn kept_awake(case: &Case<'_>) -> Option<Hold> {
    let until = case.wishes()?.keep_until.filter(|until| case.now < *until)?;
    Some(Hold::because(Reason::KeptAwake, format!("it is kept awake until {until}")))
}

fn inside_schedule(case: &Case<'_>) -> Option<Hold> {
    let schedule = case.wishes()?.schedule.as_ref().filter(|schedule| schedule.is_open(case.now))?;
    let detail = match schedule.next_closing(case.now) {
        Some(closing) => format!("a window of its schedule is open until {closing}"),
        None => "its schedule has no end".to_owned(),
    };
    Some(Hold::because(Reason::InsideSchedule, detail))
}

/// An instance that has not been up for long enough. One of which EC2 does not say since when counts as new.
fn recently_started(case: &Case<'_>) -> Option<Hold> {
    let finding = uptime(case);
    let is_old_enough = finding.observed.is_some_and(|uptime| uptime >= finding.limit);
    (!is_old_enough).then(|| Hold::measured(Reason::RecentlyStarted, vec![finding]))
}

/// For how long the instance has been up, against the policy's minimum.
pub(crate) fn uptime(case: &Case<'_>) -> Finding {
    let uptime = case.instance.launched_at.map(|launched_at| case.now.duration_since(launched_at));
    let minimum = case.policy().minimum_uptime;
    Finding::plain(UPTIME, uptime.map(|uptime| uptime.as_secs_f64()), minimum.as_secs_f64(), Unit::Seconds)
}

/// Too little data of any signal that counts. A policy of which no signal says anything proves nothing about anything.
fn insufficient_data(case: &Case<'_>) -> Option<Hold> {
    let policy = case.policy();
    let findings = case.findings();
    let required = policy.signals_for(case.instance).map(|signal| policy.required_points(signal));
    let all_sufficient = findings.iter().zip(required).all(|(finding, required)| finding.is_sufficient(required));
    let any_says_something = findings.iter().any(|finding| !finding.skipped);
    (!all_sufficient || !any_says_something).then(|| Hold::measured(Reason::InsufficientData, findings.to_vec()))
}

/// All signals that count are listed, whichever decides.
fn busy(case: &Case<'_>) -> Option<Hold> {
    let findings = case.findings();
    findings.iter().any(Finding::is_busy).then(|| Hold::measured(Reason::Busy, findings.to_vec()))
}

/// Sessions that count and could not be read are missing data like any other.
fn sessions_unread(case: &Case<'_>) -> Option<Hold> {
    let is_unread = case.policy().heeds_sessions && case.evidence.sessions().is_none();
    is_unread.then(|| Hold {
        detail: Some("its sessions are not known".to_owned()),
        ..Hold::measured(Reason::InsufficientData, case.evidence())
    })
}

fn session_active(case: &Case<'_>) -> Option<Hold> {
    let is_active = case.policy().heeds_sessions && case.sessions().is_busy();
    is_active.then(|| Hold::measured(Reason::SessionActive, case.evidence()))
}
