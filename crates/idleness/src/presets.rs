//! The policies and signals that have a name, each with the source of its figures.

use std::borrow::Cow;

use jiff::SignedDuration;

use crate::{
    metric::{Metric, Statistic, Unit},
    percent::Percent,
    policy::{Hardware, Policy, Presence, Signal},
};

const FIVE_MINUTES: SignedDuration = SignedDuration::from_mins(5);
const QUARTER_OF_AN_HOUR: SignedDuration = SignedDuration::from_mins(15);
const HOUR: SignedDuration = SignedDuration::from_hours(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);
const FORTNIGHT: SignedDuration = SignedDuration::from_hours(14 * 24);
const MEGABYTE: f64 = 1e6;

impl Policy {
    /// The default policy, for development and test machines: for 60 minutes no CPU peak above 5 % and no more than 0.03
    /// virtual CPUs at work, no more than 120 bytes a second on the network, no more than 2 EBS operations a second, and no
    /// GPU at work or holding a model where there is one; up for at least 30 minutes; at least 90 % of the data.
    ///
    /// The figures are such that no machine whose use shows is stopped among the labelled traces of `crates/traces`: a
    /// percentage alone says nothing about one thread among 96 virtual CPUs, and a person who reads over SSH costs little more
    /// than a hundred bytes a second. They keep many an idle machine that is chatty by itself; a custom policy may raise them.
    /// 0.03 virtual CPUs are Google's figure for an idle machine. `scripts/bench-traces.sh` measures what the rule is worth.
    #[must_use]
    pub fn dev_box() -> Self {
        Self {
            name: Cow::Borrowed("dev-box"),
            lookback: HOUR,
            minimum_uptime: SignedDuration::from_mins(30),
            coverage: percent(90),
            heeds_sessions: false,
            signals: vec![
                Signal::cpu(5.0),
                Signal::vcpus(0.03),
                Signal::network(120.0),
                Signal::ebs(2.0),
                Signal::gpu(0.0),
                Signal::gpu_memory_used(1024.0),
            ],
        }
    }

    /// Compute Optimizer's rule for an idle instance: over 14 days the CPU peaks below 5 % and the network stays below
    /// 5 MB a day; of accelerated types also the GPU is unused for 99 % of the time and its memory below 5 %. It asks for 30
    /// hours of data: 9 % of the hours are 31.
    ///
    /// Unlike in the source, the limits themselves are still idle, a day is one of UTC, and the instance has been up for a day.
    /// Its GPU's memory is measured by the time in which it is read or written, which the CloudWatch agent publishes as a
    /// share.
    /// <https://docs.aws.amazon.com/compute-optimizer/latest/ug/view-idle-recommendations.html>
    #[must_use]
    pub fn compute_optimizer() -> Self {
        let gpu = Signal { period: HOUR, allowed_above: percent(1), ..Signal::gpu(0.0) };
        let gpu_memory = Signal { period: HOUR, ..Signal::gpu_memory(5.0) };
        let network = Signal { period: DAY, unit: Unit::BytesPerDay, ..Signal::network(5.0 * MEGABYTE) };
        Self {
            name: Cow::Borrowed("compute-optimizer"),
            coverage: percent(9),
            signals: vec![Signal { period: HOUR, ..Signal::cpu(5.0) }, network, gpu, gpu_memory],
            ..Self::over_a_fortnight()
        }
    }

    /// Trusted Advisor's rule for a low-utilization instance: on at least 4 of the last 14 days the CPU's average was 10 % or
    /// less and the network 5 MB or less.
    ///
    /// Each signal is judged alone, so each must be low on so many days that they have 4 of the 14 in common, whichever these
    /// are: on 9. One day may be without data. That is never laxer than the source, and often stricter. The last day and the
    /// running one must be low in any case.
    /// <https://docs.aws.amazon.com/awssupport/latest/user/cost-optimization-checks.html>
    #[must_use]
    pub fn trusted_advisor() -> Self {
        let low_days = |signal| Signal { period: DAY, allowed_above: percent(36), ..signal };
        let cpu = Signal { statistic: Statistic::Average, ..Signal::cpu(10.0) };
        let network = Signal { unit: Unit::BytesPerDay, ..Signal::network(5.0 * MEGABYTE) };
        Self {
            name: Cow::Borrowed("trusted-advisor"),
            coverage: percent(92),
            signals: vec![low_days(cpu), low_days(network)],
            ..Self::over_a_fortnight()
        }
    }

