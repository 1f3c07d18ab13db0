//! Records: what one line of the log says is enough to decide again, and to explain.

use crate::support;
use std::collections::BTreeSet;

use crate::support::{
    cases::any_case, custom, instance, minutes_ago, now, of_type, quiet, quiet_but, quiet_under, quiet_under_but,
    rules, steady, tagged, under,
};
use idleness::{
    Caps, Census, Decision, Evidence, Instance, InstanceState, Market, Metric, Percent, Policies, Policy, Reason,
    Record, RootDevice, Rules, Series, SeriesStatus, StopProtection, Tags, decide, explain, plan,
};
use jiff::SignedDuration;
use proptest::prelude::*;

fn through_the_log(record: &Record) -> Record {
    let line = serde_json::to_string(record).expect("serializes");
    assert!(!line.contains('\n'));
    serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

#[track_caller]
fn check(instance: &Instance, evidence: &Evidence, rules: &Rules, expected: Reason) {
    let decision = decide(instance, evidence, rules, now());
    assert_eq!(decision.reason, expected);
    check_decision(&decision, instance, evidence, rules);
}

#[track_caller]
fn check_decision(decision: &Decision, instance: &Instance, evidence: &Evidence, rules: &Rules) {
    let record = Record::new(decision.clone(), instance, evidence, rules, now());
    let read = through_the_log(&record);
    assert_eq!(read.decision, *decision);
    assert_eq!(read.decide_again(), *decision);
    assert_eq!(read.explain(), explain(instance, evidence, rules, decision, now()));
}

fn graced() -> Rules {
    Rules { grace: SignedDuration::from_mins(30), ..rules() }
}

#[test]
fn every_reason_can_be_found_again() {
    let with = |edit: fn(&mut Instance)| {
        let mut instance = instance(1);
        edit(&mut instance);
        instance
    };
    for (instance, reason) in [
        (with(|it| it.tags = Tags::default()), Reason::NotOptedIn),
        (with(|it| it.state = InstanceState::Stopped), Reason::AlreadyStopped),
        (with(|it| it.state = InstanceState::Unknown), Reason::InTransition),
        (with(|it| it.state = InstanceState::ShuttingDown), Reason::Terminated),
        (tagged(&[("doze:keep-until", "soon")]), Reason::BadTag),
        (tagged(&[("doze:policy", "lazy")]), Reason::BadTag),
        (tagged(&[("aws:autoscaling:groupName", "web")]), Reason::AutoScalingMember),
        (tagged(&[("kubernetes.io/cluster/prod", "owned")]), Reason::ClusterMember),
        (with(|it| it.market = Market::SpotOneTime), Reason::OneTimeSpot),
        (with(|it| it.market = Market::SpotUnknown), Reason::OneTimeSpot),
        (with(|it| it.root_device = RootDevice::InstanceStore), Reason::InstanceStoreRoot),
        (with(|it| it.stop_protection = StopProtection::On), Reason::StopProtected),
        (tagged(&[("doze:keep-until", "2027-01-01T00:00:00Z")]), Reason::KeptAwake),
        (tagged(&[("doze:schedule", "sat 20:00-21:00 @ UTC")]), Reason::InsideSchedule),
        (with(|it| it.launched_at = Some(minutes_ago(1))), Reason::RecentlyStarted),
        (with(|it| it.launched_at = None), Reason::RecentlyStarted),
        (tagged(&[("doze:policy", "gcp")]), Reason::InsufficientData),
        (of_type("g5.xlarge"), Reason::InsufficientData),
        (tagged(&[("Name", "build"), ("doze:policy", " dev-box ")]), Reason::Idle),
    ] {
        check(&instance, &quiet(), &rules(), reason);
    }
    check(&instance(1), &quiet_but(&Metric::CPU, steady(5.000_000_1)), &rules(), Reason::Busy);
    let heeding = under(custom(r#"{"sessions": true}"#));
    check(&instance(1), &quiet(), &heeding, Reason::InsufficientData);
    check(&instance(1), &quiet().with_sessions(2), &heeding, Reason::SessionActive);
    check(&instance(1), &quiet().with_sessions(0), &heeding, Reason::Idle);
}

#[test]
fn announcements_can_be_found_again() {
    let announced = |stop_at| tagged(&[("doze:stop-at", stop_at)]);
    check(&instance(1), &quiet(), &graced(), Reason::Announced);
    check(&announced("2026-11-21T20:30:00.5Z"), &quiet(), &graced(), Reason::Announced);
    check(&announced("2026-11-21T20:00:00Z"), &quiet(), &graced(), Reason::Idle);
    check(&announced("2026-11-20T20:00:00Z"), &quiet(), &graced(), Reason::Announced);
    check(&announced("2026-11-21T20:30:00Z"), &quiet_but(&Metric::CPU, steady(9.0)), &graced(), Reason::Busy);
}

#[test]
fn every_preset_can_be_found_again() {
    for policy in Policy::presets() {
        let instance = tagged(&[("doze:policy", &policy.name)]);
        check(&instance, &quiet_under(&policy, &instance), &rules(), Reason::Idle);
        check(&instance, &Evidence::default(), &rules(), Reason::InsufficientData);
    }
}

#[test]
fn numbers_that_json_does_not_know_can_be_found_again() {
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, f64::MIN_POSITIVE, 0.1 + 0.2] {
        let mut series = steady(0.0);
        series.points[3].value = value;
        let expected = if value.is_finite() { Reason::Idle } else { Reason::InsufficientData };
        check(&instance(1), &quiet_but(&Metric::CPU, series), &rules(), expected);
    }
}

#[test]
fn sums_beyond_all_numbers_can_be_found_again() {
    let edits = [Metric::NETWORK_IN, Metric::NETWORK_OUT].map(|metric| (metric, vec![steady(f64::MAX)]));
    let evidence = quiet_under_but(&support::plain(), &instance(1), &edits);
    check(&instance(1), &evidence, &rules(), Reason::Busy);
}

#[test]
fn a_bad_tag_beside_the_choice_of_a_policy_can_be_found_again() {
    let instance = tagged(&[("doze:policy", "gcp"), ("doze:keep-until", "soon")]);
    check(&instance, &quiet(), &rules(), Reason::BadTag);
}

fn cap_on(decisions: Vec<Decision>, stops: usize, already: usize) -> Vec<Decision> {
    let census = Census { running: 10, stopped_within_the_hour: already };
    plan(decisions, Caps { stops, share: Percent::ALL }, census, &BTreeSet::new()).decisions
}

#[test]
fn stops_over_the_cap_can_be_found_again() {
    let decisions: Vec<_> = (1..=4).map(|number| decide(&instance(number), &quiet(), &rules(), now())).collect();
    let mut reasons = Vec::new();
    for (decision, number) in cap_on(decisions, 3, 1).into_iter().zip(1..) {
        reasons.push(decision.reason);
        check_decision(&decision, &instance(number), &quiet(), &rules());
    }
    assert_eq!(reasons, [Reason::Idle, Reason::Idle, Reason::OverCap, Reason::OverCap]);
}

#[test]
fn a_signal_of_ones_own_may_be_called_stops() {
    let policy = custom(r#"{"signals": {"stops": {"metrics": [{"namespace": "Tram", "name": "Stops"}], "limit": 0}}}"#);
    let evidence = quiet_under(&policy, &instance(1));
    check(&instance(1), &evidence, &under(policy.clone()), Reason::Idle);
    let idle = decide(&instance(1), &evidence, &under(policy.clone()), now());
    let over_cap = cap_on(vec![idle], 5, 5).remove(0);
    check_decision(&over_cap, &instance(1), &evidence, &under(policy));
}

#[test]
fn what_the_record_decides_is_decided_anew() {
    let instance = instance(1);
    let mut record = Record::new(decide(&instance, &quiet(), &rules(), now()), &instance, &quiet(), &rules(), now());
    assert_eq!(record.decide_again().reason, Reason::Idle);
    record.policy.signals[0].limit = -1.0;
    assert_eq!(record.decide_again().reason, Reason::Busy);
    record.facts.state = InstanceState::Stopped;
    assert_eq!(record.decide_again().reason, Reason::AlreadyStopped);
}

#[test]
fn tags_that_no_gate_reads_are_in_no_record() {
    let foreign = [("Name", "db-of-the-board"), ("password", "hunter2"), ("dozer", "bulldozer")];
    let read = [("doze:policy", "dev-box"), ("eks:cluster-name", "prod"), ("aws:autoscaling:groupName", "web")];
    let instance = tagged(&[foreign, read].concat());
    let decision = decide(&instance, &quiet(), &rules(), now());
    let line = serde_json::to_string(&Record::new(decision, &instance, &quiet(), &rules(), now())).expect("serializes");
    for (key, value) in foreign {
        assert!(!line.contains(&format!("{key:?}")) && !line.contains(value), "{line}");
    }
    for (key, value) in read {
        assert!(line.contains(&format!("{key:?}")) && line.contains(value), "{line}");
    }
}

#[test]
fn a_line_of_the_log_stays_readable() {
    let line = r#"{
        "at": "2026-11-21T20:03:17Z",
        "instance": "i-00000000000000001", "verdict": "keep", "reason": "over-cap",
        "evidence": [
            {"signal": "load", "statistic": "max", "observed": 1.5, "limit": 2.0, "unit": "count", "points": 2,
             "expected": 2, "above": 0, "allowed_above": 0},
            {"signal": "stops", "observed": 3.0, "limit": 3.0, "unit": "stops-per-hour"}],
        "facts": {"id": "i-00000000000000001", "state": "running", "launched_at": "2026-11-01T00:00:00Z",
            "instance_type": "m7g.large", "vcpus": 2, "root_device": "ebs", "market": "on-demand",
            "stop_protection": "unread", "tags": {"doze": "on"}},
        "policy": {"name": "custom", "lookback": "PT10M", "minimum_uptime": "PT30M", "coverage": 50,
            "heeds_sessions": false, "signals": [
            {"name": "load", "metrics": [{"namespace": "Render", "name": "Load", "dimensions": "discovered"}],
             "statistic": "max", "period": "PT5M", "limit": 2.0, "unit": "count", "allowed_above": 10,
             "presence": "required", "hardware": "any"}]},
        "grace": "PT0S",
        "measured": {"measured": [
            {"measure": {"metric": {"namespace": "Render", "name": "Load", "dimensions": "discovered"},
                         "statistic": "max", "period": "PT5M"},
             "series": [{"status": "complete", "points": {"from": 1795290600, "points": [[0, 1.5], [300, 1.0]]}}]}],
            "sessions": null},
        "place": {"stops_so_far": 3, "limit": 3}}"#;
    let record: Record = serde_json::from_str(line).expect("is a record");
    assert_eq!(record.decide_again(), record.decision);
    let again = serde_json::to_value(&record).expect("serializes");
    assert_eq!(
        again,
        serde_json::from_str::<serde_json::Value>(line).expect("is JSON"),
        "and is written the same today"
    );
}

#[test]
fn statuses_can_be_found_again() {
    for status in [
        SeriesStatus::PartialData,
        SeriesStatus::InternalError,
        SeriesStatus::Forbidden,
        SeriesStatus::Unanswered,
        SeriesStatus::Absent,
    ] {
        let series = Series { status, ..steady(0.0) };
        check(&instance(1), &quiet_but(&Metric::NETWORK_IN, series), &rules(), Reason::InsufficientData);
    }
    let gcp = Rules { policies: Policies::only(Policy::gcp()), ..rules() };
    let unknown = Instance { vcpus: None, ..instance(1) };
    check(&unknown, &quiet_under(&Policy::gcp(), &unknown), &gcp, Reason::InsufficientData);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    #[test]
    fn every_decision_can_be_found_again(case in any_case(), stops_so_far in 0..3_usize) {
        let decision = idleness::Place { stops_so_far, limit: 1 }.allow(case.decide());
        let record = case.record(decision.clone());
        let read = through_the_log(&record);
        prop_assert_eq!(&read.decision, &decision);
        prop_assert_eq!(read.decide_again(), decision.clone());
        let words = explain(&case.instance, &case.evidence(), &case.rules, &decision, case.now);
        prop_assert_eq!(read.explain().to_string(), words.to_string());
        let line = serde_json::to_string(&read).expect("serializes");
        prop_assert_eq!(&line, &serde_json::to_string(&record).expect("serializes"));
        prop_assert!(!line.contains("hunter2"));
    }
}
