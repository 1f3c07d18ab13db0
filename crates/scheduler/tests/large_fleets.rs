//! Fleets so large that most instances are only counted, and that are described page by page.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::{FakeFleet, Paging, Turns, id, now, settings, starts::OPEN};
use fleet::{ApiError, Depth, Sight};
use idleness::{
    Caps, Census, Decision, InstanceId, InstanceState, Mode, Percent, Plan, Policies, Reason, Record, Rules, Tags,
    Verdict,
};
use journal::Level;
use proptest::prelude::*;
use scheduler::{Entry, Run, RunError, Settings, run};
use serde_json::json;

fn name(number: usize) -> String {
    format!("i-{number:017x}")
}

fn capped(stops: usize, mode: Mode) -> Settings {
    Settings { caps: Caps { stops, share: Percent::ALL }, ..settings(mode) }
}

async fn swept(fleet: &FakeFleet, settings: &Settings) -> Run {
    run(&json!({"action": "sweep"}), fleet, settings, now()).await.expect("has a report")
}

/// Of so many instances one in three is idle, each as active as `activity` says in thousandths; others are in use, stopped, without
/// data, or kept by their tags.
fn mixed(instances: usize, activity: impl Fn(usize) -> usize) -> FakeFleet {
    let mut fleet = FakeFleet::default();
    for number in 0..instances {
        let name = name(number);
        let thousandths = u32::try_from(activity(number) % 1000).expect("is small");
        fleet.add(&name, if number.is_multiple_of(3) { f64::from(thousandths) / 1000.0 } else { 60.0 });
        match number % 10 {
            5 => fleet.edit(&name, |instance| instance.state = InstanceState::Stopped),
            6 => fleet.edit(&name, |instance| instance.tags = tags(&[("doze:keep-until", "2099-01-01T00:00:00Z")])),
            7 => fleet.lose_measurements(&name),
            8 => fleet.edit(&name, |instance| instance.tags = tags(&[("doze:stopped-at", "2026-11-21T18:30:00Z")])),
            _ => {}
        }
    }
    fleet
}

fn tags(further: &[(&str, &str)]) -> Tags {
    [("doze", "on")].iter().chain(further).copied().collect()
}

/// The plan by everything that there is to know: each instance measured whole, and none forgotten.
async fn plan_by_everything(fleet: &FakeFleet, settings: &Settings) -> Plan {
    let sight = Sight::of(fleet, &None, Depth::Needed, &settings.rules, now()).await.expect("is read");
    let census = Census::take(sight.fleet(), now());
    idleness::plan(sight.decide(&settings.rules, now()), settings.caps, census, &BTreeSet::new())
}

fn ids<'a>(decisions: impl IntoIterator<Item = &'a Decision>, verdict: Verdict) -> Vec<(&'a InstanceId, Reason)> {
    let with = decisions.into_iter().filter(|decision| decision.verdict == verdict);
    with.map(|decision| (&decision.instance, decision.reason)).collect()
}

fn check(run: &Run, expected: &Plan) -> Result<(), TestCaseError> {
    let (stops, keeps) = (ids(&expected.decisions, Verdict::Stop), ids(&expected.decisions, Verdict::Keep));
    let listed = &run.report.decisions;
    prop_assert_eq!(ids(listed, Verdict::Stop), stops);
    let listed = ids(listed, Verdict::Keep);
    // Whole lists would make a message of megabytes.
    let odd = listed.iter().zip(&keeps).find(|(listed, expected)| listed != expected);
    prop_assert_eq!((odd, listed.len()), (None, keeps.len().min(1000)), "the first thousand by id");
    let mut by_reason = BTreeMap::new();
    for (_, reason) in &keeps {
        *by_reason.entry(reason.as_str()).or_insert(0) += 1;
    }
    let summary = &run.report.summary;
    prop_assert_eq!(&summary.keep_by_reason, &by_reason);
    prop_assert_eq!((summary.considered, summary.keep), (expected.decisions.len(), keeps.len()));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// Whatever is only counted, a report reads as if everything were known; and so does the count of metrics.
    #[test]
    fn the_report_is_that_of_a_run_that_forgets_nothing(
        (instances, factor, stops) in (1000_usize..4000, 1_usize..1000, prop::sample::select(vec![1, 2, 25])),
        (size, overlaps) in (prop::sample::select(vec![37, 500, 1000]), any::<bool>()),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("starts");
        let mut fleet = mixed(instances, |number| number * factor);
        let settings = capped(stops, Mode::DryRun);
        let expected = runtime.block_on(plan_by_everything(&fleet, &settings));
        fleet.page(Paging { size, overlaps, fails_after: None });
        let run = runtime.block_on(swept(&fleet, &settings));
        check(&run, &expected)?;
        let counted: usize = scheduler::metrics(&Ok(run), "f", now()).iter().map(decisions).sum();
        prop_assert_eq!(counted, instances);
    }
}

