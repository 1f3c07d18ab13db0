//! Starts that capacity refused: noted, told of once, tried again the later the longer it takes, and settled.

use crate::support::{
    FakeFleet, id,
    messages::{message_about, without_links},
    now, settings,
    starts::{NO_CAPACITY, OPEN, SINCE, TRIED, later, state_change},
};
use idleness::{InstanceState, Mode, Reason};
use jiff::Timestamp;
use scheduler::{Report, Run, finish, run};
use serde_json::{Value, json};

const GPU: &str = "i-00000000000000001";
const WEB: &str = "i-00000000000000002";

fn sweep() -> Value {
    json!({"action": "sweep"})
}

fn start() -> Value {
    json!({"action": "start"})
}

async fn run_at(fleet: &FakeFleet, event: &Value, at: Timestamp) -> Run {
    run(event, fleet, &settings(Mode::Enforce), at).await.expect("the run has a report")
}

fn reason_of(report: &Report, instance: &str) -> Reason {
    report.decisions.iter().find(|decision| decision.instance == id(instance)).expect("was decided about").reason
}

/// A fleet with an instance whose window is open, and for which there is no capacity.
fn without_capacity() -> FakeFleet {
    let mut fleet = FakeFleet::default();
    fleet.add_asleep(GPU, &[OPEN]);
    fleet.refuse_start(GPU, Some(NO_CAPACITY));
    fleet
}

fn notes(fleet: &FakeFleet) -> [Option<String>; 2] {
    [SINCE, TRIED].map(|key| fleet.tag_of(GPU, key))
}

fn times(since: i64, tried: i64) -> [Option<String>; 2] {
    [later(since), later(tried)].map(|at| Some(at.to_string()))
}

#[tokio::test(flavor = "current_thread")]
async fn a_start_without_capacity_is_owed_and_no_failure() {
    for code in [NO_CAPACITY, "InsufficientHostCapacity", "InsufficientCapacityOnHost", "InsufficientCapacity"] {
        for event in [sweep(), start()] {
            let fleet = without_capacity();
            fleet.refuse_start(GPU, Some(code));
            let run = run_at(&fleet, &event, now()).await;
            let owed = json!([{"instance": GPU, "action": "start", "result": "owed", "code": code, "message": "refused by the test"}]);
            assert_eq!(json!(run.report.outcomes), owed);
            assert_eq!((run.report.summary.start, run.report.summary.started, run.report.summary.failed), (1, 0, 0));
            assert_eq!(notes(&fleet), times(0, 0));
            assert!(finish(Ok(run), "request").is_ok(), "Lambda would only try again at once");
        }
    }
}

#[tokio::test(flavor = "current_thread")]
async fn it_is_noted_after_the_first_try_and_before_each_further_one() {
    let fleet = without_capacity();
    let (tag, start_it) = (format!("tag {GPU}"), format!("start {GPU}"));
    run_at(&fleet, &start(), now()).await;
    assert_eq!(fleet.calls(), ["opted-in".to_owned(), start_it.clone(), tag.clone()]);
    run_at(&fleet, &start(), later(5)).await;
    assert_eq!(fleet.calls()[3..], ["opted-in".to_owned(), tag, start_it]);
    assert_eq!(notes(&fleet), times(0, 5), "since when it is owed stays as it was");
}

/// The minutes in which a start is tried, where every minute somebody looks.
async fn tries(fleet: &FakeFleet, minutes: std::ops::Range<i64>) -> Vec<i64> {
    let mut tried = Vec::new();
    for minute in minutes {
        let report = run_at(fleet, &start(), later(minute)).await.report;
        assert_eq!(report.summary.failed, 0);
        if report.outcomes.is_empty() {
            assert_eq!(reason_of(&report, GPU), Reason::AlreadyStopped);
        } else {
            tried.push(minute);
        }
    }
    tried
}

#[tokio::test(flavor = "current_thread")]
async fn it_is_tried_again_the_later_the_longer_it_is_owed() {
    let fleet = without_capacity();
    fleet.put_tags(GPU, &[("doze:schedule", "sat 20:00-24:00 @ UTC")]);
    assert_eq!(tries(&fleet, 0..230).await, [0, 5, 10, 20, 40, 80, 140, 200]);
    fleet.refuse_start(GPU, None);
    assert_eq!(
        reason_of(&run_at(&fleet, &start(), later(240)).await.report, GPU),
        Reason::AlreadyStopped,
        "it is closed"
    );
}

/// What is told of an instance whose start is owed, minute by minute, if `meanwhile` happens before each tick.
async fn told(fleet: &FakeFleet, minutes: std::ops::Range<i64>, meanwhile: impl Fn(i64)) -> Vec<(i64, String)> {
    let notifier = without_links();
    let mut told = Vec::new();
    for minute in minutes {
        meanwhile(minute);
        notifier.tell(&mut run_at(fleet, &start(), later(minute)).await).await;
        told.extend(notifier.topic.take().into_iter().map(|message| (minute, message.subject)));
    }
    told
}

