//! What must hold for every instance, every measurement and every order: no stop without proof, never over a cap.

mod support;

use std::collections::BTreeSet;

use idleness::{
    Caps, Census, Datapoint, Decision, Evidence, Instance, InstanceState, MetricName, Percent, Policy, Reason, Series,
    SeriesStatus, Tags, Verdict, decide, plan,
};
use jiff::SignedDuration;
use proptest::{collection::vec, prelude::*, sample::select};
use support::{METRICS, minutes_ago, now, quiet_but, steady};

fn any_state() -> impl Strategy<Value = InstanceState> {
    prop_oneof![
        8 => Just(InstanceState::Running),
        1 => select(vec![
            InstanceState::Pending,
            InstanceState::Stopping,
            InstanceState::Stopped,
            InstanceState::ShuttingDown,
            InstanceState::Terminated,
            InstanceState::Unknown,
        ]),
    ]
}

const HARMLESS_TAGS: &[(&str, &str)] =
    &[("Name", "build"), ("doze:policy", "dev-box"), ("doze:keep-until", "2026-11-21T20:03:17Z"), ("eks", "")];
const KEEPING_TAGS: &[(&str, &str)] = &[
    ("aws:autoscaling:groupName", "web"),
    ("kubernetes.io/cluster/prod", "owned"),
    ("doze:keep-until", "2026-11-21T21:00:00Z"),
    ("doze:keep-until", "soon"),
    ("doze:policy", "lazy"),
    ("doze:schedule", "always"),
];

fn any_instance() -> impl Strategy<Value = Instance> {
    let tag = prop_oneof![8 => Just(Some("on")), 1 => Just(Some("off")), 1 => Just(None)];
    let more = proptest::option::weighted(0.2, select([HARMLESS_TAGS, KEEPING_TAGS].concat()));
    let tag = (tag, more);
    let uptime_minutes = prop_oneof![8 => 30..600_i64, 1 => -60..30_i64];
    (0..1000_u32, any_state(), proptest::option::weighted(0.95, uptime_minutes), tag).prop_map(
        |(number, state, uptime_minutes, tag)| Instance {
            id: support::instance(number).id,
            state,
            launched_at: uptime_minutes.map(minutes_ago),
            root_device: support::instance(number).root_device,
            tags: tag.0.map(|value| ("doze", value)).into_iter().chain(tag.1).collect::<Tags>(),
        },
    )
}

fn any_value() -> impl Strategy<Value = f64> {
    prop_oneof![
        200 => Just(0.0),
        200 => 0.0..5.0,
        8 => 5.0..1e7,
        1 => select(vec![f64::NAN, f64::INFINITY, -1.0]),
    ]
}

fn any_series() -> impl Strategy<Value = Series> {
    let status = prop_oneof![
        20 => Just(SeriesStatus::Complete),
        1 => select(vec![SeriesStatus::PartialData, SeriesStatus::Forbidden, SeriesStatus::InternalError]),
    ];
    // Most series have no gap, so that some instances are idle; one with gaps has about two.
    let presence = prop_oneof![9 => Just(0.999), 1 => Just(0.85)];
    let values = presence.prop_flat_map(|presence| vec(proptest::option::weighted(presence, any_value()), 14));
    (status, values).prop_map(|(status, values)| {
        let first = Policy::dev_box().window(now()).from - SignedDuration::from_mins(5);
        let points = values
            .into_iter()
            .zip(0..)
            .filter_map(|(value, i)| Some(Datapoint { at: first + SignedDuration::from_mins(5 * i), value: value? }))
            .collect();
        Series { status, points }
    })
}

fn any_evidence() -> impl Strategy<Value = Evidence> {
    vec(proptest::option::weighted(0.99, any_series()), METRICS.len()).prop_map(|series| {
        METRICS.into_iter().zip(series).filter_map(|(metric, series)| Some((metric, series?))).collect()
    })
}

fn any_case() -> impl Strategy<Value = (Instance, Evidence)> {
    (any_instance(), any_evidence())
}

fn decide_one((instance, evidence): &(Instance, Evidence)) -> Decision {
    decide(instance, evidence, &Policy::dev_box(), now())
}