/// The decisions that an entry of metrics counts.
fn decisions(metrics: &journal::Metrics) -> usize {
    let entry = serde_json::to_value(metrics).expect("is JSON");
    // A whole number, written as CloudWatch takes it.
    entry["Decisions"].as_f64().map_or(0, |count| format!("{count}").parse().expect("is whole"))
}

/// The least active come last by id, where nobody reads about them.
#[tokio::test(flavor = "current_thread")]
async fn the_least_active_are_stopped_wherever_they_stand_and_refusals_are_made_up_for() {
    let mut fleet = FakeFleet::default();
    for number in 0..3000 {
        fleet.add(&name(number), f64::from(u32::try_from(3000 - number).expect("is small")) / 10_000.0);
    }
    fleet.protect(&name(2999));
    fleet.refuse_stop(&name(2997), "UnsupportedOperation");
    let report = swept(&fleet, &capped(2, Mode::Enforce)).await.report;
    let stopped: Vec<usize> =
        (0..3000).filter(|number| fleet.state(&name(*number)) == InstanceState::Stopping).collect();
    assert_eq!(stopped, [2996, 2998]);
    assert_eq!((report.summary.considered, report.summary.stopped), (3000, 2));
    assert_eq!(report.summary.keep_by_reason, BTreeMap::from([("over-cap", 2996), ("stop-protected", 1)]));
}

#[tokio::test(flavor = "current_thread")]
async fn what_starts_after_an_instance_that_is_only_counted_starts() {
    let mut fleet = mixed(2000, |number| number);
    let database = name(1999);
    fleet.edit(&database, |instance| instance.tags = tags(&[("Name", "database")]));
    fleet.add_asleep("i-0abc1234", &[OPEN, ("doze:after", "database")]);
    let run = swept(&fleet, &capped(1, Mode::Enforce)).await;
    let listed: Vec<_> = run.report.decisions.iter().map(|decision| &decision.instance).collect();
    assert!(!listed.contains(&&id(&database)));
    assert_eq!(fleet.state("i-0abc1234"), InstanceState::Pending, "{:?}", run.report.outcomes);
}

/// Whatever the log holds of a decision, the decision can be made again from it.
#[tokio::test(flavor = "current_thread")]
async fn the_log_has_as_many_keeps_as_the_report_and_all_that_they_were_made_from() {
    let fleet = mixed(3000, |number| number);
    let run = swept(&fleet, &capped(25, Mode::DryRun)).await;
    let lines = run.entries().filter(|entry| matches!(entry, Entry::Decision(_)));
    let keeps: Vec<String> = lines
        .filter(|entry| entry.level() == Level::Debug)
        .map(|entry| serde_json::to_string(&entry).expect("serializes"))
        .collect();
    assert_eq!(keeps.len(), 1000);
    for line in keeps {
        let record: Record = serde_json::from_str(&line).expect("holds all of it");
        assert_eq!(record.decide_again(), record.decision);
    }
}

#[tokio::test(flavor = "current_thread")]
async fn an_error_on_a_later_page_changes_nothing() {
    let mut fleet = mixed(3000, |number| number);
    fleet.page(Paging { size: 1000, overlaps: false, fails_after: Some(2) });
    let error = run(&json!({"action": "sweep"}), &fleet, &capped(25, Mode::Enforce), now()).await.expect_err("fails");
    assert!(
        matches!(error, RunError::Unseen(ApiError { ref code, .. }) if code == "RequestLimitExceeded"),
        "{error:?}"
    );
    let is_read = |call: &String| ["opted-in", "evidence", "rest"].iter().any(|read| call.starts_with(read));
    assert!(fleet.calls().iter().all(is_read));
}

