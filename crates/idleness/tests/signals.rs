//! From datapoints to a verdict, under `dev-box`: how much data is proof, and how much activity is use.

use crate::support::{
    self, METRICS, at, custom, instance, measure_of, now, quiet, quiet_but, quiet_under_but, rules, steady, under,
};
use idleness::{
    Datapoint, Decision, Evidence, Metric, Part, Percent, Policy, Reason, Series, SeriesStatus, Signal, Verdict,
    decide, explain,
};
use jiff::{SignedDuration, Timestamp};

#[track_caller]
fn check(evidence: &Evidence, expected: Reason) -> Decision {
    check_by(&support::plain(), evidence, expected)
}

#[track_caller]
fn check_by(policy: &Policy, evidence: &Evidence, expected: Reason) -> Decision {
    let decision = decide(&instance(1), evidence, &under(policy.clone()), now());
    assert_eq!(decision.reason, expected, "{:#?}", decision.evidence);
    assert_eq!(decision.verdict == Verdict::Stop, expected == Reason::Idle);
    decision
}

/// Twelve datapoints of zero, edited.
fn edited(edit: impl FnOnce(&mut Vec<Datapoint>)) -> Series {
    let mut series = steady(0.0);
    edit(&mut series.points);
    series
}

fn position_of(metric: &Metric) -> usize {
    let signals = support::plain().signals;
    signals.iter().position(|signal| signal.metrics.contains(metric)).expect("a metric of the policy")
}

#[test]
fn no_data_is_not_idle() {
    let decision = check(&Evidence::default(), Reason::InsufficientData);
    assert_eq!(decision.evidence.len(), 3, "each signal is listed");
    for finding in decision.evidence {
        assert_eq!((finding.observed, finding.points, finding.expected), (None, Some(0), Some(12)));
        assert_eq!(finding.status, Some(SeriesStatus::Absent));
    }
}

#[test]
fn each_metric_that_is_absent_or_empty_keeps() {
    for metric in &METRICS {
        let absent = quiet_under_but(&support::plain(), &instance(1), &[(metric.clone(), Vec::new())]);
        let decision = check(&absent, Reason::InsufficientData);
        assert_eq!(decision.evidence[position_of(metric)].status, Some(SeriesStatus::Absent));
        let empty = quiet_but(metric, Series { status: SeriesStatus::Complete, points: Vec::new() });
        check(&empty, Reason::InsufficientData);
    }
}

#[test]
fn what_was_measured_otherwise_is_no_evidence() {
    let cpu = measure_of(&support::plain(), &Metric::CPU);
    let average = idleness::Measure { statistic: idleness::Statistic::Average, ..cpu.clone() };
    let each_minute = idleness::Measure { period: SignedDuration::from_mins(1), ..cpu };
    for other in [average, each_minute] {
        let mut evidence = quiet_under_but(&support::plain(), &instance(1), &[(Metric::CPU, Vec::new())]);
        evidence.add(other, steady(0.0));
        check(&evidence, Reason::InsufficientData);
    }
}

#[test]
fn one_gap_is_tolerated_and_two_are_not() {
    for metric in &METRICS {
        for (missing, expected) in [(0, Reason::Idle), (1, Reason::Idle), (2, Reason::InsufficientData)] {
            for first in [0, 4, 10] {
                let series = edited(|points| drop(points.drain(first..first + missing)));
                let decision = check(&quiet_but(metric, series), expected);
                assert_eq!(decision.evidence[position_of(metric)].points, Some(12 - missing));
            }
        }
    }
}

#[test]
fn gaps_of_two_added_metrics_add_up() {
    let gap = |at: usize| vec![edited(|points| drop(points.drain(at..=at)))];
    for (gap_in, gap_out, expected) in [(3, 7, Reason::InsufficientData), (3, 3, Reason::Idle)] {
        let edits = [(Metric::NETWORK_IN, gap(gap_in)), (Metric::NETWORK_OUT, gap(gap_out))];
        let decision = check(&quiet_under_but(&support::plain(), &instance(1), &edits), expected);
        assert_eq!(decision.evidence[1].points, Some(if gap_in == gap_out { 11 } else { 10 }));
    }
}

