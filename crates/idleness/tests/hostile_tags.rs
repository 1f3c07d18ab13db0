//! Whatever stands in tags and measurements: nothing panics, and nothing slips through.

use crate::support;
use std::collections::BTreeSet;

use crate::support::{instance, now, quiet_but, rules, steady};
use idleness::{
    Caps, Census, Datapoint, Instance, InstanceState, Metric, Percent, Plan, Reason, Record, Verdict, decide, explain,
    in_order, needs_evidence, plan, requested,
};
use jiff::SignedDuration;
use proptest::{collection::vec, prelude::*, sample::select};

/// Values that are nearly what a tag may hold, or nothing of the kind.
fn any_value() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[-+]?[0-9]{4,6}-[0-1][0-9]-[0-3][0-9][T ][0-9:.]{0,12}(Z|[-+][0-9]{2}:[0-9]{2})?",
        "(mon|tue|sun|fr)(-(fri|sat|x))? ?[0-9]{2}:[0-9]{2}-[0-9]{2}:[0-9]{2} ?@ ?(UTC|Asia/Seoul|Etc/Unknown|)( \\+ )?",
        "[a-z0-9:@+, /-]{0,40}",
    ]
}

fn any_key() -> impl Strategy<Value = String> {
    const KNOWN: &[&str] = &[
        "policy",
        "schedule",
        "keep-until",
        "stop-at",
        "stopped-at",
        "stopped-because",
        "start-owed-since",
        "start-tried-at",
        "after",
        "",
    ];
    prop_oneof![8 => select(KNOWN).prop_map(str::to_owned), 1 => any::<String>()].prop_map(|key| format!("doze:{key}"))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(600) })]

    #[test]
    fn a_tag_may_say_anything(
        tags in vec((any_key(), any_value()), 1..4),
        name in any_value(),
        seconds in 0..86_400_i64,
        state in select(vec![InstanceState::Running, InstanceState::Stopped]),
    ) {
        let now = now() + SignedDuration::from_secs(seconds);
        let others = [("doze".to_owned(), "on".to_owned()), ("Name".to_owned(), name)];
        let instance = Instance { state, tags: others.into_iter().chain(tags).collect(), ..instance(1) };
        let evidence = quiet_but(&Metric::CPU, steady(1.0));
        let decision = decide(&instance, &evidence, &rules(), now);
        let record = Record::new(decision.clone(), &instance, &evidence, &rules(), now);
        let line = serde_json::to_string(&record).expect("serializes");
        let read: Record = serde_json::from_str(&line).expect("is a record");
        prop_assert_eq!(read.decide_again(), decision.clone());
        let explanation = explain(&instance, &evidence, &rules(), &decision, now).to_string();
        let is_printable = !explanation.contains(|character: char| character.is_control() && character != '\n');
        prop_assert!(is_printable && explanation.lines().count() >= 2 + support::STEPS.len(), "{:?}", explanation);
        prop_assert_eq!(needs_evidence(&instance, &rules(), now), decision.evidence.iter().any(|f| f.points.is_some()));
        if decision.reason == Reason::BadTag {
            prop_assert!(decision.detail.as_ref().is_some_and(|detail| detail.starts_with("the tag \"doze:")));
        }
        let ordered = in_order(vec![decision.clone()], [&instance]);
        prop_assert!(ordered == [decision] || ordered[0].reason == Reason::WaitsForOthers);
        let asked_for = requested(&instance, [&instance]);
        let detail = asked_for[0].detail.as_deref().unwrap_or_default();
        prop_assert!(asked_for.len() == 1 && !detail.contains(char::is_control), "{:?}", detail);
        let planned = plan(vec![], Caps { stops: 1, share: Percent::ALL }, Census::take([&instance].into_iter(), now), &BTreeSet::new());
        prop_assert_eq!(planned, Plan::default());
    }

    #[test]
    fn a_datapoint_may_be_of_any_time_and_value(seconds in any::<i32>(), value in any::<f64>(), position in 0..12_usize) {
        let mut series = steady(0.0);
        series.points[position].value = value;
        series.points.push(Datapoint { at: now() + SignedDuration::from_secs(i64::from(seconds)), value });
        let decision = decide(&instance(1), &quiet_but(&Metric::CPU, series), &rules(), now());
        prop_assert_eq!(decision.verdict == Verdict::Stop, (0.0..=5.0).contains(&value));
    }
}
