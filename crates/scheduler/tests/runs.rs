//! Whole runs over a fake fleet: what is called, in which order, and what the report says when something goes wrong.

use crate::support::{BUSY, FakeFleet, IDLE, NOT_OPTED_IN, id, now, settings};
use idleness::{Caps, InstanceState, Mode, Percent, Reason, Tags};
use jiff::SignedDuration;
use journal::Level;
use scheduler::{Entry, Report, Run, RunError, finish, run};
use serde_json::{Value, json};

fn sweep() -> Value {
    json!({"action": "sweep"})
}

fn alarm(instance: &str) -> Value {
    let mut event: Value =
        serde_json::from_str(include_str!("../../../events/scheduler/alarm-direct.json")).expect("is JSON");
    event["alarmData"]["configuration"]["metrics"][0]["metricStat"]["metric"]["dimensions"]["InstanceId"] =
        instance.into();
    event
}

async fn enforced(fleet: &FakeFleet, event: &Value) -> Report {
    enforced_run(fleet, event).await.report
}

async fn enforced_run(fleet: &FakeFleet, event: &Value) -> Run {
    run(event, fleet, &settings(Mode::Enforce), now()).await.expect("the run has a report")
}

fn reason_of(report: &Report, instance: &str) -> Reason {
    report.decisions.iter().find(|decision| decision.instance == id(instance)).expect("was decided about").reason
}

#[tokio::test(flavor = "current_thread")]
async fn a_dry_run_decides_the_same_and_changes_nothing() {
    let (tried, done) = (FakeFleet::of_every_kind(), FakeFleet::of_every_kind());
    let dry = run(&sweep(), &tried, &settings(Mode::DryRun), now()).await.expect("has a report").report;
    let wet = enforced(&done, &sweep()).await;
    assert_eq!(dry.decisions, wet.decisions);
    assert_eq!((dry.summary.stop, dry.summary.stopped, dry.outcomes.len()), (1, 0, 0));
    assert!(tried.calls().iter().all(|call| !call.starts_with("stop") && !call.starts_with("tag")));
    assert_eq!(tried.state(IDLE), InstanceState::Running);
}

#[tokio::test(flavor = "current_thread")]
async fn a_stop_is_noted_on_the_instance() {
    let fleet = FakeFleet::of_every_kind();
    enforced(&fleet, &alarm(IDLE)).await;
    assert_eq!(fleet.state(IDLE), InstanceState::Stopping);
    assert_eq!(fleet.tag_of(IDLE, "doze:stopped-at").as_deref(), Some("2026-11-21T20:00:20Z"));
    assert_eq!(fleet.tag_of(IDLE, "doze:stopped-because").as_deref(), Some("idle"));
}

#[tokio::test(flavor = "current_thread")]
async fn the_same_event_twice_stops_once() {
    let fleet = FakeFleet::of_every_kind();
    enforced(&fleet, &alarm(IDLE)).await;
    let again = enforced(&fleet, &alarm(IDLE)).await;
    assert_eq!(reason_of(&again, IDLE), Reason::InTransition);
    assert!(again.outcomes.is_empty());
    assert_eq!(fleet.calls().iter().filter(|call| call.starts_with("stop")).count(), 1);
}

#[tokio::test(flavor = "current_thread")]
async fn an_alarm_for_an_instance_that_is_kept_reads_no_more_than_it_must() {
    let fleet = FakeFleet::of_every_kind();
    enforced(&fleet, &alarm(NOT_OPTED_IN)).await;
    assert_eq!(fleet.calls(), [format!("instances {NOT_OPTED_IN}")], "no metric is paid for");
    let fleet = FakeFleet::of_every_kind();
    enforced(&fleet, &alarm(BUSY)).await;
    assert_eq!(fleet.calls(), [format!("instances {BUSY}"), format!("evidence {BUSY}")]);
}

