//! What a run counts, for CloudWatch. No dimension names an instance: every new value would be a metric that costs money.

use std::collections::BTreeMap;

use idleness::{Decision, Verdict};
use jiff::Timestamp;
use journal::{Metrics, Unit};

use crate::{
    event::{Purpose, TriggerKind},
    run::{Run, RunError},
};

/// What a run, or its failure, counts: one entry for each set of dimensions. An explanation, and an event that asks for nothing,
/// count nothing.
#[must_use]
pub fn metrics(run: &Result<Run, RunError>, function: &str, now: Timestamp) -> Vec<Metrics> {
    match run {
        Ok(run) => of_run(run, &Metrics::new(function, run.report.at)),
        Err(error) => vec![Metrics::new(function, now).by("Code", error.code()).count("Failures", 1)],
    }
}

fn of_run(run: &Run, none: &Metrics) -> Vec<Metrics> {
    let report = &run.report;
    if run.purpose == Purpose::Explain || report.trigger.kind == TriggerKind::Ignored {
        return Vec::new();
    }
    let mut all = none.clone().count("Stops", report.summary.stopped).count("Starts", report.summary.started);
    if let Some(savings) = &report.savings {
        all = all.count("Asleep", savings.asleep).value("SavedPerHour", Unit::None, savings.usd_per_hour);
    }
    // Its silence raises an alarm. A sweep by hand says nothing about the clock.
    if report.trigger.kind == TriggerKind::Sweep && run.purpose == Purpose::Act {
        all = all.count("Sweeps", 1);
    }
    // Every few minutes somebody looks whether stopped instances are to start; that they are not is no news.
    let is_news = |decision: &&Decision| run.purpose == Purpose::Act || decision.verdict != Verdict::Keep;
    let decisions = run.decisions.iter().filter(is_news).map(|decision| ((decision.verdict, decision.reason), 1));
    let only_counted = run.sight.counted().into_iter().map(|(reason, count)| ((Verdict::Keep, reason), count));
    let decisions =
        decisions.chain(only_counted).map(|((verdict, reason), count)| ((verdict.as_str(), reason.as_str()), count));
    let by_reason = sums(decisions).into_iter().map(|((verdict, reason), count)| {
        none.clone().by("Verdict", verdict).by("Reason", reason).count("Decisions", count)
    });
    let failures = report.outcomes.iter().filter_map(|outcome| Some((outcome.failure_code()?, 1)));
    let by_code =
        sums(failures).into_iter().map(|(code, count)| none.clone().by("Code", code).count("Failures", count));
    [all].into_iter().chain(by_reason).chain(by_code).collect()
}

/// The counts of each item together.
fn sums<T: Ord>(counts: impl Iterator<Item = (T, usize)>) -> BTreeMap<T, usize> {
    let mut sums = BTreeMap::new();
    for (item, count) in counts {
        *sums.entry(item).or_default() += count;
    }
    sums
}
