//! Idle policies: which signals count, over which time, against which limits. How a policy is judged is `decision`'s; the
//! policies that have a name are `presets`', those of the user are `policies`'.

use std::borrow::Cow;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    instance::Instance,
    metric::{Measure, Metric, Statistic, Unit},
    percent::Percent,
};

/// The rule by which an instance counts as idle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// The name by which settings and tags choose it.
    pub name: Cow<'static, str>,
    /// How far back the proof must reach.
    pub lookback: SignedDuration,
    /// An instance that has been up for less is left alone.
    pub minimum_uptime: SignedDuration,
    /// The share of the lookback's datapoints that must be there.
    pub coverage: Percent,
    /// Whether an open session of AWS Systems Manager keeps the instance.
    pub heeds_sessions: bool,
    /// All of them must stay within their limits.
    pub signals: Vec<Signal>,
}

/// One signal of use: metrics that are added up, and the limit up to which their sum counts as idle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Signal {
    /// The name in reports.
    pub name: Cow<'static, str>,
    /// The metrics; datapoints of the same time are added.
    pub metrics: Vec<Metric>,
    /// How CloudWatch folds each of them.
    pub statistic: Statistic,
    /// The length of one datapoint. Basic monitoring of EC2 publishes one every five minutes.
    pub period: SignedDuration,
    /// The largest value that still counts as idle, inclusive.
    pub limit: f64,
    /// The unit of `limit`.
    pub unit: Unit,
    /// The share of the datapoints that may be above the limit, rounded down. The newest may not: whoever is at work now is
    /// no spike of the past.
    pub allowed_above: Percent,
    /// Whether the instance must have the metrics.
    pub presence: Presence,
    /// Which instances the signal is about.
    pub hardware: Hardware,
}

/// What it means that an instance has no datapoint of a signal at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Presence {
    /// Nothing is proven.
    Required,
    /// The signal says nothing, and the others decide. One that has *some* datapoints must be complete like any other.
    Optional,
}

/// Which instances a signal is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hardware {
    /// All.
    Any,
    /// Those whose type has accelerators.
    Accelerated,
}

/// Which of a policy's signals are asked about. CloudWatch bills each metric, and most instances in use show it in the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The first signal, and those behind it that look at nothing else.
    First,
    /// All others. Where the first part proves use, they cannot turn `keep` into `stop`; with a gap in them, the reason would be
    /// another.
    Rest,
    /// All at once.
    Whole,
}

impl Policy {
    /// The signals that count for this instance. One that is optional and counted in virtual CPUs does not where EC2 did not
    /// tell their number.
    pub fn signals_for(&self, instance: &Instance) -> impl Iterator<Item = &Signal> {
        let (accelerated, has_vcpus) = (instance.instance_type.is_accelerated(), instance.vcpus.is_some());
        self.signals.iter().filter(move |signal| {
            let is_for_hardware = match signal.hardware {
                Hardware::Any => true,
                Hardware::Accelerated => accelerated,
            };
            let can_be_counted = signal.unit != Unit::Vcpus || has_vcpus || signal.presence == Presence::Required;
            is_for_hardware && can_be_counted
        })
    }

    /// How many of the signals that count for this instance are the first part.
    pub(crate) fn first_signals(&self, instance: &Instance) -> usize {
        let mut signals = self.signals_for(instance);
        let Some(first) = signals.next() else { return 0 };
        let asked: Vec<Measure> = first.measures().collect();
        1 + signals.take_while(|signal| signal.measures().all(|measure| asked.contains(&measure))).count()
    }

    /// What is asked about the instance, with a signal that asks for it: each measure once, though signals may share it. Asked
    /// for twice, it would count twice.
    #[must_use]
    pub fn measures(&self, part: Part, instance: &Instance) -> Vec<(&Signal, Measure)> {
        let first = self.first_signals(instance);
        let (start, end) = match part {
            Part::First => (0, first),
            Part::Rest => (first, usize::MAX),
            Part::Whole => (0, usize::MAX),
        };
        let (mut asked, mut measures): (Vec<Measure>, _) = (Vec::new(), Vec::new());
        for (index, signal) in self.signals_for(instance).enumerate().take(end) {
            for measure in signal.measures() {
                if asked.contains(&measure) {
                    continue;
                }
                asked.push(measure.clone());
                if index >= start {
                    measures.push((signal, measure));
                }
            }
        }
        // Hundreds are asked for at once, and of most of them one measure.
        measures.shrink_to_fit();
        measures
    }

