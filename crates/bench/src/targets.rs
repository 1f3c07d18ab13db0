//! What must hold, and whether it does. Times are compared as ratios alone, and nothing fails by them. Pure.

use std::borrow::Cow;

use serde::Serialize;

use crate::{
    figures::{Cold, Figures, Sweep, Warm, ratio},
    measure::FLEETS,
    statistics::Spread,
    subjects::{
        FLOOR_OF_HELLO, FLOOR_OF_SCHEDULER, HELLO, HOME, PYTHON_HELLO, PYTHON_SCHEDULER, SCHEDULER, SCHEDULER_DEFAULTS,
    },
};

/// How many instances one call describes.
const INSTANCES_PER_PAGE: usize = 1000;

/// A target, and what was measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Target {
    /// Of which subject.
    pub subject: String,
    /// What is limited.
    pub what: Cow<'static, str>,
    /// The limit.
    pub limit: f64,
    /// Whether the limit is the least or the most.
    pub bound: Bound,
    /// What was measured; `None` if it was not.
    pub measured: Option<f64>,
}

/// Which side of a limit is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) enum Bound {
    /// Below.
    AtMost,
    /// Above.
    AtLeast,
}

impl Target {
    /// Whether it is met; `None` if it was not measured.
    #[must_use]
    pub(crate) fn is_met(&self) -> Option<bool> {
        self.measured.map(|measured| match self.bound {
            Bound::AtMost => measured <= self.limit,
            Bound::AtLeast => measured >= self.limit,
        })
    }
}

/// All targets.
#[must_use]
pub(crate) fn targets(figures: &Figures) -> Vec<Target> {
    let mut targets = Vec::new();
    for subject in [HELLO, HOME] {
        targets.extend(of_greeting(figures, subject));
    }
    targets.push(size(figures, HELLO, 0.75));
    targets.extend(of_scheduler(figures));
    targets.push(size(figures, SCHEDULER, 2.0));
    targets.extend(of_sweeps(figures));
    targets
}

fn of_greeting(figures: &Figures, subject: &str) -> Vec<Target> {
    let [cold, floor, python] = [subject, FLOOR_OF_HELLO, PYTHON_HELLO].map(|name| figures.cold.get(name));
    let [warm, python_warm] = [subject, PYTHON_HELLO].map(|name| figures.warm.get(name));
    let median = |spread: Option<Spread>| spread.map(|spread| spread.median);
    let count = |of: fn(&Warm) -> usize| warm.map(|warm| f64::from(u32::try_from(of(warm)).unwrap_or(u32::MAX)));
    vec![
        at_most(subject, "CPU time of init, × floor", 1.5, median(ratio(cold, floor, |cold: &Cold| &cold.init_cpu_ms))),
        at_least(
            subject,
            "start to first answer, times faster than Python",
            15.0,
            median(ratio(python, cold, |cold: &Cold| &cold.first_answer_ms)),
        ),
        at_most(
            subject,
            "warm CPU time, × Python's",
            0.5,
            median(ratio(warm, python_warm, |warm: &Warm| &warm.cpu_us)),
        ),
        at_most(subject, "peak memory, × floor", 2.0, median(ratio(cold, floor, |cold: &Cold| &cold.peak_mb))),
        at_most(subject, "threads", 1.0, count(|warm| warm.threads)),
        at_most(subject, "connections to the Runtime API in 2,000 invocations", 1.0, count(|warm| warm.connections)),
    ]
}

fn of_scheduler(figures: &Figures) -> Vec<Target> {
    let [cold, floor, python, defaults] =
        [SCHEDULER, FLOOR_OF_SCHEDULER, PYTHON_SCHEDULER, SCHEDULER_DEFAULTS].map(|name| figures.cold.get(name));
    let median = |spread: Option<Spread>| spread.map(|spread| spread.median);
    vec![
        at_most(
            SCHEDULER,
            "start to first answer, × floor",
            2.0,
            median(ratio(cold, floor, |cold: &Cold| &cold.first_answer_ms)),
        ),
        at_least(
            SCHEDULER,
            "start to first answer, times faster than boto3",
            50.0,
            median(ratio(python, cold, |cold: &Cold| &cold.first_answer_ms)),
        ),
        at_least(
            SCHEDULER,
            "start to first answer, times faster than on SDK defaults",
            5.0,
            median(ratio(defaults, cold, |cold: &Cold| &cold.first_answer_ms)),
        ),
        at_most(
            SCHEDULER,
            "peak memory at 10 instances, × floor",
            2.0,
            median(ratio(cold, floor, |cold: &Cold| &cold.peak_mb)),
        ),
    ]
}

