//! Starts that are owed: when they are tried again, when nobody waits for them any more, and when their notes come off.

use crate::support::{
    instance, minutes_ago, now, quiet, rules,
    starts::{ASKED_FOR, CLOSED, KMS, NO_CAPACITY, OPEN, fallen, slept, switched_off, transition},
};
use idleness::{
    Instance, InstanceState, Reason, START_OWED_SINCE_TAG, START_TRIED_AT_TAG, Tags, Transition, decide,
    given_up_since, is_start_owed, is_start_settled, is_start_tried,
};
use jiff::{SignedDuration, Timestamp};

/// An instance that was last started ten days ago, and whose start has been owed for so many minutes, and was last tried so
/// many minutes ago.
fn owed(since: i64, tried: Option<i64>, tags: &[(&str, &str)]) -> Instance {
    let last_started = Instance { launched_at: Some(minutes_ago(14_400)), ..switched_off(tags) };
    note(&last_started, minutes_ago(since), tried.map(minutes_ago))
}

fn note(instance: &Instance, since: Timestamp, tried_at: Option<Timestamp>) -> Instance {
    let notes = [(START_OWED_SINCE_TAG, Some(since)), (START_TRIED_AT_TAG, tried_at)];
    let notes = notes.into_iter().filter_map(|(key, at)| Some((key.to_owned(), at?.to_string())));
    let tags: Tags = instance.tags.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).chain(notes).collect();
    Instance { tags, ..instance.clone() }
}

fn reason(instance: &Instance) -> Reason {
    decide(instance, &quiet(), &rules(), now()).reason
}

#[track_caller]
fn check(instance: &Instance, reason: Reason, detail: &str) {
    let decision = decide(instance, &quiet(), &rules(), now());
    assert_eq!((decision.reason, decision.detail.as_deref()), (reason, Some(detail)));
    assert_eq!((decision.verdict, decision.evidence.len()), (reason.verdict(), 0));
}

#[test]
fn an_owed_start_is_tried_again_the_later_the_longer_it_has_been_owed() {
    let minutes = SignedDuration::from_mins;
    // Since, last try, and how long after that try the next one is due, all in minutes.
    for (since, tried, wait) in [
        (0, 0, 5),
        (1, 0, 5),
        (5, 0, 5),
        (6, 0, 6),
        (12, 6, 6),
        (40, 20, 20),
        (60, 0, 60),
        (61, 0, 60),
        (1200, 30, 60),
        // A note that says it was tried before it was owed was edited, and does not hurry anybody.
        (10, 30, 5),
    ] {
        let instance = owed(since, Some(tried), &[]);
        let due = minutes_ago(tried) + minutes(wait);
        for (at, expected) in [(due - SignedDuration::from_secs(1), Reason::AlreadyStopped), (due, Reason::StartOwed)] {
            let decision = decide(&instance, &quiet(), &rules(), at);
            assert_eq!(decision.reason, expected, "since {since}, tried {tried}, at {at}");
        }
    }
}

#[test]
fn one_that_was_never_tried_is_due_at_once() {
    check(&owed(0, None, &[]), Reason::StartOwed, "its start has been owed since 2026-11-21T20:03:17Z");
    check(&owed(90, None, &[OPEN]), Reason::StartOwed, "its start has been owed since 2026-11-21T18:33:17Z");
    let detail = "its start has been owed since 2026-11-21T20:13:17Z, and is tried again at 2026-11-21T20:13:17Z";
    check(&owed(-10, None, &[]), Reason::AlreadyStopped, detail);
}

#[test]
fn until_then_it_is_said_when() {
    let detail = "its start has been owed since 2026-11-21T19:33:17Z, and is tried again at 2026-11-21T20:21:17Z";
    check(&owed(30, Some(6), &[]), Reason::AlreadyStopped, detail);
}

#[test]
fn an_owed_start_needs_no_note_of_a_stop_and_no_schedule() {
    for instance in [switched_off(&[]), switched_off(&[OPEN]), switched_off(&[CLOSED]), slept(&[]), slept(&[OPEN])] {
        assert_eq!(reason(&note(&instance, minutes_ago(3), None)), Reason::StartOwed, "{instance:?}");
    }
    let unknown = Instance { transition: Transition::default(), launched_at: None, ..switched_off(&[]) };
    assert_eq!(reason(&note(&unknown, minutes_ago(3), None)), Reason::StartOwed);
}