#[tokio::test(flavor = "current_thread")]
async fn people_are_told_once_and_again_when_it_runs() {
    let fleet = without_capacity();
    let told = told(&fleet, 0..45, |minute| {
        if minute == 30 {
            fleet.refuse_start(GPU, None);
        }
        if fleet.state(GPU) == InstanceState::Pending {
            fleet.come_up(GPU, later(minute));
        }
    })
    .await;
    // It is taken after 40 minutes, and seen to run a minute later.
    assert_eq!(told, [(0, "Doze: 1 owed a start".to_owned()), (41, "Doze: 1 started".to_owned())]);
}

#[tokio::test(flavor = "current_thread")]
async fn who_was_only_promised_a_start_is_told_when_it_is_refused_and_when_it_is_given_up() {
    let mut fleet = FakeFleet::default();
    fleet.add_asleep(GPU, &[(SINCE, &now().to_string())]);
    fleet.refuse_start(GPU, Some("VcpuLimitExceeded"));
    let told = told(&fleet, 0..26 * 60, |_| {}).await;
    let day = 24 * 60;
    assert_eq!(told, [(0, "Doze: 1 owed a start".to_owned()), (day, "Doze: 1 not started after all".to_owned())]);
    assert_eq!(notes(&fleet), [None, None]);
}

#[tokio::test(flavor = "current_thread")]
async fn a_start_that_ec2_takes_and_that_finds_no_capacity_is_told_of_once_and_when_it_runs() {
    let mut fleet = FakeFleet::default();
    fleet.add_asleep(GPU, &[("doze:schedule", "sat 20:00-24:00 @ UTC")]);
    let told = told(&fleet, 0..60, |minute| {
        if fleet.state(GPU) == InstanceState::Pending {
            if minute < 30 {
                let words = "There is not enough capacity";
                fleet.fall_back(GPU, "Server.InsufficientInstanceCapacity", words, later(minute - 1));
            } else {
                fleet.come_up(GPU, later(minute));
            }
        }
    })
    .await;
    let subjects: Vec<&str> = told.iter().map(|(_, subject)| subject.as_str()).collect();
    assert_eq!(subjects, ["Doze: 1 started", "Doze: 1 owed a start", "Doze: 1 started"], "{told:?}");
}

#[tokio::test(flavor = "current_thread")]
async fn once_it_runs_its_notes_come_off_whoever_sees_it_first() {
    for event in [state_change(GPU, "running"), sweep(), start()] {
        let mut fleet = without_capacity();
        fleet.add(WEB, 90.0);
        run_at(&fleet, &start(), now()).await;
        fleet.refuse_start(GPU, None);
        run_at(&fleet, &start(), later(5)).await;
        assert_eq!(notes(&fleet), times(0, 5), "the start may still fail");
        fleet.come_up(GPU, later(5));
        assert!(run_at(&fleet, &state_change(WEB, "running"), later(6)).await.report.outcomes.is_empty());
        assert_eq!(notes(&fleet), times(0, 5), "where many come up at once, each cleans up for itself");
        let report = run_at(&fleet, &event, later(6)).await.report;
        assert_eq!(notes(&fleet), [None, None], "{event}");
        assert_eq!(json!(report.outcomes), json!([{"instance": GPU, "action": "settle", "result": "done"}]));
        assert!(run_at(&fleet, &event, later(7)).await.report.outcomes.is_empty(), "once");
    }
}

#[tokio::test(flavor = "current_thread")]
async fn when_its_window_has_closed_it_is_given_up() {
    let fleet = without_capacity();
    run_at(&fleet, &start(), now()).await;
    // At 21:00:20.
    let report = run_at(&fleet, &start(), later(60)).await.report;
    assert_eq!((reason_of(&report, GPU), report.summary.start), (Reason::AlreadyStopped, 0));
    assert_eq!(notes(&fleet), [None, None]);
    let report = run_at(&fleet, &start(), later(61)).await.report;
    let detail = "Doze stopped it at 2026-11-21T17:00:20Z; it is started at 2026-11-28T20:00:00Z";
    assert_eq!(report.decisions[0].detail.as_deref(), Some(detail), "as if nothing was");
}

#[tokio::test(flavor = "current_thread")]
async fn an_owed_start_that_cannot_be_noted_is_a_failure() {
    let mut fleet = without_capacity();
    fleet.refuse_tag(GPU);
    let run = run_at(&fleet, &start(), now()).await;
    let results: Vec<Value> = run.report.outcomes.iter().map(|outcome| json!(outcome)).collect();
    assert_eq!((&results[0]["action"], &results[0]["result"]), (&json!("start"), &json!("owed")));
    assert_eq!((&results[1]["action"], &results[1]["code"]), (&json!("owe"), &json!("TagLimitExceeded")));
    assert!(finish(Ok(run), "request").is_err(), "or else nobody would know that it is tried all the time");
    let report = run_at(&fleet, &start(), later(1)).await.report;
    assert_eq!(reason_of(&report, GPU), Reason::ScheduleOpen, "it is as wanted as before");
}

