//! A case: a trace with a seed, ready to be judged by any policy.

use idleness::{
    Decision, Evidence, Instance, InstanceState, InstanceType, Market, OPT_IN_TAG, Part, Policies, Policy, RootDevice,
    Rules, StopProtection, Tags, Transition, decide,
};
use jiff::{SignedDuration, Timestamp};

use crate::{
    cloudwatch::{CloudWatch, Sampling},
    history::History,
    random::Random,
    trace::Trace,
    when::DAYS,
};

/// A trace whose details a seed has filled in.
#[derive(Debug)]
pub struct Case<'a> {
    /// The trace.
    pub trace: &'a Trace,
    /// The seed.
    pub seed: u64,
    /// When policies are asked.
    pub now: Timestamp,
    /// The machine as EC2 describes it.
    pub instance: Instance,
    /// What it did.
    pub history: History,
}

impl<'a> Case<'a> {
    /// The case of a trace and a seed, with a history long enough for policies that look back so far.
    #[must_use]
    pub fn of(trace: &'a Trace, seed: u64, lookback: SignedDuration) -> Self {
        let mut random = Random::of(seed, trace.name, "now");
        let (midnight, from, until) = trace.clock.range();
        let minute = midnight + from + random.below(until - from);
        let now = timestamp(minute * 60 + random.below(60));
        // Windows end with whole periods, of a day at most.
        let minutes = lookback.as_mins() + 2 * DAYS;
        let history = History::of(trace, seed, minute, minutes);
        Self { trace, seed, now, instance: instance(trace, seed, now), history }
    }

    /// What CloudWatch answers to all that a policy asks about the machine.
    #[must_use]
    pub fn evidence(&self, policy: &Policy, sampling: Sampling) -> Evidence {
        let cloudwatch = CloudWatch {
            machine: &self.trace.machine,
            history: &self.history,
            faults: &self.trace.faults,
            sampling,
            now: self.now.as_second(),
            random: Random::of(self.seed, self.trace.name, "cloudwatch"),
        };
        let mut evidence = Evidence::default();
        for (signal, measure) in policy.measures(Part::Whole, &self.instance) {
            for series in cloudwatch.series(&measure, &policy.window(signal, self.now)) {
                evidence.add(measure.clone(), series);
            }
        }
        evidence.with_sessions(self.trace.sessions)
    }

    /// What a policy decides about the machine.
    #[must_use]
    pub fn judged_by(&self, policy: &Policy, sampling: Sampling) -> Decision {
        let rules = Rules { policies: Policies::only(policy.clone()), grace: SignedDuration::ZERO };
        decide(&self.instance, &self.evidence(policy, sampling), &rules, self.now)
    }
}

fn instance(trace: &Trace, seed: u64, now: Timestamp) -> Instance {
    Instance {
        id: format!("i-{seed:017x}").parse().expect("17 hexadecimal digits"),
        state: InstanceState::Running,
        launched_at: now.checked_sub(SignedDuration::from_mins(trace.uptime)).ok(),
        instance_type: InstanceType::from_name(trace.machine.instance_type),
        vcpus: Some(trace.machine.vcpus),
        root_device: RootDevice::Ebs,
        market: Market::OnDemand,
        stop_protection: StopProtection::Off,
        transition: Transition::default(),
        tags: Tags::from_iter([(OPT_IN_TAG, "on")]),
    }
}

fn timestamp(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("the benchmark is about this century")
}
