//! From decisions to a plan: the caps on stops. A plan is data, and leaves nothing to decide to those who act on it.

use std::{
    collections::{BTreeMap, BTreeSet},
    str::FromStr,
};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    announcement::Announcement,
    decision::{Decision, Reason, Verdict},
    finding::Finding,
    instance::{Instance, InstanceId, InstanceState},
    metric::Unit,
    percent::Percent,
};

/// The tag that says when Doze stopped the instance: an RFC 3339 instant.
pub const STOPPED_AT_TAG: &str = "doze:stopped-at";
/// The tag that says why: a reason code.
pub const STOPPED_BECAUSE_TAG: &str = "doze:stopped-because";
/// The tag that announces a stop: an RFC 3339 instant.
pub const STOP_AT_TAG: &str = "doze:stop-at";

/// How many announcements one run makes or withdraws: each is an outcome that the report lists.
const ANNOUNCEMENTS_PER_RUN: usize = 1000;
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
    pub fn take<'a>(fleet: impl Iterator<Item = &'a Instance>, now: Timestamp) -> Self {
        let mut census = Self::default();
        for instance in fleet.filter(|instance| instance.tags.opted_in()) {
            census.running += usize::from(instance.state == InstanceState::Running);
            census.stopped_within_the_hour += usize::from(was_stopped_within_the_hour(instance, now));
        }
        census
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
    /// The decisions, by instance id.
    pub decisions: Vec<Decision>,
    /// The instances to stop, the least active first.
    pub stops: Vec<InstanceId>,
    /// The instances to start, by id.
    pub starts: Vec<InstanceId>,
    /// The instances whose stop is to be announced, and for when.
    pub announcements: BTreeMap<Timestamp, Vec<InstanceId>>,
    /// The instances whose announcement is to be withdrawn.
    pub withdrawals: Vec<InstanceId>,
}

/// How many stops there were in the hour, and how many there may be: where a stop would go over the cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Stops made or planned before this one.
    pub stops_so_far: usize,
    /// The most that there may be.
    pub limit: usize,
}

impl Place {
    /// The decision under the cap: a stop beyond it is kept.
    #[must_use]
    pub fn allow(self, decision: Decision) -> Decision {
        if decision.verdict != Verdict::Stop || self.stops_so_far < self.limit {
            return decision;
        }
        let Self { stops_so_far, limit } = self;
        let finding = Finding::plain(STOPS, Some(as_number(stops_so_far)), as_number(limit), Unit::StopsPerHour);
        decision.overruled(Reason::OverCap, finding)
    }

    /// The place that a decision names, if the cap overruled it.
    #[must_use]
    pub fn of(decision: &Decision) -> Option<Self> {
        let finding = decision.evidence.iter().find(|finding| finding.unit == Unit::StopsPerHour)?;
        Some(Self { stops_so_far: as_count(finding.observed?), limit: as_count(finding.limit) })
    }
}

/// The name under which the cap stands in evidence.
const STOPS: &str = "stops";

/// Applies the caps. The least active instances go first, ties by id; the rest is kept as `over-cap`. The order of
/// `decisions` does not matter.
///
/// `refused` are instances whose stop was tried and refused: they are not to be stopped again, and take no place, so that
/// one which refuses every stop does not hold up the others.
#[must_use]
pub fn plan(mut decisions: Vec<Decision>, caps: Caps, census: Census, refused: &BTreeSet<InstanceId>) -> Plan {
    decisions.sort_unstable_by(|a, b| a.activity().total_cmp(&b.activity()).then_with(|| a.instance.cmp(&b.instance)));
    let limit = caps.limit(census);
    let mut stops = Vec::new();
    let mut over_cap = |decision: Decision| {
        if decision.verdict != Verdict::Stop || refused.contains(&decision.instance) {
            return decision;
        }
        let stops_so_far = census.stopped_within_the_hour.saturating_add(stops.len());
        let decision = Place { stops_so_far, limit }.allow(decision);
        if decision.verdict == Verdict::Stop {
            stops.push(decision.instance.clone());
        }
        decision
    };
    let mut decisions: Vec<Decision> = decisions.into_iter().map(&mut over_cap).collect();
    decisions.sort_unstable_by(|a, b| a.instance.cmp(&b.instance));
    let to_start = decisions.iter().filter(|decision| decision.verdict == Verdict::Start);
    let starts = to_start.map(|decision| decision.instance.clone()).collect();
    let mut planned = Plan { decisions, stops, starts, ..Plan::default() };
    planned.announce();
    planned
}

impl Plan {
    /// Takes from the decisions what becomes of announcements. What goes beyond one run's share waits for the next run.
    fn announce(&mut self) {
        let changes =
            |decision: &&Decision| !matches!(decision.announcement, None | Some(Announcement::Running { .. }));
        for decision in self.decisions.iter().filter(changes).take(ANNOUNCEMENTS_PER_RUN) {
            let id = decision.instance.clone();
            match decision.announcement {
                Some(Announcement::New { stop_at }) => self.announcements.entry(stop_at).or_default().push(id),
                Some(Announcement::Withdrawn) => self.withdrawals.push(id),
                Some(Announcement::Running { .. }) | None => {}
            }
        }
    }
}

/// A count as a report's number. Fleets stay far below 2^53.
fn as_number(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from)
}

/// A report's number as the count it was.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the number was made of a count")]
fn as_count(number: f64) -> usize {
    number as usize
}