/// One that waits for others fills calls with them, so that pages cost no more of these than one whole fleet.
#[tokio::test(flavor = "current_thread")]
async fn pages_are_measured_in_groups_that_fill_calls() {
    let mut fleet = FakeFleet::default();
    for number in 0..2345 {
        fleet.add(&name(number), if number.is_multiple_of(2) { 0.5 } else { 60.0 });
    }
    fleet.page(Paging { size: 400, overlaps: false, fails_after: None });
    swept(&fleet, &capped(1, Mode::DryRun)).await;
    let sizes = |part: &str| -> Vec<usize> {
        let calls = fleet.calls();
        let of_part = calls.iter().filter(|call| call.starts_with(part));
        of_part.map(|call| call.split_whitespace().skip(1).count()).collect()
    };
    // One query each, and five.
    assert_eq!(sizes("evidence"), [500, 500, 500, 500, 345]);
    let mut rest = vec![100; 11];
    rest.push(73);
    assert_eq!(sizes("rest"), rest);
}

/// Those that are only counted count for the cap, which is a share of all that run.
#[tokio::test(flavor = "current_thread")]
async fn a_share_of_the_fleet_is_one_of_all_of_it() {
    let mut fleet = FakeFleet::default();
    for number in 0..3000 {
        fleet.add(&name(number), if number < 100 { 0.5 } else { 60.0 });
    }
    let caps = Caps { stops: 50, share: Percent::new(1).expect("is one") };
    let settings = Settings { caps, ..settings(Mode::DryRun) };
    assert_eq!(swept(&fleet, &settings).await.report.summary.stop, 30);
}

/// A call that nobody goes on with runs into its time-out.
#[tokio::test(flavor = "current_thread")]
async fn whatever_has_begun_is_gone_on_with() {
    let mut fleet = FakeFleet::default();
    for number in 0..5000 {
        fleet.add(&name(number), 0.5);
    }
    fleet.page(Paging { size: 1000, overlaps: false, fails_after: None });
    fleet.turns = Turns::of_a_call(1000);
    let settings = capped(1, Mode::DryRun);
    tokio::select! {
        () = fleet.turns.pass() => unreachable!("it goes on"),
        _ = swept(&fleet, &settings) => {}
    }
    assert!(fleet.turns.left_waiting() <= 2, "one was left waiting for {} turns", fleet.turns.left_waiting());
    // Five pages, the measurements of the last one, and what that leaves to be measured.
    assert_eq!(fleet.turns.passed() / 1000, 7, "it took {} turns", fleet.turns.passed());
}

/// It would be measured twice, and its sums added.
#[tokio::test(flavor = "current_thread")]
async fn an_instance_that_moves_to_the_next_page_is_measured_and_decided_about_once() {
    let mut fleet = FakeFleet::default();
    for number in 0..25 {
        fleet.add(&name(number), 0.5);
    }
    fleet.page(Paging { size: 10, overlaps: true, fails_after: None });
    let summary = swept(&fleet, &capped(1, Mode::DryRun)).await.report.summary;
    assert_eq!((summary.considered, summary.stop, summary.keep), (25, 1, 24));
    let asked: Vec<usize> = fleet
        .calls()
        .iter()
        .filter(|call| call.starts_with("evidence"))
        .map(|call| call.split_whitespace().count() - 1)
        .collect();
    assert_eq!(asked, [25]);
}

/// An old note of a stop counts for nothing, and is on each instance that Doze has ever stopped.
#[tokio::test(flavor = "current_thread")]
async fn stops_within_the_hour_count_for_the_cap_wherever_they_are_noted() {
    let mut fleet = FakeFleet::default();
    for number in 0..3000 {
        let name = name(number);
        fleet.add(&name, if number < 100 { 0.5 } else { 60.0 });
        let at = if number.is_multiple_of(100) { "2026-11-21T19:30:00Z" } else { "2026-11-21T12:00:00Z" };
        fleet
            .edit(&name, |instance| instance.tags = tags(&[("doze:stopped-at", at), ("doze:stopped-because", "idle")]));
    }
    let run = swept(&fleet, &capped(40, Mode::DryRun)).await;
    assert_eq!((run.report.summary.stop, run.report.summary.considered), (10, 3000));
}

/// Before its sessions are read, nobody knows why an instance is kept, or whether.
#[tokio::test(flavor = "current_thread")]
async fn instances_whose_sessions_count_are_counted_by_these() {
    let mut fleet = FakeFleet::default();
    for number in 0..1500 {
        fleet.add(&name(number), 0.5);
    }
    fleet.open_sessions(&name(1400), 1);
    let policies = Policies::parse(r#"{"dev-box": {"sessions": true}}"#).expect("is a policy");
    let settings = Settings { rules: Rules { policies, ..Rules::default() }, ..capped(1, Mode::DryRun) };
    let summary = swept(&fleet, &settings).await.report.summary;
    assert_eq!(summary.keep_by_reason, BTreeMap::from([("over-cap", 1498), ("session-active", 1)]));
}
