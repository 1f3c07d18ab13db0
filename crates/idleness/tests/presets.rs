//! The presets, each at its limits and just above them: values, shares of the datapoints, and amounts of data.

use crate::support::{
    custom, instance, measure_of, minutes_ago, now, of_type, quiet_under, quiet_under_but, series_each, steady_over,
    under,
};
use idleness::{
    Datapoint, Decision, Evidence, Instance, Metric, Percent, Policy, Reason, Series, SeriesStatus, Share, decide,
};
use jiff::SignedDuration;

#[track_caller]
fn check(policy: &Policy, instance: &Instance, edits: &[(Metric, Vec<Series>)], expected: Reason) -> Decision {
    let evidence = quiet_under_but(policy, instance, edits);
    let decision = decide(instance, &evidence, &under(policy.clone()), now());
    assert_eq!(decision.reason, expected, "{}: {:#?}", policy.name, decision.evidence);
    decision
}

/// Quiet, but for one metric of which every datapoint has the same value.
#[track_caller]
fn check_steady(policy: &Policy, instance: &Instance, metric: &Metric, value: f64, expected: Reason) {
    let period = measure_of(policy, metric).period;
    check(policy, instance, &[(metric.clone(), vec![steady_over(policy, period, value)])], expected);
}

/// Quiet, but for one metric of which as many datapoints have the value, `ago` periods ago and before.
fn peaks(policy: &Policy, metric: &Metric, value: f64, count: usize, ago: usize) -> (Metric, Vec<Series>) {
    let mut series = steady_over(policy, measure_of(policy, metric).period, 0.0);
    series.points.iter_mut().rev().skip(ago).take(count).for_each(|point| point.value = value);
    (metric.clone(), vec![series])
}

#[track_caller]
fn check_limit(policy: &Policy, instance: &Instance, metric: &Metric, limit: f64) {
    check_steady(policy, instance, metric, limit, Reason::Idle);
    check_steady(policy, instance, metric, limit * 1.001, Reason::Busy);
    if policy.signals.iter().any(|signal| signal.metrics.contains(metric) && signal.allowed_above == Percent::NONE) {
        for ago in [0, 5] {
            check(policy, instance, &[peaks(policy, metric, limit * 1.001, 1, ago)], Reason::Busy);
        }
    }
}

#[test]
fn dev_box_has_its_limits_on_cpu_network_and_ebs() {
    let policy = Policy::dev_box();
    for (metric, limit) in [
        (Metric::NETWORK_IN, 120.0 * 300.0),
        (Metric::NETWORK_OUT, 120.0 * 300.0),
        (Metric::EBS_READS, 600.0),
        (Metric::EBS_WRITES, 600.0),
    ] {
        check_limit(&policy, &instance(1), &metric, limit);
    }
    // Of many virtual CPUs 0.03 are next to nothing; of an unknown number only the share counts.
    for (vcpus, percent) in [(None, 5.0), (Some(2), 1.5), (Some(96), 0.03125)] {
        check_limit(&policy, &Instance { vcpus, ..instance(1) }, &Metric::CPU, percent);
    }
    for (mebibytes, expected) in [(1024.0, Reason::Idle), (1025.0, Reason::Busy)] {
        check_steady(&policy, &of_type("g5.xlarge"), &Metric::GPU_MEMORY_USED, mebibytes, expected);
    }
    check_steady(&policy, &of_type("g5.xlarge"), &Metric::GPU, 0.0, Reason::Idle);
    check_steady(&policy, &of_type("g5.xlarge"), &Metric::GPU, 0.001, Reason::Busy);
}

#[test]
fn compute_optimizer_has_its_limits_on_cpu_and_the_days_traffic() {
    let policy = Policy::compute_optimizer();
    check_limit(&policy, &instance(1), &Metric::CPU, 5.0);
    // Datapoints are sums of a whole day.
    check_limit(&policy, &instance(1), &Metric::NETWORK_IN, 5e6);
    check_limit(&policy, &instance(1), &Metric::NETWORK_OUT, 5e6);
    let both = [Metric::NETWORK_IN, Metric::NETWORK_OUT].map(|metric| peaks(&policy, &metric, 3e6, 1, 3));
    let decision = check(&policy, &instance(1), &both, Reason::Busy);
    assert_eq!(decision.evidence[1].observed, Some(6e6));
    check_limit(&policy, &of_type("p5.48xlarge"), &Metric::GPU_MEMORY, 5.0);
}

