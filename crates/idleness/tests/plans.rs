//! The caps: who may be stopped when more are idle than may be stopped.

use std::collections::BTreeSet;

use crate::support::{custom, instance, minutes_ago, now, quiet, quiet_but, quiet_under_but, rules, steady, under};
use idleness::{
    Caps, Census, Decision, Instance, InstanceState, Metric, Mode, Percent, Place, Plan, Reason, STOPPED_AT_TAG, Tags,
    UnknownMode, Verdict, decide, plan,
};

fn caps(stops: usize, percent: u8) -> Caps {
    Caps { stops, share: Percent::new(percent).expect("a share") }
}

fn idle(number: u32, cpu: f64) -> Decision {
    let evidence = quiet_but(&Metric::CPU, steady(cpu));
    decide(&instance(number), &evidence, &rules(), now())
}

fn stops(plan: &Plan) -> Vec<String> {
    plan.stops.iter().map(|id| id.as_str().trim_start_matches("i-").trim_start_matches('0').to_owned()).collect()
}

#[test]
fn under_the_caps_every_idle_instance_is_stopped() {
    let decisions = (1..=3).map(|n| idle(n, 0.0)).collect();
    let plan = plan(decisions, caps(25, 100), Census { running: 3, stopped_within_the_hour: 0 }, &BTreeSet::new());
    assert_eq!(stops(&plan), ["1", "2", "3"]);
}

#[test]
fn the_least_active_go_first_and_ids_break_ties() {
    let decisions = vec![idle(4, 2.0), idle(3, 1.0), idle(2, 3.0), idle(1, 2.0)];
    let plan = plan(decisions, caps(2, 100), Census { running: 4, stopped_within_the_hour: 0 }, &BTreeSet::new());
    assert_eq!(stops(&plan), ["3", "1"]);
    let over_cap: Vec<_> = plan.decisions.iter().filter(|decision| decision.reason == Reason::OverCap).collect();
    assert_eq!(over_cap.len(), 2);
    assert!(over_cap.iter().all(|decision| decision.verdict == Verdict::Keep));
}

#[test]
fn activity_is_measured_by_how_much_of_a_limit_is_used() {
    // 80 % of the CPU limit, and half of the network limit.
    let network = quiet_but(&Metric::NETWORK_IN, steady(1024.0 * 300.0));
    let by_network = decide(&instance(2), &network, &rules(), now());
    let census = Census { running: 2, stopped_within_the_hour: 0 };
    let plan = plan(vec![idle(1, 4.0), by_network], caps(1, 100), census, &BTreeSet::new());
    assert_eq!(stops(&plan), ["2"]);
}

#[test]
fn signals_that_say_nothing_and_limits_of_zero_are_no_activity() {
    let policy = custom(
        r#"{"sessions": true, "signals": {"disk": {}, "heartbeat": {}, "queue": {"metrics":
        [{"namespace": "Render", "name": "Queue"}], "limit": 0}}}"#,
    );
    let absent = [Metric::DISK_READS, Metric::DISK_WRITES, Metric::HEARTBEAT].map(|metric| (metric, Vec::new()));
    let evidence = quiet_under_but(&policy, &instance(2), &absent).with_sessions(0);
    let at_rest = decide(&instance(2), &evidence, &under(policy), now());
    assert_eq!(at_rest.reason, Reason::Idle);
    let census = Census { running: 2, stopped_within_the_hour: 0 };
    let plan = plan(vec![idle(1, 0.1), at_rest], caps(1, 100), census, &BTreeSet::new());
    assert_eq!(stops(&plan), ["2"]);
}

#[test]
fn a_place_beyond_the_limit_overrules_a_stop_and_nothing_else() {
    let busy = decide(&instance(1), &quiet_but(&Metric::CPU, steady(90.0)), &rules(), now());
    for (stops_so_far, limit, expected) in [(0, 1, Reason::Idle), (1, 1, Reason::OverCap), (0, 0, Reason::OverCap)] {
        let place = Place { stops_so_far, limit };
        let decision = place.allow(idle(1, 0.0));
        assert_eq!((decision.reason, decision.verdict), (expected, expected.verdict()));
        assert_eq!(Place::of(&decision), (expected == Reason::OverCap).then_some(place));
        assert_eq!(place.allow(busy.clone()), busy);
    }
}

#[test]
fn modes_have_the_names_of_the_setting() {
    assert_eq!(("dry-run".parse(), "enforce".parse()), (Ok(Mode::DryRun), Ok(Mode::Enforce)));
    assert_eq!((Mode::DryRun.as_str(), Mode::Enforce.as_str()), ("dry-run", "enforce"));
    for text in ["", "Enforce", "dry", "on"] {
        assert_eq!(text.parse::<Mode>(), Err(UnknownMode));
    }
}

