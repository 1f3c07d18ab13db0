//! The arithmetic from datapoints to one finding a signal. Which finding leads to which verdict is `gates`'.

use std::borrow::Cow;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    evidence::{Evidence, Series, SeriesStatus},
    instance::Instance,
    metric::{Statistic, Unit},
    percent::Percent,
    policy::{Policy, Presence, Signal, Window},
};

/// One line of evidence in a decision: what was observed, against which limit, from how much data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// What was looked at: a signal of the policy, `uptime`, `sessions` or `stops`.
    pub signal: Cow<'static, str>,
    /// The CloudWatch statistic, for a measured signal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statistic: Option<Statistic>,
    /// The value that is compared, or `None` if there was none: the largest of the window. Where some datapoints may be above
    /// the limit, the largest without these, or the newest if that is larger.
    pub observed: Option<f64>,
    /// The limit it was compared with.
    pub limit: f64,
    /// The unit of both.
    pub unit: Unit,
    /// How many complete datapoints the window had, for a measured signal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub points: Option<usize>,
    /// How many a window without a gap has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<usize>,
    /// How many datapoints were above the limit, and how many may be, where any may.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub share: Option<Share>,
    /// Why the data cannot be relied on, if it cannot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<SeriesStatus>,
    /// `true` where the policy does not insist on the signal, and the instance has no datapoint of it: it says nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub skipped: bool,
}

/// How many datapoints were above a limit, and how many may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// Datapoints above the limit.
    pub above: usize,
    /// The most that there may be.
    pub allowed_above: usize,
}

impl Finding {
    /// A finding about something that is not a CloudWatch metric.
    pub(crate) fn plain(signal: &'static str, observed: Option<f64>, limit: f64, unit: Unit) -> Self {
        Self {
            signal: Cow::Borrowed(signal),
            statistic: None,
            observed,
            limit,
            unit,
            points: None,
            expected: None,
            share: None,
            status: None,
            skipped: false,
        }
    }

    /// Measures one signal over the policy's window.
    pub(crate) fn measure(
        signal: &Signal,
        instance: &Instance,
        evidence: &Evidence,
        policy: &Policy,
        now: Timestamp,
    ) -> Self {
        let window = policy.window(signal, now);
        let sum = Sum::of(signal, evidence, &window);
        let convert = |value| signal.unit.convert(value, signal.period, instance.vcpus);
        let status = match (sum.status, convert(0.0)) {
            (SeriesStatus::Complete, None) => SeriesStatus::UnknownVcpus,
            (SeriesStatus::Complete, Some(_)) if !sum.periods.is_empty() && !sum.is_fresh(&window) => {
                SeriesStatus::Stale
            }
            (status, _) => status,
        };
        let expected = policy.expected_points(signal);
        let points = sum.proven_in_lookback(&window).count();
        let compared = sum.compare(signal, &window, points, convert);
        let has_nothing = sum.periods.is_empty() && matches!(status, SeriesStatus::Complete | SeriesStatus::Absent);
        Self {
            signal: signal.name.clone(),
            statistic: Some(signal.statistic),
            observed: compared.observed,
            limit: signal.limit,
            unit: signal.unit,
            points: Some(points),
            expected: Some(expected),
            share: compared.share,
            status: (status != SeriesStatus::Complete).then_some(status),
            skipped: has_nothing && signal.presence == Presence::Optional,
        }
    }

    /// Whether there is enough sound data to say anything.
    pub(crate) fn is_sufficient(&self, required_points: usize) -> bool {
        let has_points = self.points.is_some_and(|points| points >= required_points);
        self.skipped || (self.status.is_none() && self.observed.is_some() && has_points)
    }

    /// Whether the limit was exceeded. Nothing observed exceeds nothing.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.observed.is_some_and(|observed| observed > self.limit)
    }

    /// How much of its limit was used: 0 is none, 1 is all. A signal that says nothing used nothing.
    pub(crate) fn activity(&self) -> f64 {
        match self.observed {
            Some(observed) if observed > 0.0 => observed / self.limit,
            Some(_) | None => 0.0,
        }
    }
}

/// All series of a signal, added up by the second that a period starts at.
struct Sum {
    status: SeriesStatus,
    /// By their start.
    periods: Vec<Period>,
    /// How many values a period must have to be complete.
    series: usize,
}

/// What was measured in one period.
#[derive(Clone, Copy)]
struct Period {
    start: i64,
    value: f64,
    series: usize,
}

struct Compared {
    observed: Option<f64>,
    share: Option<Share>,
}

