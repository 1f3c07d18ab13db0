//! What comes next for an instance, and when: every reason has its answer.

use crate::support::{
    self, at, custom, instance, minutes_ago, now, quiet, quiet_but, rules,
    starts::{CLOSED, KMS, OPEN, STOPPED_AT, fallen, slept, switched_off, with_tags},
    steady, tagged, under,
};
use idleness::{Evidence, Instance, InstanceState, Metric, Next, NextAction, Place, Reason, Rules, Turn, decide, next};
use jiff::{SignedDuration, Timestamp};

/// What is expected of each reason. A new one does not compile without an answer.
fn expected(reason: Reason) -> Option<(NextAction, Option<&'static str>)> {
    match reason {
        Reason::Idle => Some((NextAction::Stop, None)),
        Reason::Announced => Some((NextAction::Stop, Some("2026-11-21T20:33:17Z"))),
        Reason::KeptAwake => Some((NextAction::Decide, Some("2027-01-01T00:00:00Z"))),
        Reason::InsideSchedule => Some((NextAction::Decide, Some("2026-11-21T21:00:00Z"))),
        Reason::RecentlyStarted => Some((NextAction::Decide, Some("2026-11-21T20:23:17Z"))),
        Reason::AlreadyStopped => Some((NextAction::Start, Some("2026-11-23T00:00:00Z"))),
        Reason::ScheduleOpen | Reason::StartOwed | Reason::Requested | Reason::Needed | Reason::WaitsForOthers => {
            Some((NextAction::Start, None))
        }
        Reason::NotFound
        | Reason::NotOptedIn
        | Reason::StartFailed
        | Reason::InTransition
        | Reason::Terminated
        | Reason::BadTag
        | Reason::AutoScalingMember
        | Reason::ClusterMember
        | Reason::OneTimeSpot
        | Reason::InstanceStoreRoot
        | Reason::StopProtected
        | Reason::InsufficientData
        | Reason::Busy
        | Reason::SessionActive
        | Reason::OverCap => None,
    }
}

fn graced() -> Rules {
    Rules { grace: SignedDuration::from_mins(30), ..rules() }
}

