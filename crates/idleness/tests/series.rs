//! Signals that not every instance has, or has several times: accelerators, optional metrics, and series that are
//! discovered.

use crate::support::{
    self, at, custom, instance, measure_of, now, of_type, quiet_under, quiet_under_but, steady, under,
};
use idleness::{
    Datapoint, Decision, Evidence, Instance, Metric, Policy, Reason, Series, SeriesStatus, Statistic, decide,
};
use jiff::SignedDuration;

#[track_caller]
fn check(policy: &Policy, instance: &Instance, evidence: &Evidence, expected: Reason) -> Decision {
    let decision = decide(instance, evidence, &under(policy.clone()), now());
    assert_eq!(decision.reason, expected, "{:#?}", decision.evidence);
    decision
}

fn peak(position: usize, value: f64) -> Series {
    let mut series = steady(0.0);
    series.points[position].value = value;
    series
}

fn gap(missing: std::ops::Range<usize>) -> Series {
    let mut series = steady(0.0);
    series.points.drain(missing);
    series
}

#[track_caller]
fn check_gpus(gpus: Vec<Series>, expected: Reason) -> Decision {
    let (policy, instance) = (support::plain(), of_type("g5.xlarge"));
    let evidence = quiet_under_but(&policy, &instance, &[(Metric::GPU, gpus)]);
    check(&policy, &instance, &evidence, expected)
}

#[test]
fn an_instance_with_accelerators_needs_their_data() {
    let decision = check_gpus(Vec::new(), Reason::InsufficientData);
    assert_eq!(
        (decision.evidence[3].signal.as_ref(), decision.evidence[3].status),
        ("gpu", Some(SeriesStatus::Absent))
    );
    check_gpus(vec![steady(0.0)], Reason::Idle);
    check_gpus(vec![steady(0.1)], Reason::Busy);
}

#[test]
fn an_instance_without_accelerators_needs_no_data_of_them_and_is_not_judged_by_it() {
    let policy = support::plain();
    for name in ["m7g.large", "i4g.large", ""] {
        let mut evidence = quiet_under(&policy, &of_type(name));
        let decision = check(&policy, &of_type(name), &evidence, Reason::Idle);
        assert_eq!(decision.evidence.len(), 3);
        evidence.add(measure_of(&policy, &Metric::GPU), steady(99.0));
        check(&policy, &of_type(name), &evidence, Reason::Idle);
    }
}

#[test]
fn accelerators_that_the_agent_does_not_know_keep_their_instance() {
    let policy = support::plain();
    for name in ["inf2.xlarge", "trn1.32xlarge", "f2.6xlarge", "vt1.3xlarge", "dl1.24xlarge", "p5.48xlarge"] {
        check(&policy, &of_type(name), &quiet_under(&policy, &instance(1)), Reason::InsufficientData);
    }
}

#[test]
fn one_busy_gpu_of_eight_keeps() {
    for busy in 0..8 {
        let gpus = (0..8).map(|gpu| if gpu == busy { peak(7, 90.0) } else { steady(0.0) }).collect();
        let decision = check_gpus(gpus, Reason::Busy);
        assert_eq!(decision.evidence[3].observed, Some(90.0), "the busiest, not the sum");
    }
    check_gpus(vec![steady(0.0); 8], Reason::Idle);
}

#[test]
fn one_gpu_of_eight_with_gaps_keeps() {
    for (missing, expected) in
        [(3..4, Reason::Idle), (3..5, Reason::InsufficientData), (0..12, Reason::InsufficientData)]
    {
        let mut gpus = vec![steady(0.0); 8];
        gpus[5] = gap(missing.clone());
        let decision = check_gpus(gpus, expected);
        assert_eq!(decision.evidence[3].points, Some(12 - missing.len()));
    }
}

#[test]
fn gaps_of_several_gpus_add_up() {
    check_gpus(vec![gap(3..4), gap(3..4)], Reason::Idle);
    check_gpus(vec![gap(3..4), gap(4..5)], Reason::InsufficientData);
}