#[tokio::test(flavor = "current_thread")]
async fn an_instance_that_the_event_did_not_name_is_left_alone() {
    let mut fleet = FakeFleet::of_every_kind();
    fleet.ignore_filters();
    let report = enforced(&fleet, &alarm(BUSY)).await;
    assert_eq!(report.decisions.len(), 1);
    assert_eq!(fleet.state(IDLE), InstanceState::Running);
}

#[tokio::test(flavor = "current_thread")]
async fn one_refused_stop_does_not_hold_up_the_others() {
    let mut fleet = FakeFleet::of_every_kind();
    fleet.add("i-00000000000000aaa", 0.0);
    fleet.refuse_stop("i-00000000000000aaa", "OperationNotPermitted");
    let report = enforced(&fleet, &sweep()).await;
    assert_eq!((report.summary.stop, report.summary.stopped, report.summary.failed), (2, 1, 1));
    assert_eq!(fleet.state(IDLE), InstanceState::Stopping);
    assert_eq!(
        fleet.tag_of("i-00000000000000aaa", "doze:stopped-at"),
        None,
        "no tag claims a stop that did not happen"
    );
    assert_eq!(report.first_failure().map(|outcome| outcome.instance.as_str()), Some("i-00000000000000aaa"));
}

#[tokio::test(flavor = "current_thread")]
async fn an_instance_that_refuses_every_stop_does_not_use_up_the_cap() {
    let ids: Vec<String> = (0..5).map(|n| format!("i-{n:017x}")).collect();
    for (code, stopped) in [("OperationNotPermitted", 2), ("RequestLimitExceeded", 1)] {
        let mut fleet = FakeFleet::default();
        for id in &ids {
            fleet.add(id, 0.0);
        }
        fleet.refuse_stop(&ids[0], code);
        let settings = scheduler::Settings { caps: Caps { stops: 2, share: Percent::ALL }, ..settings(Mode::Enforce) };
        let report = run(&sweep(), &fleet, &settings, now()).await.expect("has a report").report;
        assert_eq!((report.summary.stopped, report.summary.failed), (stopped, 1), "{code}");
        assert_eq!(ids.iter().filter(|id| fleet.state(id) == InstanceState::Stopping).count(), stopped);
        let planned = report.decisions.iter().filter(|decision| decision.reason == Reason::Idle).count();
        assert_eq!(planned, report.outcomes.len(), "every stop that the report names was tried");
    }
}

#[tokio::test(flavor = "current_thread")]
async fn places_are_handed_on_a_bounded_number_of_times() {
    let mut fleet = FakeFleet::default();
    for n in 0..20 {
        fleet.add(&format!("i-{n:017x}"), 0.0);
        fleet.refuse_stop(&format!("i-{n:017x}"), "OperationNotPermitted");
    }
    let settings = scheduler::Settings { caps: Caps { stops: 2, share: Percent::ALL }, ..settings(Mode::Enforce) };
    let report = run(&sweep(), &fleet, &settings, now()).await.expect("has a report").report;
    assert_eq!((report.summary.failed, report.summary.stop), (8, 8), "two, and three times two more");
}

#[tokio::test(flavor = "current_thread")]
async fn a_stop_whose_answer_was_lost_is_looked_at_again() {
    let mut fleet = FakeFleet::of_every_kind();
    fleet.lose_answer_of(IDLE);
    let report = enforced(&fleet, &alarm(IDLE)).await;
    assert_eq!((report.summary.stopped, report.summary.failed), (1, 0));
    assert_eq!(report.outcomes[0].to, Some(InstanceState::Stopping));
    assert!(fleet.tag_of(IDLE, "doze:stopped-at").is_some(), "it counts towards the cap");
}

#[tokio::test(flavor = "current_thread")]
async fn a_refusal_for_the_state_reports_the_true_state() {
    for (state, result) in [(InstanceState::Running, "failed"), (InstanceState::Stopping, "already")] {
        let mut fleet = FakeFleet::of_every_kind();
        fleet.refuse_stop_in_state(IDLE, state);
        let report = enforced(&fleet, &alarm(IDLE)).await;
        let outcome = serde_json::to_value(&report.outcomes[0]).expect("serializes");
        assert_eq!((&outcome["result"], &outcome["to"]), (&json!(result), &json!(state)));
        assert_eq!(report.summary.stopped, 0);
    }
}

