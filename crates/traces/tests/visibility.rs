//! What is called invisible is: it costs less than what idle machines of one kind differ by. What is in use and not
//! called so costs more, in one signal at least.

use traces::{Label, Machine, Sampling, System, Trace, Visibility, catalogue::catalogue, figures};

/// Up to here nobody can tell a use from the noise of an idle machine: in virtual CPUs, bytes a second and operations a
/// second, in the busiest five minutes of an hour.
const NOISE: [(&str, f64); 4] = [("mean vCPUs", 0.02), ("network B/s", 64.0), ("ebs/s", 0.2), ("disk/s", 0.2)];
/// Signals of which an idle machine shows nothing, or nothing that varies.
const SILENT_WHEN_IDLE: [&str; 2] = ["gpu %", "gpu MiB"];

/// What the activities of a trace cost by themselves, at most: the largest value of each signal.
fn own_costs(trace: &Trace) -> Vec<(String, f64)> {
    // An agent has no costs of its own here, but its metrics are those of the machine.
    let agent = trace.machine.has_agent().then_some(traces::Companion::CloudWatchAgent);
    let machine = Machine { system: System::Silent, companions: agent.into_iter().collect(), ..trace.machine.clone() };
    let alone = Trace { machine, ..trace.clone() };
    let figures = figures(&alone, 1..21, Sampling::Documented);
    figures.into_iter().filter_map(|figure| Some((figure.signal.to_string(), figure.values?[2]))).collect()
}

fn exceeds(costs: &[(String, f64)], signal: &str, limit: f64) -> bool {
    costs.iter().any(|(name, cost)| name == signal && *cost > limit)
}

fn shows(costs: &[(String, f64)]) -> bool {
    NOISE.iter().any(|(signal, noise)| exceeds(costs, signal, *noise))
        || SILENT_WHEN_IDLE.iter().any(|signal| exceeds(costs, signal, 0.0))
}

fn in_use(visibility: Visibility) -> impl Iterator<Item = Trace> {
    catalogue().into_iter().filter(move |it| it.label == Label::InUse && it.visibility == visibility)
}

#[test]
fn what_is_called_invisible_is_less_than_the_noise() {
    for trace in in_use(Visibility::Invisible) {
        let costs = own_costs(&trace);
        assert!(!shows(&costs), "{}: {costs:?}", trace.name);
        assert!(!trace.machine.has_agent(), "{}: an agent measures its memory", trace.name);
    }
}

#[test]
fn whatever_else_is_in_use_shows() {
    for trace in in_use(Visibility::Visible) {
        let costs = own_costs(&trace);
        assert!(shows(&costs), "{}: {costs:?}", trace.name);
    }
}

#[test]
fn what_shows_on_request_shows_there_and_only_there() {
    for trace in in_use(Visibility::OnRequest) {
        let costs = own_costs(&trace);
        let is_asked_for = exceeds(&costs, "memory %", 50.0) || exceeds(&costs, "heartbeat", 0.0);
        // The agent itself sends up to 90 bytes a second.
        let is_quiet = !exceeds(&costs, "network B/s", 64.0 + 90.0);
        let shows_otherwise =
            NOISE.iter().any(|(signal, noise)| *signal != "network B/s" && exceeds(&costs, signal, *noise));
        assert!(is_asked_for && is_quiet && !shows_otherwise, "{}: {costs:?}", trace.name);
    }
}
