//! What becomes of a stopped instance whose start nobody owes: started at a window's opening, if it was Doze that stopped it.

use crate::support::{
    at, now, quiet, rules,
    starts::{ASKED_FOR, CLOSED, KMS, NO_CAPACITY, OPEN, STOPPED_AT, fallen, slept, switched_off, transition},
    tagged,
};
use idleness::{Instance, InstanceState, Market, Reason, StopProtection, Transition, Verdict, decide, needs_evidence};

const BY_DOZE: &str = "Doze stopped it at 2026-11-21T10:00:00Z";
const NOT_BY_DOZE: &str = "a window of its schedule is open, but it was not Doze that stopped it last";

#[track_caller]
fn check(instance: &Instance, reason: Reason, detail: Option<&str>) {
    let decision = decide(instance, &quiet(), &rules(), now());
    assert_eq!((decision.reason, decision.detail.as_deref()), (reason, detail));
    assert_eq!(decision.verdict, reason.verdict());
    assert_eq!(
        (decision.evidence.len(), decision.announcement),
        (0, None),
        "nothing is measured of a stopped instance"
    );
    assert!(!needs_evidence(instance, &rules(), now()));
}

fn with(edit: impl FnOnce(&mut Instance)) -> Instance {
    let mut instance = slept(&[OPEN]);
    edit(&mut instance);
    instance
}

#[test]
fn what_doze_stopped_is_started_while_a_window_is_open() {
    for (schedule, detail) in [
        (OPEN.1, "a window of its schedule is open until 2026-11-21T21:00:00Z"),
        ("sat 20:03-20:04 @ UTC", "a window of its schedule is open until 2026-11-21T20:04:00Z"),
        ("sun 05:00-06:30 @ Asia/Seoul", "a window of its schedule is open until 2026-11-21T21:30:00Z"),
        ("mon-sun 00:00-24:00 @ UTC", "its schedule has no end"),
    ] {
        check(&slept(&[("doze:schedule", schedule)]), Reason::ScheduleOpen, Some(detail));
    }
}

#[test]
fn outside_its_windows_it_stays_stopped_and_the_next_opening_is_named() {
    for (schedule, opening) in [
        (CLOSED.1, "2026-11-23T00:00:00Z"),
        ("sat 19:00-20:03 @ UTC", "2026-11-28T19:00:00Z"),
        ("sat 20:04-21:00 @ UTC", "2026-11-21T20:04:00Z"),
    ] {
        let detail = format!("{BY_DOZE}; it is started at {opening}");
        check(&slept(&[("doze:schedule", schedule)]), Reason::AlreadyStopped, Some(&detail));
    }
}

#[test]
fn an_opening_is_promised_to_nobody_who_was_stopped_by_somebody_else() {
    check(&switched_off(&[CLOSED]), Reason::AlreadyStopped, None);
    check(&switched_off(&[]), Reason::AlreadyStopped, None);
    let started_since = Instance { launched_at: Some(at("2026-11-21T12:00:00Z")), ..slept(&[CLOSED]) };
    check(&started_since, Reason::AlreadyStopped, None);
}

#[test]
fn when_and_why_doze_stopped_it_is_said() {
    check(&slept(&[]), Reason::AlreadyStopped, Some(BY_DOZE));
    let because = format!("{BY_DOZE} because it was idle");
    check(&slept(&[("doze:stopped-because", "idle")]), Reason::AlreadyStopped, Some(&because));
    let opening = format!("{because}; it is started at 2026-11-23T00:00:00Z");
    check(&slept(&[CLOSED, ("doze:stopped-because", "idle")]), Reason::AlreadyStopped, Some(&opening));
    // Written by somebody else's hand: nothing is made of it.
    check(&slept(&[("doze:stopped-because", "\u{202e}bored\n")]), Reason::AlreadyStopped, Some(BY_DOZE));
}