#[tokio::test(flavor = "current_thread")]
async fn an_instance_that_cannot_be_noted_is_not_stopped() {
    let mut fleet = FakeFleet::of_every_kind();
    fleet.add("i-00000000000000aaa", 0.0);
    fleet.refuse_tag(IDLE);
    let report = enforced(&fleet, &sweep()).await;
    assert_eq!(fleet.state(IDLE), InstanceState::Running);
    assert_eq!(fleet.state("i-00000000000000aaa"), InstanceState::Stopping);
    let failed = serde_json::to_value(report.first_failure()).expect("serializes");
    assert_eq!((&failed["instance"], &failed["action"]), (&json!(IDLE), &json!("stop")));
    assert_eq!(failed["code"], "TagLimitExceeded");
}

#[tokio::test(flavor = "current_thread")]
async fn the_note_of_a_refused_stop_is_taken_back_and_that_of_an_unclear_one_stays() {
    for (code, is_taken_back) in [
        ("OperationNotPermitted", true),
        ("RequestLimitExceeded", true),
        ("UnauthorizedOperation", true),
        ("InternalError", false),
        ("ServiceUnavailable", false),
        ("Timeout", false),
    ] {
        let mut fleet = FakeFleet::of_every_kind();
        fleet.refuse_stop(IDLE, code);
        let report = enforced(&fleet, &alarm(IDLE)).await;
        assert_eq!(report.summary.failed, 1, "{code}");
        assert_eq!(fleet.tag_of(IDLE, "doze:stopped-at").is_none(), is_taken_back, "{code}");
    }
}

/// Makes something go wrong with one instance.
type Fault = fn(&mut FakeFleet, &str);

#[tokio::test(flavor = "current_thread")]
async fn an_event_that_is_tried_again_stays_under_the_cap_whatever_fails() {
    let ids: Vec<String> = (0..8).map(|n| format!("i-{n:017x}")).collect();
    let faults: [(&str, Fault); 6] = [
        ("none", |_, _| {}),
        ("tags refused", |fleet, id| fleet.refuse_tag(id)),
        ("answer lost", |fleet, id| fleet.lose_answer_of(id)),
        ("stop protection", |fleet, id| fleet.refuse_stop(id, "OperationNotPermitted")),
        ("took effect, then throttled", |fleet, id| fleet.stop_and_answer(id, "RequestLimitExceeded")),
        ("somebody was faster", |fleet, id| fleet.stop_and_answer(id, "IncorrectInstanceState")),
    ];
    for (name, fault) in faults {
        for blind in [false, true] {
            let mut fleet = FakeFleet::default();
            for (n, id) in ids.iter().enumerate() {
                fleet.add(id, 0.0);
                // Half of the fleet, so that there are others to stop in their place.
                if n % 2 == 0 {
                    fault(&mut fleet, id);
                }
            }
            if blind {
                fleet.go_blind_after_acting();
            }
            let settings =
                scheduler::Settings { caps: Caps { stops: 2, share: Percent::ALL }, ..settings(Mode::Enforce) };
            for _ in 0..3 {
                // Who cannot be looked at once more is not stopped.
                let ran = run(&sweep(), &fleet, &settings, now()).await;
                assert!(blind || ran.is_ok(), "{name}: {ran:?}");
            }
            let stopped = ids.iter().filter(|id| fleet.state(id) == InstanceState::Stopping).count();
            assert!(stopped <= 2, "{name}, blind: {blind}: {stopped} were stopped");
            assert!(blind || stopped == 2, "{name}: only {stopped} were stopped");
        }
    }
}