#[test]
fn compute_optimizer_leaves_a_gpu_one_percent_of_the_time() {
    let (policy, instance) = (Policy::compute_optimizer(), of_type("g5.xlarge"));
    for (busy_hours, ago, expected) in [(3, 1, Reason::Idle), (4, 1, Reason::Busy), (1, 0, Reason::Busy)] {
        let decision = check(&policy, &instance, &[peaks(&policy, &Metric::GPU, 80.0, busy_hours, ago)], expected);
        assert_eq!(decision.evidence[2].share, Some(Share { above: busy_hours, allowed_above: 3 }));
    }
}

#[test]
fn trusted_advisor_has_its_limits_on_the_days_average_and_traffic() {
    let policy = Policy::trusted_advisor();
    check_limit(&policy, &instance(1), &Metric::CPU, 10.0);
    check_limit(&policy, &instance(1), &Metric::NETWORK_IN, 5e6);
    check_limit(&policy, &instance(1), &Metric::NETWORK_OUT, 5e6);
}

#[test]
fn trusted_advisor_allows_five_busy_days_of_a_fortnight_but_not_the_last() {
    let policy = Policy::trusted_advisor();
    for metric in [Metric::CPU, Metric::NETWORK_IN] {
        for (busy_days, ago, expected) in [
            (5, 1, Reason::Idle),
            (5, 9, Reason::Idle),
            (6, 1, Reason::Busy),
            (6, 8, Reason::Busy),
            (1, 0, Reason::Busy),
        ] {
            let decision = check(&policy, &instance(1), &[peaks(&policy, &metric, 1e9, busy_days, ago)], expected);
            let share = decision.evidence[usize::from(metric != Metric::CPU)].share;
            assert_eq!(share, Some(Share { above: busy_days, allowed_above: 5 }));
        }
    }
}

#[test]
fn trusted_advisor_never_stops_what_was_low_on_fewer_than_four_days() {
    let policy = Policy::trusted_advisor();
    let day = SignedDuration::from_hours(24);
    // The worst case: the days that are missing or high are others for each of the signals.
    let days = |missing: usize, high: usize, first: usize| {
        let is_high = |at: &usize| (first + missing..first + missing + high).contains(at);
        let mut series = series_each(day, (0..14).map(|at| if is_high(&at) { 9e9 } else { 0.0 }));
        series.points.drain(first..first + missing);
        vec![series]
    };
    let mut fewest = 14;
    for (missing, high) in (0..3).flat_map(|missing| (0..6).map(move |high| (missing, high))) {
        for (network_missing, network_high) in (0..3).flat_map(|missing| (0..6).map(move |high| (missing, high))) {
            let flawed = missing + high + network_missing + network_high;
            if flawed > 13 {
                continue;
            }
            let traffic = days(network_missing, network_high, missing + high);
            let edits = [
                (Metric::CPU, days(missing, high, 0)),
                (Metric::NETWORK_IN, traffic.clone()),
                (Metric::NETWORK_OUT, traffic),
            ];
            let evidence = quiet_under_but(&policy, &instance(1), &edits);
            if decide(&instance(1), &evidence, &under(policy.clone()), now()).reason == Reason::Idle {
                fewest = fewest.min(14 - flawed);
            }
        }
    }
    assert_eq!(fewest, 4, "days on which both are known to have been low");
}

#[test]
fn cost_explorer_has_its_limit_on_the_peak_of_the_cpu() {
    check_limit(&Policy::cost_explorer(), &instance(1), &Metric::CPU, 1.0);
}

#[test]
fn gcp_has_its_limits_on_virtual_cpus_and_on_each_direction_of_traffic() {
    let policy = Policy::gcp();
    for (vcpus, percent) in [(1, 3.0), (2, 1.5), (8, 0.375), (192, 0.015_625)] {
        let instance = Instance { vcpus: Some(vcpus), ..instance(1) };
        check_limit(&policy, &instance, &Metric::CPU, percent);
    }
    check_limit(&policy, &instance(1), &Metric::NETWORK_IN, 2000.0 * 900.0);
    check_limit(&policy, &instance(1), &Metric::NETWORK_OUT, 1000.0 * 900.0);
    let both = [(Metric::NETWORK_IN, 2000.0), (Metric::NETWORK_OUT, 1000.0)]
        .map(|(metric, limit)| peaks(&policy, &metric, limit * 900.0, 1344, 0));
    check(&policy, &instance(1), &both, Reason::Idle);
}

