//! `POST /instances/{id}/start`: in each state, in each mode, and again.

use crate::support::{JSON, Site, fleet::FakeFleet, id, now, path, token_for};
use idleness::{InstanceState, Mode};
use jiff::SignedDuration;
use serde_json::json;

const UNTIL: &str = "2026-11-21T21:00:20Z";
const HOLD: &str = "tag 1 doze:keep-until=2026-11-21T21:00:20Z";
const OWE: &str = "tag 1 doze:start-owed-since=2026-11-21T20:00:20Z";

#[test]
fn each_state_has_its_answer_and_its_calls() {
    for (state, status, result, reached, changes, words) in [
        ("stopped", 202, "done", "pending", &[HOLD, "start 1"][..], "It is starting, and is not stopped before"),
        ("stopping", 202, "owed", "stopping", &[HOLD, OWE], "It is still stopping. Doze starts it as soon as"),
        ("pending", 202, "already", "pending", &[HOLD], "It is starting, and is not stopped before"),
        ("running", 200, "already", "running", &[HOLD], "It runs, and is not stopped before 2026-11-21T21:00:20Z."),
    ] {
        let site = Site::of(FakeFleet::in_state(InstanceState::from_name(state)));
        let seen = site.press("start");
        assert_eq!(seen.status, status, "{state}");
        let expected = json!({
            "instance": id(1), "action": "start", "result": result, "state": reached, "keep_until": UNTIL,
            "next": {"text": seen.next()},
        });
        assert_eq!(seen.json(), expected);
        assert!(seen.next().starts_with(words), "{state}: {}", seen.next());
        assert_eq!(site.fleet.calls()[0], "instances 1");
        assert_eq!(site.fleet.changes(), changes, "{state}");
    }
}

#[test]
fn states_from_which_nothing_starts_are_refused_and_nothing_is_changed() {
    for (state, code) in
        [("shutting-down", "terminated"), ("terminated", "terminated"), ("hibernating", "unknown-state")]
    {
        for mode in [Mode::Enforce, Mode::DryRun] {
            for action in ["start", "keep-awake"] {
                let mut site = Site::of(FakeFleet::in_state(InstanceState::from_name(state)));
                site.settings.mode = mode;
                let seen = site.press(action);
                assert_eq!((seen.status, seen.code().as_str()), (409, code), "{state} {action}");
                assert_eq!(site.fleet.calls(), ["instances 1"]);
            }
        }
    }
}

#[test]
fn in_dry_run_nothing_is_changed_whatever_the_state() {
    for state in ["stopped", "stopping", "pending", "running"] {
        let mut site = Site::of(FakeFleet::in_state(InstanceState::from_name(state)));
        site.settings.mode = Mode::DryRun;
        let before = site.fleet.instance(1);
        let seen = site.press("start");
        let words = "Nothing was changed: Doze is in dry-run here, and would otherwise start it.";
        let expected = json!({
            "instance": id(1), "action": "start", "result": "dry-run", "state": state, "keep_until": null,
            "next": {"text": words},
        });
        assert_eq!(seen.json(), expected);
        assert_eq!((seen.status, site.fleet.calls()), (200, vec!["instances 1".to_owned()]));
        assert_eq!(site.fleet.instance(1), before);
    }
}

#[test]
fn it_is_held_awake_before_it_is_started() {
    let site = Site::of(FakeFleet::stopped());
    site.press("start");
    assert_eq!(site.fleet.calls(), ["instances 1", HOLD, "start 1"]);
}

#[test]
fn the_hold_is_as_long_as_the_setting_says() {
    for (minutes, expected) in [(0, None), (1, Some("2026-11-21T20:01:20Z")), (1_440, Some("2026-11-22T20:00:20Z"))] {
        let mut site = Site::of(FakeFleet::stopped());
        site.settings.hold = SignedDuration::from_mins(minutes);
        assert_eq!(site.press("start").json()["keep_until"], json!(expected));
        assert_eq!(site.fleet.tag_of(1, "doze:keep-until").as_deref(), expected);
        assert_eq!(site.fleet.instance(1).state, InstanceState::Pending);
    }
}