#[test]
fn an_owed_start_is_given_up_when_nobody_waits_for_it_any_more() {
    const DAY: i64 = 24 * 60;
    // Closed half an hour ago, open for an hour before that.
    const OVER: (&str, &str) = ("doze:schedule", "sat 18:33-19:33 @ UTC");
    for (name, since, tags, expected) in [
        ("nearly a day, no schedule", DAY - 1, &[][..], Reason::StartOwed),
        ("a day, no schedule", DAY, &[], Reason::AlreadyStopped),
        ("a day, outside its schedule then and now", DAY, &[CLOSED], Reason::AlreadyStopped),
        ("nearly a day, outside its schedule then and now", DAY - 1, &[CLOSED], Reason::StartOwed),
        ("its window has closed since", 60, &[OVER], Reason::AlreadyStopped),
        ("its window had closed before", 20, &[OVER], Reason::StartOwed),
        ("its window is open", 2, &[OPEN], Reason::StartOwed),
        ("for days, but a window is open", 3 * DAY, &[OPEN], Reason::StartOwed),
    ] {
        let instance = owed(since, None, tags);
        assert_eq!(reason(&instance), expected, "{name}");
        assert_eq!(is_start_settled(&instance, now()), expected == Reason::AlreadyStopped, "{name}");
    }
    let detail = "the start that was owed since 2026-11-20T20:03:17Z is given up: nobody waits for it any more";
    check(&owed(DAY, Some(1), &[]), Reason::AlreadyStopped, detail);
}

#[test]
fn an_owed_start_is_not_given_up_before_the_time_until_which_somebody_wants_it_awake() {
    const DAYS: i64 = 3 * 24 * 60;
    for (until, expected) in [
        ("2026-11-21T20:03:16Z", Reason::AlreadyStopped),
        ("2026-11-21T20:03:17Z", Reason::AlreadyStopped),
        ("2026-11-21T20:03:18Z", Reason::StartOwed),
    ] {
        let instance = owed(DAYS, None, &[("doze:keep-until", until)]);
        assert_eq!(reason(&instance), expected, "{until}");
        let given_up = given_up_since(&instance, now());
        assert_eq!(given_up, (expected == Reason::AlreadyStopped).then(|| minutes_ago(DAYS)), "{until}");
    }
}

#[test]
fn of_a_start_is_told_whether_it_was_tried_since_it_is_owed_and_since_when_it_is_given_up() {
    for (tried, expected) in [(None, false), (Some(31), false), (Some(30), true), (Some(1), true)] {
        assert_eq!(is_start_tried(&owed(30, tried, &[])), expected, "{tried:?}");
    }
    let day_old = owed(24 * 60, Some(60), &[]);
    assert_eq!(given_up_since(&day_old, now()), Some(minutes_ago(24 * 60)));
    assert_eq!(given_up_since(&owed(24 * 60 - 1, Some(60), &[]), now()), None);
    assert_eq!(given_up_since(&Instance { state: InstanceState::Running, ..day_old }, now()), None);
    assert_eq!(given_up_since(&owed(30, None, &[]), now()), None);
}

/// What failed before somebody asked anew may work now.
#[test]
fn a_start_that_failed_before_it_was_asked_for_anew_is_tried() {
    for (seconds, expected) in [(-1, Reason::StartOwed), (0, Reason::StartFailed), (1, Reason::StartFailed)] {
        let launched_at = Some(minutes_ago(60) + SignedDuration::from_secs(seconds));
        let failed = Instance { launched_at, ..fallen(KMS, None, &[]) };
        assert_eq!(reason(&note(&failed, minutes_ago(60), None)), expected, "{seconds} seconds after the note");
    }
    let long_before = Instance { launched_at: Some(minutes_ago(600)), ..fallen(KMS, None, &[]) };
    assert_eq!(reason(&note(&long_before, minutes_ago(60), None)), Reason::StartOwed);
}

#[test]
fn a_start_that_fails_for_another_reason_than_capacity_is_not_tried_again() {
    for code in [KMS, "Client.InvalidSnapshot.NotFound", "Client.VolumeLimitExceeded", "Server.InternalError"] {
        for tags in [&[][..], &[OPEN], &[CLOSED]] {
            let instance = note(&fallen(code, None, tags), minutes_ago(60), None);
            let decision = decide(&instance, &quiet(), &rules(), now());
            assert_eq!(decision.reason, Reason::StartFailed, "{code} {tags:?}");
            assert!(decision.detail.is_some_and(|detail| detail.starts_with("it fell back to stopped: ")));
        }
    }
    assert_eq!(reason(&note(&fallen(NO_CAPACITY, None, &[]), minutes_ago(60), None)), Reason::StartOwed);
}

