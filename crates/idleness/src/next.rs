//! What comes next for an instance, and when, for those who look at it now.

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    announcement::Announcement,
    decision::{Decision, Reason, Rules},
    evidence::Evidence,
    gates::Case,
    instance::Instance,
    starting::{next_try, was_stopped_by_doze},
};

/// What Doze does with an instance next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NextAction {
    /// It is stopped, if it is still idle then.
    Stop,
    /// It is started.
    Start,
    /// What protects it ends, and measurements decide.
    Decide,
}

/// What comes next, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Next {
    /// What.
    pub action: NextAction,
    /// The earliest time. `None` stands for the next time that Doze looks.
    pub at: Option<Timestamp>,
}

/// What comes next for the instance after this decision; `None` where nothing follows from it.
#[must_use]
pub fn next(instance: &Instance, decision: &Decision, rules: &Rules, now: Timestamp) -> Option<Next> {
    let case = Case::new(instance, const { &Evidence::none() }, rules, now);
    let wishes = case.wishes();
    let (action, at) = match decision.reason {
        Reason::Idle => (NextAction::Stop, None),
        Reason::Announced => (NextAction::Stop, announced_for(decision)),
        Reason::KeptAwake => (NextAction::Decide, Some(wishes?.keep_until?)),
        Reason::InsideSchedule => (NextAction::Decide, Some(wishes?.schedule.as_ref()?.next_closing(now)?)),
        Reason::RecentlyStarted => {
            (NextAction::Decide, Some(instance.launched_at?.checked_add(case.policy().minimum_uptime).ok()?))
        }
        Reason::ScheduleOpen | Reason::StartOwed | Reason::Requested | Reason::Needed | Reason::WaitsForOthers => {
            (NextAction::Start, None)
        }
        Reason::AlreadyStopped => (NextAction::Start, Some(start_of_stopped(&case, now)?)),
        Reason::NotFound
        | Reason::NotOptedIn
        | Reason::StartFailed
        | Reason::InTransition
        | Reason::Terminated
        | Reason::BadTag
        | Reason::AutoScalingMember
        | Reason::ClusterMember
        | Reason::OneTimeSpot
        | Reason::InstanceStoreRoot
        | Reason::StopProtected
        | Reason::InsufficientData
        | Reason::Busy
        | Reason::SessionActive
        | Reason::OverCap => return None,
    };
    Some(Next { action, at })
}

fn announced_for(decision: &Decision) -> Option<Timestamp> {
    match decision.announcement? {
        Announcement::New { stop_at } | Announcement::Running { stop_at } => Some(stop_at),
        Announcement::Withdrawn => None,
    }
}

/// When a stopped instance is started, if it is.
fn start_of_stopped(case: &Case<'_>, now: Timestamp) -> Option<Timestamp> {
    let wishes = case.wishes()?;
    if let Some(at) = next_try(case.instance, wishes).filter(|at| now < *at) {
        return Some(at);
    }
    wishes.schedule.as_ref().filter(|_| was_stopped_by_doze(case.instance, wishes))?.next_opening(now)
}
