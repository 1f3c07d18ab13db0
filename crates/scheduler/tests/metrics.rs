//! What CloudWatch counts of a run.

use crate::support::{BUSY, FakeFleet, IDLE, now, settings};
use idleness::Mode;
use scheduler::{metrics, run};
use serde_json::{Value, json};

/// What a run by this event counts, without what each entry repeats, sorted.
async fn counted(fleet: &FakeFleet, mode: Mode, event: Value) -> Vec<String> {
    let run = run(&event, fleet, &settings(mode), now()).await;
    let entries = metrics(&run, "doze-scheduler", now());
    let mut lines: Vec<String> = entries.iter().map(line).collect();
    lines.sort();
    lines
}

/// One entry, checked for its format, as `Name=value by Dimension=value`.
fn line(metrics: &journal::Metrics) -> String {
    let mut entry = serde_json::to_value(metrics).expect("is JSON");
    let aws = entry["_aws"].take();
    let directive = &aws["CloudWatchMetrics"][0];
    assert_eq!((&directive["Namespace"], &aws["Timestamp"]), (&json!("Doze"), &json!(now().as_millisecond())));
    assert_eq!(entry["FunctionName"], "doze-scheduler");
    let dimensions = directive["Dimensions"][0].as_array().expect("is a list").iter();
    let shown =
        |name: &Value| format!("{}={}", name.as_str().expect("is a name"), entry[name.as_str().expect("is a name")]);
    let by: Vec<String> = dimensions.skip(1).map(shown).collect();
    let values = directive["Metrics"].as_array().expect("is a list").iter();
    let values: Vec<String> = values.map(|metric| shown(&metric["Name"])).collect();
    format!("{} by {}", values.join(" "), by.join(" ")).trim_end_matches(" by ").to_owned()
}

fn tick() -> Value {
    json!({"version": "0", "id": "1", "detail-type": "Scheduled Event", "source": "aws.scheduler", "detail": "{}"})
}

#[tokio::test(flavor = "current_thread")]
async fn a_sweep_counts_its_decisions_what_it_did_what_sleeps_and_itself() {
    let fleet = FakeFleet::of_every_kind();
    insta::assert_snapshot!(counted(&fleet, Mode::Enforce, tick()).await.join("\n"), @r#"
    Decisions=1.0 by Verdict="keep" Reason="already-stopped"
    Decisions=1.0 by Verdict="keep" Reason="busy"
    Decisions=1.0 by Verdict="keep" Reason="insufficient-data"
    Decisions=1.0 by Verdict="keep" Reason="recently-started"
    Decisions=1.0 by Verdict="stop" Reason="idle"
    Stops=1.0 Starts=0.0 Asleep=0.0 SavedPerHour=0.0 Sweeps=1.0
    "#);
}

#[tokio::test(flavor = "current_thread")]
async fn only_the_clocks_own_sweep_is_a_sign_of_life() {
    let fleet = FakeFleet::of_every_kind();
    for (event, expected) in [
        (tick(), true),
        (json!({"action": "sweep"}), false),
        (json!({"action": "start"}), false),
        (json!({"action": "explain", "instance": IDLE}), false),
    ] {
        let lines = counted(&fleet, Mode::DryRun, event.clone()).await;
        assert_eq!(lines.iter().any(|line| line.contains("Sweeps=1.0")), expected, "{event}: {lines:?}");
    }
}

#[tokio::test(flavor = "current_thread")]
async fn looking_for_starts_counts_no_keeps_and_questions_count_nothing() {
    let fleet = FakeFleet::of_every_kind();
    let lines = counted(&fleet, Mode::Enforce, json!({"action": "start"})).await;
    assert!(!lines.is_empty() && !lines.iter().any(|line| line.contains("Decisions")), "{lines:?}");
    for event in [json!({"action": "explain", "instance": IDLE}), ok_alarm()] {
        assert_eq!(counted(&fleet, Mode::Enforce, event).await, [""; 0]);
    }
}

fn ok_alarm() -> Value {
    json!({"source": "aws.cloudwatch", "alarmData": {"alarmName": "a", "state": {"value": "OK"}, "configuration": {"metrics": []}}})
}

#[tokio::test(flavor = "current_thread")]
async fn failures_are_counted_by_their_codes() {
    let mut fleet = FakeFleet::of_every_kind();
    fleet.work(BUSY, 0.1);
    fleet.refuse_stop(IDLE, "UnauthorizedOperation");
    fleet.refuse_stop(BUSY, "UnauthorizedOperation");
    let lines = counted(&fleet, Mode::Enforce, tick()).await;
    assert!(lines.contains(&r#"Failures=2.0 by Code="UnauthorizedOperation""#.to_owned()), "{lines:?}");
    assert_eq!(counted(&fleet, Mode::Enforce, json!({})).await, [r#"Failures=1.0 by Code="unknown-event""#]);
}

#[tokio::test(flavor = "current_thread")]
async fn no_entry_names_an_instance() {
    let fleet = FakeFleet::of_every_kind();
    for event in [tick(), json!({"action": "start"}), json!({"action": "sweep"})] {
        let run = run(&event, &fleet, &settings(Mode::Enforce), now()).await;
        for entry in metrics(&run, "doze-scheduler", now()) {
            let text = serde_json::to_string(&entry).expect("is JSON");
            assert!(!text.contains("i-0"), "{text}");
        }
    }
}