#[test]
fn a_decision_over_the_cap_keeps_its_evidence_and_adds_the_cap() {
    let plan =
        plan(vec![idle(1, 1.0)], caps(2, 100), Census { running: 9, stopped_within_the_hour: 2 }, &BTreeSet::new());
    let evidence = &plan.decisions[0].evidence;
    assert_eq!(evidence.len(), 4);
    assert_eq!((evidence[3].signal.as_ref(), evidence[3].observed, evidence[3].limit), ("stops", Some(2.0), 2.0));
}

#[test]
fn stops_of_the_last_hour_use_up_the_cap() {
    let decisions: Vec<_> = (1..=5).map(|n| idle(n, 0.0)).collect();
    for (already, expected) in [(0, 3), (1, 2), (3, 0), (9, 0)] {
        let plan = plan(
            decisions.clone(),
            caps(3, 100),
            Census { running: 5, stopped_within_the_hour: already },
            &BTreeSet::new(),
        );
        assert_eq!(plan.stops.len(), expected);
    }
}

#[test]
fn the_share_rounds_down_but_never_below_one() {
    for (running, percent, expected) in [(10, 50, 5), (5, 50, 2), (1, 50, 1), (1, 0, 1), (4, 100, 4), (0, 50, 1)] {
        let decisions = (1..=10).map(|n| idle(n, 0.0)).collect();
        let plan = plan(decisions, caps(25, percent), Census { running, stopped_within_the_hour: 0 }, &BTreeSet::new());
        assert_eq!(plan.stops.len(), expected, "{percent} % of {running}");
    }
}

#[test]
fn a_cap_of_zero_stops_nothing() {
    let plan =
        plan(vec![idle(1, 0.0)], caps(0, 100), Census { running: 5, stopped_within_the_hour: 0 }, &BTreeSet::new());
    assert!(plan.stops.is_empty());
    assert_eq!(plan.decisions[0].reason, Reason::OverCap);
}

#[test]
fn only_idle_instances_count_towards_the_cap() {
    let busy = decide(&instance(1), &quiet_but(&Metric::CPU, steady(90.0)), &rules(), now());
    let plan = plan(
        vec![busy, idle(2, 4.0)],
        caps(1, 100),
        Census { running: 2, stopped_within_the_hour: 0 },
        &BTreeSet::new(),
    );
    assert_eq!(stops(&plan), ["2"]);
}

#[test]
fn a_refused_stop_leaves_its_place_to_the_next_and_takes_none() {
    let decisions: Vec<_> = (1..=4).map(|n| idle(n, f64::from(n) / 10.0)).collect();
    let census = Census { running: 4, stopped_within_the_hour: 0 };
    let refused = BTreeSet::from([instance(1).id]);
    let first = plan(decisions.clone(), caps(2, 100), census, &BTreeSet::new());
    let second = plan(decisions, caps(2, 100), census, &refused);
    assert_eq!(
        (stops(&first), stops(&second)),
        (vec!["1".to_owned(), "2".to_owned()], vec!["2".to_owned(), "3".to_owned()])
    );
    assert_eq!(second.decisions[0].reason, Reason::Idle, "what was refused was idle all the same");
    assert_eq!(second.decisions[3].reason, Reason::OverCap);
}

fn stopped_at(number: u32, text: &str) -> Instance {
    let tags = Tags::from_iter([("doze", "on"), (STOPPED_AT_TAG, text)]);
    Instance { state: InstanceState::Stopped, tags, ..instance(number) }
}

#[test]
fn the_census_counts_running_and_recently_stopped_opted_in_instances() {
    let fleet = [
        instance(1),
        Instance { tags: Tags::default(), ..instance(2) },
        Instance { state: InstanceState::Pending, ..instance(3) },
        stopped_at(4, &minutes_ago(59).to_string()),
        stopped_at(5, &minutes_ago(60).to_string()),
        stopped_at(6, "yesterday"),
        stopped_at(7, &minutes_ago(-10).to_string()),
        Instance { tags: Tags::from_iter([(STOPPED_AT_TAG, minutes_ago(1).to_string())]), ..instance(8) },
    ];
    assert_eq!(Census::take(fleet.iter(), now()), Census { running: 1, stopped_within_the_hour: 3 });
    assert_eq!(decide(&fleet[0], &quiet(), &rules(), now()).reason, Reason::Idle);
}

#[test]
fn an_instance_that_was_woken_again_still_counts_as_stopped() {
    let woken = Instance { state: InstanceState::Running, ..stopped_at(1, &minutes_ago(20).to_string()) };
    assert_eq!(Census::take([woken].iter(), now()), Census { running: 1, stopped_within_the_hour: 1 });
}
