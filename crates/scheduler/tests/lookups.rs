//! Alarms whose events name no instance: what they lead to, and where that ends.

use std::collections::BTreeSet;

use crate::support::{BUSY, FakeFleet, IDLE, now, settings};
use idleness::Mode;
use scheduler::{Refusal, RunError, run};
use serde_json::Value;

fn composite(name: &str) -> Value {
    let mut event: Value =
        serde_json::from_str(include_str!("../../../events/scheduler/alarm-direct-composite.json")).expect("is JSON");
    event["alarmData"]["alarmName"] = name.into();
    event
}

async fn considered(fleet: &FakeFleet, event: &Value) -> Result<BTreeSet<String>, RunError> {
    let run = run(event, fleet, &settings(Mode::DryRun), now()).await?;
    Ok(run.report.decisions.iter().map(|decision| decision.instance.to_string()).collect())
}

#[tokio::test(flavor = "current_thread")]
async fn a_circle_of_alarms_is_walked_once() {
    let mut fleet = FakeFleet::of_every_kind();
    fleet.add_composite("a", &["b", "c"]);
    fleet.add_composite("b", &["a", "c", "b"]);
    fleet.add_composite("c", &["a", "doze-idle-dev"]);
    let found = considered(&fleet, &composite("a")).await.expect("has a report");
    assert_eq!(found, BTreeSet::from([IDLE.to_owned()]));
    assert_eq!(fleet.calls().iter().filter(|call| call.starts_with("children")).count(), 3);
}

#[tokio::test(flavor = "current_thread")]
async fn a_child_over_two_instances_does_not_say_which_and_adds_none() {
    let mut fleet = FakeFleet::of_every_kind();
    fleet.add_composite("a", &["doze-two", "doze-busy"]);
    let found = considered(&fleet, &composite("a")).await.expect("has a report");
    assert_eq!(found, BTreeSet::from([BUSY.to_owned()]));
}

#[tokio::test(flavor = "current_thread")]
async fn very_many_alarms_are_refused_before_any_instance_is_read() {
    let mut fleet = FakeFleet::of_every_kind();
    let names: Vec<String> = (0..101).map(|n| format!("child-{n}")).collect();
    fleet.add_composite("wide", &names.iter().map(String::as_str).collect::<Vec<_>>());
    for n in 0..200 {
        fleet.add_composite(&format!("deep-{n}"), &[&format!("deep-{}", n + 1)]);
    }
    for name in ["wide", "deep-0"] {
        let error = considered(&fleet, &composite(name)).await.expect_err("is refused");
        assert!(matches!(error, RunError::Refused(Refusal::TooManyAlarms(100))), "{error:?}");
        assert_eq!(error.code(), "too-many-alarms");
    }
    assert!(fleet.calls().iter().all(|call| call.starts_with("children") || call.starts_with("alarms")));
    assert!(fleet.calls().len() < 250, "{} calls", fleet.calls().len());
}

#[tokio::test(flavor = "current_thread")]
async fn alarms_that_cannot_be_looked_up_fail_the_run() {
    let mut fleet = FakeFleet::of_every_kind();
    fleet.make_unreadable();
    let error = considered(&fleet, &composite("doze-idle-composite")).await.expect_err("cannot see");
    assert_eq!(error.code(), "unseen-fleet");
}

#[tokio::test(flavor = "current_thread")]
async fn several_records_lead_to_the_instances_of_all_of_them() {
    let mut event: Value =
        serde_json::from_str(include_str!("../../../events/scheduler/alarm-sns-composite.json")).expect("is JSON");
    let single: Value =
        serde_json::from_str(include_str!("../../../events/scheduler/alarm-sns-fleet.json")).expect("is JSON");
    let records = event["Records"].as_array_mut().expect("has records");
    records.push(single["Records"][0].clone());
    let mut fleet = FakeFleet::of_every_kind();
    // The first record leads to the idle instance alone; the busy one is behind the second.
    fleet.add_composite("doze-idle-composite", &["doze-idle-dev"]);
    let found = considered(&fleet, &event).await.expect("has a report");
    assert_eq!(found, BTreeSet::from([IDLE.to_owned(), BUSY.to_owned()]));
}
