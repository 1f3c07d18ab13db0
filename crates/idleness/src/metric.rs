//! What can be asked of CloudWatch: metrics, statistics, and the units of what comes out. Which of them count is a policy's.

use std::borrow::Cow;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

/// A CloudWatch metric of an instance.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metric {
    /// The namespace: `AWS/EC2`, `CWAgent`, or one of the user's.
    pub namespace: Cow<'static, str>,
    /// The name: `CPUUtilization`, say.
    pub name: Cow<'static, str>,
    /// Which dimensions its series have.
    #[serde(default)]
    pub dimensions: Dimensions,
}

/// Which dimensions the series of a metric have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dimensions {
    /// `InstanceId` alone: one series an instance.
    #[default]
    InstanceId,
    /// `InstanceId` and others that differ from instance to instance, such as the number of a GPU. They are listed, never
    /// guessed; an instance may have several series.
    Discovered,
}

impl Metric {
    /// `CPUUtilization`, percent of all virtual CPUs.
    pub const CPU: Self = Self::of_ec2("CPUUtilization");
    /// `NetworkIn`, bytes.
    pub const NETWORK_IN: Self = Self::of_ec2("NetworkIn");
    /// `NetworkOut`, bytes.
    pub const NETWORK_OUT: Self = Self::of_ec2("NetworkOut");
    /// `EBSReadOps`, completed operations (Nitro instances only).
    pub const EBS_READS: Self = Self::of_ec2("EBSReadOps");
    /// `EBSWriteOps`, completed operations (Nitro instances only).
    pub const EBS_WRITES: Self = Self::of_ec2("EBSWriteOps");
    /// `DiskReadOps`, completed operations on instance store volumes.
    pub const DISK_READS: Self = Self::of_ec2("DiskReadOps");
    /// `DiskWriteOps`, completed operations on instance store volumes.
    pub const DISK_WRITES: Self = Self::of_ec2("DiskWriteOps");
    /// The CloudWatch agent's `mem_used_percent`.
    pub const MEMORY: Self = Self::of_agent("mem_used_percent");
    /// The CloudWatch agent's `nvidia_smi_utilization_gpu`, percent of the time in which a GPU computed.
    pub const GPU: Self = Self::of_agent("nvidia_smi_utilization_gpu");
    /// The CloudWatch agent's `nvidia_smi_utilization_memory`, percent of the time in which a GPU's memory was read or
    /// written.
    pub const GPU_MEMORY: Self = Self::of_agent("nvidia_smi_utilization_memory");
    /// The CloudWatch agent's `nvidia_smi_memory_used`, mebibytes that are allocated on a GPU.
    pub const GPU_MEMORY_USED: Self = Self::of_agent("nvidia_smi_memory_used");
    /// A user's own sign of life, in the namespace `Doze`.
    pub const HEARTBEAT: Self =
        Self { namespace: Cow::Borrowed("Doze"), name: Cow::Borrowed("Heartbeat"), dimensions: Dimensions::InstanceId };

    /// A metric that EC2 publishes.
    /// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/viewing_metrics_with_cloudwatch.html>
    const fn of_ec2(name: &'static str) -> Self {
        Self { namespace: Cow::Borrowed("AWS/EC2"), name: Cow::Borrowed(name), dimensions: Dimensions::InstanceId }
    }

    /// A metric that the CloudWatch agent publishes, in its default namespace.
    /// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/metrics-collected-by-CloudWatch-agent.html>
    const fn of_agent(name: &'static str) -> Self {
        Self { namespace: Cow::Borrowed("CWAgent"), name: Cow::Borrowed(name), dimensions: Dimensions::Discovered }
    }
}

/// How CloudWatch folds the samples of one period into a datapoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Statistic {
    /// The largest sample.
    Max,
    /// The mean of all samples.
    Average,
    /// The sum of all samples.
    Sum,
}

impl Statistic {
    /// The statistic by CloudWatch's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Max => "Maximum",
            Self::Average => "Average",
            Self::Sum => "Sum",
        }
    }

    /// Two values of the same time, of two series of one metric: sums are added, of the others the larger one counts.
    pub(crate) fn fold(self, a: f64, b: f64) -> f64 {
        match self {
            Self::Sum => a + b,
            Self::Max | Self::Average => a.max(b),
        }
    }
}

