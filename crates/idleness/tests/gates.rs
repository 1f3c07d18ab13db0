//! The order of the gates: where several hold, the first decides.

use std::collections::BTreeSet;

use crate::support::{custom, instance, minutes_ago, now, quiet_under_but, steady};
use idleness::{
    Caps, Census, Evidence, Instance, InstanceState, Market, Metric, Percent, Policies, Reason, RootDevice, Rules,
    Series, StopProtection, Tags, decide, plan,
};
use jiff::SignedDuration;

/// Everything that the gates look at. By default, all of it lets the instance be stopped.
struct Situation {
    instance: Instance,
    tags: Vec<(&'static str, &'static str)>,
    edits: Vec<(Metric, Vec<Series>)>,
    sessions: Option<u32>,
    grace: SignedDuration,
    stops: usize,
}

impl Situation {
    fn idle() -> Self {
        Self {
            instance: instance(1),
            tags: vec![("doze", "on")],
            edits: Vec::new(),
            sessions: Some(0),
            grace: SignedDuration::ZERO,
            stops: 25,
        }
    }

    fn reason(self) -> Reason {
        let policy = custom(r#"{"sessions": true}"#);
        let instance = Instance { tags: self.tags.into_iter().collect::<Tags>(), ..self.instance };
        let measured = quiet_under_but(&policy, &instance, &self.edits);
        let evidence = self.sessions.map_or(measured.clone(), |open| Evidence::with_sessions(measured, open));
        let rules = Rules { policies: Policies::only(policy), grace: self.grace };
        let decision = decide(&instance, &evidence, &rules, now());
        let caps = Caps { stops: self.stops, share: Percent::ALL };
        let census = Census { running: 9, stopped_within_the_hour: 0 };
        plan(vec![decision], caps, census, &BTreeSet::new()).decisions[0].reason
    }
}

/// One way to make a gate hold.
struct Row {
    /// Rows of one gate exclude each other.
    gate: &'static str,
    reason: Reason,
    make: fn(&mut Situation),
}

const fn row(gate: &'static str, reason: Reason, make: fn(&mut Situation)) -> Row {
    Row { gate, reason, make }
}

/// The gates in the documented order.
const ROWS: [Row; 20] = [
    row("opt-in", Reason::NotOptedIn, |case| case.tags.retain(|(key, _)| *key != "doze")),
    row("state", Reason::AlreadyStopped, |case| case.instance.state = InstanceState::Stopped),
    row("state", Reason::InTransition, |case| case.instance.state = InstanceState::Stopping),
    row("state", Reason::Terminated, |case| case.instance.state = InstanceState::Terminated),
    row("tags", Reason::BadTag, |case| case.tags.push(("doze:policy", "lazy"))),
    row("auto scaling", Reason::AutoScalingMember, |case| case.tags.push(("aws:autoscaling:groupName", "web"))),
    row("cluster", Reason::ClusterMember, |case| case.tags.push(("eks:cluster-name", "prod"))),
    row("spot", Reason::OneTimeSpot, |case| case.instance.market = Market::SpotOneTime),
    row("spot", Reason::OneTimeSpot, |case| case.instance.market = Market::SpotUnknown),
    row("root", Reason::InstanceStoreRoot, |case| case.instance.root_device = RootDevice::InstanceStore),
    row("protection", Reason::StopProtected, |case| case.instance.stop_protection = StopProtection::On),
    row("keep-until", Reason::KeptAwake, |case| case.tags.push(("doze:keep-until", "2027-01-01T00:00:00Z"))),
    row("schedule", Reason::InsideSchedule, |case| case.tags.push(("doze:schedule", "sat 09:00-24:00 @ UTC"))),
    row("uptime", Reason::RecentlyStarted, |case| case.instance.launched_at = Some(minutes_ago(1))),
    row("data", Reason::InsufficientData, |case| case.edits.push((Metric::EBS_READS, Vec::new()))),
    row("activity", Reason::Busy, |case| case.edits.push((Metric::CPU, vec![steady(90.0)]))),
    row("sessions", Reason::InsufficientData, |case| case.sessions = None),
    row("sessions", Reason::SessionActive, |case| case.sessions = Some(1)),
    row("grace", Reason::Announced, |case| case.grace = SignedDuration::from_mins(30)),
    row("cap", Reason::OverCap, |case| case.stops = 0),
];

#[test]
fn each_gate_holds_on_its_own() {
    assert_eq!(Situation::idle().reason(), Reason::Idle);
    for Row { gate, reason, make } in ROWS {
        let mut situation = Situation::idle();
        make(&mut situation);
        assert_eq!(situation.reason(), reason, "{gate}");
    }
}

#[test]
fn of_any_two_gates_that_hold_the_first_decides() {
    for (position, first) in ROWS.iter().enumerate() {
        for second in ROWS[position + 1..].iter().filter(|second| second.gate != first.gate) {
            let mut situation = Situation::idle();
            (second.make)(&mut situation);
            (first.make)(&mut situation);
            assert_eq!(situation.reason(), first.reason, "{} before {}", first.gate, second.gate);
        }
    }
}

#[test]
fn if_all_gates_hold_they_decide_one_after_the_other() {
    for position in 0..ROWS.len() {
        let mut situation = Situation::idle();
        for Row { make, .. } in ROWS[position..].iter().rev() {
            make(&mut situation);
        }
        assert_eq!(situation.reason(), ROWS[position].reason, "{}", ROWS[position].gate);
    }
}
