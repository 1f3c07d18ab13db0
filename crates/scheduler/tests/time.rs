//! A run that has not enough time: what it does not begin, it leaves as it is, says so, and the next run does it.

use std::collections::BTreeSet;

use crate::support::{
    FakeFleet, IDLE, id, now, settings,
    starts::{ASLEEP, OPEN},
};
use fleet::{Action, Outcome, OutcomeResult};
use idleness::{InstanceId, InstanceState, Mode};
use jiff::{SignedDuration, Timestamp};
use scheduler::{Report, finish, run};
use serde_json::json;

/// More idle instances than two batches take.
const MANY: usize = 120;

fn many() -> (FakeFleet, Vec<String>) {
    let mut fleet = FakeFleet::default();
    let ids: Vec<String> = (0..MANY).map(|number| format!("i-{number:017x}")).collect();
    for text in &ids {
        fleet.add(text, 0.4);
    }
    (fleet, ids)
}

async fn sweep(fleet: &FakeFleet, at: Timestamp) -> Report {
    let mut settings = settings(Mode::Enforce);
    settings.caps.stops = 1000;
    run(&json!({"action": "sweep"}), fleet, &settings, at).await.expect("has a report").report
}

fn left(report: &Report) -> BTreeSet<&InstanceId> {
    let is_left = |outcome: &&Outcome| outcome.failure_code() == Some("deadline");
    report.outcomes.iter().filter(is_left).map(|outcome| &outcome.instance).collect()
}

#[tokio::test(flavor = "current_thread")]
async fn stops_that_there_is_no_time_for_are_left_untouched_and_the_next_run_makes_them() {
    let (fleet, ids) = many();
    fleet.leave_time_for(1);
    let report = sweep(&fleet, now()).await;
    assert_eq!((report.summary.stop, report.summary.stopped, report.summary.failed), (MANY, 50, MANY - 50));
    assert_eq!(left(&report).len(), MANY - 50);
    for text in &ids {
        let is_left = left(&report).contains(&id(text));
        let state = if is_left { InstanceState::Running } else { InstanceState::Stopping };
        assert_eq!((fleet.state(text), fleet.tag_of(text, "doze:stopped-at").is_none()), (state, is_left), "{text}");
    }
    fleet.leave_time();
    // The caps count what was stopped within the hour.
    let next = sweep(&fleet, now() + SignedDuration::from_mins(61)).await;
    assert_eq!((next.summary.stopped, next.summary.failed), (MANY - 50, 0));
}

#[tokio::test(flavor = "current_thread")]
async fn each_batch_is_noted_just_before_it_is_stopped() {
    let (fleet, _) = many();
    sweep(&fleet, now()).await;
    let calls = fleet.calls();
    let changes = calls.iter().filter_map(|call| call.split(' ').next()).filter(|call| ["tag", "stop"].contains(call));
    assert_eq!(changes.collect::<Vec<_>>(), ["tag", "stop", "tag", "stop", "tag", "stop"]);
}

#[tokio::test(flavor = "current_thread")]
async fn a_run_without_any_time_changes_nothing_and_is_tried_again() {
    let fleet = FakeFleet::of_every_kind();
    fleet.leave_time_for(0);
    let run = run(&json!({"action": "sweep"}), &fleet, &settings(Mode::Enforce), now()).await;
    let report = &run.as_ref().expect("has a report").report;
    assert_eq!(report.outcomes, [Outcome::left(id(IDLE), Action::Stop)]);
    assert!(
        fleet.calls().iter().all(|call| !["tag", "stop", "untag"].contains(&call.split(' ').next().expect("a word")))
    );
    assert!(finish(run, "r").is_err(), "Lambda tries again what was left");
}

#[tokio::test(flavor = "current_thread")]
async fn starts_and_notes_are_left_as_well() {
    let mut fleet = FakeFleet::default();
    fleet.add_asleep(ASLEEP, &[OPEN, ("doze:stop-at", "2026-11-20T20:00:00Z")]);
    fleet.leave_time_for(0);
    let event = json!({"action": "start"});
    let report = run(&event, &fleet, &settings(Mode::Enforce), now()).await.expect("has a report").report;
    assert!(report.outcomes.contains(&Outcome::left(id(ASLEEP), Action::Start)), "{:?}", report.outcomes);
    assert!(
        report.outcomes.iter().all(|o| matches!(&o.result, OutcomeResult::Failed { code, .. } if code == "deadline"))
    );
    assert_eq!((fleet.state(ASLEEP), report.summary.started), (InstanceState::Stopped, 0));
    fleet.leave_time();
    let later = now() + SignedDuration::from_mins(5);
    let report = run(&event, &fleet, &settings(Mode::Enforce), later).await.expect("has a report").report;
    assert_eq!((fleet.state(ASLEEP), report.summary.started), (InstanceState::Pending, 1));
}