#[test]
fn one_gpu_that_cannot_be_read_keeps() {
    let unread = Series { status: SeriesStatus::Forbidden, points: Vec::new() };
    for gpus in [vec![unread.clone(), steady(0.0)], vec![steady(0.0), unread]] {
        assert_eq!(check_gpus(gpus, Reason::InsufficientData).evidence[3].status, Some(SeriesStatus::Forbidden));
    }
    check_gpus(vec![steady(0.0), peak(2, f64::NAN)], Reason::InsufficientData);
}

fn jobs(statistic: &str) -> Policy {
    custom(&format!(
        r#"{{"signals": {{"jobs": {{"metrics": [{{"namespace": "Render", "name": "Jobs", "dimensions": "discovered"}}],
                                    "statistic": "{statistic}", "limit": 4}}}}}}"#
    ))
}

#[test]
fn several_series_of_one_metric_are_added_if_they_are_sums_and_the_largest_counts_otherwise() {
    for (statistic, name, expected, observed) in [
        ("sum", Statistic::Sum, Reason::Busy, 6.0),
        ("max", Statistic::Max, Reason::Idle, 3.0),
        ("average", Statistic::Average, Reason::Idle, 3.0),
    ] {
        let policy = jobs(statistic);
        let metric = policy.signals.last().expect("its own").metrics[0].clone();
        let edits = [(metric, vec![peak(4, 3.0), peak(4, 1.0), peak(4, 2.0)])];
        let decision = check(&policy, &instance(1), &quiet_under_but(&policy, &instance(1), &edits), expected);
        let jobs = decision.evidence.last().expect("its own");
        assert_eq!((jobs.statistic, jobs.observed, jobs.points), (Some(name), Some(observed), Some(12)));
    }
}

#[test]
fn several_metrics_of_one_signal_are_added_whatever_the_statistic() {
    let policy = custom(
        r#"{"signals": {"users": {"metrics": [{"namespace": "Hub", "name": "Editors"}, {"namespace": "Hub", "name": "Viewers"}],
                                  "statistic": "max", "limit": 4}}}"#,
    );
    let metrics = policy.signals.last().expect("its own").metrics.clone();
    for (value, expected) in [(2.0, Reason::Idle), (2.5, Reason::Busy)] {
        let edits: Vec<_> = metrics.iter().map(|metric| (metric.clone(), vec![peak(4, value)])).collect();
        check(&policy, &instance(1), &quiet_under_but(&policy, &instance(1), &edits), expected);
    }
}

const DISK: [Metric; 2] = [Metric::DISK_READS, Metric::DISK_WRITES];