    /// Cost Explorer's rightsizing rule for an idle instance: the CPU's maximum over 14 days is 1 % or less.
    /// <https://docs.aws.amazon.com/cost-management/latest/userguide/understanding-rr-calc.html>
    #[must_use]
    pub fn cost_explorer() -> Self {
        Self {
            name: Cow::Borrowed("cost-explorer"),
            signals: vec![Signal { period: HOUR, ..Signal::cpu(1.0) }],
            ..Self::over_a_fortnight()
        }
    }

    /// Google's idle VM recommender: less than 0.03 virtual CPUs used for 97 % of the time, fewer than 2,000 bytes received
    /// and 1,000 sent a second for 95 % of the time, over 14 days; a day of data is enough: 8 % of the periods are 27 hours.
    /// <https://cloud.google.com/compute/docs/instances/idle-vm-recommendations-overview>
    #[must_use]
    pub fn gcp() -> Self {
        let most = |signal, allowed_above| Signal { period: QUARTER_OF_AN_HOUR, allowed_above, ..signal };
        let cpu = Signal { name: Cow::Borrowed("cpu"), presence: Presence::Required, ..Signal::vcpus(0.03) };
        let one_way =
            |name, metric, limit| Signal { name: Cow::Borrowed(name), metrics: vec![metric], ..Signal::network(limit) };
        Self {
            name: Cow::Borrowed("gcp"),
            coverage: percent(8),
            signals: vec![
                most(cpu, percent(3)),
                most(one_way("received", Metric::NETWORK_IN, 2000.0), percent(5)),
                most(one_way("sent", Metric::NETWORK_OUT, 1000.0), percent(5)),
            ],
            ..Self::over_a_fortnight()
        }
    }

    /// All of them, the default first.
    #[must_use]
    pub fn presets() -> [Self; 5] {
        [Self::dev_box(), Self::compute_optimizer(), Self::trusted_advisor(), Self::cost_explorer(), Self::gcp()]
    }

    /// What the rules made for reports have in common when they are used to stop: a machine that was started today is not
    /// stopped for what it did in the weeks before.
    fn over_a_fortnight() -> Self {
        Self { lookback: FORTNIGHT, minimum_uptime: DAY, ..Self::dev_box() }
    }
}

