//! `POST /instances/{id}/keep-awake`: for how long, and what of earlier wishes.

use crate::support::{FORM, JSON, Seen, Site, fleet::FakeFleet, id, path, token_for};
use idleness::{InstanceState, Mode};
use serde_json::json;

const FOUR_HOURS: &str = "2026-11-22T00:00:20Z";

fn running() -> Site {
    Site::of(FakeFleet::in_state(InstanceState::Running))
}

fn ask(site: &Site, content_type: &str, body: &str) -> Seen {
    let target = format!("{}?token={}", path(1, "keep-awake"), token_for(1));
    site.post(&target, &[("accept", JSON), ("content-type", content_type)], body)
}

#[test]
fn each_state_has_its_words_and_the_same_tag() {
    for (state, words) in [
        ("running", "It runs, and is not stopped before 2026-11-22T00:00:20Z."),
        (
            "pending",
            "It is starting, and is not stopped before 2026-11-22T00:00:20Z. Its page shows when it runs, and where to connect.",
        ),
        ("stopping", "It is stopping. Once it is started, it is not stopped before 2026-11-22T00:00:20Z."),
        ("stopped", "It is stopped. Once it is started, it is not stopped before 2026-11-22T00:00:20Z."),
    ] {
        let site = Site::of(FakeFleet::in_state(InstanceState::from_name(state)));
        let seen = site.press("keep-awake");
        let expected = json!({
            "instance": id(1), "action": "keep-awake", "result": "done", "state": state, "keep_until": FOUR_HOURS,
            "next": {"text": words},
        });
        assert_eq!((seen.status, seen.json()), (200, expected));
        assert_eq!(site.fleet.calls(), ["instances 1".to_owned(), format!("tag 1 doze:keep-until={FOUR_HOURS}")]);
    }
}

#[test]
fn in_dry_run_nothing_is_changed() {
    for (tag, shown) in
        [(None, json!(null)), (Some("2026-11-21T22:00:00Z"), json!("2026-11-21T22:00:00Z")), (Some("x"), json!(null))]
    {
        let mut fleet = FakeFleet::in_state(InstanceState::Running);
        if let Some(tag) = tag {
            fleet = fleet.tagged("doze:keep-until", tag);
        }
        let mut site = Site::of(fleet);
        site.settings.mode = Mode::DryRun;
        let seen = site.press("keep-awake");
        let words = "Nothing was changed: Doze is in dry-run here, and would otherwise keep it awake.";
        let expected = json!({
            "instance": id(1), "action": "keep-awake", "result": "dry-run", "state": "running", "keep_until": shown,
            "next": {"text": words},
        });
        assert_eq!((seen.status, seen.json()), (200, expected));
        assert_eq!(site.fleet.calls(), ["instances 1"]);
    }
}

#[test]
fn hours_may_stand_in_a_form_or_an_object_and_are_four_by_default() {
    for (content_type, body, until) in [
        ("", "", FOUR_HOURS),
        (FORM, "token=", FOUR_HOURS),
        (JSON, "{}", FOUR_HOURS),
        (FORM, "hours=1", "2026-11-21T21:00:20Z"),
        (FORM, "hours=+24+", "2026-11-22T20:00:20Z"),
        (FORM, "hours=2&hours=3", "2026-11-21T22:00:20Z"),
        (JSON, r#"{"hours": 24}"#, "2026-11-22T20:00:20Z"),
        ("application/json;charset=utf-8", r#" {"hours": 2, "why": "a demo"} "#, "2026-11-21T22:00:20Z"),
    ] {
        let seen = ask(&running(), content_type, body);
        assert_eq!((seen.status, &seen.json()["keep_until"]), (200, &json!(until)), "{content_type} {body}");
    }
}

#[test]
fn hours_are_bounded_as_the_setting_says() {
    for (most, refused) in [(24, 25), (168, 169), (1, 2)] {
        let mut site = running();
        site.settings.max_keep_hours = most;
        assert_eq!(ask(&site, JSON, &json!({"hours": most}).to_string()).status, 200);
        for hours in [0, refused, u64::from(u32::MAX), u64::MAX] {
            for (content_type, body) in [(JSON, json!({"hours": hours}).to_string()), (FORM, format!("hours={hours}"))]
            {
                let seen = ask(&site, content_type, &body);
                assert_eq!((seen.status, seen.code().as_str()), (400, "bad-hours"), "{body}");
                assert!(seen.body.contains(&format!("a whole number from 1 to {most}")), "{}", seen.body);
            }
        }
    }
    let mut site = running();
    site.settings.max_keep_hours = 3;
    assert_eq!(ask(&site, "", "").json()["keep_until"], "2026-11-21T23:00:20Z", "the default is no more than the most");
}

#[test]
fn hours_that_are_none_are_refused_before_anything_is_read() {
    for (content_type, body) in [
        (FORM, "hours="),
        (FORM, "hours=four"),
        (FORM, "hours=-1"),
        (FORM, "hours=1.5"),
        (FORM, "hours=%00"),
        (FORM, "hours=<script>"),
        (JSON, r#"{"hours": "4"}"#),
        (JSON, r#"{"hours": 4.5}"#),
        (JSON, r#"{"hours": -4}"#),
        (JSON, r#"{"hours": null}"#),
        (JSON, r#"{"hours": [4]}"#),
    ] {
        let site = running();
        let seen = ask(&site, content_type, body);
        assert_eq!((seen.status, seen.code().as_str()), (400, "bad-hours"), "{body}");
        assert_eq!((site.fleet.calls(), site.keys.reads.get()), (vec![], 0));
    }
    for body in ["hours=4", "[4]", "4", "null", "{", "\u{0}", r#"{"hours": 4}}"#] {
        let seen = ask(&running(), JSON, body);
        assert_eq!((seen.status, seen.code().as_str()), (400, "bad-body"), "{body}");
    }
}

#[test]
fn a_longer_wish_stays_and_a_shorter_one_is_moved() {
    for (tag, until, is_written) in [
        ("2026-11-22T00:00:21Z", "2026-11-22T00:00:21Z", false),
        (FOUR_HOURS, FOUR_HOURS, false),
        ("2026-12-24T18:00:00Z", "2026-12-24T18:00:00Z", false),
        ("2026-11-22T00:00:19Z", FOUR_HOURS, true),
        ("2026-11-21T12:00:00Z", FOUR_HOURS, true),
    ] {
        let site = Site::of(FakeFleet::in_state(InstanceState::Running).tagged("doze:keep-until", tag));
        let seen = site.press("keep-awake");
        assert_eq!((seen.status, &seen.json()["keep_until"]), (200, &json!(until)), "{tag}");
        assert_eq!(!site.fleet.changes().is_empty(), is_written, "{tag}");
    }
}

#[test]
fn a_wish_that_cannot_be_read_stays_since_it_may_be_for_longer() {
    let site =
        Site::of(FakeFleet::in_state(InstanceState::Running).tagged("doze:keep-until", "until the demo is over"));
    let seen = site.press("keep-awake");
    assert_eq!((seen.status, seen.code().as_str()), (409, "bad-tag"));
    assert!(site.fleet.changes().is_empty());
}

#[test]
fn pressed_twice_it_is_the_same() {
    let site = running();
    assert_eq!(site.press("keep-awake"), site.press("keep-awake"));
    assert_eq!(site.fleet.changes().len(), 1);
}
