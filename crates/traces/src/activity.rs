//! What something that goes on costs a machine: processor time, bytes, operations, memory.

use crate::{
    random::{Random, Spread},
    when::When,
};

/// What a minute's load consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// Processor time, in seconds of one virtual CPU.
    Cpu,
    /// Bytes that the network interfaces received, headers included.
    Received,
    /// Bytes that they sent.
    Sent,
    /// Read operations on EBS volumes.
    EbsReads,
    /// Write operations on EBS volumes.
    EbsWrites,
    /// Read operations on instance store volumes.
    DiskReads,
    /// Write operations on instance store volumes.
    DiskWrites,
}

/// How many quantities there are.
pub const QUANTITIES: usize = 7;

/// An amount of each quantity, in the order of [`Quantity`].
pub type Amounts = [f64; QUANTITIES];

/// Something that goes on at some times, and what it costs.
#[derive(Clone, Debug, PartialEq)]
pub struct Activity {
    /// When it goes on.
    pub when: When,
    /// How its costs are counted.
    pub pace: Pace,
    /// Its costs, in the order of [`Quantity`].
    pub costs: [Spread; QUANTITIES],
    /// Memory that it holds, percent of the machine's.
    pub memory: f64,
    /// What it does on GPUs.
    pub gpu: Option<GpuWork>,
    /// Whether it publishes a heartbeat each minute.
    pub beats: bool,
}

/// How the costs of an activity are counted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// Costs are per second. The seed chooses a level within the range, around which the minutes vary by a fifth.
    Steady,
    /// Costs are per minute, and drawn for each minute.
    Minutely,
    /// Costs are per event. So many events a minute are expected; none knows of another.
    Events(Spread),
}

/// What an activity does on GPUs, as the CloudWatch agent's sample of each minute sees it: `nvidia-smi` reports the
/// last second or less, so that short work is missed more often than not.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GpuWork {
    /// How many of the machine's GPUs it uses.
    pub gpus: usize,
    /// The probability that a sample sees work.
    pub seen: f64,
    /// The share of the time in which a GPU computes, where a sample sees work. Percent.
    pub busy: Spread,
    /// The same for reading and writing its memory.
    pub memory_busy: Spread,
    /// Memory that is held on each GPU, MiB.
    pub memory_held: f64,
}

impl Activity {
    /// Something with costs per second.
    #[must_use]
    pub fn steady(when: When) -> Self {
        Self::of(when, Pace::Steady)
    }

    /// Something with costs per minute.
    #[must_use]
    pub fn minutely(when: When) -> Self {
        Self::of(when, Pace::Minutely)
    }

    /// Something that happens so many times a minute, with costs per event.
    #[must_use]
    pub fn events(per_minute: (f64, f64), when: When) -> Self {
        Self::of(when, Pace::Events(per_minute.into()))
    }

    fn of(when: When, pace: Pace) -> Self {
        Self { when, pace, costs: [Spread::NONE; QUANTITIES], memory: 0.0, gpu: None, beats: false }
    }

    /// With processor time, in seconds of one virtual CPU.
    #[must_use]
    pub fn cpu(self, low: f64, high: f64) -> Self {
        self.cost(Quantity::Cpu, low, high)
    }

    /// With bytes received and bytes sent.
    #[must_use]
    pub fn bytes(self, received: (f64, f64), sent: (f64, f64)) -> Self {
        self.cost(Quantity::Received, received.0, received.1).cost(Quantity::Sent, sent.0, sent.1)
    }

    /// With reads and writes on EBS volumes.
    #[must_use]
    pub fn ebs(self, reads: (f64, f64), writes: (f64, f64)) -> Self {
        self.cost(Quantity::EbsReads, reads.0, reads.1).cost(Quantity::EbsWrites, writes.0, writes.1)
    }

    /// With reads and writes on instance store volumes.
    #[must_use]
    pub fn disk(self, reads: (f64, f64), writes: (f64, f64)) -> Self {
        self.cost(Quantity::DiskReads, reads.0, reads.1).cost(Quantity::DiskWrites, writes.0, writes.1)
    }

    /// Holding memory, percent of the machine's.
    #[must_use]
    pub fn memory(self, percent: f64) -> Self {
        Self { memory: percent, ..self }
    }

    /// Working on GPUs.
    #[must_use]
    pub fn gpu(self, gpu: GpuWork) -> Self {
        Self { gpu: Some(gpu), ..self }
    }

    /// Publishing a heartbeat each minute.
    #[must_use]
    pub fn beating(self) -> Self {
        Self { beats: true, ..self }
    }

    fn cost(mut self, quantity: Quantity, low: f64, high: f64) -> Self {
        self.costs[quantity as usize] = Spread { low, high };
        self
    }

    /// The costs of each of its minutes, as the seed has them: call it once for each.
    pub(crate) fn minutes(&self, random: &mut Random) -> impl FnMut(&mut Random) -> Amounts + use<> {
        let costs = self.costs;
        let pace = self.pace;
        let level = match pace {
            Pace::Steady => costs.map(|cost| random.within(cost)),
            Pace::Minutely | Pace::Events(_) => [0.0; QUANTITIES],
        };
        let mean = match pace {
            Pace::Events(mean) => random.within(mean),
            Pace::Steady | Pace::Minutely => 0.0,
        };
        move |random| match pace {
            Pace::Steady => steady_minute(&costs, &level, random),
            Pace::Minutely => costs.map(|cost| draw(cost, random)),
            Pace::Events(_) => {
                let mut minute = [0.0; QUANTITIES];
                for _ in 0..random.events(mean) {
                    for (amount, cost) in minute.iter_mut().zip(costs) {
                        *amount += draw(cost, random);
                    }
                }
                minute
            }
        }
    }
}

fn steady_minute(costs: &[Spread; QUANTITIES], level: &Amounts, random: &mut Random) -> Amounts {
    const SECONDS: f64 = 60.0;
    let mut minute = [0.0; QUANTITIES];
    for ((amount, cost), level) in minute.iter_mut().zip(costs).zip(level) {
        if cost.high > 0.0 {
            let varied = level * (0.8 + 0.4 * random.share());
            *amount = varied.clamp(cost.low, cost.high) * SECONDS;
        }
    }
    minute
}

fn draw(cost: Spread, random: &mut Random) -> f64 {
    if cost.high > 0.0 { random.within(cost) } else { 0.0 }
}
