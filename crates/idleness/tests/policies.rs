//! Policies of the user's own, as JSON: what can be said, and what the rest is taken from.

use crate::support::{custom, instance, now, plain, quiet_under, rules, tagged, under};
use idleness::{
    Dimensions, Hardware, Instance, InstanceType, Metric, Percent, Policies, Policy, Presence, Reason, Rules, Signal,
    Statistic, Unit, decide,
};
use jiff::SignedDuration;

fn parse(json: &str) -> Policies {
    Policies::parse(json).unwrap_or_else(|error| panic!("{json}: {error}"))
}

fn named(policies: &Policies, name: &str) -> Policy {
    policies.named(name).unwrap_or_else(|| panic!("there is no {name}")).clone()
}

fn signal(policy: &Policy, name: &str) -> Signal {
    let mut signals = policy.signals.iter();
    signals.find(|signal| signal.name == name).unwrap_or_else(|| panic!("{} has no {name}", policy.name)).clone()
}

fn names(policy: &Policy) -> Vec<&str> {
    policy.signals.iter().map(|signal| signal.name.as_ref()).collect()
}

fn percent(value: u8) -> Percent {
    Percent::new(value).expect("a share")
}

/// The policy under another name.
fn called(name: &'static str, policy: Policy) -> Policy {
    Policy { name: name.into(), ..policy }
}

#[test]
fn a_policy_that_says_nothing_is_dev_box() {
    let policies = parse(r#"{"mine": {}, "yours": {"signals": {}}}"#);
    assert_eq!(named(&policies, "mine"), called("mine", Policy::dev_box()));
    assert_eq!(named(&policies, "yours"), called("yours", Policy::dev_box()));
    assert_eq!(policies.default_policy(), &Policy::dev_box(), "the default is what it was");
    assert_eq!(named(&policies, "gcp"), Policy::gcp(), "the presets are still there");
}

#[test]
fn every_field_of_a_policy_is_read() {
    let policy =
        custom(r#"{"lookback_minutes": 90, "minimum_uptime_minutes": 45, "coverage_percent": 95, "sessions": true}"#);
    let expected = Policy {
        lookback: SignedDuration::from_mins(90),
        minimum_uptime: SignedDuration::from_mins(45),
        coverage: percent(95),
        heeds_sessions: true,
        ..called("custom", plain())
    };
    assert_eq!(policy, expected);
}

#[test]
fn every_field_of_a_signal_is_read() {
    let policy = custom(
        r#"{"lookback_minutes": 120, "signals": {"jobs": {
            "metrics": [{"namespace": "Render", "name": "Queued"},
                        {"namespace": "Render", "name": "Running", "dimensions": "discovered"},
                        {"namespace": "Render", "name": "Done", "dimensions": "instance-id"}],
            "statistic": "sum", "period_minutes": 10, "limit": 0.5, "unit": "operations-per-second",
            "allowed_percent_above": 7, "optional": true, "hardware": "accelerated"}}}"#,
    );
    let metric = |name: &'static str, dimensions| Metric { namespace: "Render".into(), name: name.into(), dimensions };
    let expected = Signal {
        name: "jobs".into(),
        metrics: vec![
            metric("Queued", Dimensions::InstanceId),
            metric("Running", Dimensions::Discovered),
            metric("Done", Dimensions::InstanceId),
        ],
        statistic: Statistic::Sum,
        period: SignedDuration::from_mins(10),
        limit: 0.5,
        unit: Unit::OperationsPerSecond,
        allowed_above: percent(7),
        presence: Presence::Optional,
        hardware: Hardware::Accelerated,
    };
    assert_eq!(signal(&policy, "jobs"), expected);
    assert_eq!(names(&policy), ["cpu", "network", "ebs", "gpu", "jobs"]);
}