/// An independent, slower statement of what a stop must be able to show.
fn is_proven_idle((instance, evidence): &(Instance, Evidence)) -> bool {
    let window = Policy::dev_box().window(now());
    let up_long_enough = instance
        .launched_at
        .is_some_and(|launched_at| now().duration_since(launched_at) >= SignedDuration::from_mins(30));
    let sound = METRICS.iter().all(|metric| {
        evidence.series(*metric).is_some_and(|series| {
            let counted = series.points.iter().filter(|p| window.from <= p.at && p.at < window.until);
            let seen = series.points.iter().filter(|p| window.from <= p.at && p.at < window.open_until);
            series.status == SeriesStatus::Complete
                && counted.count() >= 11
                && seen.clone().all(|p| p.value.is_finite() && p.value >= 0.0)
        })
    });
    let peak = |metrics: &[MetricName], divisor: f64| {
        let minutes = (0..13).map(|i| window.from + SignedDuration::from_mins(5 * i));
        let sum_at = |at| -> f64 {
            metrics
                .iter()
                .filter_map(|metric| evidence.series(*metric))
                .flat_map(|series| series.points.iter().filter(move |p| p.at == at))
                .map(|p| p.value)
                .sum()
        };
        minutes.map(sum_at).fold(0.0, f64::max) / divisor
    };
    instance.state == InstanceState::Running
        && instance.tags.get("doze") == Some("on")
        && !KEEPING_TAGS.iter().any(|(key, value)| instance.tags.get(key) == Some(value))
        && up_long_enough
        && sound
        && peak(&[MetricName::CpuUtilization], 1.0) <= 5.0
        && peak(&[MetricName::NetworkIn, MetricName::NetworkOut], 300.0) <= 2048.0
        && peak(&[MetricName::EbsReadOps, MetricName::EbsWriteOps], 300.0) <= 5.0
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1000) })]

    #[test]
    fn nothing_is_stopped_without_proof(case in any_case()) {
        let decision = decide_one(&case);
        prop_assert!(decision.verdict == Verdict::Keep || is_proven_idle(&case), "{decision:#?}");
        prop_assert_eq!(decision.verdict, decision.reason.verdict());
    }

    #[test]
    fn more_activity_never_turns_keep_into_stop(
        case in any_case(),
        metric in select(METRICS.to_vec()),
        added in vec(0.0..1e6_f64, 14),
    ) {
        let before = decide_one(&case);
        let (instance, mut evidence) = case;
        if let Some(mut series) = evidence.series(metric).cloned() {
            series.points.iter_mut().zip(added).for_each(|(point, added)| point.value += added);
            // A negative value that becomes positive would be a repair, not more activity.
            prop_assume!(evidence.series(metric).is_some_and(|s| s.points.iter().all(|p| p.value >= 0.0)));
            evidence.insert(metric, series);
        }
        let after = decide_one(&(instance, evidence));
        prop_assert!(!(before.verdict == Verdict::Keep && after.verdict == Verdict::Stop));
    }

    #[test]
    fn less_data_never_turns_keep_into_stop_unless_it_was_busy(case in any_case(), metric in select(METRICS.to_vec()), gap in 0..14_usize) {
        let before = decide_one(&case);
        let (instance, mut evidence) = case;
        if let Some(mut series) = evidence.series(metric).cloned() {
            let sound = series.points.iter().all(|point| point.value >= 0.0 && point.value.is_finite());
            prop_assume!(sound);
            if gap < series.points.len() {
                series.points.remove(gap);
            }
            evidence.insert(metric, series);
        }
        let after = decide_one(&(instance, evidence));
        prop_assert!(before.verdict == Verdict::Stop || before.reason == Reason::Busy || after.verdict == Verdict::Keep);
    }

    #[test]
    fn a_plan_stays_under_the_caps_whatever_the_order(
        cases in vec((0..1000_u32, 0.0..7.0_f64), 0..40),
        stops in 0..30_usize,
        percent in 0..=100_u8,
        already in 0..10_usize,
        shuffle in any::<prop::sample::Index>(),
    ) {
        let mut decisions: Vec<Decision> = cases
            .into_iter()
            .map(|(number, cpu)| (support::instance(number), quiet_but(MetricName::CpuUtilization, steady(cpu))))
            .map(|case| decide_one(&case))
            .collect();
        decisions.sort_by(|a, b| a.instance.cmp(&b.instance));
        decisions.dedup_by(|a, b| a.instance == b.instance);
        let caps = Caps { stops, share: Percent::new(percent).expect("a share") };
        let census = Census { running: decisions.len(), stopped_within_the_hour: already };
        let planned = plan(decisions.clone(), caps, census, &BTreeSet::new());

        let limit = stops.min((decisions.len() * usize::from(percent) / 100).max(1));
        prop_assert!(planned.stops.is_empty() || planned.stops.len() + already <= limit);
        let idle = decisions.iter().filter(|decision| decision.verdict == Verdict::Stop).count();
        prop_assert_eq!(planned.stops.len(), idle.min(limit.saturating_sub(already)), "caps hold back no more than they must");
        for decision in &planned.decisions {
            prop_assert_eq!(decision.verdict == Verdict::Stop, planned.stops.contains(&decision.instance));
        }

        if !decisions.is_empty() {
            let middle = shuffle.index(decisions.len());
            decisions.rotate_left(middle);
        }
        prop_assert_eq!(plan(decisions, caps, census, &BTreeSet::new()), planned);
    }
}
