//! The gates as a table of cases: one instance, one policy, one moment, one expected reason.

mod support;

use idleness::{
    Datapoint, Decision, Evidence, Instance, InstanceState, MetricName, Policy, Reason, RootDevice, Series,
    SeriesStatus, Tags, Verdict, decide, needs_evidence,
};
use jiff::Timestamp;
use support::{METRICS, at, instance, minutes_ago, now, quiet, quiet_but, steady};

#[track_caller]
fn check(instance: &Instance, evidence: &Evidence, expected: Reason) -> Decision {
    let decision = decide(instance, evidence, &Policy::dev_box(), now());
    assert_eq!(decision.reason, expected, "{:#?}", decision.evidence);
    assert_eq!(decision.verdict == Verdict::Stop, expected == Reason::Idle);
    decision
}

fn with_state(state: InstanceState) -> Instance {
    Instance { state, ..instance(1) }
}

fn with_tags(tags: &[(&str, &str)]) -> Instance {
    Instance { tags: tags.iter().copied().collect::<Tags>(), ..instance(1) }
}

#[test]
fn a_quiet_opted_in_instance_is_stopped() {
    check(&instance(1), &quiet(), Reason::Idle);
}

#[test]
fn an_instance_that_is_not_opted_in_is_never_judged() {
    for tags in [&[][..], &[("doze", "off")], &[("doze", "On")], &[("Name", "on")]] {
        check(&with_tags(tags), &quiet(), Reason::NotOptedIn);
    }
}

#[test]
fn not_opted_in_comes_before_every_state() {
    let stopped = Instance { state: InstanceState::Stopped, ..with_tags(&[]) };
    check(&stopped, &quiet(), Reason::NotOptedIn);
}

#[test]
fn only_a_running_instance_is_judged() {
    check(&with_state(InstanceState::Stopped), &quiet(), Reason::AlreadyStopped);
    check(&with_state(InstanceState::Pending), &quiet(), Reason::InTransition);
    check(&with_state(InstanceState::Stopping), &quiet(), Reason::InTransition);
    check(&with_state(InstanceState::Unknown), &quiet(), Reason::InTransition);
    check(&with_state(InstanceState::ShuttingDown), &quiet(), Reason::Terminated);
    check(&with_state(InstanceState::Terminated), &quiet(), Reason::Terminated);
}

#[track_caller]
fn check_tag(key: &str, value: &str, expected: Reason) -> Decision {
    check(&with_tags(&[("doze", "on"), (key, value)]), &quiet(), expected)
}

#[test]
fn an_instance_that_somebody_else_manages_is_kept() {
    check_tag("aws:autoscaling:groupName", "web", Reason::AutoScalingMember);
    for key in ["eks:cluster-name", "aws:eks:cluster-name", "kubernetes.io/cluster/prod", "aws:ecs:clusterName"] {
        let decision = check_tag(key, "owned", Reason::ClusterMember);
        assert!(decision.detail.is_some_and(|detail| detail.contains(key)));
    }
    for key in ["eks", "my:aws:ecs:clusterName", "AWS:autoscaling:groupName"] {
        check_tag(key, "x", Reason::Idle);
    }
}

#[test]
fn an_instance_that_cannot_be_stopped_is_kept() {
    check(&Instance { root_device: RootDevice::InstanceStore, ..instance(1) }, &quiet(), Reason::InstanceStoreRoot);
    check(&Instance { root_device: RootDevice::Unknown, ..instance(1) }, &quiet(), Reason::Idle);
}

#[test]
fn an_instance_is_kept_awake_until_its_tag_says() {
    let decision = check_tag("doze:keep-until", "2026-11-21T20:03:18Z", Reason::KeptAwake);
    assert_eq!(decision.detail.as_deref(), Some("it is kept awake until 2026-11-21T20:03:18Z"));
    check_tag("doze:keep-until", "2026-11-22T05:00:00+09:00", Reason::Idle);
    check_tag("doze:keep-until", "2026-11-22T06:00:00+09:00", Reason::KeptAwake);
    check_tag("doze:keep-until", "2026-11-21T20:03:17Z", Reason::Idle);
}

