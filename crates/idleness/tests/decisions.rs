//! What the instance itself, its tags and its uptime decide, as a table of cases: one instance, one expected reason. What
//! measurements decide is in `signals`, the order of the gates in `gates`.

use crate::support::{custom, instance, minutes_ago, now, quiet, quiet_but, quiet_under, rules, steady, tagged, under};
use idleness::{
    Decision, Evidence, Instance, InstanceState, Market, Metric, Reason, RootDevice, StopProtection, Tags, Verdict,
    decide, needs_evidence,
};

#[track_caller]
fn check(instance: &Instance, evidence: &Evidence, expected: Reason) -> Decision {
    let decision = decide(instance, evidence, &rules(), now());
    assert_eq!(decision.reason, expected, "{:?} {:#?}", decision.detail, decision.evidence);
    assert_eq!(decision.verdict == Verdict::Stop, expected == Reason::Idle);
    assert_eq!(decision.instance, instance.id);
    assert_eq!(decision.announcement, None, "nothing was announced");
    decision
}

#[track_caller]
fn check_detail(instance: &Instance, expected: Reason, detail: &str) {
    assert_eq!(check(instance, &quiet(), expected).detail.as_deref(), Some(detail));
}

#[track_caller]
fn check_tag(key: &str, value: &str, expected: Reason) -> Decision {
    check(&tagged(&[(key, value)]), &quiet(), expected)
}

fn in_state(state: InstanceState) -> Instance {
    Instance { state, ..instance(1) }
}

fn bought_by(market: Market) -> Instance {
    Instance { market, ..instance(1) }
}

#[test]
fn a_quiet_opted_in_instance_is_stopped() {
    let decision = check(&instance(1), &quiet(), Reason::Idle);
    let signals: Vec<_> = decision.evidence.iter().map(|finding| finding.signal.as_ref()).collect();
    assert_eq!((signals, decision.detail), (vec!["cpu", "network", "ebs"], None));
}

#[test]
fn an_instance_that_is_not_opted_in_is_never_judged() {
    for tags in [&[][..], &[("doze", "off")], &[("doze", "On")], &[("doze", "on ")], &[("Name", "on")]] {
        let instance = Instance { tags: tags.iter().copied().collect::<Tags>(), ..instance(1) };
        let decision = check(&instance, &quiet(), Reason::NotOptedIn);
        assert_eq!((decision.evidence, decision.detail), (Vec::new(), None));
    }
}

#[test]
fn only_a_running_instance_is_judged() {
    for (state, expected) in [
        (InstanceState::Stopped, Reason::AlreadyStopped),
        (InstanceState::Pending, Reason::InTransition),
        (InstanceState::Stopping, Reason::InTransition),
        (InstanceState::Unknown, Reason::InTransition),
        (InstanceState::ShuttingDown, Reason::Terminated),
        (InstanceState::Terminated, Reason::Terminated),
        (InstanceState::Running, Reason::Idle),
    ] {
        check(&in_state(state), &quiet(), expected);
    }
}