#[test]
fn an_instance_that_is_kept_awake_for_longer_stays_so() {
    for (tag, kept_until, is_held) in [
        ("2026-11-21T21:00:21Z", "2026-11-21T21:00:21Z", false),
        ("2026-11-21T21:00:20Z", "2026-11-21T21:00:20Z", false),
        (" 2026-11-22T10:00:00+01:00 ", "2026-11-22T09:00:00Z", false),
        ("2026-11-21T21:00:19Z", UNTIL, true),
        ("2026-11-21T20:00:20Z", UNTIL, true),
        ("2020-01-01T00:00:00Z", UNTIL, true),
    ] {
        let site = Site::of(FakeFleet::stopped().tagged("doze:keep-until", tag));
        let seen = site.press("start");
        assert_eq!(seen.json()["keep_until"], kept_until, "{tag}");
        let expected = if is_held { &[HOLD, "start 1"][..] } else { &["start 1"] };
        assert_eq!(site.fleet.changes(), expected, "{tag}");
    }
}

#[test]
fn a_wish_that_cannot_be_read_keeps_it_awake_and_is_left_as_it_is() {
    let site = Site::of(FakeFleet::stopped().tagged("doze:keep-until", "until the demo is over"));
    let seen = site.press("start");
    assert_eq!((seen.status, &seen.json()["keep_until"]), (202, &json!(null)));
    assert_eq!(site.fleet.changes(), ["start 1"]);
    assert_eq!(site.fleet.tag_of(1, "doze:keep-until").as_deref(), Some("until the demo is over"));
}

#[test]
fn pressed_twice_it_does_nothing_more() {
    let site = Site::of(FakeFleet::stopped());
    let (first, second) = (site.press("start").json(), site.press("start").json());
    assert_eq!(site.fleet.changes(), [HOLD, "start 1"]);
    assert_eq!((&first["result"], &second["result"]), (&json!("done"), &json!("already")));
    for field in ["instance", "state", "keep_until", "next"] {
        assert_eq!(first[field], second[field], "{field}");
    }
    let stopping = Site::of(FakeFleet::in_state(InstanceState::Stopping));
    assert_eq!(stopping.press("start"), stopping.press("start"));
    assert_eq!(stopping.fleet.instance(1).state, InstanceState::Stopping);
    let running = Site::of(FakeFleet::in_state(InstanceState::Running));
    assert_eq!(running.press("start"), running.press("start"));
    assert_eq!(running.fleet.changes(), [HOLD]);
}

#[test]
fn a_start_that_was_owed_before_is_owed_anew() {
    // That note may be about a start that has come true since, or that was given up.
    let fleet = FakeFleet::in_state(InstanceState::Stopping).tagged("doze:start-owed-since", "2026-11-20T09:00:00Z");
    let site = Site::of(fleet);
    assert_eq!(site.press("start").json()["result"], "owed");
    assert_eq!(site.fleet.tag_of(1, "doze:start-owed-since").as_deref(), Some("2026-11-21T20:00:20Z"));
}

#[test]
fn a_body_is_not_needed_and_may_be_a_form_or_an_object() {
    let token = token_for(1);
    for (content_type, body) in [
        ("", ""),
        ("application/json", ""),
        ("text/plain", ""),
        ("application/json", "{}"),
        ("application/json; charset=utf-8", r#"{"why": "a demo"}"#),
        ("application/x-www-form-urlencoded", "why=a+demo"),
        ("Application/X-WWW-Form-URLencoded; charset=utf-8", "hours=none"),
    ] {
        let site = Site::of(FakeFleet::stopped());
        let headers = [("accept", JSON), ("content-type", content_type)];
        let seen = site.post(&format!("{}?token={token}", path(1, "start")), &headers, body);
        assert_eq!(seen.status, 202, "{content_type} {body}");
    }
}

#[test]
fn the_time_is_that_of_the_request() {
    let site = Site::of(FakeFleet::stopped());
    *site.now.borrow_mut() = now() + SignedDuration::from_mins(30);
    assert_eq!(site.press("start").json()["keep_until"], "2026-11-21T21:30:20Z");
}