#[test]
fn a_tag_that_cannot_be_honoured_keeps_and_is_quoted() {
    for (key, value) in [
        ("doze:keep-until", ""),
        ("doze:keep-until", "tomorrow"),
        ("doze:keep-until", "2026-11-21"),
        ("doze:keep-until", "2026-11-21T20:00:00"),
        ("doze:policy", "gcp"),
        ("doze:policy", ""),
        ("doze:stopped-at", "last night"),
        ("doze:stop-at", "soon"),
        ("doze:start-owed-since", ""),
        ("doze:keep_until", "2026-12-24T20:00:00Z"),
        ("doze:", ""),
        ("doze:schedule", "mon-fri 09:00-18:00 @ Asia/Seoul"),
    ] {
        let decision = check_tag(key, value, Reason::BadTag);
        let detail = decision.detail.expect("says which tag");
        assert!(detail.contains(key) && detail.contains(&format!("{value:?}")), "{detail}");
    }
    check_tag("doze:policy", "dev-box", Reason::Idle);
    check_tag("doze:stopped-at", "2026-11-20T20:00:00Z", Reason::Idle);
    check_tag("doze:stopped-because", "idle", Reason::Idle);
    check_tag("doze:after", "db", Reason::Idle);
    check_tag("dozen:eggs", "12", Reason::Idle);
}

#[test]
fn the_first_gate_that_holds_wins() {
    let young = Instance { launched_at: Some(minutes_ago(1)), ..instance(1) };
    let awake = ("doze:keep-until", "2027-01-01T00:00:00Z");
    let member = ("aws:autoscaling:groupName", "web");
    let bad = ("doze:policy", "none");
    let with = |tags: &[(&str, &str)]| Instance {
        tags: [("doze", "on")].iter().chain(tags).copied().collect::<Tags>(),
        ..young.clone()
    };
    check(&with(&[bad, member, awake]), &quiet(), Reason::BadTag);
    check(&with(&[member, awake]), &quiet(), Reason::AutoScalingMember);
    check(&with(&[awake]), &quiet(), Reason::KeptAwake);
    check(&with(&[]), &quiet(), Reason::RecentlyStarted);
    let stopped = Instance { state: InstanceState::Stopped, ..with(&[bad]) };
    check(&stopped, &quiet(), Reason::AlreadyStopped);
}

#[test]
fn uptime_is_compared_with_the_minimum() {
    for (launched_at, expected) in [
        (Some(minutes_ago(29)), Reason::RecentlyStarted),
        (Some(minutes_ago(30)), Reason::Idle),
        (Some(minutes_ago(-5)), Reason::RecentlyStarted),
        (None, Reason::RecentlyStarted),
    ] {
        check(&Instance { launched_at, ..instance(1) }, &quiet(), expected);
    }
    let decision =
        check(&Instance { launched_at: Some(minutes_ago(10)), ..instance(1) }, &quiet(), Reason::RecentlyStarted);
    assert_eq!((decision.evidence[0].observed, decision.evidence[0].limit), (Some(600.0), 1800.0));
}

#[test]
fn no_data_is_not_idle() {
    let decision = check(&instance(1), &Evidence::default(), Reason::InsufficientData);
    assert_eq!(decision.evidence.len(), 3, "each signal is listed");
    assert!(decision.evidence.iter().all(|finding| finding.observed.is_none() && finding.points == Some(0)));
}

#[test]
fn each_metric_that_is_absent_or_empty_keeps() {
    for metric in METRICS {
        let others: Evidence =
            METRICS.into_iter().filter(|other| *other != metric).map(|other| (other, steady(0.0))).collect();
        check(&instance(1), &others, Reason::InsufficientData);
        let empty = Series { status: SeriesStatus::Complete, points: Vec::new() };
        check(&instance(1), &quiet_but(metric, empty), Reason::InsufficientData);
    }
}