#[test]
fn an_instance_that_somebody_else_manages_is_kept() {
    let member = tagged(&[("aws:autoscaling:groupName", "web")]);
    check_detail(&member, Reason::AutoScalingMember, r#"it belongs to the Auto Scaling group "web""#);
    for key in ["eks:cluster-name", "aws:eks:cluster-name", "kubernetes.io/cluster/prod", "aws:ecs:clusterName"] {
        check_detail(&tagged(&[(key, "owned")]), Reason::ClusterMember, &format!("it has the tag {key:?}"));
    }
    for key in ["eks", "my:aws:ecs:clusterName", "AWS:autoscaling:groupName", "kubernetes.io/name", "aws:ecs"] {
        check_tag(key, "x", Reason::Idle);
    }
}

#[test]
fn spot_capacity_that_a_stop_would_give_up_is_kept() {
    assert_eq!(check(&bought_by(Market::SpotOneTime), &quiet(), Reason::OneTimeSpot).detail, None);
    let unknown = "the kind of its Spot request is not known, and counts as one-time";
    check_detail(&bought_by(Market::SpotUnknown), Reason::OneTimeSpot, unknown);
    check(&bought_by(Market::SpotPersistent), &quiet(), Reason::Idle);
    check(&bought_by(Market::OnDemand), &quiet(), Reason::Idle);
}

#[test]
fn an_instance_that_can_only_be_terminated_is_kept() {
    for (root_device, expected) in [
        (RootDevice::InstanceStore, Reason::InstanceStoreRoot),
        (RootDevice::Unknown, Reason::Idle),
        (RootDevice::Ebs, Reason::Idle),
    ] {
        check(&Instance { root_device, ..instance(1) }, &quiet(), expected);
    }
}

#[test]
fn an_instance_with_stop_protection_is_kept_as_far_as_that_is_known() {
    for (stop_protection, expected) in [
        (StopProtection::On, Reason::StopProtected),
        (StopProtection::Off, Reason::Idle),
        (StopProtection::Unread, Reason::Idle),
    ] {
        check(&Instance { stop_protection, ..instance(1) }, &quiet(), expected);
    }
}

#[test]
fn an_instance_is_kept_awake_until_its_tag_says() {
    let detail = "it is kept awake until 2026-11-21T20:03:18Z";
    check_detail(&tagged(&[("doze:keep-until", "2026-11-21T20:03:18Z")]), Reason::KeptAwake, detail);
    check_tag("doze:keep-until", "2026-11-22T05:00:00+09:00", Reason::Idle);
    check_tag("doze:keep-until", " 2026-11-22T06:00:00+09:00 ", Reason::KeptAwake);
    check_tag("doze:keep-until", "2026-11-21T20:03:17Z", Reason::Idle);
}

#[test]
fn an_instance_is_kept_while_a_window_of_its_schedule_is_open() {
    for (schedule, detail) in [
        ("sat 20:00-21:00 @ UTC", "a window of its schedule is open until 2026-11-21T21:00:00Z"),
        ("sat 19:00-20:04 @ UTC", "a window of its schedule is open until 2026-11-21T20:04:00Z"),
        ("sun 05:00-06:30 @ Asia/Seoul", "a window of its schedule is open until 2026-11-21T21:30:00Z"),
        (
            "sat 19:00-20:30 @ UTC + sat 20:15-22:00 @ UTC",
            "a window of its schedule is open until 2026-11-21T22:00:00Z",
        ),
        ("mon-sun 00:00-24:00 @ UTC", "its schedule has no end"),
    ] {
        check_detail(&tagged(&[("doze:schedule", schedule)]), Reason::InsideSchedule, detail);
    }
}

#[test]
fn outside_its_schedule_an_instance_is_stopped_when_idle_and_never_for_the_hour_alone() {
    for schedule in ["mon-fri 09:00-18:00 @ Asia/Seoul", "sat 19:00-20:03 @ UTC", "sat 20:04-21:00 @ UTC"] {
        let instance = tagged(&[("doze:schedule", schedule)]);
        check(&instance, &quiet(), Reason::Idle);
        check(&instance, &quiet_but(&Metric::CPU, steady(50.0)), Reason::Busy);
        check(&instance, &Evidence::default(), Reason::InsufficientData);
    }
}

#[test]
fn a_schedule_that_cannot_be_read_keeps_and_says_which_character_is_at_fault() {
    for (schedule, problem) in [
        ("mon-fri 9:00-25:00 @ UTC", r#"character 14: expected a time such as 09:00, found "25:00""#),
        ("always", r#"character 1: expected a day such as mon, found "always""#),
        ("", "character 1: expected a day such as mon, found the end"),
    ] {
        let detail = format!(r#"the tag "doze:schedule" is {schedule:?}: {problem}"#);
        check_detail(&tagged(&[("doze:schedule", schedule)]), Reason::BadTag, &detail);
    }
}

#[test]
fn a_tag_that_cannot_be_honoured_keeps_and_is_quoted() {
    let instant = "expected an instant such as 2026-11-21T20:00:00Z";
    for (key, value, problem) in [
        ("doze:keep-until", "", instant),
        ("doze:keep-until", "tomorrow", instant),
        ("doze:keep-until", "2026-11-21", instant),
        ("doze:keep-until", "2026-11-21T20:00:00", instant),
        ("doze:stopped-at", "last night", instant),
        ("doze:stop-at", "soon", instant),
        ("doze:start-owed-since", "", instant),
        ("doze:policy", "lazy", "there is no policy of this name"),
        ("doze:policy", "", "there is no policy of this name"),
        ("doze:policy", "Dev-Box", "there is no policy of this name"),
        ("doze:keep_until", "2026-12-24T20:00:00Z", "Doze knows no tag of this name"),
        ("doze:Policy", "gcp", "Doze knows no tag of this name"),
        ("doze:", "a\"b\n", "Doze knows no tag of this name"),
    ] {
        let detail = format!("the tag {key:?} is {value:?}: {problem}");
        check_detail(&tagged(&[(key, value)]), Reason::BadTag, &detail);
    }
}

#[test]
fn tags_that_say_nothing_about_stopping_keep_nothing() {
    for (key, value) in [
        ("doze:policy", "dev-box"),
        ("doze:stopped-at", "2026-11-20T20:00:00Z"),
        ("doze:stopped-because", "idle"),
        ("doze:start-owed-since", "2026-11-20T20:00:00Z"),
        ("doze:after", "db"),
        ("dozen:eggs", "12"),
        ("Doze:policy", "lazy"),
        ("Name", "doze:off"),
    ] {
        check_tag(key, value, Reason::Idle);
    }
}

#[test]
fn the_tag_chooses_the_policy() {
    // Twelve datapoints of five minutes are proof under `dev-box` alone.
    check_tag("doze:policy", " dev-box ", Reason::Idle);
    for policy in ["compute-optimizer", "trusted-advisor", "cost-explorer", "gcp"] {
        let instance = tagged(&[("doze:policy", policy)]);
        check(&instance, &quiet(), Reason::InsufficientData);
        assert_eq!(rules().policy_of(&instance).name, policy);
        let evidence = quiet_under(rules().policy_of(&instance), &instance);
        check(&instance, &evidence, Reason::Idle);
    }
}

#[test]
fn the_tag_may_name_a_policy_of_the_users_own() {
    let lax = custom(r#"{"signals": {"cpu": {"limit": 60}}}"#);
    let rules = under(lax.clone());
    let evidence = quiet_but(&Metric::CPU, steady(50.0));
    for (name, expected) in [("custom", Reason::Idle), ("lax", Reason::BadTag), ("dev-box", Reason::BadTag)] {
        let decision = decide(&tagged(&[("doze:policy", name)]), &evidence, &rules, now());
        assert_eq!(decision.reason, expected, "{name}");
    }
    assert_eq!(rules.policy_of(&tagged(&[("doze:policy", "lax")])), &lax, "the default counts where the tag is bad");
    assert_eq!(decide(&instance(1), &evidence, &rules, now()).reason, Reason::Idle, "the default counts without a tag");
}

#[test]
fn uptime_is_compared_with_the_minimum() {
    for (launched_at, expected) in [
        (Some(minutes_ago(29)), Reason::RecentlyStarted),
        (Some(minutes_ago(30) + jiff::SignedDuration::from_secs(1)), Reason::RecentlyStarted),
        (Some(minutes_ago(30)), Reason::Idle),
        (Some(minutes_ago(-5)), Reason::RecentlyStarted),
        (None, Reason::RecentlyStarted),
    ] {
        check(&Instance { launched_at, ..instance(1) }, &quiet(), expected);
    }
    let new = Instance { launched_at: Some(minutes_ago(10)), ..instance(1) };
    let [uptime] = &check(&new, &quiet(), Reason::RecentlyStarted).evidence[..] else { panic!("one finding") };
    assert_eq!((uptime.signal.as_ref(), uptime.observed, uptime.limit), ("uptime", Some(600.0), 1800.0));
}

#[test]
fn evidence_is_asked_for_where_the_decision_depends_on_it() {
    let needs = |instance: &Instance| needs_evidence(instance, &rules(), now());
    assert!(needs(&instance(1)));
    assert!(needs(&tagged(&[("doze:schedule", "mon 09:00-18:00 @ UTC"), ("doze:policy", "gcp")])));
    assert!(needs(&Instance { stop_protection: StopProtection::Unread, ..instance(1) }));
    for kept in [
        Instance { tags: Tags::default(), ..instance(1) },
        in_state(InstanceState::Stopped),
        tagged(&[("doze:policy", "lazy")]),
        tagged(&[("aws:autoscaling:groupName", "web")]),
        tagged(&[("eks:cluster-name", "prod")]),
        bought_by(Market::SpotOneTime),
        Instance { root_device: RootDevice::InstanceStore, ..instance(1) },
        Instance { stop_protection: StopProtection::On, ..instance(1) },
        tagged(&[("doze:keep-until", "2027-01-01T00:00:00Z")]),
        tagged(&[("doze:schedule", "sat 09:00-24:00 @ UTC")]),
        Instance { launched_at: Some(minutes_ago(29)), ..instance(1) },
    ] {
        assert!(!needs(&kept), "{kept:?}");
    }
}