    /// How many datapoints of the signal it takes to cover the lookback; at least one.
    #[must_use]
    pub fn expected_points(&self, signal: &Signal) -> usize {
        points(self.lookback, signal.period)
    }

    /// The fewest datapoints of the signal that prove anything.
    #[must_use]
    pub fn required_points(&self, signal: &Signal) -> usize {
        self.coverage.of_rounded_up(self.expected_points(signal)).max(1)
    }

    /// The time that is looked at for a signal when it is `now`.
    #[must_use]
    pub fn window(&self, signal: &Signal, now: Timestamp) -> Window {
        let period = signal.period.as_secs().max(1);
        let until_second = now.as_second().div_euclid(period) * period;
        let until = Timestamp::from_second(until_second).unwrap_or(now);
        let points = i64::try_from(self.expected_points(signal)).unwrap_or(i64::MAX);
        let ago = |periods: i64| {
            let length = SignedDuration::from_secs(periods.saturating_mul(period));
            until.saturating_sub(length).unwrap_or(Timestamp::MIN)
        };
        Window {
            from: ago(points.saturating_add(PERIODS_OF_DELAY)),
            lookback_from: ago(points),
            fresh_from: ago(PERIODS_OF_DELAY + 1),
            until,
            open_until: until.saturating_add(signal.period).unwrap_or(Timestamp::MAX),
        }
    }
}

impl Signal {
    /// What is asked of CloudWatch for each of the metrics.
    pub fn measures(&self) -> impl Iterator<Item = Measure> {
        self.metrics.iter().map(|metric| Measure {
            metric: metric.clone(),
            statistic: self.statistic,
            period: self.period,
        })
    }
}

/// How many of the last complete periods may be without a datapoint, since CloudWatch publishes the newest with a delay. So
/// much longer than the lookback is the time that is looked at: else what happens once in a lookback could fall between.
const PERIODS_OF_DELAY: i64 = 1;

/// How many periods it takes to look at the whole of a time; at least one.
pub(crate) fn points(lookback: SignedDuration, period: SignedDuration) -> usize {
    let (lookback, period) = (lookback.as_secs().max(1), period.as_secs().max(1));
    let whole = lookback / period + i64::from(lookback % period > 0);
    usize::try_from(whole).unwrap_or(usize::MAX)
}

