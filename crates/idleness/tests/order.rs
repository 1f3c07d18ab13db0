//! Starts in their order: who waits for whom, who is started for the sake of others, and what is refused.

use crate::support::{
    fleets::{Fleet, id, label},
    instance, minutes_ago, now, quiet, rules,
    starts::{CLOSED, OPEN, with_tags},
};
use idleness::{
    Decision, Instance, InstanceId, InstanceState, Reason, Rules, Verdict, decide, in_order, requested, starting_after,
    starts_after_others,
};

const STOPPED: InstanceState = InstanceState::Stopped;
const RUNNING: InstanceState = InstanceState::Running;

#[test]
fn a_chain_starts_one_after_the_other() {
    let mut fleet = Fleet::default();
    fleet.add("db", &[]).add("api", &["db"]).add("web", &["api"]).want("web");
    fleet.check(&[
        ("db", Reason::Needed, "\"api\" (i-00000000000000002) starts after it"),
        ("api", Reason::WaitsForOthers, "it starts after \"db\" (i-00000000000000001), which is stopped"),
        ("web", Reason::WaitsForOthers, "it starts after \"api\" (i-00000000000000002), which is stopped"),
    ]);
    fleet.set("db", InstanceState::Pending);
    fleet.check(&[
        ("api", Reason::WaitsForOthers, "it starts after \"db\" (i-00000000000000001), which is pending"),
        ("web", Reason::WaitsForOthers, "it starts after \"api\" (i-00000000000000002), which is stopped"),
    ]);
    fleet.set("db", RUNNING);
    fleet.check(&[
        ("api", Reason::Needed, "\"web\" (i-00000000000000003) starts after it"),
        ("web", Reason::WaitsForOthers, "it starts after \"api\" (i-00000000000000002), which is stopped"),
    ]);
    fleet.set("api", RUNNING);
    fleet.check(&[("web", Reason::ScheduleOpen, "a window of its schedule is open until 2026-11-21T21:00:00Z")]);
}

#[test]
fn in_a_diamond_both_sides_run_before_the_last() {
    let mut fleet = Fleet::default();
    fleet.add("net", &[]).add("left", &["net"]).add("right", &["net"]).add("top", &["left", "right"]).want("top");
    assert_eq!(fleet.started(), ["net"]);
    fleet.set("net", RUNNING);
    assert_eq!(fleet.started(), ["left", "right"]);
    fleet.set("left", RUNNING);
    assert_eq!(fleet.started(), ["right"]);
    let detail = "it starts after \"right\" (i-00000000000000003), which is stopped";
    assert_eq!(fleet.turn("top"), (Reason::WaitsForOthers, Some(detail.to_owned())));
    fleet.set("right", RUNNING);
    assert_eq!(fleet.started(), ["top"]);
}

#[test]
fn all_instances_of_a_shared_name_run_first() {
    let mut fleet = Fleet::default();
    fleet.add("web", &["db"]).want("web");
    for _ in 0..2 {
        fleet.add_another("db");
    }
    let stopped = |number: u32| format!("\"db\" ({}), which is stopped", id(number));
    assert_eq!(fleet.started_ids(), [id(2), id(3)]);
    let both = format!("it starts after {}; {}", stopped(2), stopped(3));
    assert_eq!(fleet.turn("web"), (Reason::WaitsForOthers, Some(both)));
    fleet.set_number(2, RUNNING);
    assert_eq!(fleet.turn("web"), (Reason::WaitsForOthers, Some(format!("it starts after {}", stopped(3)))));
    // A terminated one of the name is still described for an hour, and waited for by nobody.
    fleet.set_number(3, InstanceState::Terminated);
    assert_eq!(fleet.turn("web").0, Reason::ScheduleOpen);
}

/// They would be idle until the last one comes, be stopped for that, and be started again.
#[test]
fn nothing_is_started_for_the_sake_of_one_that_waits_for_more_than_that() {
    let mut fleet = Fleet::default();
    fleet.add("db", &[]).add("cache", &[]).add("app", &["db", "cache"]).want("app");
    assert_eq!(fleet.started(), ["db", "cache"]);
    for state in [InstanceState::Stopping, InstanceState::ShuttingDown] {
        fleet.set("db", state);
        assert!(fleet.started().is_empty(), "{state:?}");
    }
    fleet.set("db", InstanceState::Pending);
    assert_eq!(fleet.started(), ["cache"]);
    // One further away keeps them from it, too.
    let mut fleet = Fleet::default();
    fleet.add("net", &["nobody"]).add("db", &["net"]).add("cache", &[]).add("app", &["db", "cache"]).want("app");
    assert!(fleet.started().is_empty());
    // Whoever runs, needs nobody any more.
    fleet.set("db", RUNNING);
    assert_eq!(fleet.started(), ["cache"]);
}

