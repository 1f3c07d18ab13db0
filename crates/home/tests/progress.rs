//! What is under way, and how the page follows it.

use crate::support::{
    Seen, Site,
    fleet::{FakeFleet, tag},
    id, minutes_ago, token_for,
};
use idleness::{Instance, InstanceState, Transition};

fn see(state: InstanceState, still: &str, edit: impl FnOnce(&mut Instance)) -> Seen {
    let site = Site::of(FakeFleet::with(|instance| {
        instance.state = state;
        edit(instance);
    }));
    site.get(&format!("/instances/{}?{still}token={}", id(1), token_for(1)))
}

fn is_owed(since: &str) -> impl FnOnce(&mut Instance) {
    move |instance| tag(instance, "doze:start-owed-since", since)
}

#[track_caller]
fn assert_follows(seen: &Seen, words: &str) {
    assert_follows_every(5, seen, words);
}

#[track_caller]
fn assert_follows_every(seconds: u32, seen: &Seen, words: &str) {
    assert_eq!(seen.header("refresh"), seconds.to_string());
    let (status, text) = (seen.attributes("role"), seen.text());
    assert_eq!(status, ["status"], "{text}");
    let again = format!("This page looks again every {seconds} seconds. Hold it still");
    assert!(text.contains(words) && text.contains(&again), "{text}");
}

#[track_caller]
fn assert_is_calm(seen: &Seen) {
    assert_eq!((seen.status, seen.header("refresh")), (200, ""));
    assert!(seen.attributes("role").is_empty() && !seen.text().contains("looks again every"), "{}", seen.text());
}

#[test]
fn what_is_under_way_is_followed() {
    assert_follows(&see(InstanceState::Pending, "", |_| ()), "It is starting. That takes a minute or two.");
    assert_follows(&see(InstanceState::Stopping, "", |_| ()), "It is stopping.");
    assert_follows(
        &see(InstanceState::Stopping, "", is_owed("2026-11-21T20:00:00Z")),
        "It is still stopping. Doze starts it as soon as it has stopped.",
    );
    let owed = "Its start is owed: Doze tries again by itself.";
    assert_follows_every(60, &see(InstanceState::Stopped, "", is_owed("2026-11-21T19:50:00Z")), owed);
    let seen = see(InstanceState::Stopped, "", |instance| {
        tag(instance, "doze:start-owed-since", "2026-11-21T19:50:00Z");
        tag(instance, "doze:start-tried-at", "2026-11-21T20:00:00Z");
    });
    assert_follows_every(60, &seen, owed);
    assert!(seen.text().contains("Next: starts Sat 2026-11-21 20:10 UTC"), "{}", seen.text());
    let waits = see(InstanceState::Stopped, "", |instance| {
        tag(instance, "doze:start-owed-since", "2026-11-21T19:50:00Z");
        tag(instance, "doze:after", "db");
    });
    assert_follows_every(60, &waits, owed);
}

#[test]
fn what_is_at_rest_is_not() {
    for state in ["running", "stopped", "shutting-down", "terminated", "hibernating"] {
        assert_is_calm(&see(InstanceState::from_name(state), "", |_| ()));
    }
    assert_is_calm(&see(InstanceState::Running, "", is_owed("2026-11-21T19:50:00Z")));
}

#[test]
fn a_start_that_was_given_up_or_fell_back_is_not_under_way() {
    let given_up = see(InstanceState::Stopped, "", |instance| {
        tag(instance, "doze:start-owed-since", "2026-11-20T19:00:00Z");
        instance.launched_at = Some(minutes_ago(40 * 60));
    });
    assert_is_calm(&given_up);
    assert!(given_up.text().contains("is given up: nobody waits for it any more"), "{}", given_up.text());
    let fell_back = see(InstanceState::Stopped, "", |instance| {
        tag(instance, "doze:start-owed-since", "2026-11-21T19:50:00Z");
        instance.launched_at = Some(minutes_ago(5));
        instance.transition =
            Transition { code: Some("Client.InternalError".to_owned()), message: None, at: Some(minutes_ago(3)) };
    });
    assert_is_calm(&fell_back);
}

#[test]
fn a_page_can_be_held_still_and_let_go_again() {
    for still in ["still=1&", "still=&", "still=0&"] {
        let seen = see(InstanceState::Pending, still, |_| ());
        assert_eq!(seen.header("refresh"), "", "{still}");
        let text = seen.text();
        assert!(text.contains("It is starting.") && text.contains("Look again, and follow it"), "{text}");
        assert!(seen.attributes("href").contains(&format!("{}?token={}", id(1), token_for(1))));
    }
    let followed = see(InstanceState::Pending, "", |_| ());
    assert!(followed.attributes("href").contains(&format!("{}?still=1&token={}", id(1), token_for(1))));
}
