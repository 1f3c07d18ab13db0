//! Rules of the product that are switched off, one at a time, to see that the simulator notices. The product itself stays as it
//! is: what it is told is bent so that the rule has nothing to hold to.

use std::collections::BTreeMap;

use idleness::{Datapoint, Instance, InstanceState, Market, RootDevice, Series, SeriesStatus, Tags};

use crate::{
    metrics::Window,
    world::{Machine, timestamp},
};

/// A rule that is switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// All instances look opted in.
    OptIn,
    /// Instances that are starting look as if they ran.
    State,
    /// Tags that nobody understands are not there.
    Tags,
    /// Nothing belongs to an Auto Scaling group.
    AutoScaling,
    /// Nothing belongs to a cluster.
    Cluster,
    /// Nothing is a one-time Spot instance.
    Spot,
    /// No root volume is a disk of the host.
    InstanceStore,
    /// Nothing is protected, and EC2 does not insist.
    StopProtection,
    /// Nobody asked to keep anything awake.
    KeepUntil,
    /// There are no schedules.
    Schedule,
    /// Everything has been up for a day.
    Uptime,
    /// What is missing of the measurements is made up.
    Data,
    /// The newest measurements are made up.
    Freshness,
    /// Measurements that could not be read look complete.
    Statuses,
    /// Nothing works.
    Activity,
    /// Of the signals behind the first, nothing is shown but that the first is quiet.
    Rest,
    /// Sessions that could not be read are none.
    SessionsRead,
    /// Nobody has a session.
    Sessions,
    /// There is no grace.
    Grace,
    /// There are no caps.
    Caps,
    /// The notes of earlier stops are not there.
    Notes,
    /// Notes are not written, and nobody says so.
    Noting,
    /// A dry run is none.
    DryRun,
    /// Who was looked at once, looks the same the second time.
    SecondLook,
    /// Everything that is stopped looks stopped by Doze.
    WhoStopped,
    /// The notes of owed starts are not there.
    Owing,
    /// Announcements are not there a run later.
    Announcing,
    /// Stops do nothing.
    Stopping,
    /// A fault of the evidence fails the run, as always; then every run fails.
    Reading,
}

impl Sabotage {
    /// All of them.
    pub const ALL: [Self; 29] = [
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
        Self::Freshness,
        Self::Statuses,
        Self::Activity,
        Self::Rest,
        Self::SessionsRead,
        Self::Sessions,
        Self::Grace,
        Self::Caps,
        Self::Notes,
        Self::Noting,
        Self::DryRun,
        Self::SecondLook,
        Self::WhoStopped,
        Self::Owing,
        Self::Announcing,
        Self::Stopping,
        Self::Reading,
    ];

    /// The machine as a run is shown it that the rule is not to hold for.
    pub(crate) fn bend(self, machine: &Machine, now: i64) -> Instance {
        let seen = machine.describe();
        let without = |hidden: &str| -> Tags { seen.tags.iter().filter(|(key, _)| !key.starts_with(hidden)).collect() };
        let with = |key: &str, value: &str| -> Tags { seen.tags.iter().chain([(key, value)]).collect() };
        let day_ago = timestamp(now - 86_400);
        match self {
            Self::OptIn => Instance { tags: with("doze", "on"), ..seen },
            Self::State if seen.state == InstanceState::Pending => {
                Instance { state: InstanceState::Running, launched_at: Some(day_ago), ..seen }
            }
            Self::Tags => Instance { tags: without("doze:keep-untill"), ..seen },
            Self::AutoScaling => Instance { tags: without("aws:autoscaling:"), ..seen },
            Self::Cluster => Instance { tags: without("kubernetes.io/"), ..seen },
            Self::Spot => Instance { market: Market::OnDemand, ..seen },
            Self::InstanceStore => Instance { root_device: RootDevice::Ebs, ..seen },
            Self::KeepUntil => Instance { tags: without("doze:keep-until"), ..seen },
            Self::Schedule => Instance { tags: without("doze:schedule"), ..seen },
            Self::Uptime => Instance { launched_at: Some(day_ago), ..seen },
            Self::Notes => Instance { tags: without("doze:stopped-at"), ..seen },
            Self::Owing => Instance { tags: without("doze:start-"), ..seen },
            Self::Announcing => Instance { tags: without("doze:stop-at"), ..seen },
            Self::WhoStopped if seen.state == InstanceState::Stopped => {
                let at = machine.transition.map_or(machine.launched_at, |(_, at)| at);
                Instance { tags: with("doze:stopped-at", &timestamp(at).to_string()), ..seen }
            }
            _ => seen,
        }
    }

    /// A series as a run is shown it that the rule is not to hold for.
    pub(crate) fn bend_series(self, series: &Series, window: &Window) -> Series {
        let mut points: BTreeMap<i64, f64> =
            series.points.iter().map(|point| (point.at.as_second(), point.value)).collect();
        let mut status = series.status;
        match self {
            Self::Data => {
                points.extend(
                    window.starts().filter(|at| !points.contains_key(at)).map(|at| (at, 0.0)).collect::<Vec<_>>(),
                );
                status = SeriesStatus::Complete;
            }
            Self::Freshness => {
                let newest = window.starts().filter(|at| *at >= window.until - 1200 && !points.contains_key(at));
                points.extend(newest.map(|at| (at, 0.0)).collect::<Vec<_>>());
            }
            Self::Statuses => status = SeriesStatus::Complete,
            Self::Activity => points.values_mut().for_each(|value| *value = 0.0),
            _ => {}
        }
        let points = points.into_iter().map(|(at, value)| Datapoint { at: timestamp(at), value }).collect();
        Series { status, points }
    }
}
