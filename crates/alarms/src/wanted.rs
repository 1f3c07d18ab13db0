//! Which alarms should be there. Pure.

use fleet::IdleAlarm;
use idleness::{Instance, InstanceId, InstanceState, Metric, Policy, Rules, Signal, Unit, can_ever_be_stopped};
use jiff::SignedDuration;

/// CloudWatch evaluates no alarm with periods below an hour over more than a day.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html>
const LONGEST_LOOKBACK: SignedDuration = SignedDuration::from_hours(24);

/// What the alarms are called, and what they invoke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Naming {
    /// How the names begin; the instance's id follows.
    pub prefix: String,
    /// The ARN of their only action.
    pub action: String,
}

impl Naming {
    /// The name of an instance's alarm.
    #[must_use]
    pub fn name(&self, id: &InstanceId) -> String {
        format!("{}{id}", self.prefix)
    }

    /// Whether an alarm of this name is one of ours, and not one that a person gave a similar name.
    #[must_use]
    pub fn owns(&self, name: &str) -> bool {
        name.strip_prefix(&self.prefix).is_some_and(|rest| rest.parse::<InstanceId>().is_ok())
    }
}

/// The alarms that should be there: one for each instance that opted in, runs, and might be stopped some time, if its policy
/// is one that an alarm can hint at.
#[must_use]
pub fn wanted(instances: &[Instance], rules: &Rules, naming: &Naming) -> Vec<IdleAlarm> {
    let watched = instances.iter().filter(|instance| {
        matches!(instance.state, InstanceState::Pending | InstanceState::Running)
            && can_ever_be_stopped(instance, rules)
    });
    watched.filter_map(|instance| alarm(instance, rules.policy_of(instance), naming)).collect()
}

fn alarm(instance: &Instance, policy: &Policy, naming: &Naming) -> Option<IdleAlarm> {
    let signal = policy.signals_for(instance).find(|signal| is_cpu(signal))?;
    if policy.lookback > LONGEST_LOOKBACK {
        return None;
    }
    let expected = policy.expected_points(signal);
    let needed = expected.saturating_sub(signal.allowed_above.of_rounded_down(expected)).max(1);
    let metric = signal.metrics.first()?;
    Some(IdleAlarm {
        name: naming.name(&instance.id),
        description: format!(
            "{} of {} has been at most {} % for {} minutes. A hint: Doze decides whether it is idle. Doze made this alarm, and \
             takes it away when the instance stops or opts out.",
            metric.name,
            instance.id,
            signal.limit,
            policy.lookback.as_mins(),
        ),
        instance: instance.id.to_string(),
        namespace: metric.namespace.to_string(),
        metric: metric.name.to_string(),
        statistic: signal.statistic.as_str().to_owned(),
        period_seconds: i32::try_from(signal.period.as_secs()).ok()?,
        periods: i32::try_from(expected).ok()?,
        datapoints: i32::try_from(needed).ok()?,
        threshold: signal.limit,
        action: naming.action.clone(),
    })
}

/// The signal that an alarm can watch as CloudWatch has it: one series, in its own unit, that every instance has.
fn is_cpu(signal: &Signal) -> bool {
    signal.metrics == [Metric::CPU] && signal.unit == Unit::Percent
}
