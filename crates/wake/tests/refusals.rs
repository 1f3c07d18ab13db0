//! What EC2 refuses, and what of it is said.

use crate::support::{HTML, JSON, Seen, Site, fleet::FakeFleet, path, token_for};
use idleness::{InstanceState, Tags};

const HOLD: &str = "tag 1 doze:keep-until=2026-11-21T21:00:20Z";
const OWE: &str = "tag 1 doze:start-owed-since=2026-11-21T20:00:20Z";

/// Nothing that AWS said is shown, but for its code at most.
#[track_caller]
fn assert_says_nothing_of_aws(seen: &Seen) {
    for word in ["arn:", "123456789012", "assumed-role", "is not authorized"] {
        assert!(!seen.body.contains(word), "{word}: {}", seen.body);
    }
}

#[test]
fn a_quota_that_is_used_up_is_not_called_a_lack_of_capacity() {
    let site = Site::of(FakeFleet::stopped().refusing_start(1, "VcpuLimitExceeded"));
    let seen = site.press("start");
    assert_eq!((seen.status, &seen.json()["result"]), (202, &"owed".into()));
    assert_eq!(seen.next(), "The account may run no more instances now. Doze tries again by itself.");
}

#[test]
fn capacity_that_is_gone_leaves_the_start_owed() {
    for code in ["InsufficientInstanceCapacity", "InsufficientHostCapacity"] {
        let site = Site::of(FakeFleet::stopped().refusing_start(1, code));
        let seen = site.press("start");
        assert_eq!(
            (seen.status, &seen.json()["result"], &seen.json()["state"]),
            (202, &"owed".into(), &"stopped".into())
        );
        assert_eq!(seen.next(), "EC2 has no capacity for it now. Doze tries again by itself.");
        assert_eq!(site.fleet.changes(), [HOLD, "start 1", OWE]);
        assert_says_nothing_of_aws(&seen);
        site.press("start");
        assert_eq!(
            site.fleet.changes().iter().filter(|call| *call == "start 1").count(),
            2,
            "a person may try again at once"
        );
    }
}

#[test]
fn an_instance_that_cannot_be_held_is_not_started() {
    for state in [InstanceState::Stopped, InstanceState::Stopping, InstanceState::Running] {
        for (code, status) in
            [("TagLimitExceeded", 409), ("UnauthorizedOperation", 409), ("RequestLimitExceeded", 503), ("Timeout", 503)]
        {
            let site = Site::of(FakeFleet::in_state(state).refusing_tags(1, code));
            let seen = site.press("start");
            assert_eq!(seen.status, status, "{code}");
            assert_eq!((site.fleet.changes(), site.fleet.instance(1).state), (vec![HOLD.to_owned()], state));
            assert_says_nothing_of_aws(&seen);
        }
    }
    let site = Site::of(FakeFleet::in_state(InstanceState::Running).refusing_tags(1, "TagLimitExceeded"));
    assert_eq!((site.press("keep-awake").status, site.press("keep-awake").code()), (409, "refused".to_owned()));
}

#[test]
fn a_start_that_is_refused_for_the_state_is_seen_again() {
    for (found, status, result) in [("pending", 202, "already"), ("running", 200, "already")] {
        let state = InstanceState::from_name(found);
        let site = Site::of(FakeFleet::stopped().refusing_start_in_state(1, "IncorrectInstanceState", state));
        let seen = site.press("start");
        assert_eq!(
            (seen.status, &seen.json()["result"], &seen.json()["state"]),
            (status, &result.into(), &found.into())
        );
        assert_eq!(site.fleet.calls(), ["instances 1", HOLD, "start 1", "instances 1"]);
    }
    for found in ["stopping", "stopped", "terminated"] {
        let state = InstanceState::from_name(found);
        let site = Site::of(FakeFleet::stopped().refusing_start_in_state(1, "IncorrectInstanceState", state));
        let seen = site.press("start");
        assert_eq!((seen.status, seen.code().as_str()), (409, "refused"), "{found}");
    }
}

