//! What must hold for every instance and every measurement: no stop without proof, and no start without a wish. What must hold for plans is in
//! `plan_properties`, what hostile texts may do in `hostile_tags` and `hostile_policies`.

use crate::support;
use std::collections::BTreeMap;

use crate::support::{
    cases::{Case, KEEPING, any_case, any_stopped_case},
    histories, proof,
};
use idleness::{
    Decision, Evidence, InstanceState, Market, Measure, Part, Place, Reason, RootDevice, StopProtection, Verdict,
    decide, explain, needs_evidence, needs_rest, needs_sessions,
};
use proptest::{
    collection::vec,
    prelude::*,
    sample::{Index, select},
    strategy::ValueTree,
    test_runner::TestRunner,
};

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases) }
}

fn is_newly_stopped(before: &Decision, after: &Decision) -> bool {
    before.verdict != Verdict::Stop && after.verdict == Verdict::Stop
}

/// How often each reason decides in some of the random cases.
fn reached(cases: impl Strategy<Value = Case>) -> BTreeMap<&'static str, usize> {
    let mut runner = TestRunner::deterministic();
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for _ in 0..2000 {
        let case = cases.new_tree(&mut runner).expect("a case").current();
        *reasons.entry(case.decide().reason.as_str()).or_default() += 1;
    }
    reasons
}

/// The other properties would hold of any crate that keeps everything.
#[test]
fn the_random_cases_reach_every_reason() {
    let reasons = reached(any_case());
    for reason in [
        Reason::NotOptedIn,
        Reason::AlreadyStopped,
        Reason::ScheduleOpen,
        Reason::StartOwed,
        Reason::StartFailed,
        Reason::InTransition,
        Reason::Terminated,
        Reason::BadTag,
        Reason::AutoScalingMember,
        Reason::ClusterMember,
        Reason::OneTimeSpot,
        Reason::InstanceStoreRoot,
        Reason::StopProtected,
        Reason::KeptAwake,
        Reason::InsideSchedule,
        Reason::RecentlyStarted,
        Reason::InsufficientData,
        Reason::Busy,
        Reason::SessionActive,
        Reason::Announced,
        Reason::Idle,
    ] {
        assert!(reasons.contains_key(reason.as_str()), "no case is {}: {reasons:?}", reason.as_str());
    }
    assert!(reasons["idle"] >= 150 && reasons["busy"] >= 100, "{reasons:?}");
    let of_stopped = reached(any_stopped_case());
    for (reason, least) in [("schedule-open", 25), ("start-owed", 100), ("start-failed", 100), ("already-stopped", 300)]
    {
        assert!(of_stopped.get(reason).is_some_and(|count| *count >= least), "{of_stopped:?}");
    }
}

proptest! {
    #![proptest_config(config(1500))]

    #[test]
    fn what_is_stopped_is_what_is_proven_idle(case in any_case()) {
        let decision = case.decide();
        let is_proven = proof::is_proven_idle(&case);
        prop_assert!(decision.verdict != Verdict::Stop || is_proven, "{decision:#?}");
        // Where the number of virtual CPUs is unknown, more may be kept than must be.
        let must_stop = is_proven && case.instance.vcpus.is_some();
        prop_assert!(decision.verdict == Verdict::Stop || !must_stop, "{decision:#?}");
        prop_assert_eq!(decision.verdict, decision.reason.verdict());
        prop_assert_eq!(case.clone().decide(), decision, "the same input gives the same decision");
    }

    #[test]
    fn what_is_started_is_what_is_to_run(case in any_stopped_case()) {
        let decision = case.decide();
        let starts = (decision.verdict == Verdict::Start).then_some(decision.reason);
        prop_assert_eq!(starts, histories::start_of(&case), "{:#?}", decision);
        prop_assert_eq!(decision.verdict, decision.reason.verdict());
        prop_assert!(decision.verdict != Verdict::Stop && decision.evidence.is_empty());
    }

    #[test]
    fn nothing_but_a_stopped_instance_is_started(case in any_case()) {
        let decision = case.decide();
        let is_stopped = case.instance.state == InstanceState::Stopped && case.tags.opted_in;
        prop_assert!(decision.verdict != Verdict::Start || is_stopped && histories::are_readable(&case.tags));
        prop_assert!(decision.reason != Reason::ScheduleOpen || histories::is_window_open(&case.tags, case.now));
    }
}

