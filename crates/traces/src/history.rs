//! What a machine did, minute by minute: the physical truth, which CloudWatch sees in part.

use std::ops::Range;

use crate::{
    activity::{Activity, Amounts, GpuWork, QUANTITIES, Quantity},
    random::Random,
    trace::Trace,
    when::MinuteNumber,
};

const SECONDS: f64 = 60.0;

/// What a machine did, one entry a minute.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    /// The minutes it covers.
    pub span: Range<MinuteNumber>,
    /// In which of them the machine was running.
    pub running: Vec<bool>,
    /// The load of each minute, in the order of [`Quantity`].
    pub load: Vec<Amounts>,
    /// Memory in use at the end of each minute, percent.
    pub memory: Vec<f64>,
    /// The sample of each GPU in each minute, GPU by GPU.
    pub gpus: Vec<Vec<GpuSample>>,
    /// In which minutes a heartbeat was published.
    pub beats: Vec<bool>,
}

/// What `nvidia-smi` says about a GPU.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct GpuSample {
    /// The share of the time in which it computed, percent.
    pub busy: f64,
    /// The share of the time in which its memory was read or written, percent.
    pub memory_busy: f64,
    /// Memory that is held, MiB.
    pub memory_held: f64,
}

impl History {
    /// What the machine of a trace did in so many minutes until `now`, with the details that the seed fills in. A
    /// longer history has the same newest minutes.
    #[must_use]
    pub fn of(trace: &Trace, seed: u64, now: MinuteNumber, minutes: i64) -> Self {
        let mut history = Self::silent(trace, now, minutes);
        let random = |purpose: &str| Random::of(seed, trace.name, purpose);
        for (number, activity) in trace.machine.background().iter().enumerate() {
            let when = &mut random(&format!("when of background {number}"));
            history.add(activity, when, &mut random(&format!("background {number}")));
        }
        for (number, activity) in trace.activities.iter().enumerate() {
            // What one person or one job does comes together: activities of the same times go on at the same times.
            history.add(activity, &mut random("when"), &mut random(&format!("activity {number}")));
        }
        history.cap(trace.machine.ceiling.unwrap_or(f64::from(trace.machine.vcpus)));
        history
    }

    /// A machine that was up as the trace's was, and did nothing.
    fn silent(trace: &Trace, now: MinuteNumber, minutes: i64) -> Self {
        let runs: Vec<(i64, i64)> = trace.earlier.iter().copied().chain([(trace.uptime, 0)]).collect();
        let age = runs.iter().map(|(from, _)| *from).max().unwrap_or_default().min(minutes);
        let span = now - age..now;
        let was_up =
            |minute: MinuteNumber| runs.iter().any(|(from, until)| (now - from..now - until).contains(&minute));
        let running: Vec<bool> = span.clone().map(was_up).collect();
        let minutes = running.len();
        Self {
            span,
            running,
            load: vec![[0.0; QUANTITIES]; minutes],
            memory: vec![0.0; minutes],
            gpus: vec![vec![GpuSample::default(); minutes]; trace.machine.gpus],
            beats: vec![false; minutes],
        }
    }

    fn add(&mut self, activity: &Activity, when: &mut Random, random: &mut Random) {
        let goes_on = activity.when.minutes(&self.span, when);
        let mut next_minute = activity.minutes(random);
        for (index, goes_on) in goes_on.into_iter().enumerate().rev() {
            if !goes_on || !self.running[index] {
                continue;
            }
            for (amount, cost) in self.load[index].iter_mut().zip(next_minute(random)) {
                *amount += cost;
            }
            self.memory[index] = (self.memory[index] + activity.memory).min(100.0);
            self.beats[index] |= activity.beats;
            if let Some(work) = &activity.gpu {
                self.work_gpus(index, work, random);
            }
        }
    }

    fn work_gpus(&mut self, index: usize, work: &GpuWork, random: &mut Random) {
        for gpu in self.gpus.iter_mut().take(work.gpus) {
            let sample = &mut gpu[index];
            sample.memory_held += work.memory_held;
            if random.happens(work.seen) {
                // Whole percents, as `nvidia-smi` rounds them.
                sample.busy = (sample.busy + random.within(work.busy)).round().min(100.0);
                sample.memory_busy = (sample.memory_busy + random.within(work.memory_busy)).round().min(100.0);
            }
        }
    }

    fn cap(&mut self, vcpus: f64) {
        for amounts in &mut self.load {
            let cpu = &mut amounts[Quantity::Cpu as usize];
            *cpu = cpu.min(vcpus * SECONDS);
        }
    }
}
