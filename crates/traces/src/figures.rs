//! What a machine shows in its busiest period of the last hour, by signal: the figures that limits are chosen by.

use std::{borrow::Cow, ops::Range};

use idleness::{Dimensions, Hardware, Metric, Percent, Policy, Presence, Signal, Statistic, Unit};
use jiff::SignedDuration;

use crate::{case::Case, cloudwatch::Sampling, trace::Trace};

/// The smallest, the middle and the largest value over the seeds. `None` where there is no value.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// The signal.
    pub signal: Cow<'static, str>,
    /// Smallest, median, largest.
    pub values: Option<[f64; 3]>,
}

/// The figures of a trace, one a signal.
#[must_use]
pub fn figures(trace: &Trace, seeds: Range<u64>, sampling: Sampling) -> Vec<Figure> {
    let probe = probe();
    let mut observed: Vec<Vec<f64>> = vec![Vec::new(); probe.signals.len()];
    for seed in seeds {
        let decision = Case::of(trace, seed, probe.lookback).judged_by(&probe, sampling);
        for finding in decision.evidence {
            let position = probe.signals.iter().position(|signal| signal.name == finding.signal);
            if let (Some(position), Some(value)) = (position, finding.observed) {
                observed[position].push(value);
            }
        }
    }
    let names = probe.signals.into_iter().map(|signal| signal.name);
    names.zip(observed).map(|(signal, values)| Figure { signal, values: spread(values) }).collect()
}

fn spread(mut values: Vec<f64>) -> Option<[f64; 3]> {
    values.sort_by(f64::total_cmp);
    Some([*values.first()?, values[values.len() / 2], *values.last()?])
}

/// A policy that looks at everything and finds nothing busy.
fn probe() -> Policy {
    let gpu_memory_held = Metric {
        namespace: Cow::Borrowed("CWAgent"),
        name: Cow::Borrowed("nvidia_smi_memory_used"),
        dimensions: Dimensions::Discovered,
    };
    let largest = |name, metric, unit| signal(name, vec![metric], Statistic::Max, unit);
    let rate = |name, metrics, unit| signal(name, metrics, Statistic::Sum, unit);
    Policy {
        name: Cow::Borrowed("probe"),
        lookback: SignedDuration::from_hours(1),
        minimum_uptime: SignedDuration::ZERO,
        signals: vec![
            largest("cpu %", Metric::CPU, Unit::Percent),
            largest("vCPUs", Metric::CPU, Unit::Vcpus),
            signal("mean vCPUs", vec![Metric::CPU], Statistic::Average, Unit::Vcpus),
            rate("network B/s", vec![Metric::NETWORK_IN, Metric::NETWORK_OUT], Unit::BytesPerSecond),
            rate("ebs/s", vec![Metric::EBS_READS, Metric::EBS_WRITES], Unit::OperationsPerSecond),
            rate("disk/s", vec![Metric::DISK_READS, Metric::DISK_WRITES], Unit::OperationsPerSecond),
            largest("memory %", Metric::MEMORY, Unit::Percent),
            largest("gpu %", Metric::GPU, Unit::Percent),
            largest("gpu MiB", gpu_memory_held, Unit::Count),
            largest("heartbeat", Metric::HEARTBEAT, Unit::Count),
        ],
        ..Policy::dev_box()
    }
}

fn signal(name: &'static str, metrics: Vec<Metric>, statistic: Statistic, unit: Unit) -> Signal {
    Signal {
        name: Cow::Borrowed(name),
        metrics,
        statistic,
        period: SignedDuration::from_mins(5),
        limit: f64::MAX,
        unit,
        allowed_above: Percent::NONE,
        presence: Presence::Optional,
        hardware: Hardware::Any,
    }
}
