//! Grace: a stop is announced first, and made by a later run that still finds the instance idle.

use crate::support;
use std::collections::{BTreeMap, BTreeSet};

use crate::support::{at, custom, instance, minutes_ago, now, quiet, quiet_but, steady, tagged, under};
use idleness::{
    Announcement, Caps, Census, Decision, Evidence, Instance, InstanceState, Market, Metric, Percent, Plan, Reason,
    RootDevice, Rules, STOP_AT_TAG, StopProtection, Tags, Verdict, decide, plan,
};
use jiff::{SignedDuration, Timestamp};

fn after(minutes: i64) -> Rules {
    Rules { grace: SignedDuration::from_mins(minutes), ..support::rules() }
}

fn announced_for(stop_at: Timestamp) -> Instance {
    tagged(&[(STOP_AT_TAG, &stop_at.to_string())])
}

fn new(stop_at: &str) -> Announcement {
    Announcement::New { stop_at: at(stop_at) }
}

fn running(stop_at: &str) -> Announcement {
    Announcement::Running { stop_at: at(stop_at) }
}

#[track_caller]
fn check(instance: &Instance, rules: &Rules, expected: impl Into<Option<Announcement>>) -> Decision {
    let expected = expected.into();
    let decision = decide(instance, &quiet(), rules, now());
    assert_eq!(decision.announcement, expected);
    let reason = if expected.is_some() { Reason::Announced } else { Reason::Idle };
    assert_eq!((decision.reason, decision.verdict), (reason, reason.verdict()));
    decision
}

#[test]
fn without_grace_an_idle_instance_is_stopped_at_once() {
    check(&instance(1), &after(0), None);
    check(&instance(1), &after(-30), None);
}

#[test]
fn an_idle_instance_is_announced_first() {
    let decision = check(&instance(1), &after(30), new("2026-11-21T20:33:17Z"));
    assert_eq!(decision.detail.as_deref(), Some("it is idle; its stop is to be announced for 2026-11-21T20:33:17Z"));
    assert_eq!(decision.evidence.len(), 3, "with the proof");
}

#[test]
fn an_announcement_runs_until_its_time() {
    for stop_at in ["2026-11-21T20:03:18Z", "2026-11-21T20:30:00Z", "2027-11-21T20:30:00Z"] {
        let decision = check(&announced_for(at(stop_at)), &after(30), running(stop_at));
        let detail = format!("it is idle; its stop was announced for {stop_at}");
        assert_eq!((decision.detail, decision.evidence.len()), (Some(detail), 3));
    }
}

#[test]
fn an_idle_instance_is_stopped_when_its_time_has_come() {
    for minutes in [0, 1, 60, 24 * 60 - 1] {
        check(&announced_for(minutes_ago(minutes)), &after(30), None);
    }
}

#[test]
fn an_announcement_that_is_a_day_late_is_made_again() {
    check(&announced_for(minutes_ago(24 * 60)), &after(30), new("2026-11-21T20:33:17Z"));
    check(&announced_for(at("2026-01-01T00:00:00Z")), &after(30), new("2026-11-21T20:33:17Z"));
}

#[test]
fn an_announcement_from_before_the_last_start_is_made_again() {
    // Announced at 18:40 for 19:10.
    let tags = announced_for(at("2026-11-21T19:10:00Z")).tags;
    for (launched_at, expected) in [
        ("2026-11-20T00:00:00Z", None),
        ("2026-11-21T18:40:00Z", None),
        ("2026-11-21T18:40:01Z", Some(new("2026-11-21T20:33:17Z"))),
        ("2026-11-21T19:20:00Z", Some(new("2026-11-21T20:33:17Z"))),
    ] {
        let instance = Instance { launched_at: Some(at(launched_at)), tags: tags.clone(), ..instance(1) };
        check(&instance, &after(30), expected);
    }
}

#[test]
fn an_announcement_is_kept_though_grace_has_been_switched_off_since() {
    check(&announced_for(at("2026-11-21T20:30:00Z")), &after(0), running("2026-11-21T20:30:00Z"));
    check(&announced_for(minutes_ago(1)), &after(0), None);
    check(&announced_for(minutes_ago(48 * 60)), &after(0), None);
}