impl Signal {
    /// The signal of that name, as custom policies start from it: that of `dev-box`, or one that no preset has. `None` if the
    /// name is the user's own.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let others = [Self::disk(5.0), Self::memory(30.0), Self::gpu_memory(5.0), Self::heartbeat()];
        Policy::dev_box().signals.into_iter().chain(others).find(|signal| signal.name == name)
    }

    /// The largest share of all virtual CPUs that was in use, percent.
    fn cpu(limit: f64) -> Self {
        Self {
            name: Cow::Borrowed("cpu"),
            metrics: vec![Metric::CPU],
            statistic: Statistic::Max,
            period: FIVE_MINUTES,
            limit,
            unit: Unit::Percent,
            allowed_above: Percent::NONE,
            presence: Presence::Required,
            hardware: Hardware::Any,
        }
    }

    /// How many virtual CPUs were in use on average. A percentage of many says little about one.
    fn vcpus(limit: f64) -> Self {
        Self {
            name: Cow::Borrowed("vcpus"),
            statistic: Statistic::Average,
            unit: Unit::Vcpus,
            presence: Presence::Optional,
            ..Self::cpu(limit)
        }
    }

    /// Traffic in both directions, bytes a second.
    fn network(limit: f64) -> Self {
        let metrics = vec![Metric::NETWORK_IN, Metric::NETWORK_OUT];
        Self { metrics, unit: Unit::BytesPerSecond, ..Self::summed("network", limit) }
    }

    /// Reads and writes on EBS volumes, operations a second.
    fn ebs(limit: f64) -> Self {
        Self { metrics: vec![Metric::EBS_READS, Metric::EBS_WRITES], ..Self::summed("ebs", limit) }
    }

    /// Reads and writes on instance store volumes, operations a second. Most types have none.
    fn disk(limit: f64) -> Self {
        let metrics = vec![Metric::DISK_READS, Metric::DISK_WRITES];
        Self { metrics, presence: Presence::Optional, ..Self::summed("disk", limit) }
    }

    /// Memory in use, percent. Custom policies start from 30 %, the limit of `CloudSnooze`.
    fn memory(limit: f64) -> Self {
        Self { name: Cow::Borrowed("memory"), metrics: vec![Metric::MEMORY], ..Self::cpu(limit) }
    }

    /// The busiest GPU, percent of the time; of accelerated types alone. On these it is required: what an accelerator does
    /// shows in no metric of EC2's own, so that without the agent nothing is proven.
    fn gpu(limit: f64) -> Self {
        let metrics = vec![Metric::GPU];
        Self { name: Cow::Borrowed("gpu"), metrics, hardware: Hardware::Accelerated, ..Self::cpu(limit) }
    }

    /// The GPU memory that is read or written the most, percent of the time; of accelerated types alone.
    fn gpu_memory(limit: f64) -> Self {
        Self { name: Cow::Borrowed("gpu-memory"), metrics: vec![Metric::GPU_MEMORY], ..Self::gpu(limit) }
    }

    /// The GPU memory that is allocated on the fullest GPU, mebibytes; of accelerated types alone, and where the agent
    /// publishes it. A model that waits for its next request holds it, and is seldom met at work.
    fn gpu_memory_used(limit: f64) -> Self {
        Self {
            name: Cow::Borrowed("gpu-memory-used"),
            metrics: vec![Metric::GPU_MEMORY_USED],
            unit: Unit::Count,
            presence: Presence::Optional,
            ..Self::gpu(limit)
        }
    }

    /// A value above zero that a job publishes while it runs. Silence for the whole lookback is no heartbeat; a beat within
    /// it keeps the instance.
    fn heartbeat() -> Self {
        Self {
            name: Cow::Borrowed("heartbeat"),
            metrics: vec![Metric::HEARTBEAT],
            unit: Unit::Count,
            presence: Presence::Optional,
            ..Self::cpu(0.0)
        }
    }

    fn summed(name: &'static str, limit: f64) -> Self {
        let unit = Unit::OperationsPerSecond;
        Self { name: Cow::Borrowed(name), statistic: Statistic::Sum, unit, ..Self::cpu(limit) }
    }
}