#[test]
fn of_many_that_are_waited_for_a_few_are_named() {
    let mut fleet = Fleet::default();
    fleet.add("web", &["db"]).want("web");
    for _ in 0..300 {
        fleet.add_another("db");
    }
    let (reason, detail) = fleet.turn("web");
    let detail = detail.expect("says why");
    assert_eq!(reason, Reason::WaitsForOthers);
    assert_eq!(detail.matches("which is stopped").count(), 5, "{detail}");
    assert!(detail.ends_with("; and 295 more"), "{detail}");
    assert_eq!(fleet.started_ids().len(), 300, "all of them are started nevertheless");
}

#[test]
fn ids_do_as_well_as_names_and_win_over_them() {
    let mut fleet = Fleet::default();
    let first = id(1);
    fleet.add("db", &[]).add("web", &[first.as_str()]).want("web");
    assert_eq!(fleet.started(), ["db"]);
    // An instance that is called like another one's id.
    fleet.add(first.as_str(), &[]).set("db", RUNNING);
    assert_eq!(fleet.started(), ["web"]);
}

#[test]
fn what_names_an_instance_that_is_not_there_does_not_start() {
    for (after, named) in [
        ("mars", "mars"),
        ("db + mars", "mars"),
        ("DB", "DB"),
        ("i-0000000000000ffff", "i-0000000000000ffff"),
        ("db, mars", "db, mars"),
    ] {
        let mut fleet = Fleet::default();
        fleet.add("db", &[]).add_with("web", &[("doze:after", after)]).want("web");
        let detail = format!("its tag doze:after names {named:?}, which is no instance with doze=on");
        assert_eq!(fleet.turn("web"), (Reason::WaitsForOthers, Some(detail)), "{after}");
        assert!(fleet.started().is_empty(), "nothing is started for the sake of what does not start");
    }
}

#[test]
fn a_circle_starts_nobody_in_it_and_nobody_behind_it() {
    for (length, circle) in [(1, "a after a"), (2, "a after b after a"), (3, "a after b after c after a")] {
        let mut fleet = Fleet::default();
        let names = ["a", "b", "c"];
        for position in 0..length {
            fleet.add(names[position], &[names[(position + 1) % length]]);
        }
        fleet.add("tail", &["a"]).add("apart", &[]).want("tail").want("a").want("apart");
        assert_eq!(fleet.started(), ["apart"], "the others go on");
        let detail = format!("the tags doze:after go round in a circle: {}", label(circle, length));
        assert_eq!(fleet.turn("a"), (Reason::WaitsForOthers, Some(detail)));
        let detail = format!("it starts after \"a\" ({}), which is stopped", id(1));
        assert_eq!(fleet.turn("tail"), (Reason::WaitsForOthers, Some(detail)));
    }
}

#[test]
fn a_circle_is_one_even_if_a_part_of_it_runs() {
    let mut fleet = Fleet::default();
    fleet.add("a", &["b"]).add("b", &["a"]).want("a").set("b", RUNNING);
    assert_eq!(fleet.turn("a").0, Reason::WaitsForOthers);
    assert!(fleet.started().is_empty());
}

#[test]
fn nothing_is_started_for_the_sake_of_a_circle() {
    let mut fleet = Fleet::default();
    fleet.add("base", &[]).add("a", &["b", "base"]).add("b", &["a"]).want("a");
    assert!(fleet.started().is_empty());
    assert_eq!(fleet.turn("base").0, Reason::AlreadyStopped);
}

/// The rest of the circle runs, so that nothing but the circle keeps its last one from starting.
#[test]
fn nothing_is_started_for_the_sake_of_one_that_waits_for_a_circle_of_which_a_part_runs() {
    let mut fleet = Fleet::default();
    fleet.add("spare", &[]).add("first", &["second"]).add("second", &["first"]);
    fleet.add("api", &["spare", "first"]).add("web", &["api"]).want("web");
    fleet.set("second", RUNNING);
    assert_eq!(fleet.started(), [""; 0]);
    fleet.want("first");
    assert_eq!(fleet.started(), [""; 0], "nor if it is wanted itself");
}