#[test]
fn each_field_of_a_signal_can_be_changed_alone() {
    let cpu = signal(&Policy::dev_box(), "cpu");
    let metric = || Metric { namespace: "CWAgent".into(), name: "cpu".into(), dimensions: Dimensions::InstanceId };
    for (fields, expected) in [
        (r#""metrics": [{"namespace": "CWAgent", "name": "cpu"}]"#, Signal { metrics: vec![metric()], ..cpu.clone() }),
        (r#""statistic": "average""#, Signal { statistic: Statistic::Average, ..cpu.clone() }),
        (r#""period_minutes": 1"#, Signal { period: SignedDuration::from_mins(1), ..cpu.clone() }),
        (r#""limit": 0"#, Signal { limit: 0.0, ..cpu.clone() }),
        (r#""unit": "vcpus""#, Signal { unit: Unit::Vcpus, ..cpu.clone() }),
        (r#""unit": "count""#, Signal { unit: Unit::Count, ..cpu.clone() }),
        (r#""allowed_percent_above": 99"#, Signal { allowed_above: percent(99), ..cpu.clone() }),
        (r#""optional": true"#, Signal { presence: Presence::Optional, ..cpu.clone() }),
        (r#""optional": false"#, cpu.clone()),
        (r#""hardware": "accelerated""#, Signal { hardware: Hardware::Accelerated, ..cpu.clone() }),
        (r#""hardware": "any""#, cpu.clone()),
        (r#""limit": null, "unit": null"#, cpu.clone()),
    ] {
        let policy = custom(&format!(r#"{{"signals": {{"cpu": {{{fields}}}}}}}"#));
        assert_eq!(policy.signals[0], expected, "{fields}");
        assert_eq!(policy.signals[1..], plain().signals[1..], "the others stay");
    }
}

#[test]
fn rates_are_sums_and_their_unit_can_be_changed() {
    let policy = custom(
        r#"{"lookback_minutes": 2880, "signals": {"network": {"unit": "bytes-per-day", "limit": 5000000, "period_minutes": 1440},
                                                  "ebs": {"unit": "count"}}}"#,
    );
    let network = signal(&policy, "network");
    assert_eq!((network.unit, network.statistic, network.limit), (Unit::BytesPerDay, Statistic::Sum, 5e6));
    assert_eq!(signal(&policy, "ebs").unit, Unit::Count);
}

#[test]
fn what_a_preset_does_not_say_is_its_own() {
    let policies = parse(r#"{"gcp": {"coverage_percent": 50, "signals": {"cpu": {"limit": 0.1}}}}"#);
    let mut expected = Policy { coverage: percent(50), ..Policy::gcp() };
    expected.signals[0].limit = 0.1;
    assert_eq!(named(&policies, "gcp"), expected);
    for preset in Policy::presets() {
        let same = parse(&format!(r#"{{"{}": {{}}}}"#, preset.name));
        assert_eq!(same, Policies::default(), "{}", preset.name);
    }
}

#[test]
fn a_policy_can_be_based_on_any_preset() {
    for preset in Policy::presets() {
        let policy = custom(&format!(r#"{{"based_on": "{}"}}"#, preset.name));
        assert_eq!(policy, called("custom", preset));
    }
    let crossed = parse(r#"{"gcp": {"based_on": "cost-explorer"}}"#);
    assert_eq!(named(&crossed, "gcp"), called("gcp", Policy::cost_explorer()));
}

#[test]
fn the_default_itself_can_be_changed() {
    let policies = parse(r#"{"dev-box": {"lookback_minutes": 120}}"#);
    assert_eq!(policies.default_policy().lookback, SignedDuration::from_mins(120));
}

#[test]
fn null_takes_a_signal_out() {
    let policy = custom(r#"{"signals": {"network": null, "gpu": null}}"#);
    assert_eq!(names(&policy), ["cpu", "ebs"]);
}

#[test]
fn signals_that_doze_knows_need_their_name_alone() {
    let policy = custom(r#"{"signals": {"disk": {}, "memory": {}, "gpu-memory": {"limit": 1}, "heartbeat": {}}}"#);
    assert_eq!(names(&policy), ["cpu", "network", "ebs", "gpu", "disk", "gpu-memory", "heartbeat", "memory"]);
    let brief = |name: &str| {
        let Signal { metrics, limit, unit, presence, hardware, .. } = signal(&policy, name);
        (metrics, limit, unit, presence, hardware)
    };
    let (required, optional) = (Presence::Required, Presence::Optional);
    let disk = vec![Metric::DISK_READS, Metric::DISK_WRITES];
    assert_eq!(brief("disk"), (disk, 5.0, Unit::OperationsPerSecond, optional, Hardware::Any));
    assert_eq!(brief("memory"), (vec![Metric::MEMORY], 30.0, Unit::Percent, required, Hardware::Any));
    let gpu_memory = (vec![Metric::GPU_MEMORY], 1.0, Unit::Percent, required, Hardware::Accelerated);
    assert_eq!(brief("gpu-memory"), gpu_memory);
    assert_eq!(brief("heartbeat"), (vec![Metric::HEARTBEAT], 0.0, Unit::Count, optional, Hardware::Any));
}

#[test]
fn signals_of_dev_box_are_known_to_other_policies_too() {
    let policy = custom(
        r#"{"based_on": "cost-explorer", "lookback_minutes": 60,
            "signals": {"vcpus": {}, "network": {}, "ebs": {}, "gpu": {}, "gpu-memory-used": {}}}"#,
    );
    let known = Policy::dev_box();
    for name in ["vcpus", "network", "ebs", "gpu", "gpu-memory-used"] {
        assert_eq!(signal(&policy, name), signal(&known, name));
    }
}

#[test]
fn a_policy_may_have_six_thousand_datapoints_and_no_more() {
    let parse = |minutes: u32| {
        let cpu = r#""cpu": {"period_minutes": 1}, "network": {"period_minutes": 1}, "ebs": {"period_minutes": 1}"#;
        let none = r#""vcpus": null, "gpu": null, "gpu-memory-used": null"#;
        Policies::parse(&format!(r#"{{"p": {{"lookback_minutes": {minutes}, "signals": {{{cpu}, {none}}}}}}}"#))
    };
    assert!(parse(1200).is_ok());
    let error = parse(1201).expect_err("five metrics of 1,201 datapoints").to_string();
    assert_eq!(error, "at p.signals: 6005 datapoints an instance, at most 6000: choose longer periods");
}

#[test]
fn a_signal_of_ones_own_needs_metrics_and_a_limit_alone() {
    let policy =
        custom(r#"{"signals": {"jobs": {"metrics": [{"namespace": "Render", "name": "Queued"}], "limit": 2}}}"#);
    let expected = Signal {
        name: "jobs".into(),
        metrics: vec![Metric { namespace: "Render".into(), name: "Queued".into(), dimensions: Dimensions::InstanceId }],
        statistic: Statistic::Max,
        period: SignedDuration::from_mins(5),
        limit: 2.0,
        unit: Unit::Count,
        allowed_above: Percent::NONE,
        presence: Presence::Required,
        hardware: Hardware::Any,
    };
    assert_eq!(signal(&policy, "jobs"), expected);
}

#[test]
fn a_policy_of_ones_own_decides_like_any_other() {
    let policy = custom(
        r#"{"based_on": "cost-explorer", "lookback_minutes": 600, "minimum_uptime_minutes": 0,
            "signals": {"jobs": {"metrics": [{"namespace": "Render", "name": "Queued"}], "limit": 2}}}"#,
    );
    let evidence = quiet_under(&policy, &instance(1));
    let decision = decide(&instance(1), &evidence, &under(policy), now());
    let counted: Vec<_> = decision.evidence.iter().map(|finding| (finding.points, finding.limit)).collect();
    assert_eq!((decision.reason, counted), (Reason::Idle, vec![(Some(10), 1.0), (Some(120), 2.0)]));
}

#[track_caller]
fn check_periods(fields: &str, expected: &[(&str, i64)]) {
    let policy = custom(fields);
    let periods: Vec<_> = policy.signals.iter().map(|signal| (signal.name.as_ref(), signal.period.as_mins())).collect();
    assert_eq!(periods, expected, "{fields}");
}

#[test]
fn periods_become_longer_where_a_lookback_would_have_too_many() {
    // 720 datapoints of five minutes are two days and a half.
    let cpu_alone = r#""network": null, "ebs": null, "gpu": null"#;
    for (minutes, period) in
        [(5, 5), (3600, 5), (3601, 15), (10_800, 15), (10_801, 60), (43_200, 60), (43_201, 360), (60 * 1440, 360)]
    {
        check_periods(&format!(r#"{{"lookback_minutes": {minutes}, "signals": {{{cpu_alone}}}}}"#), &[("cpu", period)]);
    }
    // So do those of signals that are added.
    check_periods(
        &format!(
            r#"{{"lookback_minutes": 10080, "signals": {{{cpu_alone}, "memory": {{}}, "jobs": {{"limit": 0, "metrics": [{{"namespace": "a", "name": "b"}}]}}}}}}"#
        ),
        &[("cpu", 15), ("jobs", 15), ("memory", 15)],
    );
}

#[test]
fn dev_box_can_look_back_for_a_fortnight() {
    for days in 1..=60 {
        let json = format!(r#"{{"custom": {{"lookback_minutes": {}}}}}"#, days * 1440);
        assert_eq!(Policies::parse(&json).err().map(|error| error.to_string()), None, "{days} days");
    }
}

#[test]
fn periods_become_shorter_where_a_lookback_has_no_whole_one() {
    check_periods(
        r#"{"based_on": "compute-optimizer", "lookback_minutes": 45}"#,
        &[("cpu", 45), ("network", 45), ("gpu", 45), ("gpu-memory", 45)],
    );
    check_periods(
        r#"{"based_on": "compute-optimizer", "lookback_minutes": 720}"#,
        &[("cpu", 60), ("network", 720), ("gpu", 60), ("gpu-memory", 60)],
    );
}

#[test]
fn a_period_that_was_asked_for_is_never_changed() {
    check_periods(
        r#"{"lookback_minutes": 1440, "signals": {"cpu": {"period_minutes": 1}, "network": {"period_minutes": 1440}, "ebs": null}}"#,
        &[("cpu", 1), ("network", 1440), ("gpu", 5)],
    );
}

#[test]
fn the_whole_lookback_is_looked_at() {
    for (lookback, period) in [(119, 60), (7, 5), (2879, 1440), (120, 60)] {
        let fields = format!(
            r#"{{"lookback_minutes": {lookback}, "signals": {{"network": null, "ebs": null, "gpu": null, "cpu": {{"period_minutes": {period}}}}}}}"#
        );
        let Ok(policies) = Policies::parse(&format!(r#"{{"custom": {fields}}}"#)) else { continue };
        let policy = named(&policies, "custom");
        let window = policy.window(&policy.signals[0], now());
        assert!(window.from <= now() - policy.lookback, "{lookback} minutes in periods of {period}: {window:?}");
    }
}

#[test]
fn a_period_is_any_number_of_minutes_for_two_weeks_and_a_multiple_of_five_beyond() {
    for (lookback_minutes, period_minutes, points) in [(20_160, 14, 1440), (28_800, 60, 480)] {
        let policy = custom(&format!(
            r#"{{"lookback_minutes": {lookback_minutes}, "signals": {{"network": null, "ebs": null, "gpu": null,
                 "cpu": {{"period_minutes": {period_minutes}}}}}}}"#,
        ));
        assert_eq!(policy.expected_points(&policy.signals[0]), points);
    }
}

/// A look at an instance may differ from the one that it was measured after.
#[test]
fn what_was_measured_under_one_policy_or_of_one_kind_is_not_judged_as_another() {
    let rules = Rules { policies: Policies::parse(r#"{"patient": {}}"#).expect("valid"), ..rules() };
    let measured = Instance { vcpus: Some(2), ..instance(1) };
    for (name, seen, is_alike) in [
        ("the same", measured.clone(), true),
        (
            "tagged, but to the same policy",
            Instance { tags: tagged(&[("doze:keep-until", "soon")]).tags, ..measured.clone() },
            true,
        ),
        ("of another policy", Instance { tags: tagged(&[("doze:policy", "patient")]).tags, ..measured.clone() }, false),
        (
            "of another type",
            Instance { instance_type: InstanceType::from_name("g5.xlarge"), ..measured.clone() },
            false,
        ),
        ("of so many virtual CPUs", Instance { vcpus: Some(4), ..measured.clone() }, false),
        ("of virtual CPUs that nobody told", Instance { vcpus: None, ..measured.clone() }, false),
    ] {
        assert_eq!(rules.measure_alike(&measured, &seen), is_alike, "{name}");
        assert_eq!(rules.measure_alike(&seen, &measured), is_alike, "{name}");
    }
}
