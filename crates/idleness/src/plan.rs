//! From decisions to a plan: the caps on stops. A plan is data, and leaves nothing to decide to those who act on it.

use std::{collections::BTreeSet, str::FromStr};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::{
    decision::{Decision, Reason, Verdict},
    evidence::Finding,
    instance::{Instance, InstanceId, InstanceState},
    policy::{Percent, Unit},
};

/// The tag that says when Doze stopped the instance: an RFC 3339 instant.
pub const STOPPED_AT_TAG: &str = "doze:stopped-at";
/// The tag that says why: a reason code.
pub const STOPPED_BECAUSE_TAG: &str = "doze:stopped-because";

const CAP_WINDOW: SignedDuration = SignedDuration::from_hours(1);

/// Whether a plan is carried out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// The plan is the result; nothing is changed.
    #[default]
    DryRun,
    /// The plan is carried out.
    Enforce,
}

impl Mode {
    /// The mode as settings and reports name it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DryRun => "dry-run",
            Self::Enforce => "enforce",
        }
    }
}

/// A text that names no mode.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected `dry-run` or `enforce`")]
pub struct UnknownMode;

impl FromStr for Mode {
    type Err = UnknownMode;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::DryRun, Self::Enforce].into_iter().find(|mode| mode.as_str() == text).ok_or(UnknownMode)
    }
}

/// How many instances may be stopped in a rolling hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    /// At most this many.
    pub stops: usize,
    /// At most this share of the opted-in instances that run now, but at least one.
    pub share: Percent,
}

impl Caps {
    /// The smaller of both caps for this fleet.
    fn limit(self, census: Census) -> usize {
        self.stops.min(self.share.of_rounded_down(census.running).max(1))
    }
}

/// What the caps need to know of the whole opted-in fleet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Opted-in instances that run.
    pub running: usize,
    /// Opted-in instances that Doze stopped within the last hour, by their tags: those that other invocations stopped,
    /// too.
    pub stopped_within_the_hour: usize,
}

impl Census {
    /// Counts the fleet. Instances that are not opted in do not count.
    #[must_use]
    pub fn take(fleet: &[Instance], now: Timestamp) -> Self {
        let opted_in = || fleet.iter().filter(|instance| instance.tags.opted_in());
        Self {
            running: opted_in().filter(|instance| instance.state == InstanceState::Running).count(),
            stopped_within_the_hour: opted_in().filter(|instance| was_stopped_within_the_hour(instance, now)).count(),
        }
    }
}

/// Whether the instance carries the note of a stop within the last hour. A note from the future counts, and so does one
/// that cannot be read: neither a wrong clock nor a damaged tag may lift the cap.
#[must_use]
pub fn was_stopped_within_the_hour(instance: &Instance, now: Timestamp) -> bool {
    instance.tags.get(STOPPED_AT_TAG).is_some_and(|text| {
        let stopped_at = text.parse::<Timestamp>();
        stopped_at.map_or(true, |stopped_at| now.duration_since(stopped_at) < CAP_WINDOW)
    })
}

/// All decisions of a run, and what follows from them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Every decision, by instance id.
    pub decisions: Vec<Decision>,
    /// The instances to stop, the least active first.
    pub stops: Vec<InstanceId>,
}

/// Applies the caps. The least active instances go first, ties by id; the rest is kept as `over-cap`. The order of
/// `decisions` does not matter.
///
/// `refused` are instances whose stop was tried and refused: they are not to be stopped again, and take no place, so that
/// one which refuses every stop does not hold up the others.
#[must_use]
pub fn plan(mut decisions: Vec<Decision>, caps: Caps, census: Census, refused: &BTreeSet<InstanceId>) -> Plan {
    decisions.sort_by(|a, b| a.activity().total_cmp(&b.activity()).then_with(|| a.instance.cmp(&b.instance)));
    let limit = caps.limit(census);
    let mut stops = Vec::new();
    let mut over_cap = |decision: Decision| {
        if decision.verdict == Verdict::Keep || refused.contains(&decision.instance) {
            return decision;
        }
        let stops_so_far = census.stopped_within_the_hour.saturating_add(stops.len());
        if stops_so_far < limit {
            stops.push(decision.instance.clone());
            return decision;
        }
        let finding = Finding::plain("stops", Some(as_number(stops_so_far)), as_number(limit), Unit::StopsPerHour);
        decision.overruled(Reason::OverCap, finding)
    };
    let mut decisions: Vec<Decision> = decisions.into_iter().map(&mut over_cap).collect();
    decisions.sort_by(|a, b| a.instance.cmp(&b.instance));
    Plan { decisions, stops }
}

/// A count as a report's number. Fleets stay far below 2^53.
fn as_number(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from)
}