#[test]
fn what_a_person_stopped_stays_stopped() {
    let at_noon = Some(at("2026-11-21T12:00:00Z"));
    for (case, instance) in [
        ("no note", switched_off(&[OPEN])),
        ("started after the note", with(|it| it.launched_at = at_noon)),
        ("started a second after the note", with(|it| it.launched_at = Some(at("2026-11-21T10:00:01Z")))),
        ("started at an unknown time", with(|it| it.launched_at = None)),
        ("stopped hours after the note", with(|it| it.transition.at = at_noon)),
        ("stopped before the note", with(|it| it.transition.at = Some(at("2026-11-21T09:57:59Z")))),
        ("shut down from within", with(|it| it.transition.code = Some("Client.InstanceInitiatedShutdown".into()))),
        ("Spot", with(|it| it.transition.code = Some("Server.SpotInstanceShutdown".into()))),
        ("Spot, for good", with(|it| it.transition.code = Some("Server.SpotInstanceTermination".into()))),
        ("scheduled by AWS", with(|it| it.transition.code = Some("Server.ScheduledStop".into()))),
        ("in other letters", with(|it| it.transition.code = Some(ASKED_FOR.to_lowercase()))),
    ] {
        let decision = decide(&instance, &quiet(), &rules(), now());
        assert_eq!(
            (decision.reason, decision.detail.as_deref()),
            (Reason::AlreadyStopped, Some(NOT_BY_DOZE)),
            "{case}"
        );
    }
}

#[test]
fn the_note_the_launch_and_the_time_of_the_stop_agree_within_minutes() {
    for (launched_at, stopped, expected) in [
        ("2026-11-21T10:00:00Z", "2026-11-21T10:00:04Z", Reason::ScheduleOpen),
        ("2026-01-01T00:00:00Z", "2026-11-21T10:00:00Z", Reason::ScheduleOpen),
        ("2026-11-21T06:00:00Z", "2026-11-21T09:58:00Z", Reason::ScheduleOpen),
        ("2026-11-21T06:00:00Z", "2026-11-21T09:57:59Z", Reason::AlreadyStopped),
        ("2026-11-21T06:00:00Z", "2026-11-21T10:03:00Z", Reason::ScheduleOpen),
        ("2026-11-21T06:00:00Z", "2026-11-21T10:03:01Z", Reason::AlreadyStopped),
    ] {
        let instance = with(|it| {
            it.launched_at = Some(at(launched_at));
            it.transition = transition(ASKED_FOR, stopped);
        });
        assert_eq!(decide(&instance, &quiet(), &rules(), now()).reason, expected, "{launched_at} {stopped}");
    }
}

#[test]
fn where_ec2_says_nothing_of_the_stop_the_note_alone_counts() {
    for transition in [
        Transition::default(),
        Transition { at: None, ..transition(ASKED_FOR, "2026-11-21T10:00:04Z") },
        Transition { code: None, ..transition(ASKED_FOR, "2026-11-21T10:00:04Z") },
    ] {
        check(
            &with(|it| it.transition = transition),
            Reason::ScheduleOpen,
            Some("a window of its schedule is open until 2026-11-21T21:00:00Z"),
        );
    }
}