proptest! {
    #![proptest_config(config(500))]

    #[test]
    fn more_activity_never_turns_keep_into_stop(
        case in any_case(),
        series in any::<Index>(),
        added in vec(0.0..1e4_f64, 1..50),
        sessions in 0..2_u32,
    ) {
        let before = case.decide();
        let mut active = case;
        active.sessions = active.sessions.map(|open| open + sessions);
        if !active.measured.is_empty() {
            let (_, series) = series.get_mut(&mut active.measured);
            // A negative value that becomes positive would be a repair, not more activity.
            let sound = series.points.iter_mut().filter(|point| point.value >= 0.0);
            sound.zip(added.iter().cycle()).for_each(|(point, added)| point.value += added);
        }
        prop_assert!(!is_newly_stopped(&before, &active.decide()));
    }

    #[test]
    fn less_data_never_turns_keep_into_stop_unless_it_was_busy(
        case in any_case(),
        series in any::<Index>(),
        lost in vec(any::<bool>(), 1..20),
    ) {
        let before = case.decide();
        let mut poorer = case;
        if !poorer.measured.is_empty() {
            let (_, series) = series.get_mut(&mut poorer.measured);
            let mut lost = lost.iter().cycle();
            // Without its impossible values, a series would be in better repair.
            series.points.retain(|point| {
                let is_sound = point.value.is_finite() && point.value >= 0.0;
                !(is_sound && lost.next() == Some(&true))
            });
        }
        let after = poorer.decide();
        // An optional signal of which nothing is left says nothing, by its definition.
        let silent = |decision: &Decision| decision.evidence.iter().filter(|finding| finding.skipped).count();
        let fell_silent = silent(&after) > silent(&before);
        prop_assert!(before.reason == Reason::Busy || fell_silent || !is_newly_stopped(&before, &after), "{after:#?}");
    }

    #[test]
    fn one_more_tag_that_asks_to_keep_never_turns_keep_into_stop(
        case in any_case(),
        (key, value) in select(KEEPING),
    ) {
        let after = case.with_tag(key, value).decide();
        prop_assert!(!is_newly_stopped(&case.decide(), &after));
        let is_new = case.instance.tags.get(key).is_none();
        prop_assert!(!is_new || after.verdict != Verdict::Stop, "{key} = {value}");
    }

    #[test]
    fn an_obstacle_never_turns_keep_into_stop(case in any_case(), obstacle in 0..6) {
        let before = case.decide();
        let mut hindered = case;
        let instance = &mut hindered.instance;
        match obstacle {
            0 => instance.state = InstanceState::Stopping,
            1 => instance.market = Market::SpotUnknown,
            2 => instance.root_device = RootDevice::InstanceStore,
            3 => instance.stop_protection = StopProtection::On,
            4 => instance.launched_at = None,
            _ => hindered.measured.clear(),
        }
        let after = hindered.decide();
        // Without any data, optional signals are silent; but one that says something must be left.
        prop_assert!(after.verdict != Verdict::Stop, "{:?} after {:?}", after.reason, before.reason);
    }

    #[test]
    fn the_order_of_datapoints_says_nothing(case in any_case(), turn in any::<Index>()) {
        let before = case.decide();
        let mut turned = case;
        for (_, series) in &mut turned.measured {
            let middle = if series.points.is_empty() { 0 } else { turn.index(series.points.len()) };
            series.points.rotate_left(middle);
            series.points[middle..].reverse();
        }
        prop_assert_eq!(turned.decide(), before);
    }

    #[test]
    fn evidence_that_is_not_needed_changes_nothing(case in any_case(), sessions in 0..2_u32) {
        let Case { instance, rules, now, .. } = &case;
        if !needs_evidence(instance, rules, *now) {
            prop_assert_eq!(decide(instance, &Evidence::default(), rules, *now), case.decide());
        }
        let unread: Evidence = case.measured.iter().cloned().collect();
        let asked_first = rules.policy_of(instance).measures(Part::First, instance);
        let is_first = |measure: &Measure| asked_first.iter().any(|(_, first)| first == measure);
        let first: Evidence = case.measured.iter().filter(|(measure, _)| is_first(measure)).cloned().collect();
        prop_assert_eq!(needs_rest(instance, &first, rules, *now), needs_rest(instance, &unread, rules, *now));
        if !needs_rest(instance, &first, rules, *now) {
            let [by_first, by_whole] = [&first, &unread].map(|evidence| decide(instance, evidence, rules, *now));
            // Of what was not asked for, nothing can be missing.
            let is_gap = by_first.reason == Reason::Busy && by_whole.reason == Reason::InsufficientData;
            prop_assert!(is_gap || by_first.reason == by_whole.reason, "{by_first:#?} {by_whole:#?}");
            prop_assert_eq!((by_first.verdict, by_first.announcement), (by_whole.verdict, by_whole.announcement));
        }
        let before = decide(instance, &unread, rules, *now);
        let after = decide(instance, &unread.clone().with_sessions(sessions), rules, *now);
        if needs_sessions(instance, &unread, rules, *now) {
            prop_assert_eq!(before.reason, Reason::InsufficientData);
            prop_assert_eq!(after.reason == Reason::SessionActive, sessions > 0);
        } else {
            prop_assert_eq!(before, after);
        }
    }

    #[test]
    fn an_explanation_names_the_gate_that_decides(case in any_case(), over_cap in any::<bool>()) {
        let mut decision = case.decide();
        if over_cap {
            decision = Place { stops_so_far: 3, limit: 3 }.allow(decision);
        }
        let explanation = explain(&case.instance, &case.evidence(), &case.rules, &decision, case.now);
        let gates: Vec<_> = explanation.steps.iter().map(|step| step.gate).collect();
        prop_assert_eq!(gates, support::STEPS);
        let deciding: Vec<_> = explanation.steps.iter().filter(|step| step.decides).collect();
        prop_assert_eq!(deciding.len(), usize::from(decision.verdict != Verdict::Stop));
        let first_that_holds = explanation.steps.iter().find(|step| step.holds);
        prop_assert_eq!(deciding.first().copied(), first_that_holds);
        prop_assert!(explanation.steps.iter().all(|step| !step.words.is_empty()));
        prop_assert_eq!((explanation.verdict, explanation.reason), (decision.verdict, decision.reason));
    }
}
