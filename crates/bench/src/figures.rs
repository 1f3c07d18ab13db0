//! What was measured, as the report has it. Each figure is kept for each round, so that ratios are taken round by round.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    endpoint::Tally,
    life::Life,
    statistics::{Spread, paired_ratios},
};

/// The starts of one subject.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Cold {
    /// From the start of the process to its first request for an event, in milliseconds.
    pub first_poll_ms: Vec<f64>,
    /// From the start of the process to its first answer, in milliseconds.
    pub first_answer_ms: Vec<f64>,
    /// CPU time until the first request for an event, in milliseconds.
    pub init_cpu_ms: Vec<f64>,
    /// The most memory that was resident, in megabytes.
    pub peak_mb: Vec<f64>,
    /// Threads after the first answer.
    pub threads: usize,
    /// Calls of AWS until then.
    pub calls: usize,
}

impl Cold {
    /// Adds a round.
    pub(crate) fn add(&mut self, life: &Life, calls: usize) {
        self.first_poll_ms.push(life.first_poll.as_secs_f64() * 1e3);
        self.first_answer_ms.extend(life.first_answer.map(|time| time.as_secs_f64() * 1e3));
        self.init_cpu_ms.push(life.init_cpu.as_secs_f64() * 1e3);
        self.peak_mb.push(megabytes(life.peak_memory));
        self.threads = self.threads.max(life.threads);
        self.calls = calls;
    }
}

/// The further invocations of one subject.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Warm {
    /// From event to answer, in microseconds, over all rounds.
    pub latency_us: Option<Spread>,
    #[serde(skip)]
    latencies: Vec<f64>,
    /// CPU time of one invocation, in microseconds: the mean of each round.
    pub cpu_us: Vec<f64>,
    /// The most memory that was resident, in megabytes.
    pub peak_mb: Vec<f64>,
    /// How many events each round had.
    pub invocations: usize,
    /// The most threads at the end of a round.
    pub threads: usize,
    /// The most connections to the Runtime API in a round.
    pub connections: usize,
}

impl Warm {
    /// Adds a round.
    pub(crate) fn add(&mut self, life: &Life) {
        self.latencies.extend(life.warm.iter().map(|time| time.as_secs_f64() * 1e6));
        self.latency_us = Spread::of(self.latencies.iter().copied());
        self.cpu_us.extend(life.warm_cpu.map(|cpu| cpu.as_secs_f64() * 1e6));
        self.peak_mb.push(megabytes(life.peak_memory));
        self.invocations = life.warm.len() + 1;
        self.threads = self.threads.max(life.threads);
        self.connections = self.connections.max(life.connections);
    }
}

/// The sweeps of one subject over a fleet of one size.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Sweep {
    /// How many instances there are.
    pub instances: usize,
    /// From the start of the process to its answer, in seconds.
    pub seconds: Vec<f64>,
    /// The most memory that was resident, in megabytes.
    pub peak_mb: Vec<f64>,
    /// What the last round asked for.
    pub tally: Tally,
    /// What its metrics cost, in US dollars.
    pub dollars: f64,
}

/// What CloudWatch takes for a metric that `GetMetricData` is asked for, and for a call of `GetMetricStatistics`, in US dollars:
/// <https://aws.amazon.com/cloudwatch/pricing/>.
const PRICE: f64 = 0.01 / 1000.0;

impl Sweep {
    /// Adds a round.
    pub(crate) fn add(&mut self, life: &Life, tally: Tally) {
        self.seconds.extend(life.first_answer.map(|time| time.as_secs_f64()));
        self.peak_mb.push(megabytes(life.peak_memory));
        #[expect(clippy::cast_precision_loss, reason = "a fleet has less than 2^52 metrics")]
        let metrics = tally.metrics as f64;
        self.dollars = metrics * PRICE;
        self.tally = tally;
    }
}

/// Instructions by callgrind.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Instructions {
    /// From the start to the first request for an event.
    pub init: u64,
    /// Each further invocation.
    pub warm: Option<u64>,
}

/// The sizes of one program, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Size {
    /// The binary.
    pub binary: u64,
    /// Packed for Lambda, as small as deflate makes it.
    pub zip: u64,
}

/// All that was measured, by the names of the subjects.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Figures {
    /// Starts.
    pub cold: BTreeMap<String, Cold>,
    /// Further invocations.
    pub warm: BTreeMap<String, Warm>,
    /// Sweeps, for each size of the fleet.
    pub sweeps: BTreeMap<String, Vec<Sweep>>,
    /// Instructions.
    pub instructions: BTreeMap<String, Instructions>,
    /// Sizes.
    pub sizes: BTreeMap<String, Size>,
    /// What was left out, and why.
    pub left_out: Vec<String>,
}

impl Figures {
    /// The sweep of a subject over a fleet of that size.
    #[must_use]
    pub(crate) fn sweep(&self, subject: &str, instances: usize) -> Option<&Sweep> {
        self.sweeps.get(subject)?.iter().find(|sweep| sweep.instances == instances)
    }
}

/// The ratio of one subject's figures to another's, over the rounds.
#[must_use]
pub(crate) fn ratio<T>(of: Option<&T>, to: Option<&T>, figures: impl Fn(&T) -> &[f64]) -> Option<Spread> {
    Spread::of(paired_ratios(figures(of?), figures(to?)))
}

#[expect(clippy::cast_precision_loss, reason = "no process has 2^52 bytes")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
