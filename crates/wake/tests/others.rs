//! The tag `doze:after`: what starts before the instance, and what a person's wish makes of it.

use crate::support::{
    JSON, Seen, Site,
    fleet::{FakeFleet, tag},
    id, path, token_for,
};
use idleness::{Instance, InstanceState, Transition};

const OWE: &str = "tag 1 doze:start-owed-since=2026-11-21T20:00:20Z";

fn hold(number: usize) -> String {
    format!("tag {number} doze:keep-until=2026-11-21T21:00:20Z")
}

fn named(name: &'static str) -> impl FnOnce(&mut Instance) {
    move |instance| tag(instance, "Name", name)
}

/// A stopped instance of this name; by Doze, an hour ago.
fn dozing(name: &'static str) -> impl FnOnce(&mut Instance) {
    move |instance| {
        tag(instance, "Name", name);
        tag(instance, "doze:stopped-at", "2026-11-21T19:00:00Z");
        instance.state = InstanceState::Stopped;
        instance.transition = Transition {
            code: Some("Client.UserInitiatedShutdown".to_owned()),
            message: None,
            at: Some("2026-11-21T19:00:05Z".parse().expect("is a time")),
        };
    }
}

/// A stopped app that starts after these.
fn app_after(others: &'static str) -> FakeFleet {
    FakeFleet::default().and(1, |instance| {
        instance.state = InstanceState::Stopped;
        tag(instance, "Name", "app");
        tag(instance, "doze:after", others);
    })
}

#[track_caller]
fn assert_owed(seen: &Seen, words: &str) {
    assert_eq!((seen.status, &seen.json()["result"], &seen.json()["state"]), (202, &"owed".into(), &"stopped".into()));
    assert_eq!(seen.next(), words);
}

#[test]
fn an_instance_that_starts_after_nobody_asks_for_nobody() {
    let site = Site::of(FakeFleet::stopped().and(2, named("db")));
    assert_eq!(site.press("start").status, 202);
    assert_eq!(site.fleet.calls(), ["instances 1".to_owned(), hold(1), "start 1".to_owned()]);
}

#[test]
fn what_runs_already_is_not_waited_for() {
    let site = Site::of(app_after("db").and(2, named("db")));
    let seen = site.press("start");
    assert_eq!((seen.status, &seen.json()["result"]), (202, &"done".into()));
    assert_eq!(site.fleet.calls(), ["instances 1".to_owned(), "opted-in".to_owned(), hold(1), "start 1".to_owned()]);
}

#[test]
fn what_doze_stopped_is_started_first_and_held_awake_too() {
    let site = Site::of(app_after("db").and(2, dozing("db")));
    let words = format!(
        "It has to wait: it starts after \"db\" ({}), which is stopped. Doze has started that, and starts it in its turn.",
        id(2)
    );
    assert_owed(&site.press("start"), &words);
    assert_eq!(site.fleet.changes(), [hold(1), OWE.to_owned(), hold(2), "start 2".to_owned()]);
    assert_eq!(
        (site.fleet.instance(1).state, site.fleet.instance(2).state),
        (InstanceState::Stopped, InstanceState::Pending)
    );

    // While that is on its way, the app still waits; once it runs, another click starts it.
    assert_owed(
        &site.press("start"),
        &format!(
            "It has to wait: it starts after \"db\" ({}), which is pending. Doze starts it once that has changed.",
            id(2)
        ),
    );
    site.fleet.edit(2, |instance| instance.state = InstanceState::Running);
    assert_eq!(site.press("start").json()["result"], "done");
}

#[test]
fn a_whole_chain_begins_with_its_first() {
    let fleet = app_after("db").and(3, dozing("disk"));
    let site = Site::of(fleet.and(2, |instance| {
        dozing("db")(instance);
        tag(instance, "doze:after", "disk");
    }));
    assert_eq!(site.press("start").json()["result"], "owed");
    assert_eq!(site.fleet.changes(), [hold(1), OWE.to_owned(), hold(3), "start 3".to_owned()]);
}

#[test]
fn what_a_person_stopped_stays_stopped_and_is_said() {
    let site = Site::of(app_after("db").and(2, |instance| {
        named("db")(instance);
        instance.state = InstanceState::Stopped;
    }));
    let words = format!(
        "It has to wait: it starts after \"db\" ({}), which is stopped, but not by Doze. Doze starts it once that has changed.",
        id(2)
    );
    assert_owed(&site.press("start"), &words);
    assert_eq!(site.fleet.changes(), [hold(1), OWE.to_owned()]);
}

#[test]
fn a_circle_and_an_unknown_name_are_refused_and_nothing_is_owed() {
    let circle = app_after("db").and(2, |instance| {
        dozing("db")(instance);
        tag(instance, "doze:after", "app");
    });
    let (app, db) = (id(1), id(2));
    let round =
        format!("the tags doze:after go round in a circle: \"app\" ({app}) after \"db\" ({db}) after \"app\" ({app})");
    let nobody = "its tag doze:after names \"database\", which is no instance with doze=on".to_owned();
    for (fleet, why) in [(circle, round), (app_after("database"), nobody)] {
        let site = Site::of(fleet);
        let seen = site.press("start");
        assert_eq!((seen.status, &seen.json()["error"]["code"]), (409, &"bad-tag".into()));
        let message = seen.json()["error"]["message"].as_str().expect("is a text").to_owned();
        assert_eq!(message, format!("it cannot be started: {why}"));
        assert!(site.fleet.changes().is_empty());
    }
}

#[test]
fn a_prerequisite_that_cannot_be_held_is_not_started_and_leaves_the_start_owed() {
    let site = Site::of(app_after("db").and(2, dozing("db")).refusing_tags(2, "TagLimitExceeded"));
    let seen = site.press("start");
    assert_eq!((seen.status, &seen.json()["result"]), (202, &"owed".into()));
    assert_eq!(site.fleet.changes(), [hold(1), OWE.to_owned(), hold(2)]);
}

#[test]
fn a_prerequisite_that_cannot_be_started_leaves_the_start_owed() {
    for code in ["InsufficientInstanceCapacity", "UnsupportedOperation"] {
        let site = Site::of(app_after("db").and(2, dozing("db")).refusing_start(2, code));
        let seen = site.press("start");
        assert_eq!((seen.status, &seen.json()["result"]), (202, &"owed".into()));
        assert!(seen.next().ends_with("Doze starts it once that has changed."), "{}", seen.next());
        assert_eq!(site.fleet.changes(), [hold(1), OWE.to_owned(), hold(2), "start 2".to_owned()]);
    }
}

#[test]
fn a_fleet_that_cannot_be_seen_starts_nobody() {
    let mut fleet = app_after("db").and(2, dozing("db"));
    fleet.broken = Some(("opted-in", "RequestLimitExceeded"));
    let site = Site::of(fleet);
    let target = format!("{}?token={}", path(1, "start"), token_for(1));
    assert_eq!(site.post(&target, &[("accept", JSON)], "").status, 503);
    assert!(site.fleet.changes().is_empty());
}

#[test]
fn what_starts_after_it_is_nobodys_wish() {
    let site = Site::of(FakeFleet::stopped().and(2, |instance| {
        dozing("app")(instance);
        tag(instance, "doze:after", id(1).as_str());
    }));
    assert_eq!(site.press("start").json()["result"], "done");
    assert_eq!(site.fleet.changes(), [hold(1), "start 1".to_owned()]);
}