#[test]
fn with_a_tag_that_cannot_be_read_nothing_is_started() {
    let instant = "expected an instant such as 2026-11-21T20:00:00Z";
    for (key, value, problem) in [
        ("doze:stopped-at", "yesterday", instant),
        ("doze:keep-until", "tomorrow", instant),
        ("doze:stop-at", "soon", instant),
        ("doze:start-owed-since", "now", instant),
        ("doze:start-tried-at", "", instant),
        ("doze:after", "", "expected instance ids or names, joined by +"),
        ("doze:after", "db + ", "expected instance ids or names, joined by +"),
        ("doze:schedule", "always", r#"character 1: expected a day such as mon, found "always""#),
        ("doze:before", "web", "Doze knows no tag of this name"),
    ] {
        let detail = format!("the tag {key:?} is {value:?}: {problem}");
        check(&slept(&[OPEN, (key, value)]), Reason::AlreadyStopped, Some(&detail));
        check(&fallen(KMS, None, &[OPEN, (key, value)]), Reason::AlreadyStopped, Some(&detail));
    }
}

#[test]
fn wishes_about_running_instances_start_nothing() {
    for tag in [
        ("doze:keep-until", "2027-01-01T00:00:00Z"),
        ("doze:policy", "gcp"),
        ("doze:after", "db"),
        ("doze:start-tried-at", "2026-11-21T20:00:00Z"),
    ] {
        check(&slept(&[tag]), Reason::AlreadyStopped, Some(BY_DOZE));
        check(&switched_off(&[tag, OPEN]), Reason::AlreadyStopped, Some(NOT_BY_DOZE));
    }
}

#[test]
fn what_keeps_a_running_instance_keeps_no_stopped_one_from_its_schedule() {
    let open = Some("a window of its schedule is open until 2026-11-21T21:00:00Z");
    check(&with(|it| it.stop_protection = StopProtection::On), Reason::ScheduleOpen, open);
    check(&with(|it| it.market = Market::SpotPersistent), Reason::ScheduleOpen, open);
    check(&slept(&[OPEN, ("doze:keep-until", "2027-01-01T00:00:00Z")]), Reason::ScheduleOpen, open);
}

#[test]
fn only_a_stopped_instance_that_opted_in_is_started() {
    for (state, expected) in [
        (InstanceState::Pending, Reason::InTransition),
        (InstanceState::Stopping, Reason::InTransition),
        (InstanceState::Unknown, Reason::InTransition),
        (InstanceState::ShuttingDown, Reason::Terminated),
        (InstanceState::Terminated, Reason::Terminated),
        (InstanceState::Running, Reason::InsideSchedule),
    ] {
        let decision = decide(&with(|it| it.state = state), &quiet(), &rules(), now());
        assert_eq!((decision.reason, decision.verdict), (expected, Verdict::Keep));
    }
    for value in ["off", "On", ""] {
        let instance = with(|it| it.tags = [("doze", value), OPEN, STOPPED_AT].into_iter().collect());
        assert_eq!(decide(&instance, &quiet(), &rules(), now()).reason, Reason::NotOptedIn);
    }
}

const ADVICE: [(&str, &str); 5] = [
    (
        KMS,
        "most often the KMS key of an encrypted volume: it is disabled or gone, or its policy grants nothing to whoever \
         starts the instance",
    ),
    ("Client.InvalidSnapshot.NotFound", "the snapshot of one of its volumes is gone"),
    ("Client.VolumeLimitExceeded", "the account's limit on volumes is reached"),
    ("Server.InternalError", "EC2 failed; another try may work"),
    (NO_CAPACITY, "EC2 has no capacity for its type in its Availability Zone"),
];

#[test]
fn a_start_that_fell_back_is_said_to_have_failed_with_ec2s_words_and_ours() {
    for (code, advice) in ADVICE {
        for (message, said) in [
            (None, code.to_owned()),
            (Some(format!("{code}: something of EC2's")), format!("{code}: something of EC2's")),
            (Some("something of EC2's".to_owned()), format!("{code}: something of EC2's")),
        ] {
            let detail = format!("it fell back to stopped: {said}; {advice}");
            for tags in [&[][..], &[CLOSED]] {
                check(&fallen(code, message.as_deref(), tags), Reason::StartFailed, Some(&detail));
            }
        }
    }
}

#[test]
fn inside_a_window_a_start_that_fell_back_is_tried_again_for_want_of_capacity_alone() {
    for (code, advice) in ADVICE {
        let expected = if code == NO_CAPACITY { Reason::StartOwed } else { Reason::StartFailed };
        let detail = format!("it fell back to stopped: {code}; {advice}");
        check(&fallen(code, None, &[OPEN]), expected, Some(&detail));
    }
}

#[test]
fn a_lack_of_capacity_of_another_day_starts_nothing() {
    let launched =
        |launched: Option<&str>| Instance { launched_at: launched.map(at), ..fallen(NO_CAPACITY, None, &[OPEN]) };
    for (time, expected) in [
        (Some("2026-11-21T20:00:00Z"), Reason::StartOwed),
        (Some("2026-11-21T19:59:59Z"), Reason::StartFailed),
        (Some("2026-11-14T20:30:00Z"), Reason::StartFailed),
        (Some("2026-11-21T20:59:00Z"), Reason::StartFailed),
        (None, Reason::StartFailed),
    ] {
        assert_eq!(decide(&launched(time), &quiet(), &rules(), now()).reason, expected, "{time:?}");
    }
}

#[test]
fn the_policy_of_a_stopped_instance_does_not_matter() {
    let lazy = with(|it| it.tags = it.tags.iter().chain([("doze:policy", "lazy")]).collect());
    assert_eq!(decide(&lazy, &quiet(), &rules(), now()).reason, Reason::ScheduleOpen);
}

#[test]
fn only_a_stop_is_no_failed_start() {
    for code in [ASKED_FOR, "Client.InstanceInitiatedShutdown", "Server.SpotInstanceShutdown", "Client.SomethingNew"] {
        check(&fallen(code, Some("Client.InternalError"), &[]), Reason::AlreadyStopped, None);
    }
    // What a running instance once failed of says nothing any more.
    let running = Instance { transition: transition(KMS, "2026-11-01T00:00:00Z"), ..tagged(&[]) };
    assert_eq!(decide(&running, &quiet(), &rules(), now()).reason, Reason::Idle);
}