/// The time a policy looks at, aligned to a signal's period as CloudWatch aligns datapoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Window {
    /// Start of the first period: one before the lookback.
    pub from: Timestamp,
    /// Start of the lookback. Datapoints before it prove use, and are never counted as proof of idleness.
    pub lookback_from: Timestamp,
    /// Start of the first period that may hold the newest complete datapoint.
    pub fresh_from: Timestamp,
    /// End of the last complete period. Datapoints before it are the proof that is counted.
    pub until: Timestamp,
    /// End of the period still running. A datapoint in it proves use, and is never counted as proof of idleness.
    pub open_until: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a test's time is valid")
    }

    #[test]
    fn dev_box_expects_twelve_points_and_needs_eleven() {
        let policy = Policy::dev_box();
        let signal = &policy.signals[0];
        assert_eq!((policy.expected_points(signal), policy.required_points(signal)), (12, 11));
    }

    #[test]
    fn the_window_ends_with_the_last_complete_period() {
        let policy = Policy::dev_box();
        let window = policy.window(&policy.signals[0], at("2026-11-21T20:03:17Z"));
        assert_eq!(window.from, at("2026-11-21T18:55:00Z"));
        assert_eq!((window.lookback_from, window.fresh_from), (at("2026-11-21T19:00:00Z"), at("2026-11-21T19:50:00Z")));
        assert_eq!(window.until, at("2026-11-21T20:00:00Z"));
        assert_eq!(window.open_until, at("2026-11-21T20:05:00Z"));
        assert_eq!(policy.window(&policy.signals[0], at("2026-11-21T20:00:00Z")), window);
    }

    #[test]
    fn a_day_is_a_day_of_utc() {
        let policy = Policy { lookback: SignedDuration::from_hours(14 * 24), ..Policy::dev_box() };
        let daily = Signal { period: SignedDuration::from_hours(24), ..policy.signals[0].clone() };
        let window = policy.window(&daily, at("2026-11-21T20:03:17Z"));
        assert_eq!(window.from, at("2026-11-06T00:00:00Z"));
        assert_eq!(window.until, at("2026-11-21T00:00:00Z"));
        assert_eq!(window.open_until, at("2026-11-22T00:00:00Z"));
        assert_eq!(policy.expected_points(&daily), 14);
    }

    #[test]
    fn a_period_longer_than_the_lookback_is_looked_at_once() {
        let policy = Policy::dev_box();
        let hourly = Signal { period: SignedDuration::from_hours(2), ..policy.signals[0].clone() };
        assert_eq!((policy.expected_points(&hourly), policy.required_points(&hourly)), (1, 1));
        let window = policy.window(&hourly, at("2026-11-21T20:03:17Z"));
        assert_eq!((window.from, window.until), (at("2026-11-21T16:00:00Z"), at("2026-11-21T20:00:00Z")));
    }

    #[test]
    fn a_window_at_the_ends_of_time_does_not_panic() {
        let policy = Policy::dev_box();
        for period in [0, 1, 300, i64::MAX] {
            let signal = Signal { period: SignedDuration::from_secs(period), ..policy.signals[0].clone() };
            for now in [Timestamp::MIN, Timestamp::MAX, Timestamp::UNIX_EPOCH] {
                let window = policy.window(&signal, now);
                assert!(window.from <= window.until && window.until <= window.open_until);
            }
        }
    }

    #[test]
    fn optional_virtual_cpus_count_where_their_number_is_known() {
        let instance = Instance { vcpus: None, ..crate::instance::tests::instance() };
        let names = |policy: Policy| -> Vec<String> {
            policy.signals_for(&instance).map(|signal| signal.name.to_string()).collect()
        };
        assert_eq!(names(Policy::dev_box()), ["cpu", "network", "ebs"]);
        assert_eq!(names(Policy::gcp()), ["cpu", "received", "sent"]);
    }

    #[test]
    fn the_first_part_is_the_first_signal_and_what_costs_nothing_beside_it() {
        let instance = crate::instance::tests::instance();
        let asked = |policy: &Policy, part| -> Vec<String> {
            policy.measures(part, &instance).into_iter().map(|(_, measure)| measure.metric.name.to_string()).collect()
        };
        // Another statistic of one metric is another datum.
        let rest = ["CPUUtilization", "NetworkIn", "NetworkOut", "EBSReadOps", "EBSWriteOps"];
        let policy = Policy::dev_box();
        assert_eq!(policy.first_signals(&instance), 1);
        assert_eq!(asked(&policy, Part::First), ["CPUUtilization"]);
        assert_eq!(asked(&policy, Part::Rest), rest);
        assert_eq!(asked(&policy, Part::Whole), [&["CPUUtilization"], &rest[..]].concat());

        let [cpu, network] = [0, 2].map(|index| policy.signals[index].clone());
        let again = Signal { limit: 50.0, ..cpu.clone() };
        let together = Policy { signals: vec![cpu.clone(), again.clone(), network.clone()], ..policy.clone() };
        assert_eq!(together.first_signals(&instance), 2);
        // One that looks at the first one's metric, but stands behind others, is of the rest, and asks for nothing again.
        let apart = Policy { signals: vec![cpu, network, again], ..policy.clone() };
        assert_eq!(apart.first_signals(&instance), 1);
        for policy in [together, apart] {
            assert_eq!(asked(&policy, Part::First), ["CPUUtilization"]);
            assert_eq!(asked(&policy, Part::Rest), ["NetworkIn", "NetworkOut"]);
        }
        let nothing = Policy { signals: Vec::new(), ..policy };
        assert!([Part::First, Part::Rest, Part::Whole].iter().all(|part| asked(&nothing, *part).is_empty()));
    }

    #[test]
    fn signals_about_accelerators_count_for_accelerated_types_alone() {
        use crate::instance::InstanceType;
        let policy = Policy::dev_box();
        let names = |name: &str| -> Vec<String> {
            let instance =
                Instance { instance_type: InstanceType::from_name(name), ..crate::instance::tests::instance() };
            policy.signals_for(&instance).map(|signal| signal.name.to_string()).collect()
        };
        assert_eq!(names("m7g.large"), ["cpu", "vcpus", "network", "ebs"]);
        assert_eq!(names("g5.xlarge"), ["cpu", "vcpus", "network", "ebs", "gpu", "gpu-memory-used"]);
    }
}