fn with_optional() -> Policy {
    custom(r#"{"signals": {"disk": {}, "heartbeat": {}}}"#)
}

#[track_caller]
fn check_optional(edits: &[(Metric, Vec<Series>)], expected: Reason) -> Decision {
    let (policy, absent) = (with_optional(), [DISK[0].clone(), DISK[1].clone(), Metric::HEARTBEAT]);
    let absent = absent.into_iter().filter(|metric| !edits.iter().any(|(edited, _)| edited == metric));
    let edits: Vec<_> = edits.iter().cloned().chain(absent.map(|metric| (metric, Vec::new()))).collect();
    check(&policy, &instance(1), &quiet_under_but(&policy, &instance(1), &edits), expected)
}

#[test]
fn optional_signals_that_the_instance_has_not_are_passed_over() {
    let decision = check_optional(&[], Reason::Idle);
    let skipped: Vec<_> = decision.evidence.iter().map(|finding| (finding.signal.as_ref(), finding.skipped)).collect();
    let expected = [("cpu", false), ("network", false), ("ebs", false), ("disk", true), ("heartbeat", true)];
    assert_eq!(skipped, expected);
    let json = serde_json::to_value(&decision.evidence).expect("serializes");
    assert_eq!((&json[4]["skipped"], json[0].get("skipped")), (&true.into(), None));
}

#[test]
fn a_series_without_a_datapoint_is_no_signal_either() {
    for status in [SeriesStatus::Complete, SeriesStatus::Absent] {
        check_optional(&[(Metric::HEARTBEAT, vec![Series { status, points: Vec::new() }])], Reason::Idle);
    }
}

#[test]
fn a_series_that_could_not_be_read_may_hold_anything() {
    for status in
        [SeriesStatus::Forbidden, SeriesStatus::InternalError, SeriesStatus::PartialData, SeriesStatus::Unanswered]
    {
        let unread = Series { status, points: Vec::new() };
        let decision = check_optional(&[(Metric::HEARTBEAT, vec![unread])], Reason::InsufficientData);
        assert!(!decision.evidence[4].skipped);
    }
    let invalid = Series { points: vec![peak(0, f64::NAN).points[0]], ..steady(0.0) };
    check_optional(&[(Metric::HEARTBEAT, vec![invalid])], Reason::InsufficientData);
}

#[test]
fn a_metric_that_is_absent_hides_no_other_that_could_not_be_read() {
    let unread = [SeriesStatus::Forbidden, SeriesStatus::InternalError, SeriesStatus::PartialData];
    let unread = unread.map(|status| Series { status, points: Vec::new() });
    let invalid = Series { points: vec![peak(0, -1.0).points[0]], ..steady(0.0) };
    for series in unread.into_iter().chain([invalid]) {
        for metric in DISK {
            let decision = check_optional(&[(metric, vec![series.clone()])], Reason::InsufficientData);
            assert_ne!(decision.evidence[3].status, Some(SeriesStatus::Absent));
        }
    }
}

#[test]
fn an_optional_signal_that_is_there_is_judged_like_any_other() {
    check_optional(&[(Metric::HEARTBEAT, vec![steady(0.0)])], Reason::Idle);
    check_optional(&[(Metric::HEARTBEAT, vec![peak(1, 0.5)])], Reason::Busy);
    check_optional(&[(DISK[0].clone(), vec![steady(0.0)]), (DISK[1].clone(), vec![steady(1500.0)])], Reason::Idle);
    check_optional(&[(DISK[0].clone(), vec![steady(300.0)]), (DISK[1].clone(), vec![steady(1500.0)])], Reason::Busy);
    check_optional(&[(DISK[0].clone(), vec![steady(0.0)])], Reason::InsufficientData);
}

#[test]
fn any_beat_of_the_heart_in_the_lookback_keeps() {
    let all = steady(1.0).points;
    for beat in &all {
        let beat = Series { points: vec![*beat], ..steady(1.0) };
        check_optional(&[(Metric::HEARTBEAT, vec![beat])], Reason::InsufficientData);
    }
    let running = Datapoint { at: at("2026-11-21T20:00:00Z"), value: 1.0 };
    let just_begun = Series { points: vec![running], ..steady(1.0) };
    check_optional(&[(Metric::HEARTBEAT, vec![just_begun])], Reason::InsufficientData);
    let before = Datapoint { at: all[0].at - SignedDuration::from_secs(301), value: 1.0 };
    let long_over = Series { points: vec![before], ..steady(1.0) };
    check_optional(&[(Metric::HEARTBEAT, vec![long_over])], Reason::Idle);
}

#[test]
fn a_heart_that_stopped_in_the_lookback_proves_nothing_yet() {
    for value in [0.0, 1.0] {
        let mut stopped = steady(value);
        stopped.points.truncate(6);
        let decision = check_optional(&[(Metric::HEARTBEAT, vec![stopped])], Reason::InsufficientData);
        assert_eq!((decision.evidence[4].status, decision.evidence[4].points), (Some(SeriesStatus::Stale), Some(6)));
    }
}

#[test]
fn if_no_signal_says_anything_nothing_is_proven() {
    let nothing =
        r#"{"signals": {"cpu": null, "network": null, "ebs": null, "gpu": null, "heartbeat": {}, "disk": {}}}"#;
    let policy = custom(nothing);
    let decision = check(&policy, &instance(1), &Evidence::default(), Reason::InsufficientData);
    assert!(decision.evidence.iter().all(|finding| finding.skipped));
    let evidence = quiet_under(&policy, &instance(1));
    check(&policy, &instance(1), &evidence, Reason::Idle);
    let accelerators = custom(r#"{"signals": {"cpu": null, "network": null, "ebs": null}}"#);
    check(&accelerators, &instance(1), &Evidence::default(), Reason::InsufficientData);
    check(&accelerators, &of_type("g5.xlarge"), &quiet_under(&accelerators, &of_type("g5.xlarge")), Reason::Idle);
}
