//! The alarm that had an instance stopped may still stand when somebody starts it again: it cannot stop it under their hands.

use crate::support::{Site, fleet::FakeFleet, now};
use idleness::{Datapoint, Evidence, Instance, InstanceState, Reason, Rules, Series, SeriesStatus, Verdict, decide};
use jiff::{SignedDuration, Timestamp};

/// Every signal at nothing, without a gap, as if the hours before the start counted too.
fn all_idle(instance: &Instance, now: Timestamp) -> Evidence {
    let rules = Rules::default();
    let policy = rules.policy_of(instance);
    let mut evidence = Evidence::none();
    for signal in policy.signals_for(instance) {
        let window = policy.window(signal, now);
        let starts = std::iter::successors(Some(window.from), |at| Some(*at + signal.period));
        let points = starts.take_while(|at| *at < window.until).map(|at| Datapoint { at, value: 0.0 });
        let series = Series { status: SeriesStatus::Complete, points: points.collect() };
        signal.measures().for_each(|measure| evidence.add(measure, series.clone()));
    }
    evidence
}

/// What an alarm or a sweep decides so many minutes after the click.
fn after(instance: &Instance, minutes: i64) -> (Verdict, Reason) {
    let then = now() + SignedDuration::from_mins(minutes);
    let decision = decide(instance, &all_idle(instance, then), &Rules::default(), then);
    (decision.verdict, decision.reason)
}

/// The instance after the click, seen running.
fn started(hold_minutes: i64) -> Instance {
    let mut site = Site::of(FakeFleet::stopped().tagged("doze:stopped-at", "2026-11-21T19:00:00Z"));
    site.settings.hold = SignedDuration::from_mins(hold_minutes);
    assert_eq!(site.press("start").status, 202);
    site.fleet.edit(1, |instance| instance.state = InstanceState::Running);
    site.fleet.instance(1)
}

#[test]
fn a_started_instance_is_held_for_an_hour_and_measured_after_it() {
    let instance = started(60);
    for minutes in [0, 1, 5, 29, 30, 31, 59] {
        assert_eq!(after(&instance, minutes), (Verdict::Keep, Reason::KeptAwake), "{minutes} minutes after the click");
    }
    for minutes in [60, 61, 120] {
        assert_eq!(after(&instance, minutes), (Verdict::Stop, Reason::Idle), "{minutes} minutes after the click");
    }
}

#[test]
fn without_a_hold_the_minimum_uptime_still_protects_it() {
    for hold in [0, 10] {
        let instance = started(hold);
        for minutes in [hold, 29] {
            assert_eq!(after(&instance, minutes), (Verdict::Keep, Reason::RecentlyStarted), "{minutes} minutes after");
        }
        assert_eq!(after(&instance, 30), (Verdict::Stop, Reason::Idle));
    }
}

#[test]
fn an_instance_that_is_kept_awake_is_kept_for_as_long() {
    let site = Site::of(FakeFleet::in_state(InstanceState::Running));
    assert_eq!(after(&site.fleet.instance(1), 0), (Verdict::Stop, Reason::Idle), "it would be stopped now");
    assert_eq!(site.press("keep-awake").status, 200);
    let instance = site.fleet.instance(1);
    assert_eq!(after(&instance, 4 * 60 - 1), (Verdict::Keep, Reason::KeptAwake));
    assert_eq!(after(&instance, 4 * 60), (Verdict::Stop, Reason::Idle));
}
