//! Builders shared by this crate's tests: a quiet, opted-in instance, and edits that make it something else.
#![allow(dead_code, missing_docs, unreachable_pub, reason = "each test file uses its own part")]

use idleness::{
    Datapoint, Evidence, Instance, InstanceState, MetricName, Policy, RootDevice, Series, SeriesStatus, Tags,
};
use jiff::{SignedDuration, Timestamp};

pub const METRICS: [MetricName; 5] = [
    MetricName::CpuUtilization,
    MetricName::NetworkIn,
    MetricName::NetworkOut,
    MetricName::EbsReadOps,
    MetricName::EbsWriteOps,
];

pub fn now() -> Timestamp {
    at("2026-11-21T20:03:17Z")
}

pub fn at(text: &str) -> Timestamp {
    text.parse().expect("a test's time is valid")
}

pub fn minutes_ago(minutes: i64) -> Timestamp {
    now() - SignedDuration::from_mins(minutes)
}

pub fn instance(number: u32) -> Instance {
    Instance {
        id: format!("i-{number:017x}").parse().expect("a test's id is valid"),
        state: InstanceState::Running,
        launched_at: Some(minutes_ago(600)),
        root_device: RootDevice::Ebs,
        tags: Tags::from_iter([("doze", "on")]),
    }
}

/// Twelve datapoints of one value, as many as `dev-box` expects.
pub fn steady(value: f64) -> Series {
    let window = Policy::dev_box().window(now());
    let points = (0..12).map(|i| Datapoint { at: window.from + SignedDuration::from_mins(5 * i), value }).collect();
    Series { status: SeriesStatus::Complete, points }
}

/// Evidence of an instance that does nothing.
pub fn quiet() -> Evidence {
    METRICS.into_iter().map(|metric| (metric, steady(0.0))).collect()
}

/// `quiet`, but for one metric.
pub fn quiet_but(metric: MetricName, series: Series) -> Evidence {
    let mut evidence = quiet();
    evidence.insert(metric, series);
    evidence
}