impl Sum {
    fn of(signal: &Signal, evidence: &Evidence, window: &Window) -> Self {
        let mut sum = Self { status: SeriesStatus::Complete, periods: Vec::new(), series: 0 };
        for measure in signal.measures() {
            let series = evidence.series(&measure);
            sum.series += series.len().max(1);
            if series.is_empty() {
                sum.note(SeriesStatus::Absent);
            }
            let mut of_metric = Vec::new();
            for series in series {
                let (status, values) = values_by_period(series, window, signal.period);
                sum.note(status);
                of_metric.extend(values);
            }
            sum.periods.extend(together(of_metric, |a, b| signal.statistic.fold(a, b)));
        }
        sum.periods = together(sum.periods, |a, b| a + b);
        sum
    }

    /// Keeps the first status that is worse than complete, and of these one that is worse than absent: what is absent may be
    /// passed over, what could not be read may not.
    fn note(&mut self, status: SeriesStatus) {
        let is_worse_than_absent = !matches!(status, SeriesStatus::Complete | SeriesStatus::Absent);
        if self.status == SeriesStatus::Complete || (self.status == SeriesStatus::Absent && is_worse_than_absent) {
            self.status = status;
        }
    }

    /// The complete periods of which every series has a value: the proof that is counted.
    fn proven(&self, window: &Window) -> impl DoubleEndedIterator<Item = &Period> {
        let (until, series) = (window.until.as_second(), self.series);
        self.periods.iter().filter(move |period| period.start < until && period.series == series)
    }

    /// Of these, the ones in the lookback itself. What lies before it can prove use, but fills no gap.
    fn proven_in_lookback(&self, window: &Window) -> impl Iterator<Item = &Period> {
        let from = window.lookback_from.as_second();
        self.proven(window).filter(move |period| period.start >= from)
    }

    /// Whether the newest proof is from one of the last periods.
    fn is_fresh(&self, window: &Window) -> bool {
        let fresh_from = window.fresh_from.as_second();
        self.proven(window).any(|period| period.start >= fresh_from)
    }

    /// The value to compare with the limit. A period that lacks a series still bounds the sum from below: it can prove use,
    /// though not idleness.
    fn compare(
        &self,
        signal: &Signal,
        window: &Window,
        points: usize,
        convert: impl Fn(f64) -> Option<f64>,
    ) -> Compared {
        let mut values: Vec<f64> = self.periods.iter().filter_map(|period| convert(period.value)).collect();
        values.sort_by(|a, b| b.total_cmp(a));
        let allowed_above = signal.allowed_above.of_rounded_down(points);
        let newest = self.newest(window).and_then(|period| convert(period.value));
        let without_allowed = values.get(allowed_above).copied();
        let above = values.iter().filter(|value| **value > signal.limit).count();
        Compared {
            // Where all datapoints could be allowed, the newest is still one.
            observed: without_allowed.into_iter().chain(newest).max_by(f64::total_cmp),
            share: (signal.allowed_above > Percent::NONE).then_some(Share { above, allowed_above }),
        }
    }

    /// The largest value since the last complete period of which every series has one. What lies behind that lies in the past.
    fn newest(&self, window: &Window) -> Option<&Period> {
        let last_proven = self.proven(window).next_back().map_or(i64::MIN, |period| period.start);
        let since = self.periods.iter().filter(|period| period.start >= last_proven);
        since.max_by(|a, b| a.value.total_cmp(&b.value))
    }
}

/// Values of the same period as one. They come in the order of their series, and are added in it.
fn together(mut periods: Vec<Period>, fold: impl Fn(f64, f64) -> f64) -> Vec<Period> {
    periods.sort_by_key(|period| period.start);
    periods.dedup_by(|later, earlier| {
        let is_same = later.start == earlier.start;
        if is_same {
            earlier.value = fold(earlier.value, later.value);
            earlier.series += later.series;
        }
        is_same
    });
    periods
}

/// The values of a series by the second its period starts at. Several datapoints of one period count as one, the largest:
/// a crowd of datapoints in one minute proves nothing about the other 59.
fn values_by_period(series: &Series, window: &Window, period: SignedDuration) -> (SeriesStatus, Vec<Period>) {
    let mut status = series.status;
    let mut values = Vec::with_capacity(series.points.len());
    let period = period.as_secs().max(1);
    for point in series.points.iter().filter(|point| window.from <= point.at && point.at < window.open_until) {
        if point.value.is_finite() && point.value >= 0.0 {
            let start = point.at.as_second().div_euclid(period) * period;
            // A zero has no sign.
            values.push(Period { start, value: point.value + 0.0, series: 1 });
        } else {
            status = SeriesStatus::InvalidValue;
        }
    }
    let as_one = |period| Period { series: 1, ..period };
    (status, together(values, f64::max).into_iter().map(as_one).collect())
}