#[test]
fn old_datapoints_prove_nothing_about_now_however_many_there_are() {
    let half = custom(r#"{"coverage_percent": 50}"#);
    for (missing, status) in [(0, None), (1, None), (2, Some(SeriesStatus::Stale)), (6, Some(SeriesStatus::Stale))] {
        let evidence = quiet_but(&Metric::EBS_READS, edited(|points| points.truncate(12 - missing)));
        let expected = if status.is_none() { Reason::Idle } else { Reason::InsufficientData };
        let decision = check_by(&half, &evidence, expected);
        assert_eq!(decision.evidence[2].status, status, "{missing} of the newest are missing");
    }
}

#[test]
fn a_datapoint_of_one_of_two_metrics_is_no_newest_proof() {
    let half = custom(r#"{"coverage_percent": 50}"#);
    for (missing, expected) in [(1, Reason::Idle), (2, Reason::InsufficientData)] {
        // Reads are there up to the end, writes are not: their sum is not known.
        let evidence = quiet_but(&Metric::EBS_WRITES, edited(|points| points.truncate(12 - missing)));
        check_by(&half, &evidence, expected);
    }
}

#[test]
fn coverage_is_rounded_up() {
    for (percent, required) in [(1, 1), (8, 1), (9, 2), (50, 6), (51, 7), (100, 12)] {
        let policy = custom(&format!(r#"{{"coverage_percent": {percent}}}"#));
        let newest = |points: usize| quiet_but(&Metric::CPU, edited(|all| drop(all.drain(..12 - points))));
        check_by(&policy, &newest(required), Reason::Idle);
        check_by(&policy, &newest(required - 1), Reason::InsufficientData);
    }
}

#[test]
fn a_coverage_of_nothing_still_needs_a_datapoint() {
    let policy = Policy { coverage: Percent::NONE, ..support::plain() };
    assert_eq!(policy.required_points(&policy.signals[0]), 1);
    check_by(&policy, &quiet_but(&Metric::CPU, edited(Vec::clear)), Reason::InsufficientData);
    check_by(&policy, &quiet_but(&Metric::CPU, edited(|points| drop(points.drain(..11)))), Reason::Idle);
}

#[test]
fn every_status_but_complete_keeps() {
    for status in [
        SeriesStatus::PartialData,
        SeriesStatus::InternalError,
        SeriesStatus::Forbidden,
        SeriesStatus::Unanswered,
        SeriesStatus::Absent,
        SeriesStatus::Stale,
        SeriesStatus::InvalidValue,
        SeriesStatus::UnknownVcpus,
    ] {
        for metric in &METRICS {
            let decision = check(&quiet_but(metric, Series { status, ..steady(0.0) }), Reason::InsufficientData);
            assert_eq!(decision.evidence[position_of(metric)].status, Some(status));
        }
    }
}

#[test]
fn impossible_values_keep() {
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.1] {
        for metric in &METRICS {
            let in_the_window = edited(|points| points[4].value = value);
            let running = edited(|points| points.push(Datapoint { at: at("2026-11-21T20:00:00Z"), value }));
            let beside_a_sound_one = edited(|points| points.push(Datapoint { at: points[4].at, value }));
            for series in [in_the_window, running, beside_a_sound_one] {
                let decision = check(&quiet_but(metric, series), Reason::InsufficientData);
                assert_eq!(decision.evidence[position_of(metric)].status, Some(SeriesStatus::InvalidValue));
            }
        }
    }
}

#[test]
fn datapoints_outside_the_window_prove_nothing() {
    for shift in [-3600, 3600] {
        let shifted = edited(|points| {
            for point in points {
                point.at += SignedDuration::from_secs(shift);
            }
        });
        check(&quiet_but(&Metric::CPU, shifted), Reason::InsufficientData);
    }
    for (outside, value) in [
        ("2026-11-21T18:54:59Z", 99.0),
        ("2026-11-21T18:50:00Z", f64::NAN),
        ("2026-11-21T20:05:00Z", 99.0),
        ("2026-11-21T20:05:00Z", -1.0),
    ] {
        let series = edited(|points| points.push(Datapoint { at: at(outside), value }));
        check(&quiet_but(&Metric::CPU, series), Reason::Idle);
    }
    // The first is one period before the lookback.
    for inside in ["2026-11-21T18:55:00Z", "2026-11-21T19:00:00Z", "2026-11-21T20:04:59Z"] {
        let series = edited(|points| points.push(Datapoint { at: at(inside), value: 99.0 }));
        check(&quiet_but(&Metric::CPU, series), Reason::Busy);
    }
}

#[test]
fn what_lies_before_the_lookback_fills_no_gap() {
    let whole = custom(r#"{"coverage_percent": 100}"#);
    let thirteen = || support::series_each(SignedDuration::from_mins(5), [0.0; 13]);
    let decision = check_by(&whole, &quiet_but(&Metric::CPU, thirteen()), Reason::Idle);
    assert_eq!((decision.evidence[0].points, decision.evidence[0].expected), (Some(12), Some(12)));
    let mut gap = thirteen();
    gap.points.remove(4);
    let decision = check_by(&whole, &quiet_but(&Metric::CPU, gap), Reason::InsufficientData);
    assert_eq!(decision.evidence[0].points, Some(11));
}

#[test]
fn many_datapoints_in_one_period_count_once() {
    let first = at("2026-11-21T19:55:00Z");
    let points = (0..12).map(|second| Datapoint { at: first + SignedDuration::from_secs(second), value: 0.0 });
    let crowd = Series { status: SeriesStatus::Complete, points: points.collect() };
    let decision = check(&quiet_but(&Metric::CPU, crowd), Reason::InsufficientData);
    assert_eq!(decision.evidence[0].points, Some(1));
}

#[test]
fn of_two_values_for_one_period_the_larger_counts() {
    for values in [[0.0, 50.0], [50.0, 0.0]] {
        let series = edited(|points| {
            let at = points[3].at;
            points.extend(values.map(|value| Datapoint { at, value }));
        });
        check(&quiet_but(&Metric::CPU, series), Reason::Busy);
    }
}

#[test]
fn a_value_at_the_limit_is_idle_and_one_above_is_busy() {
    // Network and EBS datapoints are sums over 300 s.
    for (metric, limit) in [
        (Metric::CPU, 5.0),
        (Metric::NETWORK_IN, 2048.0 * 300.0),
        (Metric::NETWORK_OUT, 2048.0 * 300.0),
        (Metric::EBS_READS, 5.0 * 300.0),
        (Metric::EBS_WRITES, 5.0 * 300.0),
    ] {
        check(&quiet_but(&metric, steady(limit)), Reason::Idle);
        for position in [0, 7, 11] {
            let above = edited(|points| points[position].value = limit * 1.001);
            let decision = check(&quiet_but(&metric, above), Reason::Busy);
            let busy: Vec<_> =
                decision.evidence.iter().map(|finding| finding.observed.is_some_and(|seen| seen > 0.0)).collect();
            assert_eq!(busy.iter().filter(|busy| **busy).count(), 1);
            assert!(busy[position_of(&metric)], "the evidence names the signal");
        }
    }
}

#[test]
fn a_rate_at_its_limit_is_idle_whatever_the_limit() {
    for limit in 1..100_u32 {
        let policy = custom(&format!(r#"{{"signals": {{"ebs": {{"limit": {limit}}}}}}}"#));
        let evidence = quiet_but(&Metric::EBS_READS, steady(f64::from(limit * 300)));
        check_by(&policy, &evidence, Reason::Idle);
    }
}

#[test]
fn traffic_in_both_directions_is_added() {
    let edits = [Metric::NETWORK_IN, Metric::NETWORK_OUT].map(|metric| (metric, vec![steady(1500.0 * 300.0)]));
    let decision = check(&quiet_under_but(&support::plain(), &instance(1), &edits), Reason::Busy);
    assert_eq!(decision.evidence[1].observed, Some(3000.0));
}

#[test]
fn traffic_at_different_times_is_not_added() {
    let peak = |position: usize| vec![edited(|points| points[position].value = 1500.0 * 300.0)];
    let edits = [(Metric::NETWORK_IN, peak(3)), (Metric::NETWORK_OUT, peak(4))];
    let decision = check(&quiet_under_but(&support::plain(), &instance(1), &edits), Reason::Idle);
    assert_eq!(decision.evidence[1].observed, Some(1500.0));
}

#[test]
fn a_period_that_lacks_one_of_two_metrics_can_prove_use_but_not_idleness() {
    let out = edited(|points| drop(points.drain(5..6)));
    for (incoming, expected) in [(3000.0, Reason::Busy), (0.0, Reason::Idle)] {
        let peak = edited(|points| points[5].value = incoming * 300.0);
        let edits = [(Metric::NETWORK_IN, vec![peak]), (Metric::NETWORK_OUT, vec![out.clone()])];
        let decision = check(&quiet_under_but(&support::plain(), &instance(1), &edits), expected);
        assert_eq!((decision.evidence[1].observed, decision.evidence[1].points), (Some(incoming), Some(11)));
    }
}

#[test]
fn the_period_still_running_can_prove_use_but_not_idleness() {
    let running = |value| Datapoint { at: at("2026-11-21T20:00:00Z"), value };
    let started_working = edited(|points| points.push(running(80.0)));
    check(&quiet_but(&Metric::CPU, started_working), Reason::Busy);

    let short = edited(|points| {
        points.truncate(10);
        points.push(running(0.0));
    });
    let decision = check(&quiet_but(&Metric::CPU, short), Reason::InsufficientData);
    assert_eq!(decision.evidence[0].points, Some(10));
}

#[test]
fn datapoints_in_any_order_say_the_same() {
    let backwards = edited(|points| {
        points[2].value = 80.0;
        points.reverse();
    });
    check(&quiet_but(&Metric::CPU, backwards), Reason::Busy);
    check(&quiet_but(&Metric::CPU, edited(|points| points.rotate_left(5))), Reason::Idle);
}

#[test]
fn missing_data_comes_before_activity() {
    let edits = [(Metric::CPU, vec![steady(99.0)]), (Metric::EBS_READS, Vec::new())];
    let decision = check(&quiet_under_but(&support::plain(), &instance(1), &edits), Reason::InsufficientData);
    assert_eq!(decision.evidence[0].observed, Some(99.0), "the activity is in the evidence all the same");
}

/// A sweep asks for no more where the first part proves use. What was not asked for, cannot be missing.
#[test]
fn what_was_not_asked_for_is_not_missing() {
    let plain = support::plain();
    let [cpu, network, ebs] = ["cpu", "network", "ebs"]
        .map(|name| plain.signals.iter().find(|signal| signal.name == name).expect("is there").clone());
    let limit_again = Signal { name: "cpu-again".into(), limit: 50.0, ..cpu.clone() };
    for signals in [
        vec![cpu.clone(), network.clone(), ebs.clone()],
        // One of the rest looks at the first one's metric, which was read.
        vec![cpu.clone(), network.clone(), ebs, limit_again],
    ] {
        let policy = Policy { signals, ..plain.clone() };
        let evidence = |part, cpu: f64| {
            let mut evidence = Evidence::none();
            for (_, measure) in policy.measures(part, &instance(1)) {
                evidence.note_asked(measure.clone());
                if measure.metric == Metric::CPU {
                    evidence.add(measure, steady(cpu));
                }
            }
            evidence
        };
        let first = check_by(&policy, &evidence(Part::First, 99.0), Reason::Busy);
        assert_eq!(first.evidence.len(), 1);
        let whole = check_by(&policy, &evidence(Part::Whole, 99.0), Reason::InsufficientData);
        assert_eq!(whole.evidence.len(), policy.signals.len(), "asked for, and there is none");
        check_by(&policy, &evidence(Part::First, 0.0), Reason::InsufficientData);
        let explained = |evidence: &Evidence, decision: &Decision| {
            explain(&instance(1), evidence, &under(policy.clone()), decision, now()).text
        };
        let left_out = "not asked for, since use is proven: network, ebs";
        assert!(explained(&evidence(Part::First, 99.0), &first).contains(left_out));
        assert!(!explained(&evidence(Part::Whole, 99.0), &whole).contains("since use is proven"));
    }
}

#[test]
fn a_policy_without_signals_stops_nothing() {
    let policy = Policy { signals: Vec::new(), ..support::plain() };
    check_by(&policy, &quiet(), Reason::InsufficientData);
}

#[test]
fn the_window_moves_with_the_clock() {
    let rules = rules();
    for (now, expected) in [
        ("2026-11-21T19:59:59Z", Reason::Idle),
        ("2026-11-21T20:00:00Z", Reason::Idle),
        ("2026-11-21T20:09:59Z", Reason::Idle),
        ("2026-11-21T20:10:00Z", Reason::InsufficientData),
        ("2026-11-21T19:54:59Z", Reason::InsufficientData),
    ] {
        let now: Timestamp = at(now);
        assert_eq!(decide(&instance(1), &quiet(), &rules, now).reason, expected, "{now}");
    }
}

#[test]
fn what_happens_once_in_a_lookback_never_falls_between() {
    // A job runs for a minute each hour; its datapoint is the oldest when the newest is not there yet.
    for at in 0..13 {
        for newest_is_missing in [false, true] {
            let mut hour =
                support::series_each(SignedDuration::from_mins(5), (0..13).map(|i| if i == at { 80.0 } else { 0.0 }));
            if newest_is_missing {
                hour.points.pop();
            }
            let is_seen = !newest_is_missing || at < 12;
            let expected = if is_seen { Reason::Busy } else { Reason::Idle };
            check(&quiet_but(&Metric::CPU, hour), expected);
        }
    }
}
