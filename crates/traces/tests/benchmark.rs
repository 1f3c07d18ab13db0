//! The benchmark holds what it promises, and `dev-box` holds it.

use std::{collections::BTreeSet, ops::Range};

use idleness::{Policy, Signal, Verdict};
use jiff::SignedDuration;
use traces::{Case, DAYS, HOURS, Label, Machine, Sampling, Score, Trace, Visibility, evaluate, judgements_of};

/// The seeds that the program runs with where it is not told otherwise.
const SEEDS: Range<u64> = 1..21;
/// How many idle machines `dev-box` stops under these seeds, of how many that it should. Whoever changes the policy or
/// the traces sees here what it costs.
const STOPPED_BY_DEV_BOX: (usize, usize) = (333, 760);

fn catalogue() -> Vec<Trace> {
    traces::catalogue::catalogue()
}

fn score(policy: &Policy, traces: &[Trace], seeds: &Range<u64>, sampling: Sampling) -> Score {
    let policies = [policy.clone()];
    let judgements = evaluate(traces, seeds, &policies, sampling);
    Score::of(judgements_of(&judgements, policy, Visibility::Visible))
}

/// `dev-box` with other signals.
fn with_signals(change: impl Fn(Signal) -> Signal) -> Policy {
    let policy = Policy::dev_box();
    Policy { signals: policy.signals.into_iter().map(change).collect(), ..policy }
}

#[test]
fn every_trace_has_a_name_of_its_own_and_a_story() {
    let catalogue = catalogue();
    let names: BTreeSet<_> = catalogue.iter().map(|trace| trace.name).collect();
    assert_eq!(names.len(), catalogue.len());
    assert!(catalogue.len() >= 40, "{} traces", catalogue.len());
    for trace in &catalogue {
        assert!(trace.story.len() > 20 && trace.story.ends_with('.'), "{}: {:?}", trace.name, trace.story);
    }
}

#[test]
fn most_traces_can_be_seen_and_the_others_are_in_use() {
    let invisible: Vec<_> = catalogue().into_iter().filter(|trace| trace.visibility != Visibility::Visible).collect();
    assert!((1..=8).contains(&invisible.len()), "{} traces are invisible", invisible.len());
    assert!(invisible.iter().all(|trace| trace.label == Label::InUse));
}

#[test]
fn the_right_verdict_follows_from_the_label() {
    let policy = Policy { lookback: SignedDuration::from_hours(2), ..Policy::dev_box() };
    let right = |trace: Trace| trace.right_verdict(&policy);
    let idle = |since| Trace::idle("idle", since, Machine::small(), "It is idle.");
    assert_eq!(right(idle(2 * HOURS)), Verdict::Stop);
    assert_eq!(right(idle(2 * HOURS - 1)), Verdict::Keep);
    assert_eq!(right(idle(9 * DAYS).up_for(29)), Verdict::Keep);
    assert_eq!(right(idle(9 * DAYS).up_for(30)), Verdict::Stop);
    assert_eq!(right(Trace::in_use("used", Machine::small(), "It is used.")), Verdict::Keep);
    assert_eq!(right(Trace::unknown("new", Machine::small(), "It is new.")), Verdict::Keep);
}

#[test]
fn the_same_seed_gives_the_same_case_and_another_seed_another() {
    let policy = Policy::dev_box();
    for trace in &catalogue() {
        let evidence = |seed| {
            let case = Case::of(trace, seed, policy.lookback);
            (case.now, case.evidence(&policy, Sampling::Documented))
        };
        assert_eq!(evidence(1), evidence(1), "{}", trace.name);
        assert_ne!(evidence(1), evidence(2), "{}", trace.name);
    }
}

#[test]
fn a_longer_history_has_the_same_newest_minutes() {
    for trace in &catalogue() {
        let load = |days: i64| Case::of(trace, 3, SignedDuration::from_hours(24 * days)).history.load;
        assert!(load(4).ends_with(&load(1)), "{}", trace.name);
    }
}

#[test]
fn dev_box_stops_nothing_that_must_be_kept() {
    assert_no_false_stops(&Policy::dev_box(), &[Visibility::Visible]);
}

#[test]
fn dev_box_that_asks_for_heartbeats_and_memory_heeds_them() {
    let asking = traces::policies().into_iter().find(|policy| policy.name == "dev-box-asking").expect("is there");
    assert_no_false_stops(&asking, &[Visibility::Visible, Visibility::OnRequest]);
}

fn assert_no_false_stops(policy: &Policy, groups: &[Visibility]) {
    let (catalogue, policies) = (catalogue(), [policy.clone()]);
    for sampling in [Sampling::Documented, Sampling::Diluted] {
        let judgements = evaluate(&catalogue, &SEEDS, &policies, sampling);
        let seen = groups.iter().flat_map(|group| judgements_of(&judgements, policy, *group));
        let stopped: BTreeSet<_> = seen.filter(|it| it.is_false_stop()).map(|it| it.trace.name).collect();
        assert!(stopped.is_empty(), "{sampling:?}: stopped {stopped:?}");
    }
}

#[test]
fn dev_box_stops_idle_machines() {
    let score = score(&Policy::dev_box(), &catalogue(), &SEEDS, Sampling::Documented);
    assert_eq!((score.stopped, score.should_stop), STOPPED_BY_DEV_BOX);
    assert!(score.recall().is_some_and(|recall| recall > 0.3), "{:?}", score.recall());
}

#[test]
fn a_policy_that_finds_nothing_busy_is_caught() {
    let lax = with_signals(|signal| Signal { limit: f64::MAX, ..signal });
    let score = score(&lax, &catalogue(), &(1..2), Sampling::Documented);
    let in_use = catalogue().iter().filter(|it| it.label == Label::InUse).count();
    assert!(score.stopped_in_use > in_use / 2, "{score:?}");
    assert_eq!(score.stopped_in_use + score.stopped_unknown + score.stopped_early, score.false_stops());
}

#[test]
fn a_policy_that_finds_everything_busy_stops_nothing() {
    let strict = with_signals(|signal| Signal { limit: 0.0, ..signal });
    let score = score(&strict, &catalogue(), &(1..2), Sampling::Documented);
    assert_eq!((score.false_stops(), score.stopped), (0, 0));
}

#[test]
fn a_policy_that_stops_too_early_is_caught() {
    let hasty = Policy {
        lookback: SignedDuration::from_hours(3),
        ..with_signals(|signal| Signal { limit: f64::MAX, ..signal })
    };
    let two_hours: Vec<_> = catalogue().into_iter().filter(|it| it.name == "idle-two-hours-after-a-day").collect();
    let score = score(&hasty, &two_hours, &SEEDS, Sampling::Documented);
    assert_eq!((score.stopped_early, score.false_stops(), score.should_keep), (20, 20, 20));
}

#[test]
fn the_catalogue_document_is_up_to_date() {
    let written = include_str!("../CATALOGUE.md");
    let document = traces::report::catalogue_document(&Policy::presets());
    assert!(
        written == document,
        "write it again: cargo run --package traces -- --catalogue > crates/traces/CATALOGUE.md"
    );
}
