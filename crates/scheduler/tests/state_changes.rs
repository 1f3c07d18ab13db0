//! EC2's notices that an instance changed its state: what runs lets others start, and what fell back is told of.

use crate::support::{
    BUSY, FakeFleet, IDLE, NOT_OPTED_IN, STOPPED,
    messages::{message_about, without_links},
    now, settings,
    starts::{OPEN, SINCE, later, state_change},
};
use idleness::{InstanceState, Mode, Reason};
use jiff::Timestamp;
use scheduler::{Report, Run, run};
use serde_json::{Value, json};

const DB: &str = "i-00000000000000001";
const API: &str = "i-00000000000000002";
const WEB: &str = "i-00000000000000003";
const KMS: (&str, &str) = ("Client.InternalError", "Client error on launch");

async fn run_at(fleet: &FakeFleet, event: &Value, mode: Mode, at: Timestamp) -> Run {
    run(event, fleet, &settings(mode), at).await.expect("the run has a report")
}

async fn enforced(fleet: &FakeFleet, event: &Value) -> Report {
    run_at(fleet, event, Mode::Enforce, now()).await.report
}

fn reasons(report: &Report) -> Vec<(&str, Reason)> {
    report.decisions.iter().map(|decision| (decision.instance.as_str(), decision.reason)).collect()
}

/// A database that has just come up, and two that start after it; the window of one of these is open.
fn fleet() -> FakeFleet {
    let mut fleet = FakeFleet::default();
    fleet.add(DB, 50.0);
    fleet.put_tags(DB, &[("Name", "db")]);
    fleet.come_up(DB, now());
    fleet.add_asleep(API, &[OPEN, ("doze:after", "db")]);
    fleet.add_asleep(WEB, &[("doze:after", DB)]);
    fleet
}

#[tokio::test(flavor = "current_thread")]
async fn what_starts_after_an_instance_starts_as_soon_as_that_runs() {
    let fleet = fleet();
    let report = enforced(&fleet, &state_change(DB, "running")).await;
    assert_eq!(
        reasons(&report),
        [(DB, Reason::RecentlyStarted), (API, Reason::ScheduleOpen), (WEB, Reason::AlreadyStopped)]
    );
    assert_eq!((report.summary.started, fleet.state(API)), (1, InstanceState::Pending));
    assert_eq!(fleet.state(WEB), InstanceState::Stopped, "nobody wants it");
    let calls = [format!("instances {DB}"), "opted-in".to_owned(), format!("start {API}")];
    assert_eq!(fleet.calls(), calls, "nothing is measured");
}

#[tokio::test(flavor = "current_thread")]
async fn a_start_that_a_person_asked_for_comes_in_its_turn() {
    let fleet = fleet();
    fleet.put_tags(WEB, &[(SINCE, &later(-2).to_string())]);
    let report = enforced(&fleet, &state_change(DB, "running")).await;
    assert_eq!(report.decisions[2].reason, Reason::StartOwed);
    assert_eq!(fleet.state(WEB), InstanceState::Pending);
}

#[tokio::test(flavor = "current_thread")]
async fn those_who_wait_for_another_one_wait_on() {
    let mut fleet = fleet();
    fleet.add(BUSY, 50.0);
    fleet.edit(BUSY, |instance| instance.state = InstanceState::Pending);
    fleet.put_tags(API, &[("doze:after", &format!("db + {BUSY}"))]);
    let report = enforced(&fleet, &state_change(DB, "running")).await;
    assert_eq!(report.decisions[1].reason, Reason::WaitsForOthers);
    assert!(report.outcomes.is_empty());
    fleet.come_up(BUSY, now());
    enforced(&fleet, &state_change(BUSY, "running")).await;
    assert_eq!(fleet.state(API), InstanceState::Pending);
}

#[tokio::test(flavor = "current_thread")]
async fn those_who_run_already_are_none_of_its_business() {
    let fleet = fleet();
    fleet.come_up(API, later(-600));
    fleet.edit(WEB, |instance| instance.state = InstanceState::Stopping);
    let report = enforced(&fleet, &state_change(DB, "running")).await;
    assert_eq!(reasons(&report), [(DB, Reason::RecentlyStarted)]);
}

