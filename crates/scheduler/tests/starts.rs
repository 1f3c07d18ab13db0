//! Starts by schedule and in their order, over a fake fleet: what is called, and what the report says.

use crate::support::{
    self, FakeFleet, IDLE, STOPPED, id, now, settings,
    starts::{OPEN, SINCE, later},
};
use idleness::{Caps, InstanceState, Mode, Percent, Reason};
use jiff::Timestamp;
use journal::Level;
use scheduler::{Report, Run, Settings, TriggerKind, finish, run};
use serde_json::{Value, json};

const DB: &str = "i-00000000000000001";
const API: &str = "i-00000000000000002";
const WEB: &str = "i-00000000000000003";

fn sweep() -> Value {
    json!({"action": "sweep"})
}

fn start() -> Value {
    json!({"action": "start"})
}

async fn run_at(fleet: &FakeFleet, event: &Value, mode: Mode, at: Timestamp) -> Run {
    run(event, fleet, &settings(mode), at).await.expect("the run has a report")
}

async fn enforced(fleet: &FakeFleet, event: &Value) -> Report {
    run_at(fleet, event, Mode::Enforce, now()).await.report
}

fn reason_of(report: &Report, instance: &str) -> Reason {
    report.decisions.iter().find(|decision| decision.instance == id(instance)).expect("was decided about").reason
}

fn outcomes(report: &Report) -> Value {
    json!(report.outcomes)
}

fn asleep() -> FakeFleet {
    let mut fleet = FakeFleet::default();
    fleet.add_asleep(WEB, &[OPEN]);
    fleet
}

#[tokio::test(flavor = "current_thread")]
async fn a_sweep_starts_what_doze_stopped_once_its_window_opens() {
    let fleet = asleep();
    let before = run_at(&fleet, &sweep(), Mode::Enforce, later(-1)).await.report;
    assert_eq!((reason_of(&before, WEB), before.summary.start), (Reason::AlreadyStopped, 0));
    let report = enforced(&fleet, &sweep()).await;
    assert_eq!(reason_of(&report, WEB), Reason::ScheduleOpen);
    let done = json!([{"instance": WEB, "action": "start", "result": "done", "from": "stopped", "to": "pending"}]);
    assert_eq!(outcomes(&report), done);
    assert_eq!((report.summary.start, report.summary.started, report.summary.failed), (1, 1, 0));
    assert_eq!(fleet.state(WEB), InstanceState::Pending);
    assert_eq!(
        fleet.calls(),
        ["opted-in".to_owned(), "opted-in".to_owned(), format!("start {WEB}")],
        "no tag is written"
    );
}

#[tokio::test(flavor = "current_thread")]
async fn it_is_started_once() {
    let fleet = asleep();
    enforced(&fleet, &sweep()).await;
    assert_eq!(reason_of(&enforced(&fleet, &sweep()).await, WEB), Reason::InTransition);
    fleet.come_up(WEB, now());
    assert_eq!(reason_of(&enforced(&fleet, &sweep()).await, WEB), Reason::InsideSchedule);
    assert_eq!(fleet.calls().iter().filter(|call| call.starts_with("start")).count(), 1);
}