fn of_sweeps(figures: &Figures) -> Vec<Target> {
    let [thousand, all] = [FLEETS[2], FLEETS[3]];
    let [doze, floor, python] = [SCHEDULER, FLOOR_OF_SCHEDULER, PYTHON_SCHEDULER].map(|name| figures.sweep(name, all));
    let time = |of, to| ratio(of, to, |sweep: &Sweep| &sweep.seconds).map(|spread| spread.median);
    let memory =
        |sweep: Option<&Sweep>| sweep.and_then(|sweep| Spread::of(sweep.peak_mb.iter().copied())).map(|of| of.median);
    let growth = memory(doze).zip(memory(figures.sweep(SCHEDULER, thousand))).map(|(all, thousand)| all / thousand);
    let mut targets = vec![
        at_most(SCHEDULER, "sweep of 10,000, time, × floor", 1.5, time(doze, floor)),
        at_most(SCHEDULER, "sweep of 10,000, time, × batched boto3", 0.15, time(doze, python)),
        at_most(SCHEDULER, "sweep of 10,000, peak memory in MB", 24.0, memory(doze)),
        at_most(SCHEDULER, "sweep of 10,000, peak memory, × that of 1,000", 1.15, growth),
    ];
    for instances in FLEETS {
        targets.extend(of_calls(figures, instances));
    }
    targets
}

/// The calls of a sweep: the pages of the fleet, the fewest that its metrics fit into, and one for all stops, which are fewer than 50.
/// Doze describes those that it is about to stop once more, on purpose.
fn of_calls(figures: &Figures, instances: usize) -> Vec<Target> {
    let [doze, floor] =
        [SCHEDULER, FLOOR_OF_SCHEDULER].map(|name| figures.sweep(name, instances).map(|sweep| &sweep.tally));
    let Some(floor) = floor else { return Vec::new() };
    let count = |calls: usize| f64::from(u32::try_from(calls).unwrap_or(u32::MAX));
    let target = |operation: &str, limit| {
        let what = format!("sweep of {instances}, calls of {operation}");
        at_most(SCHEDULER, what, count(limit), doze.map(|tally| count(tally.of(operation))))
    };
    vec![
        target("DescribeInstances", instances.div_ceil(INSTANCES_PER_PAGE)),
        target("GetMetricData", floor.of_metrics()),
        target("StopInstances", 1),
    ]
}

fn size(figures: &Figures, subject: &str, limit: f64) -> Target {
    #[expect(clippy::cast_precision_loss, reason = "no zip has 2^52 bytes")]
    let measured = figures.sizes.get(subject).map(|size| size.zip as f64 / 1e6);
    at_most(subject, "zip in MB", limit, measured)
}

fn at_most(subject: &str, what: impl Into<Cow<'static, str>>, limit: f64, measured: Option<f64>) -> Target {
    Target { subject: subject.to_owned(), what: what.into(), limit, bound: Bound::AtMost, measured }
}

fn at_least(subject: &str, what: impl Into<Cow<'static, str>>, limit: f64, measured: Option<f64>) -> Target {
    Target { bound: Bound::AtLeast, ..at_most(subject, what, limit, measured) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_measured_is_neither_met_nor_missed() {
        assert!(targets(&Figures::default()).iter().all(|target| target.is_met().is_none()));
    }

    #[test]
    fn a_limit_is_good_on_one_side_and_itself() {
        let is_met = |measured, target: fn(&str, &'static str, f64, Option<f64>) -> Target| {
            target(HELLO, "x", 2.0, Some(measured)).is_met()
        };
        assert_eq!([1.0, 2.0, 3.0].map(|measured| is_met(measured, at_most)), [Some(true), Some(true), Some(false)]);
        assert_eq!([1.0, 2.0, 3.0].map(|measured| is_met(measured, at_least)), [Some(false), Some(true), Some(true)]);
    }

    #[test]
    fn ratios_are_those_of_the_rounds() {
        let cold = |ms: [f64; 2]| Cold { init_cpu_ms: ms.to_vec(), ..Cold::default() };
        let mut figures = Figures::default();
        figures.cold.insert(HELLO.to_owned(), cold([2.0, 8.0]));
        figures.cold.insert(FLOOR_OF_HELLO.to_owned(), cold([1.0, 4.0]));
        let init = targets(&figures).into_iter().find(|target| target.measured.is_some()).unwrap();
        assert_eq!((init.subject.as_str(), init.measured, init.is_met()), (HELLO, Some(2.0), Some(false)));
    }
}
