//! Idle policies: which signals count, over which time, against which limits. How a policy is judged is `decision`'s.

use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

/// A share from 0 to 100, whole numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent(u8);

impl Percent {
    /// 100 %.
    pub const ALL: Self = Self(100);

    /// A share, if `value` is from 0 to 100.
    ///
    /// # Errors
    /// `value` is above 100.
    pub const fn new(value: u8) -> Result<Self, InvalidPercent> {
        if value <= 100 { Ok(Self(value)) } else { Err(InvalidPercent) }
    }

    /// This share of `whole`, rounded down.
    #[must_use]
    pub fn of_rounded_down(self, whole: usize) -> usize {
        whole.saturating_mul(usize::from(self.0)) / 100
    }

    /// This share of `whole`, rounded up.
    #[must_use]
    pub fn of_rounded_up(self, whole: usize) -> usize {
        whole.saturating_mul(usize::from(self.0)).div_ceil(100)
    }
}

/// A number that is no share.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a whole number from 0 to 100")]
pub struct InvalidPercent;

impl FromStr for Percent {
    type Err = InvalidPercent;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text.parse().map_err(|_| InvalidPercent)?)
    }
}

/// A CloudWatch metric of the `AWS/EC2` namespace, with the one dimension `InstanceId`.
///
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/viewing_metrics_with_cloudwatch.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MetricName {
    /// `CPUUtilization`, percent.
    CpuUtilization,
    /// `NetworkIn`, bytes.
    NetworkIn,
    /// `NetworkOut`, bytes.
    NetworkOut,
    /// `EBSReadOps`, completed operations (Nitro instances only).
    EbsReadOps,
    /// `EBSWriteOps`, completed operations (Nitro instances only).
    EbsWriteOps,
}

impl MetricName {
    /// The metric by CloudWatch's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CpuUtilization => "CPUUtilization",
            Self::NetworkIn => "NetworkIn",
            Self::NetworkOut => "NetworkOut",
            Self::EbsReadOps => "EBSReadOps",
            Self::EbsWriteOps => "EBSWriteOps",
        }
    }
}

/// How CloudWatch folds the samples of one period into a datapoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Statistic {
    /// The largest sample.
    Max,
    /// The sum of all samples.
    Sum,
}

impl Statistic {
    /// The statistic by CloudWatch's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Max => "Maximum",
            Self::Sum => "Sum",
        }
    }
}

/// What an observed value and its limit are counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Percent of all virtual CPUs.
    Percent,
    /// Bytes a second, averaged over the period.
    BytesPerSecond,
    /// Operations a second, averaged over the period.
    OperationsPerSecond,
    /// Seconds.
    Seconds,
    /// Stops in the last hour.
    StopsPerHour,
}

/// One signal of use: metrics that are added up, and the limit up to which their sum counts as idle.
#[derive(Clone, Debug, PartialEq)]
pub struct Signal {
    /// The name in reports.
    pub name: &'static str,
    /// The metrics; datapoints of the same time are added.
    pub metrics: Vec<MetricName>,
    /// How CloudWatch folds each of them.
    pub statistic: Statistic,
    /// The largest value that still counts as idle, inclusive.
    pub limit: f64,
    /// The unit of `limit`. For a rate, datapoints are sums and are divided by the period.
    pub unit: Unit,
}

/// The rule by which an instance counts as idle.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// The name by which settings and tags choose it.
    pub name: &'static str,
    /// How far back the proof must reach.
    pub lookback: SignedDuration,
    /// The length of one datapoint. Basic monitoring publishes one every five minutes.
    pub period: SignedDuration,
    /// An instance that has been up for less is left alone.
    pub minimum_uptime: SignedDuration,
    /// The share of the lookback's datapoints that must be there.
    pub coverage: Percent,
    /// All of them must stay within their limits.
    pub signals: Vec<Signal>,
}

