//! Which instances have an alarm, and what it looks for.

use crate::support::{ACTION, instance, naming, rules, tagged};
use alarms::wanted;
use fleet::IdleAlarm;
use idleness::{Instance, InstanceState, Market, RootDevice, Rules, Tags};

/// What a case changes of the instance.
type Edit = fn(&mut Instance);

fn of(instance: Instance, rules: &Rules) -> Option<IdleAlarm> {
    let mut alarms = wanted(&[instance], rules, &naming());
    assert!(alarms.len() <= 1);
    alarms.pop()
}

#[test]
fn it_looks_for_what_the_policy_of_the_instance_says_of_the_cpu() {
    let alarm = of(instance(7), &Rules::default()).expect("dev-box looks at the CPU");
    assert_eq!(
        alarm,
        IdleAlarm {
            name: "doze-idle-auto-i-00000000000000007".to_owned(),
            description: "CPUUtilization of i-00000000000000007 has been at most 5 % for 60 minutes. A hint: Doze decides whether \
                          it is idle. Doze made this alarm, and takes it away when the instance stops or opts out."
                .to_owned(),
            instance: "i-00000000000000007".to_owned(),
            namespace: "AWS/EC2".to_owned(),
            metric: "CPUUtilization".to_owned(),
            statistic: "Maximum".to_owned(),
            period_seconds: 300,
            periods: 12,
            datapoints: 12,
            threshold: 5.0,
            action: ACTION.to_owned(),
        }
    );
}

#[test]
fn each_policy_has_the_alarm_that_cloudwatch_can_evaluate_or_none() {
    // Lookback in minutes, limit, share of spikes; then periods, and how many of them must be low.
    for (policy, expected) in [
        (r#"{"lookback_minutes": 120}"#, Some((24, 24, 5.0))),
        (r#"{"signals": {"cpu": {"limit": 12.5}}}"#, Some((12, 12, 12.5))),
        (r#"{"signals": {"cpu": {"allowed_percent_above": 10}}}"#, Some((12, 11, 5.0))),
        (r#"{"lookback_minutes": 1440}"#, Some((288, 288, 5.0))),
        (r#"{"lookback_minutes": 1445}"#, None),
        (r#"{"signals": {"cpu": null}}"#, None),
        (r#"{"based_on": "compute-optimizer"}"#, None),
        (r#"{"based_on": "gcp"}"#, None),
    ] {
        let rules = rules(&format!(r#"{{"night": {policy}}}"#));
        let alarm = of(tagged(1, &[("doze:policy", "night")]), &rules);
        assert_eq!(alarm.map(|a| (a.periods, a.datapoints, a.threshold)), expected, "{policy}");
    }
}

#[test]
fn only_instances_that_might_be_stopped_some_time_have_one() {
    let with = |edit: Edit| {
        let mut edited = instance(1);
        edit(&mut edited);
        of(edited, &Rules::default()).is_some()
    };
    let cases: [(&str, bool, Edit); 11] = [
        ("running", true, |_| ()),
        ("starting", true, |i| i.state = InstanceState::Pending),
        ("stopping", false, |i| i.state = InstanceState::Stopping),
        ("stopped", false, |i| i.state = InstanceState::Stopped),
        ("terminated", false, |i| i.state = InstanceState::Terminated),
        ("unknown", false, |i| i.state = InstanceState::Unknown),
        ("opted out", false, |i| i.tags = Tags::from_iter([("doze", "off")])),
        ("one-time Spot", false, |i| i.market = Market::SpotOneTime),
        ("instance store", false, |i| i.root_device = RootDevice::InstanceStore),
        ("member of a group", false, |i| {
            i.tags = Tags::from_iter([("doze", "on"), ("aws:autoscaling:groupName", "web")]);
        }),
        ("unreadable tag", false, |i| i.tags = Tags::from_iter([("doze", "on"), ("doze:schedule", "always")])),
    ];
    for (name, expected, edit) in cases {
        assert_eq!(with(edit), expected, "{name}");
    }
}

#[test]
fn what_passes_with_time_does_not_take_the_alarm_away() {
    for tags in [[("doze:keep-until", "2099-01-01T00:00:00Z")], [("doze:schedule", "mon-sun 00:00-24:00 @ UTC")]] {
        assert!(of(tagged(1, &tags), &Rules::default()).is_some(), "{tags:?}");
    }
}

#[test]
fn only_a_prefix_and_an_id_make_a_name_ours() {
    for (name, expected) in [
        ("doze-idle-auto-i-0123456789abcdef0", true),
        ("doze-idle-auto-i-01234567", true),
        ("doze-idle-auto-i-0123456789abcdef", false),
        ("doze-idle-auto-", false),
        ("doze-idle-auto-of-the-team", false),
        ("doze-idle-i-0123456789abcdef0", false),
        ("other-doze-idle-auto-i-0123456789abcdef0", false),
    ] {
        assert_eq!(naming().owns(name), expected, "{name}");
    }
}
