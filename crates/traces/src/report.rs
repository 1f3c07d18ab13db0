//! The benchmark's results as text.

use std::{fmt::Write as _, ops::Range};

use idleness::{Decision, Finding, Policy, Reason, Unit};

use crate::{
    catalogue,
    cloudwatch::Sampling,
    evaluation::{Judgement, Score, judgements_of},
    figures::{Figure, figures},
    trace::{Label, Trace, Visibility},
};

/// The score of each policy, and each trace that it stops though it must not.
#[must_use]
pub fn summary(judgements: &[Judgement<'_>], policies: &[Policy]) -> String {
    let mut text = String::new();
    for (visibility, title) in [
        (Visibility::Visible, "What EC2's metrics, and those of GPUs, can show"),
        (Visibility::OnRequest, "In use, and shown by a metric that a policy has to ask for"),
        (Visibility::Invisible, "In use, and no metric can show it: counted apart"),
    ] {
        let _ = writeln!(text, "{title}\n");
        text.push_str(&scores(judgements, policies, visibility));
        text.push_str(&false_stops(judgements, policies, visibility));
    }
    text
}

fn scores(judgements: &[Judgement<'_>], policies: &[Policy], visibility: Visibility) -> String {
    let mut text = format!(
        "{:<18} {:>6} {:>11} {:>11} {:>7} {:>8} {:>10} {:>11} {:>7} {:>7}\n",
        "preset",
        "traces",
        "should keep",
        "false stops",
        "in use",
        "unknown",
        "too early",
        "should stop",
        "stopped",
        "recall"
    );
    for policy in policies {
        let of_policy = || judgements_of(judgements, policy, visibility);
        let score = Score::of(of_policy());
        let recall = score.recall().map_or_else(|| "-".to_owned(), |recall| format!("{:.1} %", recall * 100.0));
        let _ = writeln!(
            text,
            "{:<18} {:>6} {:>11} {:>11} {:>7} {:>8} {:>10} {:>11} {:>7} {:>7}",
            policy.name,
            by_trace(of_policy()).len(),
            score.should_keep,
            score.false_stops(),
            score.stopped_in_use,
            score.stopped_unknown,
            score.stopped_early,
            score.should_stop,
            score.stopped,
            recall,
        );
    }
    text.push('\n');
    text
}

fn false_stops(judgements: &[Judgement<'_>], policies: &[Policy], visibility: Visibility) -> String {
    let mut text = String::new();
    for policy in policies {
        for of_trace in by_trace(judgements_of(judgements, policy, visibility)) {
            let stops: Vec<&Decision> = of_trace
                .iter()
                .filter(|judgement| judgement.is_false_stop())
                .map(|judgement| &judgement.decision)
                .collect();
            if !stops.is_empty() {
                let (trace, seeds) = (of_trace[0].trace.name, of_trace.len());
                let _ = writeln!(
                    text,
                    "false stop: {} of {trace} ({}), {} of {seeds} seeds; at most {}",
                    policy.name,
                    label(of_trace[0].trace.label),
                    stops.len(),
                    busiest(&stops)
                );
            }
        }
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

/// The largest value of each signal.
fn busiest(decisions: &[&Decision]) -> String {
    let names = decisions.first().map(|decision| decision.evidence.iter().map(|finding| finding.signal.clone()));
    let largest = |name| {
        let of_signal = decisions.iter().flat_map(|decision| &decision.evidence).filter(move |it| it.signal == name);
        of_signal.max_by(|a, b| a.observed.unwrap_or(-1.0).total_cmp(&b.observed.unwrap_or(-1.0)))
    };
    let figures = names.into_iter().flatten().filter_map(largest).filter_map(describe);
    figures.collect::<Vec<_>>().join(", ")
}

fn describe(finding: &Finding) -> Option<String> {
    let unit = match finding.unit {
        Unit::Percent => " %",
        Unit::Vcpus => " vCPUs",
        Unit::BytesPerSecond => " B/s",
        Unit::BytesPerDay => " B/day",
        Unit::OperationsPerSecond => "/s",
        Unit::Count | Unit::Seconds | Unit::Sessions | Unit::StopsPerHour => "",
    };
    Some(format!("{} {:.2}{unit}", finding.signal, finding.observed?))
}

/// Judgements trace by trace.
fn by_trace<'j, 'a>(judgements: impl Iterator<Item = &'j Judgement<'a>>) -> Vec<Vec<&'j Judgement<'a>>> {
    let judgements: Vec<_> = judgements.collect();
    judgements.chunk_by(|a, b| a.trace.name == b.trace.name).map(<[_]>::to_vec).collect()
}

/// Each trace with what each policy should have said and did say, and why.
#[must_use]
pub fn details(traces: &[Trace], judgements: &[Judgement<'_>], policies: &[Policy]) -> String {
    let mut text = String::new();
    for trace in traces {
        let _ = writeln!(text, "{} ({}): {}", trace.name, label(trace.label), trace.story);
        for policy in policies {
            let of_both = judgements_of(judgements, policy, trace.visibility).filter(|it| it.trace.name == trace.name);
            let of_both: Vec<_> = of_both.collect();
            let right = of_both.iter().filter(|judgement| judgement.right == judgement.decision.verdict).count();
            let _ = writeln!(
                text,
                "  {:<18} should {}: right {right} of {}; {}",
                policy.name,
                trace.right_verdict(policy).as_str(),
                of_both.len(),
                reasons(&of_both)
            );
        }
    }
    text
}

fn reasons(judgements: &[&Judgement<'_>]) -> String {
    let mut counts: Vec<(Reason, usize)> = Vec::new();
    for judgement in judgements {
        let reason = judgement.decision.reason;
        match counts.iter_mut().find(|(counted, _)| *counted == reason) {
            Some((_, count)) => *count += 1,
            None => counts.push((reason, 1)),
        }
    }
    counts.iter().map(|(reason, count)| format!("{} {count}", reason.as_str())).collect::<Vec<_>>().join(", ")
}

/// What each trace shows in its busiest five minutes of the last hour: the smallest, the middle and the largest value
/// over the seeds.
#[must_use]
pub fn busiest_figures(traces: &[Trace], seeds: &Range<u64>, sampling: Sampling) -> String {
    let mut text = String::new();
    for trace in traces {
        let _ = writeln!(text, "{} ({})", trace.name, label(trace.label));
        for Figure { signal, values } in figures(trace, seeds.clone(), sampling) {
            if let Some([smallest, median, largest]) = values {
                let _ = writeln!(text, "  {signal:<12} {smallest:>12.3} {median:>12.3} {largest:>12.3}");
            }
        }
    }
    text
}

/// The catalogue as a document: each trace with its story, its label and the right verdict of each policy.
#[must_use]
pub fn catalogue_document(policies: &[Policy]) -> String {
    let mut text = CATALOGUE_OPENING.to_owned();
    let row = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let policies_as = |cell: &dyn Fn(&Policy) -> String| policies.iter().map(cell).collect::<Vec<_>>();
    let names = policies_as(&|policy| format!("`{}`", policy.name));
    let columns = ["Trace", "Story", "Truth"].map(str::to_owned).into_iter().chain(names).collect::<Vec<_>>();
    let rule = row(vec!["---".to_owned(); columns.len()]);
    for (title, traces) in catalogue::families() {
        let _ = write!(text, "\n## {title}\n\n{}{rule}", row(columns.clone()));
        for trace in traces {
            let right = policies_as(&|policy| trace.right_verdict(policy).as_str().to_owned());
            let cells = [format!("`{}`", trace.name), trace.story.to_owned(), label(trace.label)];
            text.push_str(&row(cells.into_iter().chain(right).collect()));
        }
    }
    text
}

const CATALOGUE_OPENING: &str = "\
# The traces

Written by `cargo run --package traces -- --catalogue`; a test compares. The right verdict follows from the truth:
*stop* where a machine has been idle for at least the policy's lookback and up for at least its minimum uptime, *keep*
everywhere else.
";

fn label(label: Label) -> String {
    const HOUR: i64 = 60;
    const DAY: i64 = 24 * HOUR;
    match label {
        Label::InUse => "in use".to_owned(),
        Label::Unknown => "unknown".to_owned(),
        Label::Idle { since } if since % DAY == 0 => format!("idle for {} days", since / DAY),
        Label::Idle { since } if since % HOUR == 0 => format!("idle for {} h", since / HOUR),
        Label::Idle { since } => format!("idle for {since} min"),
    }
}
