//! What must hold for every plan: never over a cap, whatever the order, and nothing that the decisions do not say.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::{cases::any_case, instance, now, quiet_but, rules, steady};
use idleness::{
    Announcement::{New, Running, Withdrawn},
    Caps, Census, Decision, Instance, Metric, Percent, Plan, Reason, Verdict, decide, plan,
};
use proptest::{collection::vec, prelude::*, sample::Index};

fn a_fleet(cases: Vec<(u32, f64)>) -> Vec<Decision> {
    let numbered: BTreeMap<u32, f64> = cases.into_iter().collect();
    let decide_one =
        |(number, cpu): (u32, f64)| decide(&instance(number), &quiet_but(&Metric::CPU, steady(cpu)), &rules(), now());
    numbered.into_iter().map(decide_one).collect()
}

fn caps(stops: usize, percent: u8) -> Caps {
    Caps { stops, share: Percent::new(percent).expect("a share") }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn a_plan_stays_under_the_caps_whatever_the_order(
        decisions in vec((0..1000_u32, 0.0..7.0_f64), 0..30).prop_map(a_fleet),
        stops in 0..30_usize,
        percent in 0..=100_u8,
        already in 0..10_usize,
        turn in any::<Index>(),
    ) {
        let caps = caps(stops, percent);
        let census = Census { running: decisions.len(), stopped_within_the_hour: already };
        let planned = plan(decisions.clone(), caps, census, &BTreeSet::new());

        let limit = stops.min((decisions.len() * usize::from(percent) / 100).max(1));
        prop_assert!(planned.stops.is_empty() || planned.stops.len() + already <= limit);
        let idle = decisions.iter().filter(|decision| decision.verdict == Verdict::Stop).count();
        let expected = idle.min(limit.saturating_sub(already));
        prop_assert_eq!(planned.stops.len(), expected, "caps hold back no more than they must");
        for decision in &planned.decisions {
            prop_assert_eq!(decision.verdict == Verdict::Stop, planned.stops.contains(&decision.instance));
        }

        let mut turned = decisions;
        if !turned.is_empty() {
            let middle = turn.index(turned.len());
            turned.rotate_left(middle);
            turned[middle..].reverse();
        }
        prop_assert_eq!(plan(turned, caps, census, &BTreeSet::new()), planned);
    }

    #[test]
    fn a_plan_says_of_every_instance_what_its_decision_says(
        cases in vec(any_case(), 0..4),
        stops in 0..4_usize,
        percent in 0..=100_u8,
    ) {
        let decided: BTreeMap<_, _> = cases.iter().map(|case| (case.instance.id.clone(), case.decide())).collect();
        let fleet: Vec<Instance> = cases.iter().map(|case| case.instance.clone()).collect();
        let census = Census::take(fleet.iter(), now());
        let make = || plan(decided.values().cloned().collect(), caps(stops, percent), census, &BTreeSet::new());
        let planned: Plan = make();
        prop_assert_eq!(make(), planned.clone(), "the same input gives the same plan");
        for (decision, before) in planned.decisions.iter().zip(decided.values()) {
            let is_over_cap = decision.reason == Reason::OverCap && before.reason == Reason::Idle;
            prop_assert!(is_over_cap || decision == before);
            prop_assert_eq!(decision.verdict == Verdict::Start, planned.starts.contains(&decision.instance));
            let announced = planned.announcements.iter().find(|(_, ids)| ids.contains(&decision.instance));
            let is_withdrawn = planned.withdrawals.contains(&decision.instance);
            let expected = match decision.announcement {
                Some(New { stop_at }) => (Some(stop_at), false),
                Some(Withdrawn) => (None, true),
                Some(Running { .. }) | None => (None, false),
            };
            prop_assert_eq!((announced.map(|(stop_at, _)| *stop_at), is_withdrawn), expected);
        }
    }
}
