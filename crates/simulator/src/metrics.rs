//! What is true of the measurements that a run is shown: which time a policy looks at, and what proves that nobody worked.

use idleness::{Datapoint, Measure, Metric, Policy, Series, SeriesStatus, Signal};
use jiff::Timestamp;

use crate::{history::Load, world::timestamp};

/// What a policy looks at: the period before the lookback, the lookback, and the period that is still running.
pub(crate) struct Window {
    pub(crate) from: i64,
    pub(crate) lookback_from: i64,
    pub(crate) until: i64,
    pub(crate) open_until: i64,
    pub(crate) period: i64,
}

impl Window {
    /// By the policy's own words, an hour in periods of five minutes, not by its arithmetic.
    pub(crate) fn of(policy: &Policy, signal: &Signal, now: Timestamp) -> Self {
        let (lookback, period) = (policy.lookback.as_secs(), signal.period.as_secs());
        let until = now.as_second() - now.as_second().rem_euclid(period);
        let lookback_from = until - lookback;
        Self { from: lookback_from - period, lookback_from, until, open_until: until + period, period }
    }

    /// A series in which nothing happens.
    pub(crate) fn quiet(&self) -> Series {
        let points = self.starts().map(|at| Datapoint { at: timestamp(at), value: 0.0 }).collect();
        Series { status: SeriesStatus::Complete, points }
    }

    pub(crate) fn starts(&self) -> impl Iterator<Item = i64> + use<> {
        let (from, period) = (self.from, self.period);
        (0..(self.open_until - from) / period).map(move |n| from + n * period)
    }
}

/// A series that was answered, with what is true of it.
pub(crate) struct Answered {
    pub(crate) series: Series,
    pub(crate) starts: Vec<i64>,
    pub(crate) is_sound: bool,
    pub(crate) is_idle: bool,
}

/// What is true of a measure that was shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown {
    /// Whether the machine has no such series.
    pub(crate) says_nothing: bool,
    /// Whether it proves that nobody worked.
    pub(crate) is_proof: bool,
}

impl Answered {
    pub(crate) fn shown(&self, window: &Window) -> Shown {
        Shown { says_nothing: self.says_nothing(), is_proof: self.is_proof(window) }
    }

    fn says_nothing(&self) -> bool {
        self.starts.is_empty() && matches!(self.series.status, SeriesStatus::Complete | SeriesStatus::Absent)
    }

    /// Eleven of the twelve datapoints of the lookback, one of the two newest among them, and none of them busy.
    fn is_proof(&self, window: &Window) -> bool {
        let in_lookback = |at: &&i64| (window.lookback_from..window.until).contains(*at);
        let expected = (window.until - window.lookback_from) / window.period;
        let count = i64::try_from(self.starts.iter().filter(in_lookback).count()).unwrap_or(i64::MAX);
        let is_fresh = self.starts.iter().filter(in_lookback).any(|at| *at >= window.until - 2 * window.period);
        let is_complete = self.series.status == SeriesStatus::Complete && self.is_sound;
        is_complete && self.is_idle && is_fresh && count * 10 >= expected * 9
    }
}

/// Whether the work shows in the metric.
pub(crate) fn is_busy(measure: &Measure, loads: &[Load]) -> bool {
    let metric = &measure.metric;
    loads.iter().any(|load| match load {
        Load::Cpu => *metric == Metric::CPU,
        Load::Network => *metric == Metric::NETWORK_IN,
        Load::Disk => *metric == Metric::EBS_WRITES,
    })
}

pub(crate) fn value(measure: &Measure, loads: &[Load]) -> f64 {
    if is_busy(measure, loads) { 1e7 } else { 0.1 }
}
