//! Grace: an idle instance is announced first, and stopped by a later run that still finds it idle. The announcement is the
//! tag `doze:stop-at`; nothing else remembers it.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{decision::Reason, finding::Finding, gates::Case, instance::Market};

/// For how long after its hour an announcement still stands for the stop. Later, nobody expects it any more.
const GOOD_FOR: SignedDuration = SignedDuration::from_hours(24);

/// What becomes of the announcement of a stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Announcement {
    /// It is made now: the tag is to be written.
    New {
        /// The earliest time of the stop.
        stop_at: Timestamp,
    },
    /// It was made before, and its time has not come.
    Running {
        /// The earliest time of the stop.
        stop_at: Timestamp,
    },
    /// It no longer holds: the tag is to be taken off.
    Withdrawn,
}

impl fmt::Display for Announcement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::New { stop_at } => write!(f, "it is idle; its stop is to be announced for {stop_at}"),
            Self::Running { stop_at } => write!(f, "it is idle; its stop was announced for {stop_at}"),
            Self::Withdrawn => f.write_str("the announcement of its stop no longer holds"),
        }
    }
}

/// The announcement that keeps an idle instance, if one does: a new one, or one whose time has not come.
pub(crate) fn announced(case: &Case<'_>) -> Option<Announcement> {
    let grace = case.rules.grace;
    let announced = case.wishes().and_then(|wishes| wishes.stop_at);
    if let Some(stop_at) = announced.filter(|stop_at| case.now < *stop_at) {
        return Some(Announcement::Running { stop_at });
    }
    let still_stands = announced.is_some_and(|stop_at| {
        // One from before the last start was about another day's work.
        let announced_at = stop_at.saturating_sub(grace).unwrap_or(Timestamp::MIN);
        let is_of_this_run = case.instance.launched_at.is_some_and(|launched_at| launched_at <= announced_at);
        is_of_this_run && case.now.duration_since(stop_at) < GOOD_FOR
    });
    if grace <= SignedDuration::ZERO || still_stands {
        return None;
    }
    let stop_at = case.now.saturating_add(grace).unwrap_or(Timestamp::MAX);
    Some(Announcement::New { stop_at })
}

/// What becomes of an announcement where the instance is kept for a reason other than the announcement itself. A gap in what
/// is known, or a full cap, says nothing about the instance, and lets the announcement stand; but data with a gap may prove
/// use.
pub(crate) fn after(reason: Reason, case: &Case<'_>) -> Option<Announcement> {
    case.wishes().and_then(|wishes| wishes.stop_at)?;
    match reason {
        Reason::OneTimeSpot if case.instance.market == Market::SpotUnknown => None,
        Reason::RecentlyStarted if case.instance.launched_at.is_none() => None,
        Reason::InsufficientData if case.findings().iter().any(Finding::is_busy) => Some(Announcement::Withdrawn),
        Reason::AlreadyStopped
        | Reason::StartFailed
        | Reason::WaitsForOthers
        | Reason::ScheduleOpen
        | Reason::StartOwed
        | Reason::Requested
        | Reason::Needed
        | Reason::AutoScalingMember
        | Reason::ClusterMember
        | Reason::OneTimeSpot
        | Reason::InstanceStoreRoot
        | Reason::StopProtected
        | Reason::KeptAwake
        | Reason::InsideSchedule
        | Reason::RecentlyStarted
        | Reason::Busy
        | Reason::SessionActive => Some(Announcement::Withdrawn),
        Reason::NotFound
        | Reason::NotOptedIn
        | Reason::InTransition
        | Reason::Terminated
        | Reason::BadTag
        | Reason::InsufficientData
        | Reason::Announced
        | Reason::OverCap
        | Reason::Idle => None,
    }
}
