//! Open sessions of AWS Systems Manager: where they count, and when they need to be read.

use crate::support::{custom, instance, now, quiet, quiet_but, rules, steady, tagged, under};
use idleness::{
    Decision, Evidence, Instance, InstanceState, Metric, Policies, Policy, Reason, Rules, Unit, decide, needs_evidence,
    needs_sessions,
};
use jiff::SignedDuration;

fn heeding() -> Policy {
    custom(r#"{"sessions": true}"#)
}

/// Decides, and tells whether the sessions would have to be read first.
#[track_caller]
fn check(instance: &Instance, evidence: &Evidence, rules: &Rules, expected: (Reason, bool)) -> Decision {
    let decision = decide(instance, evidence, rules, now());
    assert_eq!((decision.reason, needs_sessions(instance, evidence, rules, now())), expected, "{decision:#?}");
    decision
}

#[test]
fn sessions_that_count_and_were_not_read_are_missing_data() {
    let decision = check(&instance(1), &quiet(), &under(heeding()), (Reason::InsufficientData, true));
    assert_eq!(decision.detail.as_deref(), Some("its sessions are not known"));
    let sessions = decision.evidence.last().expect("says what is missing");
    assert_eq!((sessions.signal.as_ref(), sessions.observed, sessions.limit), ("sessions", None, 0.0));
    assert_eq!(sessions.unit, Unit::Sessions);
}

#[test]
fn an_open_session_is_use() {
    let rules = under(heeding());
    for (open, expected) in
        [(0, Reason::Idle), (1, Reason::SessionActive), (2, Reason::SessionActive), (u32::MAX, Reason::SessionActive)]
    {
        let decision = check(&instance(1), &quiet().with_sessions(open), &rules, (expected, false));
        assert_eq!(decision.evidence.len(), 4, "the signals are listed, too");
        assert_eq!(decision.evidence[3].observed, Some(f64::from(open)));
        assert_eq!(decision.detail, None);
    }
}

#[test]
fn sessions_that_the_policy_does_not_ask_for_keep_nothing() {
    for evidence in [quiet(), quiet().with_sessions(0), quiet().with_sessions(3)] {
        let decision = check(&instance(1), &evidence, &rules(), (Reason::Idle, false));
        assert_eq!(decision.evidence.len(), 3);
    }
}

#[test]
fn the_policy_that_the_tag_chooses_says_whether_sessions_count() {
    let rules = Rules {
        policies: Policies::parse(r#"{"shared": {"sessions": true}}"#).expect("valid"),
        grace: SignedDuration::ZERO,
    };
    check(&tagged(&[("doze:policy", "shared")]), &quiet(), &rules, (Reason::InsufficientData, true));
    check(&tagged(&[("doze:policy", "dev-box")]), &quiet(), &rules, (Reason::Idle, false));
    check(&instance(1), &quiet(), &rules, (Reason::Idle, false));
}

#[test]
fn the_sessions_of_a_busy_instance_are_not_read() {
    let busy = quiet_but(&Metric::CPU, steady(90.0));
    let decision = check(&instance(1), &busy, &under(heeding()), (Reason::Busy, false));
    assert_eq!(decision.evidence.len(), 3, "nothing is said about sessions that do not matter");
    check(&instance(1), &busy.with_sessions(2), &under(heeding()), (Reason::Busy, false));
}

#[test]
fn sessions_are_not_read_where_something_else_keeps_the_instance() {
    let rules = under(heeding());
    let stopped = Instance { state: InstanceState::Stopped, ..instance(1) };
    check(&stopped, &quiet(), &rules, (Reason::AlreadyStopped, false));
    check(&tagged(&[("doze:policy", "lazy")]), &quiet(), &rules, (Reason::BadTag, false));
    check(&instance(1), &Evidence::default(), &rules, (Reason::InsufficientData, false));
    let awake = tagged(&[("doze:keep-until", "2027-01-01T00:00:00Z")]);
    check(&awake, &quiet(), &rules, (Reason::KeptAwake, false));
}

#[test]
fn sessions_are_read_before_a_stop_is_announced() {
    let rules = Rules { grace: SignedDuration::from_mins(30), ..under(heeding()) };
    check(&instance(1), &quiet(), &rules, (Reason::InsufficientData, true));
    check(&instance(1), &quiet().with_sessions(1), &rules, (Reason::SessionActive, false));
    check(&instance(1), &quiet().with_sessions(0), &rules, (Reason::Announced, false));
    // One that was announced before is still not stopped unseen.
    let due = tagged(&[("doze:stop-at", "2026-11-21T20:00:00Z")]);
    check(&due, &quiet(), &rules, (Reason::InsufficientData, true));
    check(&due, &quiet().with_sessions(0), &rules, (Reason::Idle, false));
}

#[test]
fn measurements_are_asked_for_whether_or_not_sessions_count() {
    for rules in [rules(), under(heeding()), Rules { grace: SignedDuration::from_mins(30), ..rules() }] {
        assert!(needs_evidence(&instance(1), &rules, now()));
    }
}
