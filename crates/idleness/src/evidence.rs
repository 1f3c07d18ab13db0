//! What was measured, and the arithmetic from datapoints to one finding a signal. Which finding leads to which verdict
//! is `decision`'s.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::policy::{MetricName, Policy, Signal, Unit, Window};

/// One value of a metric: its period starts at `at`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Datapoint {
    /// Start of the period.
    pub at: Timestamp,
    /// The value, in the metric's own unit.
    pub value: f64,
}

/// What CloudWatch said about one requested metric
/// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDataResult.html>).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SeriesStatus {
    /// All datapoints of the window were returned.
    Complete,
    /// Some were not.
    PartialData,
    /// CloudWatch failed to compute the result.
    InternalError,
    /// The role may not read the metric.
    Forbidden,
    /// The answer did not mention the metric, or gave a status unknown to us.
    #[default]
    Absent,
    /// A value was negative, infinite or not a number.
    InvalidValue,
    /// The newest datapoints are missing: whatever came before, nobody knows what goes on now.
    Stale,
}

/// How many of the last complete periods may be without a datapoint. CloudWatch publishes the newest with a delay.
const PERIODS_OF_DELAY: i32 = 1;

/// The datapoints of one metric.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// How complete they are.
    pub status: SeriesStatus,
    /// The datapoints, in any order.
    pub points: Vec<Datapoint>,
}

/// Everything measured about one instance.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evidence(BTreeMap<MetricName, Series>);

impl Evidence {
    /// Adds what was measured of one metric.
    pub fn insert(&mut self, metric: MetricName, series: Series) {
        self.0.insert(metric, series);
    }

    /// The series of one metric, if CloudWatch mentioned it.
    #[must_use]
    pub fn series(&self, metric: MetricName) -> Option<&Series> {
        self.0.get(&metric)
    }
}

impl FromIterator<(MetricName, Series)> for Evidence {
    fn from_iter<T: IntoIterator<Item = (MetricName, Series)>>(series: T) -> Self {
        Self(series.into_iter().collect())
    }
}

/// One line of evidence in a decision: what was observed, against which limit, from how much data.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// What was looked at: a signal of the policy, `uptime` or `stops`.
    pub signal: &'static str,
    /// The CloudWatch statistic, for a measured signal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statistic: Option<crate::policy::Statistic>,
    /// The largest value of the window, or `None` if there was none to compare.
    pub observed: Option<f64>,
    /// The limit it was compared with.
    pub limit: f64,
    /// The unit of both.
    pub unit: Unit,
    /// How many complete datapoints the window had, for a measured signal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub points: Option<usize>,
    /// How many a window without a gap has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<usize>,
    /// Why the data cannot be relied on, if it cannot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<SeriesStatus>,
}

impl Finding {
    /// A finding about something that is not a CloudWatch metric.
    pub(crate) fn plain(signal: &'static str, observed: Option<f64>, limit: f64, unit: Unit) -> Self {
        Self { signal, statistic: None, observed, limit, unit, points: None, expected: None, status: None }
    }

    /// Measures one signal over the policy's window.
    pub(crate) fn measure(signal: &Signal, evidence: &Evidence, policy: &Policy, now: Timestamp) -> Self {
        let window = policy.window(now);
        let mut status = SeriesStatus::Complete;
        let mut buckets: BTreeMap<i64, Bucket> = BTreeMap::new();
        for metric in &signal.metrics {
            let (metric_status, values) = values_by_period(evidence.series(*metric), &window, policy.period);
            if status == SeriesStatus::Complete {
                status = metric_status;
            }
            for (start, value) in values {
                let bucket = buckets.entry(start).or_default();
                bucket.sum += value;
                bucket.metrics += 1;
            }
        }
        let scale = match signal.unit {
            Unit::BytesPerSecond | Unit::OperationsPerSecond => policy.period.as_secs_f64(),
            Unit::Percent | Unit::Seconds | Unit::StopsPerHour => 1.0,
        };
        let proven = |(start, bucket): &(&i64, &Bucket)| {
            **start < window.until.as_second() && bucket.metrics == signal.metrics.len()
        };
        let fresh_from = window.until.as_second() - policy.period.as_secs() * i64::from(PERIODS_OF_DELAY + 1);
        let is_fresh = buckets.iter().filter(proven).any(|(start, _)| *start >= fresh_from);
        if status == SeriesStatus::Complete && !buckets.is_empty() && !is_fresh {
            status = SeriesStatus::Stale;
        }
        Self {
            signal: signal.name,
            statistic: Some(signal.statistic),
            // A bucket that lacks one metric still bounds the sum from below: it can prove use, though not idleness.
            observed: buckets.values().map(|bucket| bucket.sum / scale).max_by(f64::total_cmp),
            limit: signal.limit,
            unit: signal.unit,
            points: Some(buckets.iter().filter(proven).count()),
            expected: Some(policy.expected_points()),
            status: (status != SeriesStatus::Complete).then_some(status),
        }
    }

    /// Whether there is enough sound data to say anything.
    pub(crate) fn is_sufficient(&self, policy: &Policy) -> bool {
        self.status.is_none() && self.observed.is_some() && self.points.is_some_and(|n| n >= policy.required_points())
    }

    /// Whether the limit was exceeded. Nothing observed exceeds nothing.
    pub(crate) fn is_busy(&self) -> bool {
        self.observed.is_some_and(|observed| observed > self.limit)
    }

    /// How much of its limit was used: 0 is none, 1 is all.
    pub(crate) fn activity(&self) -> f64 {
        match self.observed {
            Some(0.0) => 0.0,
            Some(observed) => observed / self.limit,
            None => f64::INFINITY,
        }
    }
}

#[derive(Default)]
struct Bucket {
    sum: f64,
    metrics: usize,
}

/// The values of a series by the second its period starts at. Several datapoints of one period count as one, the largest:
/// a crowd of datapoints in one minute proves nothing about the other 59.
fn values_by_period(
    series: Option<&Series>,
    window: &Window,
    period: SignedDuration,
) -> (SeriesStatus, BTreeMap<i64, f64>) {
    let Some(series) = series else { return (SeriesStatus::Absent, BTreeMap::new()) };
    let mut status = series.status;
    let mut values = BTreeMap::new();
    for point in series.points.iter().filter(|point| window.from <= point.at && point.at < window.open_until) {
        if !point.value.is_finite() || point.value < 0.0 {
            status = SeriesStatus::InvalidValue;
            continue;
        }
        let start = point.at.as_second().div_euclid(period.as_secs()) * period.as_secs();
        let value: &mut f64 = values.entry(start).or_default();
        *value = value.max(point.value);
    }
    (status, values)
}