#[tokio::test(flavor = "current_thread")]
async fn a_dry_run_says_what_would_start() {
    let fleet = fleet();
    let report = run_at(&fleet, &state_change(DB, "running"), Mode::DryRun, now()).await.report;
    assert_eq!((report.decisions[1].reason, report.summary.start), (Reason::ScheduleOpen, 1));
    assert_eq!((report.outcomes.len(), fleet.state(API)), (0, InstanceState::Stopped));
}

#[tokio::test(flavor = "current_thread")]
async fn the_state_in_the_notice_is_not_believed() {
    for state in [InstanceState::Stopped, InstanceState::Pending, InstanceState::Stopping, InstanceState::Terminated] {
        let fleet = fleet();
        fleet.edit(DB, |instance| instance.state = state);
        let report = enforced(&fleet, &state_change(DB, "running")).await;
        assert_eq!((report.decisions.len(), report.outcomes.len()), (1, 0));
        assert_eq!(fleet.calls(), [format!("instances {DB}")]);
    }
    // A notice that came late: it runs by now.
    for state in ["pending", "stopped", "?"] {
        let fleet = fleet();
        enforced(&fleet, &state_change(DB, state)).await;
        assert_eq!(fleet.state(API), InstanceState::Pending);
    }
}

#[tokio::test(flavor = "current_thread")]
async fn of_an_instance_that_is_not_opted_in_one_description_is_read() {
    let fleet = FakeFleet::of_every_kind();
    for state in ["running", "stopped", "pending", "stopping", "terminated", "shutting-down"] {
        let report = enforced(&fleet, &state_change(NOT_OPTED_IN, state)).await;
        assert_eq!(reasons(&report), [(NOT_OPTED_IN, Reason::NotOptedIn)]);
    }
    assert_eq!(fleet.calls(), vec![format!("instances {NOT_OPTED_IN}"); 6]);
}

#[tokio::test(flavor = "current_thread")]
async fn of_an_instance_that_has_stopped_one_description_is_read() {
    let fleet = FakeFleet::of_every_kind();
    let report = enforced(&fleet, &state_change(STOPPED, "stopped")).await;
    assert_eq!(reasons(&report), [(STOPPED, Reason::AlreadyStopped)]);
    assert_eq!(fleet.calls(), [format!("instances {STOPPED}")]);
}

#[tokio::test(flavor = "current_thread")]
async fn an_instance_that_is_gone_is_not_found() {
    let fleet = FakeFleet::default();
    let report = enforced(&fleet, &state_change(DB, "terminated")).await;
    assert_eq!(reasons(&report), [(DB, Reason::NotFound)]);
}

#[tokio::test(flavor = "current_thread")]
async fn a_running_one_is_judged_like_any_other() {
    let fleet = FakeFleet::of_every_kind();
    let report = enforced(&fleet, &state_change(IDLE, "running")).await;
    assert_eq!(reasons(&report), [(IDLE, Reason::Idle)], "it has been up for ten hours, whatever the notice says");
}

#[tokio::test(flavor = "current_thread")]
async fn a_start_that_fell_back_is_in_the_report_and_told_of_once() {
    let mut fleet = FakeFleet::default();
    fleet.add_asleep(WEB, &[OPEN, ("Name", "web")]);
    run_at(&fleet, &json!({"action": "start"}), Mode::Enforce, now()).await;
    fleet.fall_back(WEB, KMS.0, KMS.1, later(0));
    let mut run = run_at(&fleet, &state_change(WEB, "stopped"), Mode::Enforce, later(1)).await;
    assert_eq!(reasons(&run.report), [(WEB, Reason::StartFailed)]);
    let detail = run.report.decisions[0].detail.clone().expect("says why");
    assert!(detail.contains("Client.InternalError: Client error on launch") && detail.contains("KMS key"), "{detail}");
    assert!(run.report.outcomes.is_empty(), "another start would fail, too");
    let notifier = without_links();
    notifier.tell(&mut run).await;
    let [message] = &notifier.topic.take()[..] else { panic!("somebody has to do something") };
    assert_eq!(message.subject, "Doze: 1 fell back to stopped");
    assert!(message.body.contains(&format!("web ({WEB}) was started and fell back to stopped")), "{}", message.body);
    assert!(message.body.contains(&detail), "{}", message.body);
    for (minute, action) in [(2, "start"), (3, "sweep")] {
        let mut run = run_at(&fleet, &json!({"action": action}), Mode::Enforce, later(minute)).await;
        assert_eq!((reasons(&run.report), run.report.summary.start), (vec![(WEB, Reason::StartFailed)], 0));
        notifier.tell(&mut run).await;
        assert!(notifier.topic.take().is_empty(), "{action}");
    }
}