#[test]
fn a_start_that_has_come_true_is_owed_no_more_though_its_note_is_still_there() {
    let since = minutes_ago(60);
    for code in [ASKED_FOR, "Client.InstanceInitiatedShutdown", "Server.SpotInstanceShutdown"] {
        for tags in [&[][..], &[OPEN], &[CLOSED]] {
            let stopped_by_hand = Instance {
                launched_at: Some(minutes_ago(50)),
                transition: transition(code, "2026-11-21T20:00:00Z"),
                ..switched_off(tags)
            };
            let instance = note(&stopped_by_hand, since, Some(minutes_ago(55)));
            assert_eq!(reason(&instance), Reason::AlreadyStopped, "{code} {tags:?}");
            assert!(is_start_settled(&instance, now()), "{code} {tags:?}");
        }
    }
    let before = Instance { launched_at: Some(minutes_ago(61)), ..switched_off(&[]) };
    assert_eq!(reason(&note(&before, since, None)), Reason::StartOwed, "started before it was owed");
}

/// EC2 cuts the time of a start to whole seconds, a note does not.
#[test]
fn a_start_in_the_second_of_its_note_has_come_true() {
    let since = minutes_ago(60) + SignedDuration::from_millis(900);
    let same_second = Instance { launched_at: Some(minutes_ago(60)), ..switched_off(&[]) };
    assert_eq!(reason(&note(&same_second, since, None)), Reason::AlreadyStopped);
    let second_before =
        Instance { launched_at: Some(minutes_ago(60) - SignedDuration::from_secs(1)), ..switched_off(&[]) };
    assert_eq!(reason(&note(&second_before, since, None)), Reason::StartOwed);
}

#[test]
fn the_notes_are_taken_off_where_they_no_longer_hold() {
    let notes = |state| Instance { state, ..owed(30, Some(5), &[]) };
    let with_tag = |instance: Instance, tag: (&str, &str)| Instance {
        tags: instance.tags.iter().chain([tag]).collect::<Tags>(),
        ..instance.clone()
    };
    for (name, instance, expected) in [
        ("running", notes(InstanceState::Running), true),
        ("pending", notes(InstanceState::Pending), false),
        ("stopped", notes(InstanceState::Stopped), false),
        ("stopping", notes(InstanceState::Stopping), false),
        ("shutting down", notes(InstanceState::ShuttingDown), false),
        ("terminated", notes(InstanceState::Terminated), false),
        ("unknown", notes(InstanceState::Unknown), false),
        ("running, no notes", instance(1), false),
        ("running, one note", with_tag(instance(1), (START_OWED_SINCE_TAG, "2026-11-21T20:00:00Z")), true),
        ("running, the other note", with_tag(instance(1), (START_TRIED_AT_TAG, "2026-11-21T20:00:00Z")), true),
        ("running, a note that cannot be read", with_tag(instance(1), (START_OWED_SINCE_TAG, "soon")), true),
        ("stopped, the other note alone", switched_off(&[(START_TRIED_AT_TAG, "2026-11-21T20:00:00Z")]), false),
        ("stopped, a note that cannot be read", switched_off(&[(START_OWED_SINCE_TAG, "soon")]), false),
        ("stopped, given up, a tag that cannot be read", owed(2000, None, &[("doze:keep-until", "x")]), false),
        ("stopped, given up", owed(2000, None, &[]), true),
        ("stopped, given up, no such policy", owed(2000, None, &[("doze:policy", "lazy")]), true),
        ("not opted in", with_tag(notes(InstanceState::Running), ("doze", "off")), false),
    ] {
        assert_eq!(is_start_settled(&instance, now()), expected, "{name}");
    }
}

#[test]
fn a_note_of_when_it_was_tried_alone_owes_nothing() {
    assert!(is_start_owed(&owed(30, None, &[])) && is_start_owed(&owed(30, Some(1), &[])));
    let tried = switched_off(&[(START_TRIED_AT_TAG, "2026-11-21T20:00:00Z")]);
    assert!(!is_start_owed(&tried) && !is_start_owed(&instance(1)));
    assert_eq!(reason(&tried), Reason::AlreadyStopped);
}