#[test]
fn a_long_circle_is_named_in_part() {
    let mut fleet = Fleet::default();
    for number in 0..200 {
        fleet.add(&format!("n{number}"), &[&format!("n{}", (number + 1) % 200)]);
    }
    let detail = fleet.want("n7").turn("n7").1.expect("says why");
    assert!(detail.starts_with("the tags doze:after go round in a circle: \"n7\" ("), "{detail}");
    assert!(detail.ends_with("; and 196 more") && detail.len() < 400, "{detail}");
}

#[test]
fn only_running_is_running() {
    for (state, words) in [
        (InstanceState::Pending, "pending"),
        (InstanceState::Stopping, "stopping"),
        (InstanceState::ShuttingDown, "shutting-down"),
        (InstanceState::Unknown, "unknown"),
    ] {
        let mut fleet = Fleet::default();
        fleet.add("db", &[]).add("web", &["db"]).want("web").set("db", state);
        let detail = format!("it starts after \"db\" ({}), which is {words}", id(1));
        assert_eq!(fleet.turn("web"), (Reason::WaitsForOthers, Some(detail)));
        assert!(fleet.started().is_empty());
    }
    let mut fleet = Fleet::default();
    fleet.add("db", &[]).add("web", &["db"]).add("by-id", &[id(1).as_str()]).want("web").want("by-id");
    fleet.set("db", InstanceState::Terminated);
    let detail = "its tag doze:after names \"db\", which is no instance with doze=on".to_owned();
    assert_eq!(fleet.turn("web"), (Reason::WaitsForOthers, Some(detail)));
    let detail = format!("it starts after \"db\" ({}), which is terminated", id(1));
    assert_eq!(fleet.turn("by-id"), (Reason::WaitsForOthers, Some(detail)));
}

#[test]
fn what_a_person_stopped_is_started_for_nobody() {
    let mut fleet = Fleet::default();
    fleet.add("db", &[]).add("web", &["db"]).want("web");
    let not_by_doze = format!("it starts after \"db\" ({}), which is stopped, but not by Doze", id(1));
    for edit in [
        |it: &mut Instance| it.launched_at = Some(minutes_ago(5)),
        |it: &mut Instance| it.transition.code = Some("Client.InstanceInitiatedShutdown".to_owned()),
        |it: &mut Instance| it.tags = [("doze", "on"), ("Name", "db")].into_iter().collect(),
        |it: &mut Instance| it.tags = it.tags.iter().chain([("doze:keep-until", "x")]).collect(),
        |it: &mut Instance| it.tags = it.tags.iter().chain([("doze", "off")]).collect(),
    ] {
        let mut fleet = fleet.clone();
        fleet.edit("db", edit);
        assert_eq!(fleet.turn("web"), (Reason::WaitsForOthers, Some(not_by_doze.clone())));
        assert!(fleet.started().is_empty());
    }
    let mut failed = fleet.clone();
    failed.edit("db", |it| it.transition.code = Some("Client.InternalError".to_owned()));
    let detail = format!("it starts after \"db\" ({}), which is stopped, since its start failed", id(1));
    assert_eq!(failed.turn("web"), (Reason::WaitsForOthers, Some(detail)));
    assert!(failed.started().is_empty());
    fleet.edit("db", |it| it.tags = it.tags.iter().chain([CLOSED]).collect());
    assert_eq!(fleet.started(), ["db"], "its own schedule matters to nobody who needs it");
}

#[test]
fn what_is_owed_is_not_hurried_by_those_who_wait_for_it() {
    let mut fleet = Fleet::default();
    fleet.add("db", &[]).add("web", &["db"]).want("web");
    let notes = [("doze:start-owed-since", "2026-11-21T19:53:17Z"), ("doze:start-tried-at", "2026-11-21T20:00:00Z")];
    fleet.edit("db", |it| it.tags = it.tags.iter().chain(notes).collect());
    let detail = "its start has been owed since 2026-11-21T19:53:17Z, and is tried again at 2026-11-21T20:06:43Z";
    assert_eq!(fleet.turn("db"), (Reason::AlreadyStopped, Some(detail.to_owned())));
    let detail = format!("it starts after \"db\" ({}), which is stopped; its start is owed", id(1));
    assert_eq!(fleet.turn("web"), (Reason::WaitsForOthers, Some(detail)));
    let due = [("doze:start-owed-since", "2026-11-21T19:53:17Z"), ("doze:start-tried-at", "2026-11-21T19:55:00Z")];
    fleet.edit("db", |it| it.tags = it.tags.iter().chain(due).collect());
    assert_eq!(fleet.turn("db").0, Reason::StartOwed, "when it is due, it is tried for its own sake");
}

