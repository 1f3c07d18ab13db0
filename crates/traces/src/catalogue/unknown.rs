//! Too little is known: the machine has just started, or the measurements have holes.

use idleness::{Metric, SeriesStatus};

use crate::{
    machine::{Companion, Machine},
    trace::{Fault, Scope, Trace},
    when::{DAYS, HOURS},
};

pub(super) fn traces() -> Vec<Trace> {
    [young(), with_holes(), with_answers()].into_iter().flatten().collect()
}

fn young() -> Vec<Trace> {
    vec![
        Trace::unknown("just-started", Machine::small(), "Started ten minutes ago; someone may be about to log in.")
            .up_for(10),
        Trace::unknown("started-25-minutes-ago", Machine::small(), "Started 25 minutes ago, and quiet so far.")
            .up_for(25),
        Trace::unknown(
            "restarted",
            Machine::small(),
            "Up for weeks, stopped and started again 20 minutes ago: the hours before are proof of nothing.",
        )
        .up_for(20)
        .up_before(20 * DAYS, 24),
        Trace::unknown(
            "woken-for-half-an-hour",
            Machine::small(),
            "Stopped for days and woken 35 minutes ago by someone who has not come yet: half of an hour was \
             never measured.",
        )
        .up_for(35),
    ]
}

fn with_holes() -> Vec<Trace> {
    let gap = |scope, from, until| Fault::Gap(scope, from, until);
    let gpu = || Machine::new("g5.xlarge", 4).gpus(1).with(Companion::CloudWatchAgent);
    vec![
        Trace::unknown("no-metrics", Machine::small(), "CloudWatch has nothing at all about the machine.")
            .with_fault(gap(Scope::All, 20 * DAYS, 0)),
        Trace::unknown(
            "no-metrics-for-25-minutes",
            Machine::small(),
            "Quiet until 25 minutes ago; nobody knows since.",
        )
        .with_fault(gap(Scope::All, 25, 0)),
        Trace::unknown("gap-within-the-hour", Machine::small(), "Of the last hour a quarter was not recorded.")
            .with_fault(gap(Scope::All, 40, 24)),
        Trace::unknown(
            "every-second-datapoint-lost",
            Machine::small(),
            "Every second period of five minutes was not recorded.",
        )
        .with_fault(Fault::EverySecond),
        Trace::unknown(
            "network-not-recorded",
            Machine::small(),
            "The CPU is quiet; nothing is known of the network since two hours.",
        )
        .with_fault(gap(Scope::Only(Metric::NETWORK_OUT), 2 * HOURS, 0)),
        Trace::unknown("gpu-agent-silent", gpu(), "The agent on a machine with a GPU has been silent for 40 minutes.")
            .with_fault(gap(Scope::Agent, 40, 0)),
    ]
}

fn with_answers() -> Vec<Trace> {
    let answering = |status| Fault::Status(status);
    vec![
        Trace::unknown("partial-data", Machine::small(), "CloudWatch says that there is more than it returned.")
            .with_fault(answering(SeriesStatus::PartialData)),
        Trace::unknown("internal-error", Machine::small(), "CloudWatch says that it failed to compute the answer.")
            .with_fault(answering(SeriesStatus::InternalError)),
        Trace::unknown("forbidden", Machine::small(), "The role may not read the metrics.")
            .with_fault(answering(SeriesStatus::Forbidden)),
    ]
}