#[test]
fn one_gap_is_tolerated_and_two_are_not() {
    for (missing, expected) in [(1, Reason::Idle), (2, Reason::InsufficientData)] {
        let mut series = steady(0.0);
        series.points.truncate(12 - missing);
        check(&instance(1), &quiet_but(MetricName::CpuUtilization, series), expected);
    }
}

#[test]
fn old_datapoints_prove_nothing_about_now_however_many_there_are() {
    let policy = Policy { coverage: "50".parse().expect("a share"), ..Policy::dev_box() };
    for (missing, expected) in [(1, Reason::Idle), (2, Reason::InsufficientData), (6, Reason::InsufficientData)] {
        let mut series = steady(0.0);
        series.points.truncate(12 - missing);
        let decision = decide(&instance(1), &quiet_but(MetricName::EbsReadOps, series), &policy, now());
        assert_eq!(decision.reason, expected, "{missing} of the newest are missing");
        assert_eq!(decision.evidence[2].status, (missing > 1).then_some(SeriesStatus::Stale));
    }
}

#[test]
fn gaps_of_two_added_metrics_add_up() {
    let mut evidence = quiet();
    for (metric, gap) in [(MetricName::NetworkIn, 3), (MetricName::NetworkOut, 7)] {
        let mut series = steady(0.0);
        series.points.remove(gap);
        evidence.insert(metric, series);
    }
    let decision = check(&instance(1), &evidence, Reason::InsufficientData);
    assert_eq!(decision.evidence[1].points, Some(10));
}

#[test]
fn every_status_but_complete_keeps() {
    for status in
        [SeriesStatus::PartialData, SeriesStatus::InternalError, SeriesStatus::Forbidden, SeriesStatus::Absent]
    {
        for metric in METRICS {
            let series = Series { status, ..steady(0.0) };
            let decision = check(&instance(1), &quiet_but(metric, series), Reason::InsufficientData);
            assert!(decision.evidence.iter().any(|finding| finding.status == Some(status)));
        }
    }
}

#[test]
fn impossible_values_keep() {
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.1] {
        for metric in METRICS {
            let mut series = steady(0.0);
            series.points[4].value = value;
            let decision = check(&instance(1), &quiet_but(metric, series), Reason::InsufficientData);
            assert!(decision.evidence.iter().any(|finding| finding.status == Some(SeriesStatus::InvalidValue)));
        }
    }
}

#[test]
fn datapoints_outside_the_window_prove_nothing() {
    let window = Policy::dev_box().window(now());
    for shift in [-3600, 3600] {
        let mut series = steady(0.0);
        for point in &mut series.points {
            point.at = Timestamp::from_second(point.at.as_second() + shift).expect("in range");
        }
        check(&instance(1), &quiet_but(MetricName::CpuUtilization, series), Reason::InsufficientData);
    }
    let mut old_peak = steady(0.0);
    old_peak.points.push(Datapoint { at: window.from - jiff::SignedDuration::from_secs(1), value: 99.0 });
    check(&instance(1), &quiet_but(MetricName::CpuUtilization, old_peak), Reason::Idle);
    let mut later_peak = steady(0.0);
    later_peak.points.push(Datapoint { at: window.open_until, value: 99.0 });
    check(&instance(1), &quiet_but(MetricName::CpuUtilization, later_peak), Reason::Idle);
}

#[test]
fn many_datapoints_in_one_period_count_once() {
    let points =
        (0..12).map(|s| Datapoint { at: at("2026-11-21T19:30:00Z") + jiff::SignedDuration::from_secs(s), value: 0.0 });
    let crowd = Series { status: SeriesStatus::Complete, points: points.collect() };
    let decision = check(&instance(1), &quiet_but(MetricName::CpuUtilization, crowd), Reason::InsufficientData);
    assert_eq!(decision.evidence[0].points, Some(1));
}