#[test]
fn who_is_wanted_anyway_is_not_needed_but_wanted() {
    let mut fleet = Fleet::default();
    fleet.add("db", &[]).add("web", &["db"]).want("web").want("db");
    assert_eq!(fleet.turn("db").0, Reason::ScheduleOpen);
    assert_eq!(fleet.turn("web").0, Reason::WaitsForOthers);
}

#[test]
fn without_a_start_nothing_is_ordered() {
    let mut fleet = Fleet::default();
    fleet.add("db", &[]).add("web", &["db", "mars"]).add("loop", &["loop"]);
    let decisions = fleet.decisions();
    assert_eq!(in_order(decisions.clone(), &fleet.instances), decisions);
    assert!(decisions.iter().all(|decision| decision.reason == Reason::AlreadyStopped));
}

#[test]
fn stops_and_keeps_are_left_as_they_are() {
    let mut fleet = Fleet::default();
    fleet.add("db", &[]).add("web", &["db"]).want("web");
    let others = [instance(50), instance(51)];
    let of_others = others.iter().map(|other| decide(other, &quiet(), &Rules { ..rules() }, now()));
    let mut decisions: Vec<Decision> = fleet.decisions().into_iter().chain(of_others.clone()).collect();
    decisions.push(Decision::not_found(id(60)));
    let ordered = in_order(decisions, fleet.instances.iter().chain(&others));
    assert_eq!(ordered.len(), 5);
    for decision in of_others {
        assert!(decision.verdict == Verdict::Stop && ordered.contains(&decision));
    }
    assert!(ordered.contains(&Decision::not_found(id(60))));
}

#[test]
fn one_run_starts_no_more_than_five_hundred() {
    let mut fleet = Fleet::default();
    for number in 1..=620 {
        let name = format!("n{number:04}");
        fleet.add(&name, &[]).want(&name);
    }
    assert_eq!(fleet.started().len(), 500);
    let detail = "one run starts no more than 500 instances; the next one goes on".to_owned();
    assert_eq!(fleet.turn("n0620"), (Reason::WaitsForOthers, Some(detail)));
    // Those that run make place for the others.
    (1..=500).for_each(|number| fleet.set_number(number, RUNNING));
    assert_eq!(fleet.started().len(), 120);
}

#[test]
fn a_person_may_ask_for_any_instance_and_gets_those_before_it() {
    let mut fleet = Fleet::default();
    fleet.add("db", &[]).add("api", &["db"]).add("web", &["api"]).add("other", &[]).want("other");
    // Stopped by somebody, and wanted by nobody but the one who asks.
    fleet.edit("web", |it| it.tags = it.tags.iter().filter(|(key, _)| *key != "doze:stopped-at").collect());
    let turns = |fleet: &Fleet, name: &str| -> Vec<(InstanceId, Reason)> {
        let decisions = requested(fleet.named(name), &fleet.instances);
        decisions.into_iter().map(|decision| (decision.instance, decision.reason)).collect()
    };
    assert_eq!(turns(&fleet, "db"), [(id(1), Reason::Requested)]);
    assert_eq!(
        turns(&fleet, "web"),
        [(id(1), Reason::Needed), (id(2), Reason::WaitsForOthers), (id(3), Reason::WaitsForOthers)]
    );
    fleet.set("db", RUNNING).set("api", RUNNING);
    assert_eq!(turns(&fleet, "web"), [(id(3), Reason::Requested)]);
    let alone = requested(fleet.named("web"), []);
    assert_eq!((alone.len(), alone[0].reason, alone[0].verdict), (1, Reason::Requested, Verdict::Start));
}

#[test]
fn those_that_start_after_an_instance_are_found() {
    let mut fleet = Fleet::default();
    fleet.add("db", &[]).add("api", &["db"]).add("batch", &[id(1).as_str(), "api"]).add("web", &["api"]);
    fleet.add("lost", &["db", "mars"]).add_with("bad", &[("doze:after", "db +")]).add_another("db");
    let after = |number: u32| starting_after(&id(number), &fleet.instances).into_iter().collect::<Vec<_>>();
    assert_eq!(after(1), [id(2), id(3)], "what cannot start anyway is not among them");
    assert_eq!(after(2), [id(3), id(4)]);
    assert_eq!(after(7), [id(2)], "by the shared name");
    assert!(after(4).is_empty() && after(99).is_empty());
    let after_others = |name: &str| starts_after_others(fleet.named(name));
    assert!(after_others("api") && after_others("lost") && !after_others("db") && !after_others("bad"));
    assert!(!starts_after_others(&with_tags(1, &[OPEN])));
    assert!(!starts_after_others(&Instance { state: STOPPED, ..instance(1) }));
}
