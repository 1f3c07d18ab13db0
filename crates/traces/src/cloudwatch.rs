//! What CloudWatch would have of a history: samples, published with a delay, folded into datapoints.

use idleness::{Datapoint, Measure, Metric, Series, SeriesStatus, Statistic, Window};
use jiff::{SignedDuration, Timestamp};

use crate::{
    activity::Quantity,
    history::{GpuSample, History},
    machine::{Hypervisor, Machine, Monitoring},
    random::Random,
    trace::{Fault, Scope},
    when::MinuteNumber,
};

const SECONDS: i64 = 60;
/// The minutes of a datapoint of basic monitoring.
const BLOCK: i64 = 5;
/// Memory that a GPU's driver says is in use: in MiB, beside the metrics that `idleness` has names for.
const GPU_MEMORY_HELD: &str = "nvidia_smi_memory_used";

/// What basic monitoring records of five minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sampling {
    /// Five samples of one minute each: their maximum is that of the busiest minute. On Nitro they are published one by
    /// one. This is what AWS documents:
    /// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/ec2-metricscollected.html>.
    Documented,
    /// One sample, the mean or the sum of the five minutes, so that a spike is diluted. No document says so; it is the
    /// worst case for whoever looks for use.
    Diluted,
}

/// CloudWatch, as it answers about one machine.
#[derive(Debug)]
pub struct CloudWatch<'a> {
    /// The machine.
    pub machine: &'a Machine,
    /// What it did.
    pub history: &'a History,
    /// What is wrong with the measurements.
    pub faults: &'a [Fault],
    /// What basic monitoring records.
    pub sampling: Sampling,
    /// When CloudWatch is asked, in seconds since the Unix epoch.
    pub now: i64,
    /// What chances depend on: how late datapoints are, which ones are lost.
    pub random: Random,
}

/// One sample: the second its period starts at, and its value.
type Sample = (i64, f64);

impl CloudWatch<'_> {
    /// All series of a measure within a window, and nothing that is not published yet.
    #[must_use]
    pub fn series(&self, measure: &Measure, window: &Window) -> Vec<Series> {
        let seconds = window.from.as_second()..window.open_until.as_second();
        let answer = |samples: Vec<Sample>| {
            let within = samples.into_iter().filter(|(second, _)| seconds.contains(second));
            let points = fold(within, measure.statistic, measure.period);
            Series { status: self.status(), points }
        };
        match self.recorded(&measure.metric) {
            Recorded::ByEc2(value) => vec![answer(self.samples_of_ec2(&measure.metric, value))],
            Recorded::Never => vec![answer(Vec::new())],
            Recorded::ByAgent(series) => {
                let samples = series.into_iter().map(|values| self.samples_of_agent(&measure.metric, values));
                let answers = samples.filter(|samples| !samples.is_empty()).map(answer);
                answers.collect()
            }
        }
    }

    /// Who records the metric, and what.
    fn recorded(&self, metric: &Metric) -> Recorded {
        let ec2 = |quantity| Recorded::ByEc2(quantity);
        let is_nitro = self.machine.hypervisor == Hypervisor::Nitro;
        let has_agent = self.machine.has_agent();
        match (metric.namespace.as_ref(), metric.name.as_ref()) {
            ("AWS/EC2", "CPUUtilization") => ec2(Quantity::Cpu),
            ("AWS/EC2", "NetworkIn") => ec2(Quantity::Received),
            ("AWS/EC2", "NetworkOut") => ec2(Quantity::Sent),
            ("AWS/EC2", "EBSReadOps") if is_nitro => ec2(Quantity::EbsReads),
            ("AWS/EC2", "EBSWriteOps") if is_nitro => ec2(Quantity::EbsWrites),
            ("AWS/EC2", "DiskReadOps") if self.machine.instance_store => ec2(Quantity::DiskReads),
            ("AWS/EC2", "DiskWriteOps") if self.machine.instance_store => ec2(Quantity::DiskWrites),
            ("CWAgent", "mem_used_percent") if has_agent => Recorded::ByAgent(vec![some(&self.history.memory)]),
            ("CWAgent", "nvidia_smi_utilization_gpu") if has_agent => self.gpus(|sample| sample.busy),
            ("CWAgent", "nvidia_smi_utilization_memory") if has_agent => self.gpus(|sample| sample.memory_busy),
            ("CWAgent", GPU_MEMORY_HELD) if has_agent => self.gpus(|sample| sample.memory_held),
            ("CWAgent", _) => Recorded::ByAgent(Vec::new()),
            ("Doze", "Heartbeat") => {
                Recorded::ByAgent(vec![self.history.beats.iter().map(|beats| beats.then_some(1.0)).collect()])
            }
            _ => Recorded::Never,
        }
    }

    fn gpus(&self, value: impl Fn(&GpuSample) -> f64) -> Recorded {
        Recorded::ByAgent(self.history.gpus.iter().map(|gpu| gpu.iter().map(|it| Some(value(it))).collect()).collect())
    }

    fn samples_of_ec2(&self, metric: &Metric, quantity: Quantity) -> Vec<Sample> {
        let minutes = self.kept(metric, self.minutes_of_ec2(quantity));
        let one_by_one = |length| self.published(minutes.iter().map(|(minute, value)| (*minute, length, *value)));
        match (self.machine.monitoring, self.sampling) {
            (Monitoring::Detailed, _) => one_by_one(1),
            (Monitoring::Basic, Sampling::Documented) => {
                let length = if self.machine.hypervisor == Hypervisor::Xen { BLOCK } else { 1 };
                let samples = one_by_one(length).into_iter();
                samples.map(|(second, value)| (align(second, BLOCK * SECONDS), value)).collect()
            }
            (Monitoring::Basic, Sampling::Diluted) => {
                let statistic = if quantity == Quantity::Cpu { Statistic::Average } else { Statistic::Sum };
                let blocks = fold_minutes(&minutes, statistic);
                self.published(blocks.into_iter().map(|(minute, value)| (minute, BLOCK, value)))
            }
        }
    }

    /// What EC2 measures in each minute, in the metric's unit.
    fn minutes_of_ec2(&self, quantity: Quantity) -> Vec<Option<f64>> {
        let all = 60.0 * f64::from(self.machine.vcpus);
        let scale = if quantity == Quantity::Cpu { 100.0 / all } else { 1.0 };
        self.history.load.iter().map(|amounts| Some(amounts[quantity as usize] * scale)).collect()
    }

    fn samples_of_agent(&self, metric: &Metric, values: Vec<Option<f64>>) -> Vec<Sample> {
        let minutes = self.kept(metric, values);
        self.published(minutes.into_iter().map(|(minute, value)| (minute, 1, value)))
    }

    /// The values of the minutes in which the machine was running and no fault took them.
    fn kept(&self, metric: &Metric, values: Vec<Option<f64>>) -> Vec<(MinuteNumber, f64)> {
        let lost = self.lost(metric);
        let minutes = self.history.span.clone().zip(&self.history.running).zip(values);
        let kept = minutes.filter_map(|((minute, running), value)| Some((minute, value.filter(|_| *running)?)));
        kept.filter(|(minute, _)| !lost(*minute)).collect()
    }

    /// Whether a fault takes a minute of the metric.
    fn lost(&self, metric: &Metric) -> impl Fn(MinuteNumber) -> bool {
        let now = self.history.span.end;
        let metric = metric.clone();
        move |minute| {
            self.faults.iter().any(|fault| match fault {
                Fault::Gap(scope, from, until) => scope.has(&metric) && (now - from..now - until).contains(&minute),
                Fault::EverySecond => minute.div_euclid(BLOCK) % 2 == 0,
                Fault::Status(_) => false,
            })
        }
    }

    /// The samples, each of so many minutes, that are published by now.
    fn published(&self, samples: impl Iterator<Item = (MinuteNumber, i64, f64)>) -> Vec<Sample> {
        let mut random = self.random.clone();
        let delay_of_minutes = 30 + random.below(150);
        let delay_of_blocks = 30 + random.below(270);
        let is_out = |(minute, length, _): &(MinuteNumber, i64, f64)| {
            let end = align(*minute, *length) + length;
            let delay = if *length == 1 { delay_of_minutes } else { delay_of_blocks };
            end * SECONDS + delay <= self.now
        };
        samples.filter(is_out).map(|(minute, _, value)| (minute * SECONDS, value)).collect()
    }

    fn status(&self) -> SeriesStatus {
        let status = self.faults.iter().find_map(|fault| match fault {
            Fault::Status(status) => Some(*status),
            Fault::Gap(..) | Fault::EverySecond => None,
        });
        status.unwrap_or(SeriesStatus::Complete)
    }
}

