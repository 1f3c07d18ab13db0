//! What each gate says of what it saw, letter by letter.

use crate::support::{
    instance, minutes_ago, quiet, quiet_but, rules, steady, tagged,
    words::{check, check_kept, explained},
};
use idleness::{Instance, InstanceState, Market, Metric, RootDevice, Series, SeriesStatus, StopProtection, Tags};
use jiff::SignedDuration;

const STOP_AT: (&str, &str) = ("doze:stop-at", "2026-11-21T19:30:00Z");

#[test]
fn every_flaw_of_the_data_has_its_words() {
    let words = |status: SeriesStatus| {
        let evidence = quiet_but(&Metric::CPU, Series { status, ..steady(0.0) });
        let step = explained(&instance(1), &evidence, &rules()).steps.swap_remove(11);
        step.words.lines().next().and_then(|line| line.split("; ").nth(1)).map(str::to_owned)
    };
    for (status, expected) in [
        (SeriesStatus::Complete, None),
        (SeriesStatus::PartialData, Some("CloudWatch returned only a part")),
        (SeriesStatus::InternalError, Some("CloudWatch failed")),
        (SeriesStatus::Forbidden, Some("the role may not read them")),
        (SeriesStatus::Unanswered, Some("CloudWatch said nothing of them")),
        (SeriesStatus::Absent, Some("there is no such metric of this instance")),
        (SeriesStatus::InvalidValue, Some("a value is negative or no number")),
        (SeriesStatus::Stale, Some("the newest are missing")),
        (SeriesStatus::UnknownVcpus, Some("the number of virtual CPUs is not known")),
    ] {
        assert_eq!(words(status).as_deref(), expected, "{status:?}");
    }
}

#[test]
fn gates_about_the_instance_say_what_they_saw() {
    let with = |edit: fn(&mut Instance)| {
        let mut instance = instance(1);
        edit(&mut instance);
        instance
    };
    for (instance, reason, step) in [
        (
            with(|it| it.tags = Tags::default()),
            "not-opted-in",
            "  1. KEEP  opted in         the tag doze is not exactly on",
        ),
        (
            with(|it| it.state = InstanceState::ShuttingDown),
            "terminated",
            "  2. KEEP  running          its state is shutting-down",
        ),
        (
            with(|it| it.market = Market::SpotOneTime),
            "one-time-spot",
            "  6. KEEP  Spot             its Spot request is a one-time request",
        ),
        (
            with(|it| it.market = Market::SpotUnknown),
            "one-time-spot",
            "  6. KEEP  Spot             the kind of its Spot request is not known, and counts as one-time",
        ),
        (
            with(|it| it.root_device = RootDevice::InstanceStore),
            "instance-store-root",
            "  7. KEEP  root volume      its root volume is an instance store",
        ),
        (
            with(|it| it.stop_protection = StopProtection::On),
            "stop-protected",
            "  8. KEEP  stop protection  stop protection is on",
        ),
        (
            with(|it| it.launched_at = Some(minutes_ago(12) - SignedDuration::from_secs(59))),
            "recently-started",
            " 11. KEEP  uptime           up for 12 minutes, at least 30",
        ),
        (
            with(|it| it.launched_at = None),
            "recently-started",
            " 11. KEEP  uptime           EC2 does not say since when it is up",
        ),
    ] {
        check_kept(&instance, reason, &[step]);
    }
}

#[test]
fn gates_about_tags_quote_them() {
    for (tag, reason, step) in [
        (
            ("aws:autoscaling:groupName", "web"),
            "auto-scaling-member",
            "  4. KEEP  Auto Scaling     it belongs to the Auto Scaling group \"web\"",
        ),
        (
            ("eks:cluster-name", "prod"),
            "cluster-member",
            "  5. KEEP  cluster          it has the tag \"eks:cluster-name\"",
        ),
        (
            ("doze:keep-until", "2026-11-22T19:00:00+09:00"),
            "kept-awake",
            "  9. KEEP  kept awake       it is kept awake until 2026-11-22T10:00:00Z",
        ),
        (
            ("doze:schedule", "sat 20:00-21:00 @ UTC"),
            "inside-schedule",
            " 10. KEEP  schedule         a window of its schedule is open until 2026-11-21T21:00:00Z",
        ),
    ] {
        check_kept(&tagged(&[tag]), reason, &[step]);
    }
}

#[test]
fn where_a_tag_cannot_be_read_nothing_is_said_of_the_others() {
    let steps = [
        "  3. KEEP  tags             the tag \"doze:policy\" is \"lazy\": there is no policy of this name",
        "  9. pass  kept awake       not looked at, since a tag cannot be read",
        " 10. pass  schedule         not looked at, since a tag cannot be read",
        " 16. pass  grace            not looked at, since a tag cannot be read",
    ];
    check_kept(&tagged(&[("doze:policy", "lazy")]), "bad-tag", &steps);
}

#[test]
fn gates_that_pass_say_what_they_saw_too() {
    let tags =
        [("doze:keep-until", "2026-11-21T19:00:00Z"), ("doze:schedule", "mon-fri 09:00-18:00 @ Asia/Seoul"), STOP_AT];
    let instance = Instance {
        market: Market::SpotPersistent,
        stop_protection: StopProtection::Unread,
        launched_at: Some(minutes_ago(300)),
        ..tagged(&tags)
    };
    check(
        &explained(&instance, &quiet(), &rules()),
        "is to be stopped: idle",
        "dev-box",
        &[
            "  6. pass  Spot             its Spot request is persistent",
            "  8. pass  stop protection  not looked up; EC2 refuses the stop if it is on",
            "  9. pass  kept awake       the tag doze:keep-until is past: 2026-11-21T19:00:00Z",
            " 10. pass  schedule         no window is open; the next one opens at 2026-11-23T00:00:00Z",
            " 11. pass  uptime           up for 300 minutes, at least 30",
            " 16. pass  grace            its stop was announced for 2026-11-21T19:30:00Z, which has come",
        ],
    );
}

#[test]
fn of_several_gates_that_hold_the_first_is_marked() {
    let instance = Instance { stop_protection: StopProtection::On, ..tagged(&[("eks:cluster-name", "prod")]) };
    let steps = [
        "  5. KEEP  cluster          it has the tag \"eks:cluster-name\"",
        "  8. keep  stop protection  stop protection is on",
    ];
    check_kept(&instance, "cluster-member", &steps);
}
