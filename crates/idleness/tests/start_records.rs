//! Records of starts: one line of the log is enough to decide again, though other instances had their say.

use crate::support::{
    fleets::Fleet,
    instance, now, quiet, rules,
    starts::{CLOSED, KMS, NO_CAPACITY, OPEN, fallen, slept, switched_off},
};
use idleness::{
    Decision, Instance, InstanceState, Reason, Record, STOP_AT_TAG, Turn, Verdict, decide, explain, in_order,
};

fn through_the_log(decision: &Decision, instance: &Instance) -> Record {
    let nothing = idleness::Evidence::none();
    let record = Record::new(decision.clone(), instance, &nothing, &rules(), now());
    let line = serde_json::to_string(&record).expect("serializes");
    serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

#[track_caller]
fn check(decision: &Decision, instance: &Instance) {
    let read = through_the_log(decision, instance);
    assert_eq!(read.decision, *decision);
    assert_eq!(read.decide_again(), *decision);
    let nothing = idleness::Evidence::none();
    assert_eq!(read.explain(), explain(instance, &nothing, &rules(), decision, now()));
}

#[test]
fn what_a_stopped_instance_decides_by_itself_can_be_found_again() {
    for (instance, reason) in [
        (slept(&[OPEN]), Reason::ScheduleOpen),
        (slept(&[CLOSED]), Reason::AlreadyStopped),
        (switched_off(&[OPEN]), Reason::AlreadyStopped),
        (switched_off(&[("doze:start-owed-since", "2026-11-21T20:00:00Z")]), Reason::StartOwed),
        (fallen(KMS, Some("Client.InternalError: Client error on launch"), &[OPEN]), Reason::StartFailed),
        (fallen(NO_CAPACITY, None, &[OPEN]), Reason::StartOwed),
        (fallen(NO_CAPACITY, None, &[]), Reason::StartFailed),
        (slept(&[OPEN, (STOP_AT_TAG, "2026-11-21T10:00:00Z")]), Reason::ScheduleOpen),
    ] {
        let decision = decide(&instance, &quiet(), &rules(), now());
        assert_eq!(decision.reason, reason);
        check(&decision, &instance);
    }
}

#[test]
fn what_others_made_of_a_start_can_be_found_again() {
    let mut fleet = Fleet::default();
    fleet.add("db", &[]).add("api", &["db"]).add("web", &["api"]).want("web");
    fleet.add("loop", &["loop"]).add("lost", &["mars"]).want("loop").want("lost");
    let mut reasons = Vec::new();
    for (id, decision) in fleet.ordered() {
        reasons.push(decision.reason);
        check(&decision, fleet.instances.iter().find(|instance| instance.id == id).expect("is there"));
    }
    let waits = Reason::WaitsForOthers;
    assert_eq!(reasons, [Reason::Needed, waits, waits, waits, waits]);
}

#[test]
fn one_who_is_needed_by_a_run_that_was_not_about_it_can_be_found_again() {
    let mut fleet = Fleet::default();
    fleet.add("db", &[]).add("web", &["db"]).want("web");
    // Announced, stopped, and not looked at since.
    fleet.edit("db", |it| it.tags = it.tags.iter().chain([(STOP_AT_TAG, "2026-11-21T09:59:00Z")]).collect());
    let about_web = vec![decide(fleet.named("web"), &quiet(), &rules(), now())];
    let ordered = in_order(about_web, &fleet.instances);
    assert_eq!(ordered.iter().map(|it| it.reason).collect::<Vec<_>>(), [Reason::Needed, Reason::WaitsForOthers]);
    check(&ordered[0], fleet.named("db"));
    check(&ordered[1], fleet.named("web"));
    let all = fleet.ordered();
    assert_eq!(all[&ordered[0].instance], ordered[0], "it is the same in a run about all");
}

#[test]
fn starts_beyond_those_of_one_run_can_be_found_again() {
    let mut fleet = Fleet::default();
    for name in (0..501).map(|number| format!("n{number}")) {
        fleet.add(&name, &[]).want(&name);
    }
    let last = fleet.instances.last().expect("there are some");
    let decision = &fleet.ordered()[&last.id];
    assert_eq!(decision.reason, Reason::WaitsForOthers);
    check(decision, last);
}

#[test]
fn a_record_names_the_turn_that_others_made_and_only_that() {
    let mut fleet = Fleet::default();
    fleet.add("db", &[]).add("web", &["db"]).want("web").want("db");
    let turns: Vec<_> = fleet
        .ordered()
        .values()
        .zip(&fleet.instances)
        .map(|(decision, instance)| {
            let record = through_the_log(decision, instance);
            serde_json::to_value(&record).expect("serializes").get("turn").cloned()
        })
        .collect();
    let waits = serde_json::json!({
        "reason": "waits-for-others",
        "detail": "it starts after \"db\" (i-00000000000000001), which is stopped",
    });
    assert_eq!(turns, [None, Some(waits)]);
}

#[test]
fn the_transition_that_decided_is_in_the_record() {
    let instance = slept(&[OPEN]);
    let mut record = through_the_log(&decide(&instance, &quiet(), &rules(), now()), &instance);
    assert_eq!(record.facts.transition, instance.transition);
    record.facts.transition.code = Some("Client.InstanceInitiatedShutdown".to_owned());
    assert_eq!(record.decide_again().reason, Reason::AlreadyStopped);
    let of_unknown_transition = Instance { transition: idleness::Transition::default(), ..instance };
    let decision = decide(&of_unknown_transition, &quiet(), &rules(), now());
    let line = serde_json::to_value(through_the_log(&decision, &of_unknown_transition)).expect("serializes");
    assert_eq!(line["facts"].get("transition"), None, "nothing is said of what is not known");
}

#[test]
fn a_turn_is_taken_from_no_other_decision() {
    for instance in [slept(&[OPEN]), slept(&[CLOSED]), Instance { state: InstanceState::Running, ..instance(1) }] {
        let decision = decide(&instance, &quiet(), &rules(), now());
        assert!(decision.verdict != Verdict::Keep || decision.reason == Reason::AlreadyStopped);
        assert_eq!(Turn::of(&decision), None);
    }
}