impl Policy {
    /// The default policy, for development and test machines: for 60 minutes no CPU peak above 5 %, no more than 2 KiB/s
    /// on the network, no more than 5 EBS operations a second; up for at least 30 minutes; at least 90 % of the data.
    ///
    /// The figures are our own, stricter than AWS's published rules in every signal: Compute Optimizer, for one, calls
    /// an instance idle whose CPU peaks below 5 % and whose network stays below 5 MB a day
    /// (<https://docs.aws.amazon.com/compute-optimizer/latest/ug/view-idle-recommendations.html>), but after 14 days.
    #[must_use]
    pub fn dev_box() -> Self {
        Self {
            name: "dev-box",
            lookback: SignedDuration::from_mins(60),
            period: SignedDuration::from_mins(5),
            minimum_uptime: SignedDuration::from_mins(30),
            coverage: Percent(90),
            signals: vec![
                Signal {
                    name: "cpu",
                    metrics: vec![MetricName::CpuUtilization],
                    statistic: Statistic::Max,
                    limit: 5.0,
                    unit: Unit::Percent,
                },
                Signal {
                    name: "network",
                    metrics: vec![MetricName::NetworkIn, MetricName::NetworkOut],
                    statistic: Statistic::Sum,
                    limit: 2048.0,
                    unit: Unit::BytesPerSecond,
                },
                Signal {
                    name: "ebs",
                    metrics: vec![MetricName::EbsReadOps, MetricName::EbsWriteOps],
                    statistic: Statistic::Sum,
                    limit: 5.0,
                    unit: Unit::OperationsPerSecond,
                },
            ],
        }
    }

    /// The policy of that name.
    ///
    /// # Errors
    /// No policy has that name.
    pub fn named(name: &str) -> Result<Self, UnknownPolicy> {
        match name {
            "dev-box" => Ok(Self::dev_box()),
            _ => Err(UnknownPolicy),
        }
    }

    /// How many datapoints a complete lookback has.
    #[must_use]
    pub fn expected_points(&self) -> usize {
        usize::try_from(self.lookback.as_secs() / self.period.as_secs()).unwrap_or_default()
    }

    /// The fewest datapoints that prove anything.
    #[must_use]
    pub fn required_points(&self) -> usize {
        self.coverage.of_rounded_up(self.expected_points()).max(1)
    }

    /// The time that is looked at when it is `now`.
    #[must_use]
    pub fn window(&self, now: Timestamp) -> Window {
        let period = self.period.as_secs();
        let until_second = now.as_second().div_euclid(period) * period;
        let until = Timestamp::from_second(until_second).unwrap_or(now);
        Window {
            from: until.saturating_sub(self.lookback).unwrap_or(Timestamp::MIN),
            until,
            open_until: until.saturating_add(self.period).unwrap_or(Timestamp::MAX),
        }
    }
}

/// No policy has the name that was asked for.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected `dev-box`, the one policy of this version")]
pub struct UnknownPolicy;

/// The time a policy looks at, aligned to its period as CloudWatch aligns datapoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Start of the first complete period.
    pub from: Timestamp,
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
        assert_eq!((policy.expected_points(), policy.required_points()), (12, 11));
    }

    #[test]
    fn the_window_ends_with_the_last_complete_period() {
        let window = Policy::dev_box().window(at("2026-11-21T20:03:17Z"));
        assert_eq!(window.from, at("2026-11-21T19:00:00Z"));
        assert_eq!(window.until, at("2026-11-21T20:00:00Z"));
        assert_eq!(window.open_until, at("2026-11-21T20:05:00Z"));
        assert_eq!(Policy::dev_box().window(at("2026-11-21T20:00:00Z")), window);
    }

    #[test]
    fn a_window_at_the_ends_of_time_does_not_panic() {
        for now in [Timestamp::MIN, Timestamp::MAX, Timestamp::UNIX_EPOCH] {
            let window = Policy::dev_box().window(now);
            assert!(window.from <= window.until && window.until <= window.open_until);
        }
    }

    #[test]
    fn shares_round_the_way_their_names_say() {
        let half = Percent::new(50).expect("a share");
        assert_eq!((half.of_rounded_down(5), half.of_rounded_up(5)), (2, 3));
        assert_eq!((Percent::ALL.of_rounded_down(7), Percent::ALL.of_rounded_up(7)), (7, 7));
        assert_eq!("101".parse::<Percent>(), Err(InvalidPercent));
        assert_eq!("-1".parse::<Percent>(), Err(InvalidPercent));
        assert_eq!("100".parse::<Percent>(), Ok(Percent::ALL));
    }

    #[test]
    fn metrics_and_statistics_have_the_names_that_cloudwatch_gives_them() {
        let signals = Policy::dev_box().signals;
        let named = signals.iter().flat_map(|signal| {
            signal.metrics.iter().map(|metric| format!("{} {}", metric.as_str(), signal.statistic.as_str()))
        });
        assert_eq!(
            named.collect::<Vec<_>>(),
            ["CPUUtilization Maximum", "NetworkIn Sum", "NetworkOut Sum", "EBSReadOps Sum", "EBSWriteOps Sum"]
        );
    }

    #[test]
    fn an_unknown_policy_is_refused() {
        assert_eq!(Policy::named("dev-box"), Ok(Policy::dev_box()));
        assert_eq!(Policy::named("Dev-Box"), Err(UnknownPolicy));
    }
}