#[tokio::test(flavor = "current_thread")]
async fn who_is_kept_awake_while_the_fleet_is_measured_is_not_stopped() {
    for (key, value, reason) in [
        ("doze:keep-until", "2026-11-22T00:00:00Z", Reason::KeptAwake),
        ("doze", "off", Reason::NotOptedIn),
        ("doze:schedule", "whenever I want", Reason::BadTag),
    ] {
        let mut fleet = FakeFleet::of_every_kind();
        fleet.tag_while_measured(IDLE, key, value);
        let report = enforced(&fleet, &alarm(IDLE)).await;
        assert_eq!((report.decisions[0].reason, fleet.state(IDLE)), (reason, InstanceState::Running), "{key}");
        assert!(report.outcomes.is_empty() && fleet.tag_of(IDLE, "doze:stopped-at").is_none(), "{key}");
    }
}

#[tokio::test(flavor = "current_thread")]
async fn who_is_not_found_when_looked_at_again_is_not_stopped() {
    for event in [alarm(IDLE), sweep()] {
        let mut fleet = FakeFleet::of_every_kind();
        fleet.lose_while_measured(IDLE);
        let report = enforced(&fleet, &event).await;
        let decision = report.decisions.iter().find(|decision| decision.instance.as_str() == IDLE);
        assert_eq!(decision.map(|decision| decision.reason), Some(Reason::NotFound), "{event}");
        assert!(report.outcomes.is_empty(), "{event}: {:?}", report.outcomes);
    }
}

#[tokio::test(flavor = "current_thread")]
async fn the_note_of_an_earlier_stop_survives_a_refused_one() {
    let mut fleet = FakeFleet::of_every_kind();
    let earlier = (now() - SignedDuration::from_mins(40)).to_string();
    fleet.edit(IDLE, |instance| instance.tags = Tags::from_iter([("doze", "on"), ("doze:stopped-at", &earlier)]));
    fleet.refuse_stop(IDLE, "OperationNotPermitted");
    enforced(&fleet, &alarm(IDLE)).await;
    assert!(fleet.tag_of(IDLE, "doze:stopped-at").is_some());
}

#[tokio::test(flavor = "current_thread")]
async fn a_note_that_cannot_be_taken_back_is_a_failure_of_its_own() {
    let mut fleet = FakeFleet::of_every_kind();
    fleet.refuse_stop(IDLE, "OperationNotPermitted");
    fleet.refuse_untag();
    let report = enforced(&fleet, &alarm(IDLE)).await;
    let actions: Vec<Value> = report.outcomes.iter().map(|o| json!(o)["action"].clone()).collect();
    assert_eq!((actions, report.summary.failed), (vec![json!("stop"), json!("untag")], 2));
}

#[tokio::test(flavor = "current_thread")]
async fn a_fleet_that_cannot_be_seen_fails_the_run_and_nothing_is_changed() {
    let mut fleet = FakeFleet::of_every_kind();
    fleet.make_unreadable();
    let error = run(&sweep(), &fleet, &settings(Mode::Enforce), now()).await.expect_err("cannot see");
    assert!(matches!(error, RunError::Unseen(_)));
    assert_eq!(error.code(), "unseen-fleet");
    assert_eq!(fleet.calls(), ["opted-in"]);
}

#[tokio::test(flavor = "current_thread")]
async fn single_alarms_share_the_cap_of_the_fleet() {
    let mut fleet = FakeFleet::default();
    let ids: Vec<String> = (0..6).map(|n| format!("i-{n:017x}")).collect();
    for id in &ids {
        fleet.add(id, 0.0);
    }
    let settings = scheduler::Settings { caps: Caps { stops: 2, share: Percent::ALL }, ..settings(Mode::Enforce) };
    let mut reasons = Vec::new();
    for id in &ids {
        let report = run(&alarm(id), &fleet, &settings, now()).await.expect("has a report").report;
        reasons.push(reason_of(&report, id));
    }
    assert_eq!(reasons[..2], [Reason::Idle; 2]);
    assert_eq!(reasons[2..], [Reason::OverCap; 4]);
    let later = now() + SignedDuration::from_mins(61);
    let report = run(&alarm(&ids[2]), &fleet, &settings, later).await.expect("has a report").report;
    assert_eq!(reason_of(&report, &ids[2]), Reason::Idle, "the hour has passed");
}