#[test]
fn of_two_values_for_one_period_the_larger_counts() {
    for values in [[0.0, 50.0], [50.0, 0.0]] {
        let mut series = steady(0.0);
        series.points.extend(values.map(|value| Datapoint { at: series.points[3].at, value }));
        check(&instance(1), &quiet_but(MetricName::CpuUtilization, series), Reason::Busy);
    }
}

#[test]
fn a_value_at_the_limit_is_idle_and_one_above_is_busy() {
    // Network and EBS datapoints are sums over 300 s.
    for (metric, limit) in [
        (MetricName::CpuUtilization, 5.0),
        (MetricName::NetworkIn, 2048.0 * 300.0),
        (MetricName::EbsWriteOps, 5.0 * 300.0),
    ] {
        check(&instance(1), &quiet_but(metric, steady(limit)), Reason::Idle);
        let mut series = steady(0.0);
        series.points[7].value = limit * 1.001;
        check(&instance(1), &quiet_but(metric, series), Reason::Busy);
    }
}

#[test]
fn traffic_in_both_directions_is_added() {
    let mut evidence = quiet_but(MetricName::NetworkIn, steady(1500.0 * 300.0));
    evidence.insert(MetricName::NetworkOut, steady(1500.0 * 300.0));
    let decision = check(&instance(1), &evidence, Reason::Busy);
    assert_eq!(decision.evidence[1].observed, Some(3000.0));
}

#[test]
fn the_period_still_running_can_prove_use_but_not_idleness() {
    let open = at("2026-11-21T20:00:00Z");
    let mut started_working = steady(0.0);
    started_working.points.push(Datapoint { at: open, value: 80.0 });
    check(&instance(1), &quiet_but(MetricName::CpuUtilization, started_working), Reason::Busy);

    let mut short = steady(0.0);
    short.points.truncate(10);
    short.points.push(Datapoint { at: open, value: 0.0 });
    let decision = check(&instance(1), &quiet_but(MetricName::CpuUtilization, short), Reason::InsufficientData);
    assert_eq!(decision.evidence[0].points, Some(10));
}

#[test]
fn a_policy_without_signals_stops_nothing() {
    let policy = Policy { signals: Vec::new(), ..Policy::dev_box() };
    assert_eq!(decide(&instance(1), &quiet(), &policy, now()).reason, Reason::InsufficientData);
}

#[test]
fn evidence_is_asked_for_where_the_decision_depends_on_it() {
    let policy = Policy::dev_box();
    assert!(needs_evidence(&instance(1), &policy, now()));
    assert!(!needs_evidence(&with_tags(&[]), &policy, now()));
    assert!(!needs_evidence(&with_state(InstanceState::Stopped), &policy, now()));
}

#[test]
fn reason_codes_are_the_same_in_tags_and_in_reports() {
    for reason in [
        Reason::NotFound,
        Reason::NotOptedIn,
        Reason::AlreadyStopped,
        Reason::InTransition,
        Reason::Terminated,
        Reason::BadTag,
        Reason::AutoScalingMember,
        Reason::ClusterMember,
        Reason::InstanceStoreRoot,
        Reason::KeptAwake,
        Reason::RecentlyStarted,
        Reason::InsufficientData,
        Reason::Busy,
        Reason::OverCap,
        Reason::Idle,
    ] {
        assert_eq!(serde_json::to_value(reason).expect("serializes"), reason.as_str());
    }
}

#[test]
fn a_decision_serializes_as_documented() {
    let mut series = steady(0.2);
    series.points[11].value = 0.4;
    let decision = check(&instance(10), &quiet_but(MetricName::CpuUtilization, series), Reason::Idle);
    let json = serde_json::to_value(&decision).expect("serializes");
    assert_eq!(json["instance"], "i-0000000000000000a");
    assert_eq!(json["verdict"], "stop");
    assert_eq!(json["reason"], "idle");
    assert_eq!(
        json["evidence"][0],
        serde_json::json!({"signal":"cpu","statistic":"max","observed":0.4,"limit":5.0,"unit":"percent","points":12,"expected":12})
    );
}