/// What an observed value and its limit are counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Percent: of all virtual CPUs, of the memory, of the time.
    Percent,
    /// Virtual CPUs: the percentage of all of them, times their number.
    Vcpus,
    /// Bytes a second, averaged over the period. Datapoints are sums.
    BytesPerSecond,
    /// Bytes a day, averaged over the period. Datapoints are sums.
    BytesPerDay,
    /// Operations a second, averaged over the period. Datapoints are sums.
    OperationsPerSecond,
    /// The metric's own unit.
    Count,
    /// Seconds.
    Seconds,
    /// Open sessions.
    Sessions,
    /// Stops in the last hour.
    StopsPerHour,
}

impl Unit {
    /// A datapoint's value in this unit. `None` if that depends on the number of virtual CPUs, and that is unknown. Values
    /// beyond all numbers count as the largest one: JSON knows no infinity.
    pub(crate) fn convert(self, value: f64, period: SignedDuration, vcpus: Option<u32>) -> Option<f64> {
        const SECONDS_A_DAY: f64 = 86_400.0;
        // Divided last, so that a rate at its limit comes out as the limit.
        let converted = match self {
            Self::BytesPerSecond | Self::OperationsPerSecond => value / period.as_secs_f64(),
            Self::BytesPerDay => value * SECONDS_A_DAY / period.as_secs_f64(),
            Self::Vcpus => value * f64::from(vcpus?) / 100.0,
            Self::Percent | Self::Count | Self::Seconds | Self::Sessions | Self::StopsPerHour => value,
        };
        Some(converted.min(f64::MAX))
    }

    /// Whether it is a sum over time, divided by the time.
    pub(crate) const fn is_rate(self) -> bool {
        matches!(self, Self::BytesPerSecond | Self::BytesPerDay | Self::OperationsPerSecond)
    }

    /// Whether a policy may measure in this unit. The others are for findings that no metric is behind.
    pub(crate) const fn is_of_metrics(self) -> bool {
        match self {
            Self::Percent
            | Self::Vcpus
            | Self::BytesPerSecond
            | Self::BytesPerDay
            | Self::OperationsPerSecond
            | Self::Count => true,
            Self::Seconds | Self::Sessions | Self::StopsPerHour => false,
        }
    }
}

/// What is asked of CloudWatch: a metric, folded by a statistic, one datapoint a period.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Measure {
    /// The metric.
    pub metric: Metric,
    /// How CloudWatch folds the samples of a period.
    pub statistic: Statistic,
    /// The length of one datapoint.
    pub period: SignedDuration,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_have_the_names_that_cloudwatch_gives_them() {
        let listed = [
            Metric::CPU,
            Metric::NETWORK_IN,
            Metric::NETWORK_OUT,
            Metric::EBS_READS,
            Metric::EBS_WRITES,
            Metric::DISK_READS,
            Metric::DISK_WRITES,
            Metric::MEMORY,
            Metric::GPU,
            Metric::GPU_MEMORY,
            Metric::GPU_MEMORY_USED,
            Metric::HEARTBEAT,
        ];
        let named: Vec<_> = listed.iter().map(|metric| format!("{} {}", metric.namespace, metric.name)).collect();
        assert_eq!(
            named,
            [
                "AWS/EC2 CPUUtilization",
                "AWS/EC2 NetworkIn",
                "AWS/EC2 NetworkOut",
                "AWS/EC2 EBSReadOps",
                "AWS/EC2 EBSWriteOps",
                "AWS/EC2 DiskReadOps",
                "AWS/EC2 DiskWriteOps",
                "CWAgent mem_used_percent",
                "CWAgent nvidia_smi_utilization_gpu",
                "CWAgent nvidia_smi_utilization_memory",
                "CWAgent nvidia_smi_memory_used",
                "Doze Heartbeat",
            ]
        );
        let statistics = [Statistic::Max, Statistic::Average, Statistic::Sum].map(Statistic::as_str);
        assert_eq!(statistics, ["Maximum", "Average", "Sum"]);
    }

    #[test]
    fn values_are_converted_to_their_unit() {
        let period = SignedDuration::from_mins(5);
        for (unit, value, vcpus, expected) in [
            (Unit::Percent, 7.5, None, Some(7.5)),
            (Unit::Count, 3.0, None, Some(3.0)),
            (Unit::BytesPerSecond, 300.0, None, Some(1.0)),
            (Unit::OperationsPerSecond, 2100.0, None, Some(7.0)),
            (Unit::BytesPerDay, 2.0, None, Some(576.0)),
            (Unit::BytesPerDay, f64::MAX, None, Some(f64::MAX)),
            (Unit::Vcpus, 50.0, Some(8), Some(4.0)),
            (Unit::Vcpus, 50.0, None, None),
        ] {
            assert_eq!(unit.convert(value, period, vcpus), expected, "{unit:?}");
        }
    }
}