#[tokio::test(flavor = "current_thread")]
async fn a_try_that_cannot_be_noted_is_made_nevertheless() {
    let mut fleet = without_capacity();
    run_at(&fleet, &start(), now()).await;
    fleet.refuse_tag(GPU);
    fleet.refuse_start(GPU, None);
    let report = run_at(&fleet, &start(), later(5)).await.report;
    assert_eq!((fleet.state(GPU), report.summary.started, report.summary.failed), (InstanceState::Pending, 1, 1));
}

#[tokio::test(flavor = "current_thread")]
async fn notes_that_cannot_be_taken_off_are_a_failure_and_tried_again() {
    let mut fleet = without_capacity();
    run_at(&fleet, &start(), now()).await;
    fleet.come_up(GPU, later(2));
    fleet.refuse_untag();
    for minute in [3, 4] {
        let report = run_at(&fleet, &start(), later(minute)).await.report;
        assert_eq!(json!(report.first_failure())["action"], "settle");
    }
    assert_eq!(notes(&fleet), times(0, 0));
    // A person stops it: the notes that are still there start it no more.
    fleet.edit(GPU, |instance| {
        instance.state = InstanceState::Stopped;
        instance.transition.code = Some("Client.UserInitiatedShutdown".to_owned());
    });
    let report = run_at(&fleet, &start(), later(30)).await.report;
    assert_eq!((reason_of(&report, GPU), fleet.state(GPU)), (Reason::AlreadyStopped, InstanceState::Stopped));
}

#[tokio::test(flavor = "current_thread")]
async fn what_was_asked_for_while_it_was_stopping_starts_as_soon_as_it_has_stopped() {
    let mut fleet = FakeFleet::default();
    // A person clicked while it was stopping, and the note says so.
    fleet.add_switched_off(GPU, &[(SINCE, &later(-1).to_string())]);
    fleet.edit(GPU, |instance| instance.state = InstanceState::Stopping);
    let report = run_at(&fleet, &state_change(GPU, "stopping"), now()).await.report;
    assert_eq!((reason_of(&report, GPU), report.outcomes.len()), (Reason::InTransition, 0));
    fleet.edit(GPU, |instance| instance.state = InstanceState::Stopped);
    let report = run_at(&fleet, &state_change(GPU, "stopped"), now()).await.report;
    assert_eq!((reason_of(&report, GPU), fleet.state(GPU)), (Reason::StartOwed, InstanceState::Pending));
    assert_eq!(notes(&fleet), times(-1, 0));
}

#[tokio::test(flavor = "current_thread")]
async fn a_start_that_fell_back_for_want_of_capacity_is_owed_from_then_on() {
    let mut fleet = FakeFleet::default();
    fleet.add_asleep(GPU, &[OPEN]);
    run_at(&fleet, &start(), now()).await;
    fleet.fall_back(GPU, "Server.InsufficientInstanceCapacity", "There is not enough capacity", now());
    let seen = fleet.calls().len();
    let report = run_at(&fleet, &state_change(GPU, "stopped"), later(1)).await.report;
    assert_eq!((reason_of(&report, GPU), report.summary.started), (Reason::StartOwed, 1));
    assert_eq!(notes(&fleet), times(1, 1));
    let notes_made = fleet.calls()[seen..].iter().filter(|call| call.starts_with("tag ")).count();
    assert_eq!(notes_made, 1, "since when, and the try, in one");
    fleet.fall_back(GPU, "Server.InsufficientInstanceCapacity", "There is not enough capacity", later(1));
    assert_eq!(tries(&fleet, 2..7).await, [6], "and not with every fall");
}

#[tokio::test(flavor = "current_thread")]
async fn an_instance_that_others_wait_for_is_not_tried_the_more_often() {
    let mut fleet = FakeFleet::default();
    fleet.add_asleep(GPU, &[("Name", "gpu")]);
    fleet.add_asleep(WEB, &[("doze:schedule", "sat 20:00-24:00 @ UTC"), ("doze:after", "gpu")]);
    fleet.refuse_start(GPU, Some(NO_CAPACITY));
    let mut told = 0;
    for minute in 0..60 {
        let mut run = run_at(&fleet, &start(), later(minute)).await;
        assert_eq!(reason_of(&run.report, WEB), Reason::WaitsForOthers);
        told += usize::from(message_about(&mut run).await.is_some());
    }
    let starts = fleet.calls().iter().filter(|call| call.starts_with("start")).count();
    assert_eq!((starts, told), (5, 1), "after 0, 5, 10, 20 and 40 minutes");
    assert_eq!(notes(&fleet), times(0, 40));
}