/// A share that is written down here. One above 100 would not compile into a constant, and is all of it otherwise.
const fn percent(value: u8) -> Percent {
    match Percent::new(value) {
        Ok(percent) => percent,
        Err(_) => Percent::ALL,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One line a signal: statistic, metrics, period, limit, share.
    fn describe(policy: &Policy) -> Vec<String> {
        let describe = |signal: &Signal| {
            let metrics: Vec<_> = signal.metrics.iter().map(|metric| metric.name.as_ref()).collect();
            format!(
                "{}: {:?} of {} each {} min ≤ {} {:?}, {} of {} may be above",
                signal.name,
                signal.statistic,
                metrics.join(" + "),
                signal.period.as_mins(),
                signal.limit,
                signal.unit,
                signal.allowed_above.of_rounded_down(policy.expected_points(signal)),
                policy.expected_points(signal),
            )
        };
        policy.signals.iter().map(describe).collect()
    }

    #[test]
    fn the_presets_have_the_figures_of_their_sources() {
        assert_eq!(
            describe(&Policy::dev_box()),
            [
                "cpu: Max of CPUUtilization each 5 min ≤ 5 Percent, 0 of 12 may be above",
                "vcpus: Average of CPUUtilization each 5 min ≤ 0.03 Vcpus, 0 of 12 may be above",
                "network: Sum of NetworkIn + NetworkOut each 5 min ≤ 120 BytesPerSecond, 0 of 12 may be above",
                "ebs: Sum of EBSReadOps + EBSWriteOps each 5 min ≤ 2 OperationsPerSecond, 0 of 12 may be above",
                "gpu: Max of nvidia_smi_utilization_gpu each 5 min ≤ 0 Percent, 0 of 12 may be above",
                "gpu-memory-used: Max of nvidia_smi_memory_used each 5 min ≤ 1024 Count, 0 of 12 may be above",
            ]
        );
        assert_eq!(
            describe(&Policy::compute_optimizer()),
            [
                "cpu: Max of CPUUtilization each 60 min ≤ 5 Percent, 0 of 336 may be above",
                "network: Sum of NetworkIn + NetworkOut each 1440 min ≤ 5000000 BytesPerDay, 0 of 14 may be above",
                "gpu: Max of nvidia_smi_utilization_gpu each 60 min ≤ 0 Percent, 3 of 336 may be above",
                "gpu-memory: Max of nvidia_smi_utilization_memory each 60 min ≤ 5 Percent, 0 of 336 may be above",
            ]
        );
        assert_eq!(
            describe(&Policy::trusted_advisor()),
            [
                "cpu: Average of CPUUtilization each 1440 min ≤ 10 Percent, 5 of 14 may be above",
                "network: Sum of NetworkIn + NetworkOut each 1440 min ≤ 5000000 BytesPerDay, 5 of 14 may be above",
            ]
        );
        assert_eq!(
            describe(&Policy::cost_explorer()),
            ["cpu: Max of CPUUtilization each 60 min ≤ 1 Percent, 0 of 336 may be above"]
        );
        assert_eq!(
            describe(&Policy::gcp()),
            [
                "cpu: Average of CPUUtilization each 15 min ≤ 0.03 Vcpus, 40 of 1344 may be above",
                "received: Sum of NetworkIn each 15 min ≤ 2000 BytesPerSecond, 67 of 1344 may be above",
                "sent: Sum of NetworkOut each 15 min ≤ 1000 BytesPerSecond, 67 of 1344 may be above",
            ]
        );
    }

    #[test]
    fn the_presets_ask_for_as_much_data_as_their_sources_do() {
        let required: Vec<_> = Policy::presets()
            .iter()
            .map(|policy| {
                let first = &policy.signals[0];
                let hours = first.period.as_mins() * i64::try_from(policy.required_points(first)).expect("few") / 60;
                (policy.name.to_string(), policy.minimum_uptime.as_hours(), hours)
            })
            .collect();
        let expected = [
            ("dev-box", 0, 0),
            ("compute-optimizer", 24, 31),
            ("trusted-advisor", 24, 312),
            ("cost-explorer", 24, 303),
            ("gcp", 24, 27),
        ];
        assert_eq!(required, expected.map(|(name, uptime, data)| (name.to_owned(), uptime, data)));
        assert_eq!(Policy::dev_box().minimum_uptime.as_mins(), 30);
    }

    #[test]
    fn low_days_that_are_counted_apart_have_four_in_common() {
        let policy = Policy::trusted_advisor();
        let [cpu, network] = &policy.signals[..] else { panic!("two signals") };
        let days = || policy.required_points(cpu)..=14;
        for (of_cpu, of_network) in days().flat_map(|of_cpu| days().map(move |of_network| (of_cpu, of_network))) {
            let low = |signal: &Signal, days: usize| days - signal.allowed_above.of_rounded_down(days);
            let in_common = low(cpu, of_cpu) + low(network, of_network) - 14;
            assert!(in_common >= 4, "{of_cpu} and {of_network} days");
        }
    }

    #[test]
    fn each_signal_is_found_by_its_own_name() {
        for name in
            ["cpu", "vcpus", "network", "ebs", "disk", "memory", "gpu", "gpu-memory", "gpu-memory-used", "heartbeat"]
        {
            assert_eq!(Signal::named(name).map(|signal| signal.name), Some(Cow::Borrowed(name)));
        }
        assert_eq!(Signal::named("CPU"), None);
    }

    #[test]
    fn what_an_instance_may_lack_is_optional() {
        let optional = |name: &str| Signal::named(name).is_some_and(|signal| signal.presence == Presence::Optional);
        assert!(optional("disk") && optional("heartbeat"));
        assert!(
            !optional("cpu") && !optional("network") && !optional("ebs") && !optional("memory") && !optional("gpu")
        );
        assert_eq!(
            Signal::named("disk").map(|signal| signal.metrics),
            Some(vec![Metric::DISK_READS, Metric::DISK_WRITES])
        );
        assert_eq!(Signal::named("memory").map(|signal| signal.metrics), Some(vec![Metric::MEMORY]));
    }
}
