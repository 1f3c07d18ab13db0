//! Grace over several runs: announced, stopped later, withdrawn in between.

use crate::support::{FakeFleet, IDLE, id, now, settings};
use idleness::{InstanceState, Mode, Reason, Rules};
use jiff::{SignedDuration, Timestamp};
use scheduler::{Report, Run, Settings, run};
use serde_json::json;

fn with_grace(mode: Mode) -> Settings {
    let rules = Rules { grace: SignedDuration::from_mins(30), ..Rules::default() };
    Settings { rules, ..settings(mode) }
}

async fn sweep_at(fleet: &FakeFleet, mode: Mode, at: Timestamp) -> Run {
    run(&json!({"action": "sweep"}), fleet, &with_grace(mode), at).await.expect("has a report")
}

fn reason(report: &Report) -> Reason {
    report.decisions.iter().find(|decision| decision.instance == id(IDLE)).expect("was decided about").reason
}

fn later(minutes: i64) -> Timestamp {
    now() + SignedDuration::from_mins(minutes)
}

#[tokio::test(flavor = "current_thread")]
async fn an_idle_instance_is_announced_and_stopped_by_a_later_run() {
    let fleet = FakeFleet::of_every_kind();
    for (minutes, expected) in [(0, Reason::Announced), (10, Reason::Announced), (30, Reason::Idle)] {
        let Run { report, .. } = sweep_at(&fleet, Mode::Enforce, later(minutes)).await;
        assert_eq!(reason(&report), expected, "after {minutes} minutes");
        assert_eq!(fleet.tag_of(IDLE, "doze:stop-at").as_deref(), Some("2026-11-21T20:30:20Z"));
    }
    assert_eq!(fleet.state(IDLE), InstanceState::Stopping);
    let tagged = fleet.calls().into_iter().filter(|call| call.starts_with("tag") && call.contains(IDLE)).count();
    assert_eq!(tagged, 2, "once announced, once noted");
}

#[tokio::test(flavor = "current_thread")]
async fn activity_in_between_withdraws_the_announcement() {
    let mut fleet = FakeFleet::of_every_kind();
    sweep_at(&fleet, Mode::Enforce, now()).await;
    fleet.work(IDLE, 80.0);
    let Run { report, .. } = sweep_at(&fleet, Mode::Enforce, later(40)).await;
    assert_eq!(reason(&report), Reason::Busy);
    assert_eq!(fleet.tag_of(IDLE, "doze:stop-at"), None);
    let outcome = report.outcomes.iter().find(|outcome| outcome.instance == id(IDLE));
    let outcome = serde_json::to_value(outcome).expect("serializes");
    assert_eq!((&outcome["action"], &outcome["result"]), (&json!("withdraw"), &json!("done")));
    fleet.work(IDLE, 0.0);
    let Run { report, .. } = sweep_at(&fleet, Mode::Enforce, later(50)).await;
    assert_eq!(reason(&report), Reason::Announced, "the grace begins anew");
}

#[tokio::test(flavor = "current_thread")]
async fn whoever_takes_the_tag_off_gets_the_whole_grace_again() {
    let fleet = FakeFleet::of_every_kind();
    sweep_at(&fleet, Mode::Enforce, now()).await;
    fleet.edit(IDLE, |instance| instance.tags = [("doze", "on")].into_iter().collect());
    let Run { report, .. } = sweep_at(&fleet, Mode::Enforce, later(31)).await;
    assert_eq!(reason(&report), Reason::Announced);
    assert_eq!(fleet.tag_of(IDLE, "doze:stop-at").as_deref(), Some("2026-11-21T21:01:20Z"));
}

#[tokio::test(flavor = "current_thread")]
async fn a_dry_run_announces_nothing() {
    let fleet = FakeFleet::of_every_kind();
    let Run { report, .. } = sweep_at(&fleet, Mode::DryRun, now()).await;
    assert_eq!((reason(&report), report.outcomes.len()), (Reason::Announced, 0));
    assert_eq!(fleet.tag_of(IDLE, "doze:stop-at"), None);
}

#[tokio::test(flavor = "current_thread")]
async fn an_announcement_that_is_refused_is_a_failure_and_stops_nothing() {
    let mut fleet = FakeFleet::of_every_kind();
    fleet.refuse_tag(IDLE);
    for minutes in [0, 40] {
        let Run { report, .. } = sweep_at(&fleet, Mode::Enforce, later(minutes)).await;
        let failure = serde_json::to_value(report.first_failure()).expect("serializes");
        assert_eq!((&failure["action"], &failure["code"]), (&json!("announce"), &json!("TagLimitExceeded")));
    }
    assert_eq!(fleet.state(IDLE), InstanceState::Running);
}

#[tokio::test(flavor = "current_thread")]
async fn announcements_and_withdrawals_have_lines_of_their_own() {
    let mut fleet = FakeFleet::of_every_kind();
    let messages = |run: &Run| -> Vec<&'static str> {
        let informative = run.entries().filter(|entry| entry.level() > journal::Level::Debug);
        informative.map(|entry| entry.message()).collect()
    };
    assert_eq!(messages(&sweep_at(&fleet, Mode::Enforce, now()).await), ["announcement", "report"]);
    assert_eq!(messages(&sweep_at(&fleet, Mode::Enforce, later(1)).await), ["report"]);
    fleet.work(IDLE, 80.0);
    assert_eq!(messages(&sweep_at(&fleet, Mode::Enforce, later(2)).await), ["withdrawal", "report"]);
}

#[tokio::test(flavor = "current_thread")]
async fn more_announcements_than_a_report_can_list_are_made_by_the_next_runs() {
    let mut fleet = FakeFleet::default();
    for n in 0..1200 {
        fleet.add(&format!("i-{n:017x}"), 0.0);
    }
    let announced = |fleet: &FakeFleet| {
        (0..1200).filter(|n| fleet.tag_of(&format!("i-{n:017x}"), "doze:stop-at").is_some()).count()
    };
    let Run { report, .. } = sweep_at(&fleet, Mode::Enforce, now()).await;
    assert_eq!((announced(&fleet), report.summary.keep_by_reason["announced"]), (1000, 1200));
    assert!(serde_json::to_vec(&report).expect("serializes").len() < 1_000_000);
    sweep_at(&fleet, Mode::Enforce, later(10)).await;
    assert_eq!(announced(&fleet), 1200);
}