/// Who records a metric.
enum Recorded {
    /// EC2, for every instance.
    ByEc2(Quantity),
    /// Something on the machine, in a series of its own each; values are by the minute.
    ByAgent(Vec<Vec<Option<f64>>>),
    /// Nobody: CloudWatch answers with no datapoints.
    Never,
}

impl Scope {
    fn has(&self, metric: &Metric) -> bool {
        match self {
            Self::All => true,
            Self::Agent => metric.namespace == "CWAgent",
            Self::Only(only) => only == metric,
        }
    }
}

fn some(values: &[f64]) -> Vec<Option<f64>> {
    values.iter().copied().map(Some).collect()
}

fn align(value: i64, to: i64) -> i64 {
    value.div_euclid(to) * to
}

/// The minutes of each block as one value.
fn fold_minutes(minutes: &[(MinuteNumber, f64)], statistic: Statistic) -> Vec<(MinuteNumber, f64)> {
    let in_same_block = |a: &(MinuteNumber, f64), b: &(MinuteNumber, f64)| align(a.0, BLOCK) == align(b.0, BLOCK);
    let blocks = minutes.chunk_by(in_same_block);
    blocks.map(|block| (align(block[0].0, BLOCK), folded(block.iter().map(|(_, value)| *value), statistic))).collect()
}

/// Samples, in order of time, as datapoints of a period each, aligned as CloudWatch aligns them.
fn fold(samples: impl Iterator<Item = Sample>, statistic: Statistic, period: SignedDuration) -> Vec<Datapoint> {
    let samples: Vec<Sample> = samples.collect();
    let period = period.as_secs().max(1);
    let periods = samples.chunk_by(|a, b| align(a.0, period) == align(b.0, period));
    let point = |samples: &[Sample]| Datapoint {
        at: Timestamp::from_second(align(samples[0].0, period)).expect("the benchmark is about this century"),
        value: folded(samples.iter().map(|(_, value)| *value), statistic),
    };
    periods.map(point).collect()
}

fn folded(values: impl ExactSizeIterator<Item = f64>, statistic: Statistic) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a few thousand samples")]
    let count = values.len() as f64;
    match statistic {
        Statistic::Max => values.fold(0.0, f64::max),
        Statistic::Average => values.sum::<f64>() / count,
        Statistic::Sum => values.sum(),
    }
}