#[test]
fn gcp_leaves_every_signal_its_share_of_the_time() {
    let policy = Policy::gcp();
    for (position, metric, allowed_above) in
        [(0, Metric::CPU, 40), (1, Metric::NETWORK_IN, 67), (2, Metric::NETWORK_OUT, 67)]
    {
        for (above, expected) in [(allowed_above, Reason::Idle), (allowed_above + 1, Reason::Busy)] {
            for ago in [1, 600] {
                let decision = check(&policy, &instance(1), &[peaks(&policy, &metric, 1e9, above, ago)], expected);
                assert_eq!(decision.evidence[position].share, Some(Share { above, allowed_above }));
            }
        }
    }
}

#[test]
fn what_is_compared_is_the_largest_value_that_no_share_covers() {
    let policy = Policy::gcp();
    let mut series = steady_over(&policy, SignedDuration::from_mins(15), 0.5);
    series.points.iter_mut().take(40).for_each(|point| point.value = 50.0);
    series.points[700].value = 1.0;
    let decision = check(&policy, &instance(1), &[(Metric::CPU, vec![series])], Reason::Idle);
    assert_eq!(decision.evidence[0].observed, Some(0.02), "1 % of 2 virtual CPUs");
}

#[test]
fn whoever_is_at_work_now_is_no_spike_of_the_past() {
    let policy = Policy::gcp();
    let newest = peaks(&policy, &Metric::CPU, 1.6, 1, 0);
    let decision = check(&policy, &instance(1), std::slice::from_ref(&newest), Reason::Busy);
    assert_eq!(decision.evidence[0].observed, Some(0.032));

    let quarter = SignedDuration::from_mins(15);
    let mut running = steady_over(&policy, quarter, 0.0);
    let last = running.points[1343].at;
    running.points.push(Datapoint { at: last + quarter, value: 1.6 });
    check(&policy, &instance(1), &[(Metric::CPU, vec![running.clone()])], Reason::Busy);
    running.points[1344].value = 1.4;
    check(&policy, &instance(1), &[(Metric::CPU, vec![running.clone()])], Reason::Idle);
    running.points[1343].value = 1.6;
    check(&policy, &instance(1), &[(Metric::CPU, vec![running])], Reason::Busy);

    // The newest of all may still be on its way.
    let mut delayed = newest.1[0].clone();
    delayed.points[1342].value = 1.6;
    delayed.points.pop();
    check(&policy, &instance(1), &[(Metric::CPU, vec![delayed])], Reason::Busy);
}