#[test]
fn a_grace_beyond_the_end_of_time_never_ends() {
    let rules = Rules { grace: SignedDuration::MAX, ..support::rules() };
    check(&instance(1), &rules, Announcement::New { stop_at: Timestamp::MAX });
    check(&announced_for(minutes_ago(1)), &rules, Announcement::New { stop_at: Timestamp::MAX });
}

/// The announced instance, with more tags.
fn announced_and(tags: &[(&str, &str)]) -> Instance {
    tagged(&[&[(STOP_AT_TAG, "2026-11-21T20:30:00Z")], tags].concat())
}

fn launched(minutes: i64) -> Instance {
    Instance { launched_at: Some(minutes_ago(minutes)), ..announced_and(&[]) }
}

fn busy() -> Evidence {
    quiet_but(&Metric::CPU, steady(90.0))
}

#[track_caller]
fn check_withdrawn(instance: &Instance, evidence: &Evidence, expected: Reason, withdrawn: bool) {
    let rules = Rules { grace: SignedDuration::from_mins(30), ..under(custom(r#"{"sessions": true}"#)) };
    let decision = decide(instance, evidence, &rules, now());
    let announcement = withdrawn.then_some(Announcement::Withdrawn);
    assert_eq!((decision.reason, decision.announcement), (expected, announcement));
    // One that was never announced is not withdrawn.
    let tags = [("doze", "on"), ("doze:keep-until", "2027-01-01T00:00:00Z")];
    let silent = Instance { tags: Tags::from_iter(tags), ..instance.clone() };
    assert_eq!(decide(&silent, evidence, &rules, now()).announcement, None);
}

#[test]
fn an_announcement_is_withdrawn_where_the_instance_is_kept_for_a_reason_of_its_own() {
    let base = announced_and(&[]);
    let quiet = quiet().with_sessions(0);
    for (instance, reason) in [
        (Instance { state: InstanceState::Stopped, ..base.clone() }, Reason::AlreadyStopped),
        (announced_and(&[("aws:autoscaling:groupName", "web")]), Reason::AutoScalingMember),
        (announced_and(&[("eks:cluster-name", "prod")]), Reason::ClusterMember),
        (Instance { market: Market::SpotOneTime, ..base.clone() }, Reason::OneTimeSpot),
        (Instance { root_device: RootDevice::InstanceStore, ..base.clone() }, Reason::InstanceStoreRoot),
        (Instance { stop_protection: StopProtection::On, ..base.clone() }, Reason::StopProtected),
        (announced_and(&[("doze:keep-until", "2027-01-01T00:00:00Z")]), Reason::KeptAwake),
        (announced_and(&[("doze:schedule", "sat 09:00-24:00 @ UTC")]), Reason::InsideSchedule),
        (launched(29), Reason::RecentlyStarted),
    ] {
        check_withdrawn(&instance, &quiet, reason, true);
    }
    check_withdrawn(&base, &busy(), Reason::Busy, true);
    check_withdrawn(&base, &quiet.with_sessions(1), Reason::SessionActive, true);
}

#[test]
fn an_announcement_stands_where_nothing_is_known_or_nothing_can_be_done() {
    let base = announced_and(&[]);
    let quiet_closed = quiet().with_sessions(0);
    let not_opted_in = Instance { tags: Tags::from_iter([(STOP_AT_TAG, "2026-11-21T20:30:00Z")]), ..base.clone() };
    for (instance, reason) in [
        (not_opted_in, Reason::NotOptedIn),
        (Instance { state: InstanceState::Stopping, ..base.clone() }, Reason::InTransition),
        (Instance { state: InstanceState::Terminated, ..base.clone() }, Reason::Terminated),
        (announced_and(&[("doze:policy", "lazy")]), Reason::BadTag),
    ] {
        check_withdrawn(&instance, &quiet_closed, reason, false);
    }
    check_withdrawn(&base, &Evidence::default(), Reason::InsufficientData, false);
    check_withdrawn(&base, &quiet(), Reason::InsufficientData, false);
    let spot = Instance { market: Market::SpotUnknown, ..base.clone() };
    check_withdrawn(&spot, &quiet_closed, Reason::OneTimeSpot, false);
    let of_unknown_age = Instance { launched_at: None, ..base };
    check_withdrawn(&of_unknown_age, &quiet_closed, Reason::RecentlyStarted, false);
}

#[test]
fn use_withdraws_an_announcement_even_if_other_data_is_missing() {
    let edits = [(Metric::CPU, vec![steady(70.0)]), (Metric::NETWORK_IN, Vec::new())];
    let evidence = support::quiet_under_but(&support::plain(), &instance(1), &edits).with_sessions(0);
    check_withdrawn(&announced_and(&[]), &evidence, Reason::InsufficientData, true);
}

#[test]
fn an_announcement_for_an_unreadable_time_keeps_and_is_not_withdrawn() {
    let decision = decide(&tagged(&[(STOP_AT_TAG, "soon")]), &busy(), &after(30), now());
    assert_eq!((decision.reason, decision.announcement), (Reason::BadTag, None));
}

fn numbered(number: u32, tags: &[(&str, &str)]) -> Instance {
    Instance { id: instance(number).id, ..tagged(tags) }
}

fn planned(instances: &[(Instance, Evidence)], stops: usize) -> Plan {
    let decisions =
        instances.iter().map(|(instance, evidence)| decide(instance, evidence, &after(30), now())).collect();
    let census = Census { running: 10, stopped_within_the_hour: 0 };
    plan(decisions, Caps { stops, share: Percent::ALL }, census, &BTreeSet::new())
}

#[test]
fn a_plan_says_whose_stop_to_announce_for_when_and_whose_to_withdraw() {
    let due = [(STOP_AT_TAG, "2026-11-21T20:00:00Z")];
    let early = [(STOP_AT_TAG, "2026-11-21T20:10:00Z")];
    let fleet = [
        (numbered(6, &[]), quiet()),
        (numbered(5, &early), quiet()),
        (numbered(4, &due), quiet()),
        (numbered(3, &due), busy()),
        (numbered(2, &early), busy()),
        (numbered(1, &[]), quiet()),
        (numbered(7, &[]), busy()),
        (numbered(8, &early), Evidence::default()),
    ];
    let ids = |numbers: &[u32]| numbers.iter().map(|number| instance(*number).id).collect::<Vec<_>>();
    let plan = planned(&fleet, 25);
    assert_eq!(plan.announcements, BTreeMap::from([(at("2026-11-21T20:33:17Z"), ids(&[1, 6]))]));
    assert_eq!(plan.withdrawals, ids(&[2, 3]));
    assert_eq!(plan.stops, ids(&[4]));
    let verdicts: Vec<_> = plan.decisions.iter().map(|decision| decision.verdict == Verdict::Stop).collect();
    assert_eq!(verdicts, [false, false, false, true, false, false, false, false]);
}

#[test]
fn a_stop_that_is_due_goes_through_the_cap_and_its_announcement_stands() {
    let due = [(STOP_AT_TAG, "2026-11-21T20:00:00Z")];
    let fleet: Vec<_> = (1..=3).map(|number| (numbered(number, &due), quiet())).collect();
    let plan = planned(&fleet, 2);
    assert_eq!(plan.stops, [instance(1).id, instance(2).id]);
    assert_eq!((plan.decisions[2].reason, plan.decisions[2].announcement), (Reason::OverCap, None));
    assert!(plan.announcements.is_empty() && plan.withdrawals.is_empty());
}

#[test]
fn announcements_take_no_place_under_the_cap() {
    let fleet: Vec<_> = (1..=3).map(|number| (numbered(number, &[]), quiet())).collect();
    let plan = planned(&fleet, 0);
    assert_eq!(plan.announcements.values().map(Vec::len).sum::<usize>(), 3);
    assert!(plan.decisions.iter().all(|decision| decision.reason == Reason::Announced));
}

#[test]
fn announcements_stand_in_reports_with_their_time() {
    let json = |announcement: Announcement| serde_json::to_value(announcement).expect("serializes");
    let stop_at = "2026-11-21T20:33:17Z";
    assert_eq!(json(new(stop_at)), serde_json::json!({"is": "new", "stop_at": stop_at}));
    assert_eq!(json(running(stop_at)), serde_json::json!({"is": "running", "stop_at": stop_at}));
    assert_eq!(json(Announcement::Withdrawn), serde_json::json!({"is": "withdrawn"}));
    assert_eq!(Announcement::Withdrawn.to_string(), "the announcement of its stop no longer holds");
}