#[tokio::test(flavor = "current_thread")]
async fn an_instance_that_lost_its_tag_meanwhile_is_not_looked_at() {
    let fleet = FakeFleet::of_every_kind();
    fleet.edit(IDLE, |instance| instance.tags = Tags::from_iter([("doze", "off")]));
    let report = enforced(&fleet, &alarm(IDLE)).await;
    assert_eq!(reason_of(&report, IDLE), Reason::NotOptedIn);
}

#[tokio::test(flavor = "current_thread")]
async fn the_log_has_a_line_for_each_stop_and_ends_with_the_report() {
    let mut fleet = FakeFleet::of_every_kind();
    fleet.add("i-00000000000000aaa", 0.0);
    fleet.refuse_stop("i-00000000000000aaa", "OperationNotPermitted");
    let run = enforced_run(&fleet, &sweep()).await;
    let lines: Vec<_> = run.entries().map(|entry| (entry.level(), entry.message())).collect();
    assert_eq!(lines.iter().filter(|line| **line == (Level::Info, "stop")).count(), 1);
    assert_eq!(lines.iter().filter(|line| **line == (Level::Error, "stop")).count(), 1);
    assert_eq!(lines.iter().filter(|line| **line == (Level::Debug, "keep")).count(), 4);
    assert_eq!(lines.last(), Some(&(Level::Info, "report")));
    let stop = run.entries().find(|entry| entry.level() == Level::Error).expect("the failed one");
    let json = serde_json::to_value(&stop).expect("serializes");
    assert_eq!(json["reason"], "idle");
    assert_eq!(json["outcomes"][0]["code"], "OperationNotPermitted");
}

#[tokio::test(flavor = "current_thread")]
async fn a_large_fleet_makes_a_bounded_report_and_a_bounded_log_line() {
    let mut fleet = FakeFleet::default();
    for n in 0..5000 {
        fleet.add(&format!("i-{n:017x}"), if n < 1000 { 1.234_567_890_123_4 } else { 98.765_432_109_87 });
    }
    let settings = scheduler::Settings { caps: Caps { stops: 1000, share: Percent::ALL }, ..settings(Mode::Enforce) };
    let run = run(&sweep(), &fleet, &settings, now()).await.expect("has a report");
    let report = &run.report;
    assert_eq!((report.summary.considered, report.summary.stopped), (5000, 1000));
    assert_eq!(report.summary.keep_by_reason["busy"], 4000);
    let stops = report.decisions.iter().filter(|decision| decision.reason == Reason::Idle).count();
    assert_eq!(stops, 1000, "every stop is listed");
    assert!(report.decisions.len() > 1000 && report.decisions.len() <= 2000);
    assert!(serde_json::to_vec(&report).expect("serializes").len() < 1_000_000);
    for entry in run.entries() {
        assert!(serde_json::to_vec(&entry).expect("serializes").len() < 256_000);
    }
    assert!(matches!(run.entries().last(), Some(Entry::ShortReport { .. })));
}

#[tokio::test(flavor = "current_thread")]
async fn an_invocation_fails_where_an_action_or_the_run_failed() {
    let mut fleet = FakeFleet::of_every_kind();
    let report = run(&sweep(), &fleet, &settings(Mode::DryRun), now()).await;
    assert!(finish(report, "request").is_ok());
    fleet.refuse_stop(IDLE, "OperationNotPermitted");
    let report = run(&sweep(), &fleet, &settings(Mode::Enforce), now()).await;
    let failure = lambda_runtime::Diagnostic::from(finish(report, "request").expect_err("a stop failed"));
    assert_eq!(failure.error_type, "action-failed");
    assert!(
        failure.error_message.contains(IDLE) && failure.error_message.contains("OperationNotPermitted"),
        "{failure:?}"
    );
    let refused = run(&json!({}), &fleet, &settings(Mode::Enforce), now()).await;
    assert_eq!(
        lambda_runtime::Diagnostic::from(finish(refused, "request").expect_err("is refused")).error_type,
        "unknown-event"
    );
}