#[test]
fn half_a_newest_datapoint_does_not_hide_the_last_whole_one() {
    let policy = custom(r#"{"coverage_percent": 50, "signals": {"ebs": {"allowed_percent_above": 20}}}"#);
    let mut writes = steady_over(&policy, SignedDuration::from_mins(5), 0.0);
    writes.points.pop();
    let (metric, reads) = peaks(&policy, &Metric::EBS_READS, 1e9, 1, 1);
    check(&policy, &instance(1), &[(metric, reads), (Metric::EBS_WRITES, vec![writes])], Reason::Busy);
}

#[test]
fn shares_are_of_the_datapoints_that_are_there() {
    let policy = Policy::gcp();
    for (points, allowed_above) in [(1344, 40), (134, 4), (133, 3)] {
        for (above, expected) in [(allowed_above, Reason::Idle), (allowed_above + 1, Reason::Busy)] {
            let (metric, mut series) = peaks(&policy, &Metric::CPU, 99.0, above, 1);
            series[0].points.drain(..1344 - points);
            let decision = check(&policy, &instance(1), &[(metric, series)], expected);
            assert_eq!(decision.evidence[0].share, Some(Share { above, allowed_above }));
        }
    }
}

#[test]
fn what_is_not_complete_adds_nothing_to_the_share() {
    let policy = Policy::gcp();
    // 133 quarters of an hour leave 3; neither the one still running nor one that lacks a metric makes them 134.
    let (metric, mut running) = peaks(&policy, &Metric::CPU, 99.0, 4, 1);
    running[0].points.drain(..1344 - 133);
    let quarter = SignedDuration::from_mins(15);
    let last = running[0].points[132].at;
    running[0].points.push(Datapoint { at: last + quarter, value: 0.0 });
    check(&policy, &instance(1), &[(metric, running)], Reason::Busy);

    let policy = custom(r#"{"coverage_percent": 50, "signals": {"ebs": {"allowed_percent_above": 9}}}"#);
    for (gap, expected) in [(false, Reason::Idle), (true, Reason::Busy)] {
        let (metric, reads) = peaks(&policy, &Metric::EBS_READS, 1e9, 1, 3);
        let mut writes = steady_over(&policy, SignedDuration::from_mins(5), 0.0);
        writes.points.drain(..usize::from(gap));
        check(&policy, &instance(1), &[(metric, reads), (Metric::EBS_WRITES, vec![writes])], expected);
    }
}

#[test]
fn without_the_number_of_virtual_cpus_nothing_is_known_about_them() {
    let instance = Instance { vcpus: None, ..instance(1) };
    for value in [0.0, 99.0] {
        let policy = Policy::gcp();
        let edits = [peaks(&policy, &Metric::CPU, value, 1344, 0)];
        let decision = check(&policy, &instance, &edits, Reason::InsufficientData);
        let cpu = &decision.evidence[0];
        assert_eq!((cpu.observed, cpu.status), (None, Some(SeriesStatus::UnknownVcpus)));
    }
    check(&Policy::dev_box(), &instance, &[], Reason::Idle);
    check_limit(&Policy::cost_explorer(), &instance, &Metric::CPU, 1.0);
}

/// The newest datapoints of every signal, as many as cover so many hours.
#[track_caller]
fn check_hours(policy: &Policy, metric: &Metric, hours: i64, expected: Reason) {
    let period = measure_of(policy, metric).period;
    let points = usize::try_from(hours * 60 / period.as_mins()).expect("few");
    let series = series_each(period, std::iter::repeat_n(0.0, points));
    check(policy, &instance(1), &[(metric.clone(), vec![series])], expected);
}

#[test]
fn every_preset_asks_for_as_much_data_as_its_source() {
    for (policy, metric, enough, too_few) in [
        (Policy::compute_optimizer(), Metric::CPU, 31, 30),
        (Policy::compute_optimizer(), Metric::NETWORK_IN, 2 * 24, 24),
        (Policy::trusted_advisor(), Metric::CPU, 13 * 24, 12 * 24),
        (Policy::trusted_advisor(), Metric::NETWORK_OUT, 13 * 24, 12 * 24),
        (Policy::cost_explorer(), Metric::CPU, 303, 302),
        (Policy::gcp(), Metric::CPU, 27, 26),
        (Policy::gcp(), Metric::NETWORK_IN, 27, 26),
    ] {
        check_hours(&policy, &metric, enough, Reason::Idle);
        check_hours(&policy, &metric, too_few, Reason::InsufficientData);
    }
}

#[test]
fn the_data_of_a_fortnight_must_reach_up_to_now() {
    for policy in Policy::presets() {
        for signal in policy.signals_for(&instance(1)) {
            for (missing, expected) in [(1, Reason::Idle), (2, Reason::InsufficientData)] {
                let mut series = steady_over(&policy, signal.period, 0.0);
                series.points.truncate(series.points.len() - missing);
                check(&policy, &instance(1), &[(signal.metrics[0].clone(), vec![series])], expected);
            }
        }
    }
}

#[test]
fn the_rules_made_for_reports_leave_alone_what_was_started_today() {
    for policy in Policy::presets() {
        let minimum = if policy.name == "dev-box" { 30 } else { 24 * 60 };
        for (uptime, expected) in [(minimum - 1, Reason::RecentlyStarted), (minimum, Reason::Idle)] {
            let instance = Instance { launched_at: Some(minutes_ago(uptime)), ..instance(1) };
            check(&policy, &instance, &[], expected);
        }
    }
}

#[test]
fn no_preset_asks_for_sessions_or_stops_without_data() {
    for policy in Policy::presets() {
        assert!(!policy.heeds_sessions);
        let decision = decide(&instance(1), &Evidence::default(), &under(policy.clone()), now());
        assert_eq!(decision.reason, Reason::InsufficientData);
        let idle = decide(&instance(1), &quiet_under(&policy, &instance(1)), &under(policy), now());
        assert_eq!(idle.reason, Reason::Idle);
    }
}