/// EC2's notices can be switched off, and one that comes early finds the instance `pending`.
#[tokio::test(flavor = "current_thread")]
async fn where_no_notice_tells_of_a_start_that_fell_back_the_next_tick_does() {
    let mut fleet = FakeFleet::default();
    fleet.add_asleep(WEB, &[OPEN, ("Name", "web")]);
    run_at(&fleet, &json!({"action": "start"}), Mode::Enforce, now()).await;
    let notifier = without_links();
    notifier.tell(&mut run_at(&fleet, &state_change(WEB, "stopped"), Mode::Enforce, now()).await).await;
    fleet.fall_back(WEB, KMS.0, KMS.1, later(0));
    let mut told = Vec::new();
    for minute in 1..90 {
        notifier.tell(&mut run_at(&fleet, &json!({"action": "start"}), Mode::Enforce, later(minute)).await).await;
        told.extend(notifier.topic.take().into_iter().map(|message| (minute, message.subject)));
    }
    assert_eq!(told, [(1, "Doze: 1 fell back to stopped".to_owned())]);
    // Whoever starts it anew wants to know anew.
    fleet.fall_back(WEB, KMS.0, KMS.1, later(100));
    notifier.tell(&mut run_at(&fleet, &json!({"action": "start"}), Mode::Enforce, later(101)).await).await;
    assert_eq!(notifier.topic.take().len(), 1);
}

#[tokio::test(flavor = "current_thread")]
async fn in_a_dry_run_a_start_that_fell_back_is_told_of_by_the_report_alone() {
    let mut fleet = FakeFleet::default();
    fleet.add_asleep(WEB, &[]);
    fleet.fall_back(WEB, KMS.0, KMS.1, later(0));
    let mut run = run_at(&fleet, &state_change(WEB, "stopped"), Mode::DryRun, later(1)).await;
    assert_eq!(reasons(&run.report), [(WEB, Reason::StartFailed)]);
    assert_eq!(message_about(&mut run).await, None);
}

#[tokio::test(flavor = "current_thread")]
async fn one_that_fell_back_long_ago_is_no_news_when_another_one_runs() {
    let fleet = fleet();
    fleet.fall_back(WEB, KMS.0, KMS.1, later(-600));
    let mut run = run_at(&fleet, &state_change(DB, "running"), Mode::Enforce, now()).await;
    assert_eq!(run.report.decisions[2].reason, Reason::StartFailed);
    let message = message_about(&mut run).await.expect("another one started");
    assert_eq!(message.subject, "Doze: 1 started");
}

#[tokio::test(flavor = "current_thread")]
async fn a_start_that_others_wait_for_and_that_failed_is_said_to_hold_them_up() {
    let fleet = fleet();
    fleet.fall_back(DB, KMS.0, KMS.1, later(-1));
    let report = enforced(&fleet, &json!({"action": "start"})).await;
    assert_eq!(
        reasons(&report),
        [(DB, Reason::StartFailed), (API, Reason::WaitsForOthers), (WEB, Reason::AlreadyStopped)]
    );
    let detail = format!("it starts after \"db\" ({DB}), which is stopped, since its start failed");
    assert_eq!(report.decisions[1].detail, Some(detail));
}