/// One instance for each reason, as `decide` finds it; the last are what plans and people make of a decision.
fn cases() -> Vec<(Reason, Instance, Evidence, Rules)> {
    let with = |edit: fn(&mut Instance)| {
        let mut instance = instance(1);
        edit(&mut instance);
        instance
    };
    let heeding = || under(custom(r#"{"sessions": true}"#));
    let case = |reason, instance| (reason, instance, quiet(), rules());
    vec![
        case(Reason::NotOptedIn, with(|it| it.tags = idleness::Tags::default())),
        case(Reason::AlreadyStopped, slept(&[CLOSED])),
        case(Reason::StartFailed, fallen(KMS, None, &[CLOSED])),
        case(Reason::ScheduleOpen, slept(&[OPEN])),
        case(Reason::StartOwed, switched_off(&[("doze:start-owed-since", "2026-11-21T20:00:00Z")])),
        case(Reason::InTransition, with(|it| it.state = InstanceState::Pending)),
        case(Reason::Terminated, with(|it| it.state = InstanceState::Terminated)),
        case(Reason::BadTag, tagged(&[("doze:policy", "lazy")])),
        case(Reason::AutoScalingMember, tagged(&[("aws:autoscaling:groupName", "web")])),
        case(Reason::ClusterMember, tagged(&[("eks:cluster-name", "prod")])),
        case(Reason::OneTimeSpot, with(|it| it.market = idleness::Market::SpotOneTime)),
        case(Reason::InstanceStoreRoot, with(|it| it.root_device = idleness::RootDevice::InstanceStore)),
        case(Reason::StopProtected, with(|it| it.stop_protection = idleness::StopProtection::On)),
        case(Reason::KeptAwake, tagged(&[("doze:keep-until", "2027-01-01T00:00:00Z")])),
        case(Reason::InsideSchedule, tagged(&[OPEN])),
        case(Reason::RecentlyStarted, with(|it| it.launched_at = Some(minutes_ago(10)))),
        (Reason::InsufficientData, instance(1), Evidence::default(), rules()),
        (Reason::Busy, instance(1), quiet_but(&Metric::CPU, steady(60.0)), rules()),
        (Reason::SessionActive, instance(1), quiet().with_sessions(1), heeding()),
        (Reason::Announced, instance(1), quiet(), graced()),
        case(Reason::Idle, instance(1)),
    ]
}

#[track_caller]
fn check(instance: &Instance, decision: &idleness::Decision, rules: &Rules) {
    let expected = expected(decision.reason).map(|(action, time)| Next { action, at: time.map(at) });
    assert_eq!(next(instance, decision, rules, now()), expected, "{:?}", decision.reason);
}

#[test]
fn every_reason_has_its_next_step() {
    for (reason, instance, evidence, rules) in cases() {
        let decision = decide(&instance, &evidence, &rules, now());
        assert_eq!(decision.reason, reason);
        check(&instance, &decision, &rules);
    }
    check(&instance(1), &idleness::Decision::not_found(instance(1).id), &rules());
    let idle = decide(&instance(1), &quiet(), &rules(), now());
    check(&instance(1), &Place { stops_so_far: 1, limit: 1 }.allow(idle), &rules());
    for reason in [Reason::WaitsForOthers, Reason::Needed] {
        let turn = Turn { reason, detail: "others".to_owned() };
        check(&slept(&[CLOSED]), &turn.apply(decide(&slept(&[CLOSED]), &quiet(), &rules(), now())), &rules());
    }
    let requested = idleness::requested(&slept(&[]), [&slept(&[])]);
    assert_eq!(requested[0].reason, Reason::Requested);
    check(&slept(&[]), &requested[0], &rules());
}

#[test]
fn the_cases_are_all_that_decide_can_say() {
    let reasons: std::collections::BTreeSet<Reason> = cases().iter().map(|(reason, ..)| *reason).collect();
    // Four more come from plans, people and ids that EC2 does not know, and a fifth from the order of starts.
    assert_eq!(reasons.len(), 26 - 5);
}

#[track_caller]
fn check_at(instance: &Instance, time: Option<&str>) {
    let decision = decide(instance, &quiet(), &rules(), now());
    let action = if decision.reason == Reason::AlreadyStopped { NextAction::Start } else { NextAction::Decide };
    let expected: Option<Timestamp> = time.map(at);
    assert_eq!(next(instance, &decision, &rules(), now()), expected.map(|at| Next { action, at: Some(at) }));
}

#[test]
fn what_never_ends_has_no_next_step() {
    check_at(&tagged(&[("doze:schedule", "mon-sun 00:00-24:00 @ UTC")]), None);
    check_at(&Instance { launched_at: None, ..instance(1) }, None);
}

#[test]
fn a_stopped_instance_starts_at_the_next_opening_if_doze_stopped_it() {
    check_at(&slept(&[CLOSED]), Some("2026-11-23T00:00:00Z"));
    check_at(&switched_off(&[CLOSED]), None);
    check_at(&switched_off(&[OPEN]), None);
    check_at(&slept(&[]), None);
    check_at(&slept(&[CLOSED, ("doze:keep-until", "x")]), None);
    let started_since = Instance { launched_at: Some(minutes_ago(9)), ..slept(&[CLOSED]) };
    check_at(&started_since, None);
}

fn owed(tags: &[(&str, &str)], since: &str, tried: &str) -> Instance {
    let notes = [("doze:start-owed-since", since), ("doze:start-tried-at", tried)];
    Instance { launched_at: Some(at("2026-11-01T00:00:00Z")), ..with_tags(1, &[tags, &notes].concat()) }
}

#[test]
fn an_owed_start_is_next_when_it_is_due() {
    check_at(&owed(&[], "2026-11-21T19:30:00Z", "2026-11-21T20:00:00Z"), Some("2026-11-21T20:30:00Z"));
    check_at(&owed(&[OPEN], "2026-11-21T20:00:00Z", "2026-11-21T20:02:00Z"), Some("2026-11-21T20:07:00Z"));
    check_at(&slept(&[CLOSED, ("doze:start-owed-since", "2026-11-21T21:00:00Z")]), Some("2026-11-21T21:00:00Z"));
    let came_true = owed(&[], "2026-11-21T19:30:00Z", "2026-11-21T20:00:00Z");
    check_at(&Instance { launched_at: Some(minutes_ago(20)), ..came_true }, None);
}

#[test]
fn an_owed_start_that_is_given_up_before_it_is_due_is_not_promised() {
    // The window closes at 20:10, and the next try would be at 20:30.
    const CLOSING: (&str, &str) = ("doze:schedule", "sat 19:00-20:10 @ UTC");
    let late = |tags: &[(&str, &str)]| owed(tags, "2026-11-21T19:30:00Z", "2026-11-21T20:00:00Z");
    check_at(&late(&[CLOSING]), None);
    check_at(&late(&[CLOSING, STOPPED_AT]), Some("2026-11-28T19:00:00Z"));
    // Owed since yesterday at 20:10, and tried at 19:40: the next would be at 20:40, after more than a day.
    check_at(&owed(&[], "2026-11-20T20:10:00Z", "2026-11-21T19:40:00Z"), None);
    // Given up already, though the last try was not long ago.
    let over = ("doze:schedule", "sat 18:33-19:33 @ UTC");
    check_at(&owed(&[over], "2026-11-21T18:33:00Z", "2026-11-21T19:30:00Z"), None);
    check_at(&owed(&[over, STOPPED_AT], "2026-11-21T18:33:00Z", "2026-11-21T19:30:00Z"), Some("2026-11-28T18:33:00Z"));
    // It was due while the window was open, but nobody looked.
    check_at(&owed(&[over], "2026-11-21T18:40:00Z", "2026-11-21T18:45:00Z"), None);
}

#[test]
fn programs_read_the_action_and_the_time() {
    let json = |action, at: Option<&str>| serde_json::json!(Next { action, at: at.map(support::at) });
    let time = "2026-11-21T20:30:00Z";
    for (action, name) in [(NextAction::Stop, "stop"), (NextAction::Start, "start"), (NextAction::Decide, "decide")] {
        assert_eq!(json(action, Some(time)), serde_json::json!({"action": name, "at": time}));
        assert_eq!(json(action, None), serde_json::json!({"action": name, "at": null}));
    }
}