#[tokio::test(flavor = "current_thread")]
async fn what_a_person_stopped_stays_stopped() {
    let mut fleet = FakeFleet::default();
    fleet.add_switched_off(WEB, &[OPEN]);
    // Stopped by Doze, started by a person, and stopped by a person.
    fleet.add_asleep(API, &[OPEN]);
    fleet.edit(API, |instance| instance.launched_at = Some(later(-60)));
    for event in [sweep(), start()] {
        let report = enforced(&fleet, &event).await;
        assert_eq!([WEB, API].map(|text| reason_of(&report, text)), [Reason::AlreadyStopped; 2]);
        assert_eq!(outcomes(&report), json!([]));
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_start_event_measures_nothing_and_decides_about_stopped_instances_alone() {
    let mut fleet = FakeFleet::of_every_kind();
    fleet.add_asleep(WEB, &[OPEN]);
    let report = enforced(&fleet, &start()).await;
    assert_eq!(fleet.calls(), ["opted-in".to_owned(), format!("start {WEB}")]);
    let decided: Vec<_> = report.decisions.iter().map(|decision| decision.instance.as_str()).collect();
    assert_eq!(decided, [WEB, STOPPED]);
    assert_eq!((report.trigger.kind, report.summary.considered), (TriggerKind::Sweep, 2));
    assert_eq!(fleet.state(IDLE), InstanceState::Running, "the next sweep stops it");
}

#[tokio::test(flavor = "current_thread")]
async fn a_start_event_with_nothing_to_start_makes_one_call() {
    let fleet = FakeFleet::of_every_kind();
    let report = enforced(&fleet, &start()).await;
    assert_eq!(fleet.calls(), ["opted-in"]);
    assert_eq!((report.summary.start, report.summary.keep, outcomes(&report)), (0, 1, json!([])));
}

#[tokio::test(flavor = "current_thread")]
async fn a_dry_run_decides_the_same_and_changes_nothing() {
    for event in [sweep(), start()] {
        let (mut tried, mut done) = (FakeFleet::default(), FakeFleet::default());
        for fleet in [&mut tried, &mut done] {
            fleet.add_asleep(DB, &[("Name", "db")]);
            fleet.add_asleep(WEB, &[OPEN, ("doze:after", "db")]);
            // An owed start, and one that nobody waits for any more.
            fleet.add_switched_off(API, &[(SINCE, &later(-10).to_string())]);
            fleet.add_switched_off(STOPPED, &[(SINCE, &later(-2000).to_string())]);
            fleet.edit(STOPPED, |instance| instance.launched_at = Some(later(-4000)));
        }
        let dry = run_at(&tried, &event, Mode::DryRun, now()).await.report;
        let wet = run_at(&done, &event, Mode::Enforce, now()).await.report;
        assert_eq!(dry.decisions, wet.decisions);
        assert_eq!((dry.summary.start, dry.summary.started, outcomes(&dry)), (2, 0, json!([])));
        assert_eq!((wet.summary.start, wet.summary.started), (2, 2));
        assert_eq!(tried.calls(), ["opted-in"]);
        assert_eq!([DB, WEB, API].map(|text| tried.state(text)), [InstanceState::Stopped; 3]);
        assert!(tried.tag_of(STOPPED, SINCE).is_some() && done.tag_of(STOPPED, SINCE).is_none());
    }
}

#[tokio::test(flavor = "current_thread")]
async fn instances_start_one_after_the_other() {
    let mut fleet = FakeFleet::default();
    fleet.add_asleep(DB, &[("Name", "db")]);
    fleet.add_asleep(API, &[("Name", "api"), ("doze:after", "db")]);
    fleet.add_asleep(WEB, &[OPEN, ("doze:after", "api")]);
    let waits = Reason::WaitsForOthers;
    for (turn, started, expected) in [
        (0, DB, vec![(DB, Reason::Needed), (API, waits), (WEB, waits)]),
        (5, API, vec![(API, Reason::Needed), (WEB, waits)]),
        (10, WEB, vec![(WEB, Reason::ScheduleOpen)]),
    ] {
        let report = run_at(&fleet, &start(), Mode::Enforce, later(turn)).await.report;
        let decided = report.decisions.iter().map(|decision| (decision.instance.as_str(), decision.reason));
        assert_eq!(decided.collect::<Vec<_>>(), expected);
        assert_eq!(report.outcomes.iter().map(|outcome| outcome.instance.as_str()).collect::<Vec<_>>(), [started]);
        fleet.come_up(started, later(turn + 1));
    }
}

#[tokio::test(flavor = "current_thread")]
async fn an_alarm_about_one_instance_starts_those_before_it_too() {
    let mut fleet = FakeFleet::default();
    fleet.add_asleep(DB, &[("Name", "db")]);
    fleet.add_asleep(WEB, &[OPEN, ("doze:after", "db")]);
    let mut event: Value =
        serde_json::from_str(include_str!("../../../events/scheduler/alarm-direct.json")).expect("is JSON");
    event["alarmData"]["configuration"]["metrics"][0]["metricStat"]["metric"]["dimensions"]["InstanceId"] = WEB.into();
    let run = run_at(&fleet, &event, Mode::Enforce, now()).await;
    assert_eq!(fleet.calls(), [format!("instances {WEB}"), "opted-in".to_owned(), format!("start {DB}")]);
    assert_eq!(reason_of(&run.report, DB), Reason::Needed);
    let lines: Vec<_> = run.entries().map(|entry| (entry.level(), entry.message())).collect();
    assert_eq!(lines, [(Level::Info, "start"), (Level::Info, "keep"), (Level::Info, "report")]);
    let needed = serde_json::to_value(run.entries().next().expect("is the first")).expect("serializes");
    assert_eq!((&needed["facts"]["id"], &needed["turn"]["reason"]), (&json!(DB), &json!("needed")));
    assert_eq!(needed["outcomes"][0]["to"], "pending");
}

#[tokio::test(flavor = "current_thread")]
async fn starts_take_no_place_under_the_cap_on_stops() {
    let mut fleet = asleep();
    fleet.add(IDLE, 0.0);
    let settings = Settings { caps: Caps { stops: 0, share: Percent::ALL }, ..settings(Mode::Enforce) };
    let report = run(&sweep(), &fleet, &settings, now()).await.expect("has a report").report;
    assert_eq!((reason_of(&report, WEB), reason_of(&report, IDLE)), (Reason::ScheduleOpen, Reason::OverCap));
    assert_eq!((report.summary.started, report.summary.stopped), (1, 0));
}

#[tokio::test(flavor = "current_thread")]
async fn one_refused_start_does_not_hold_up_the_others_and_fails_the_invocation() {
    for code in ["UnauthorizedOperation", "IncorrectInstanceState", "RequestLimitExceeded", "Unsupported"] {
        let mut fleet = asleep();
        fleet.add_asleep(API, &[OPEN]);
        fleet.refuse_start(API, Some(code));
        let run = run_at(&fleet, &sweep(), Mode::Enforce, now()).await;
        let report = &run.report;
        assert_eq!((report.summary.start, report.summary.started, report.summary.failed), (2, 1, 1), "{code}");
        assert_eq!((fleet.state(WEB), fleet.state(API)), (InstanceState::Pending, InstanceState::Stopped));
        let failed = json!(report.first_failure());
        assert_eq!(
            (&failed["action"], &failed["code"], &failed["to"]),
            (&json!("start"), &json!(code), &json!("stopped"))
        );
        assert!(fleet.tag_of(API, SINCE).is_some(), "it is not tried every few minutes");
        let failure = lambda_runtime::Diagnostic::from(finish(Ok(run), "request").expect_err("a start failed"));
        assert_eq!(failure.error_type, "action-failed");
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_start_that_fails_again_and_again_is_told_once_and_tried_ever_later() {
    let fleet = asleep();
    fleet.refuse_start(WEB, Some("InvalidParameterValue"));
    let notifier = support::messages::without_links();
    let mut tries = 0;
    for minutes in (0..180).step_by(5) {
        let mut run = run_at(&fleet, &json!({"action": "start"}), Mode::Enforce, later(minutes)).await;
        notifier.tell(&mut run).await;
        tries += run.report.outcomes.iter().filter(|outcome| json!(outcome)["action"] == "start").count();
    }
    let subjects: Vec<String> = notifier.topic.take().into_iter().map(|message| message.subject).collect();
    assert_eq!(subjects, ["Doze: 1 failed", "Doze: 1 not started after all"], "its window closes");
    assert!((4..=8).contains(&tries), "{tries} tries in three hours");
}

#[tokio::test(flavor = "current_thread")]
async fn a_stop_that_is_refused_in_every_sweep_is_told_once_a_day() {
    let mut fleet = FakeFleet::default();
    fleet.add(IDLE, 0.0);
    fleet.refuse_stop(IDLE, "UnsupportedOperation");
    let notifier = support::messages::without_links();
    let mut told_at = Vec::new();
    for hours in 0..50 {
        let mut run = run_at(&fleet, &sweep(), Mode::Enforce, later(hours * 60)).await;
        notifier.tell(&mut run).await;
        told_at.extend(notifier.topic.take().iter().map(|_| hours));
    }
    assert_eq!(told_at, [0, 24, 48]);
    // One that nobody took is no telling.
    let deaf = support::messages::without_links();
    deaf.topic.refuse();
    for _ in 0..2 {
        let mut run = run_at(&fleet, &sweep(), Mode::Enforce, now()).await;
        deaf.tell(&mut run).await;
        assert!(run.report.notification.is_some());
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_start_whose_answer_was_lost_is_looked_at_again() {
    let mut fleet = asleep();
    fleet.lose_answer_of(WEB);
    let report = enforced(&fleet, &sweep()).await;
    assert_eq!((report.summary.started, report.summary.failed), (1, 0));
    assert_eq!(outcomes(&report), json!([{"instance": WEB, "action": "start", "result": "done", "to": "pending"}]));
    assert_eq!(fleet.calls().last(), Some(&format!("instances {WEB}")));
}

#[tokio::test(flavor = "current_thread")]
async fn a_start_that_somebody_else_made_first_is_no_failure() {
    for (state, result) in [
        (InstanceState::Pending, "already"),
        (InstanceState::Running, "already"),
        (InstanceState::Stopped, "failed"),
        (InstanceState::Terminated, "failed"),
    ] {
        let mut fleet = asleep();
        fleet.refuse_start_in_state(WEB, state);
        let report = enforced(&fleet, &sweep()).await;
        let outcome = json!(report.outcomes[0]);
        assert_eq!((&outcome["result"], &outcome["to"]), (&json!(result), &json!(state)));
        assert_eq!((report.summary.started, report.summary.failed), (0, usize::from(result == "failed")));
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_start_that_cannot_be_looked_at_again_stays_failed() {
    let mut fleet = asleep();
    fleet.lose_answer_of(WEB);
    fleet.go_blind_after_acting();
    let report = enforced(&fleet, &sweep()).await;
    assert_eq!((report.summary.started, report.summary.failed), (0, 1));
}

#[tokio::test(flavor = "current_thread")]
async fn whoever_asks_why_starts_nothing() {
    let mut fleet = FakeFleet::default();
    fleet.add_asleep(DB, &[("Name", "db")]);
    fleet.add_asleep(WEB, &[OPEN, ("doze:after", "db")]);
    let report = enforced(&fleet, &json!({"action": "explain", "instance": WEB})).await;
    assert!(report.outcomes.is_empty() && fleet.calls().iter().all(|call| !call.starts_with("start")));
    let explanation = report.explanation.expect("was asked for");
    assert_eq!((explanation.instance.as_str(), explanation.reason), (WEB, Reason::WaitsForOthers));
    let words = format!("it starts after \"db\" ({DB}), which is stopped");
    assert!(explanation.text.contains(&words), "{}", explanation.text);
}