#[test]
fn an_answer_that_was_lost_is_looked_for() {
    let site = Site::of(FakeFleet::stopped().refusing_start_in_state(1, "Timeout", InstanceState::Pending));
    let seen = site.press("start");
    assert_eq!((seen.status, &seen.json()["result"]), (202, &"already".into()));
    let site = Site::of(FakeFleet::stopped().refusing_start(1, "Timeout"));
    assert_eq!(site.press("start").status, 503);
}

#[test]
fn throttling_and_silence_are_for_a_later_try_and_a_refusal_is_not() {
    for (code, status, shown) in [
        ("RequestLimitExceeded", 503, "unavailable"),
        ("InternalError", 503, "unavailable"),
        ("NoConnection", 503, "unavailable"),
        ("BadAnswer", 503, "unavailable"),
        ("UnauthorizedOperation", 409, "refused"),
        ("UnsupportedOperation", 409, "refused"),
    ] {
        let site = Site::of(FakeFleet::stopped().refusing_start(1, code));
        let seen = site.press("start");
        assert_eq!((seen.status, seen.code().as_str()), (status, shown), "{code}");
        assert_eq!(seen.header("retry-after"), if status == 503 { "60" } else { "" });
        assert_eq!(site.fleet.tag_of(1, "doze:start-owed-since"), None);
        assert_says_nothing_of_aws(&seen);
    }
}

#[test]
fn a_fleet_that_cannot_be_seen_is_left_as_it_is() {
    for action in ["start", "keep-awake"] {
        for (code, status) in [("RequestLimitExceeded", 503), ("Timeout", 503), ("UnauthorizedOperation", 503)] {
            for accept in [HTML, JSON] {
                let mut fleet = FakeFleet::stopped();
                fleet.broken = Some(("instances", code));
                let site = Site::of(fleet);
                let target = format!("{}?token={}", path(1, action), token_for(1));
                let seen = site.post(&target, &[("accept", accept)], "");
                assert_eq!(seen.status, status, "{code}");
                assert_eq!(site.fleet.calls(), ["instances 1"]);
                assert_says_nothing_of_aws(&seen);
            }
        }
    }
}

#[test]
fn an_instance_that_ec2_does_not_know_is_not_found() {
    for action in ["start", "keep-awake"] {
        let site = Site::of(FakeFleet::default());
        let seen = site.press(action);
        assert_eq!((seen.status, seen.code().as_str()), (404, "no-such-instance"));
        assert_eq!(site.fleet.calls(), ["instances 1"]);
    }
}

#[test]
fn an_instance_that_is_not_opted_in_is_not_touched() {
    for tags in [Tags::default(), Tags::from_iter([("doze", "off")]), Tags::from_iter([("doze", "On")])] {
        for action in ["start", "keep-awake"] {
            let site = Site::of(FakeFleet::stopped());
            site.fleet.edit(1, |instance| instance.tags = tags.clone());
            let seen = site.press(action);
            assert_eq!((seen.status, seen.code().as_str()), (409, "not-opted-in"));
            assert_eq!(site.fleet.calls(), ["instances 1"]);
        }
    }
}

#[test]
fn a_start_is_not_promised_where_a_tag_keeps_doze_from_it() {
    for (key, value) in [("doze:schedule", "9-5"), ("doze:after", ""), ("doze:sched", "x"), ("doze:keep-until", "soon")]
    {
        for fleet in [
            FakeFleet::in_state(InstanceState::Stopping),
            FakeFleet::stopped().refusing_start(1, "InsufficientInstanceCapacity"),
        ] {
            let site = Site::of(fleet.tagged(key, value));
            let seen = site.press("start");
            assert_eq!((seen.status, seen.code().as_str()), (409, "bad-tag"), "{key}: {}", seen.body);
            assert!(!site.fleet.changes().iter().any(|change| change.contains("start-owed-since")), "{key}");
        }
        let works = Site::of(FakeFleet::stopped().tagged(key, value)).press("start");
        assert_eq!(works.status, 202, "{key}: one that can be started at once is");
    }
}
