//! What CloudWatch makes of minutes that were written down by hand.

use idleness::{Measure, Metric, SeriesStatus, Statistic, Window};
use jiff::{SignedDuration, Timestamp};
use traces::{
    CloudWatch, DAYS, Fault, GpuSample, History, Hypervisor, Machine, Monitoring, Quantity, Random, Sampling, Scope,
};

/// Midnight of a day, as a minute's number.
const MIDNIGHT: i64 = 20_000 * DAYS;

/// A machine that has been up since midnight, with so many busy seconds of one virtual CPU and so many bytes received
/// in each minute.
fn history(minutes: &[(f64, f64)]) -> History {
    let load = minutes.iter().map(|(cpu, received)| {
        let mut amounts = [0.0; traces::QUANTITIES];
        amounts[Quantity::Cpu as usize] = *cpu;
        amounts[Quantity::Received as usize] = *received;
        amounts
    });
    let load: Vec<_> = load.collect();
    History {
        span: MIDNIGHT..MIDNIGHT + i64::try_from(minutes.len()).expect("a few"),
        running: vec![true; minutes.len()],
        memory: vec![0.0; minutes.len()],
        gpus: Vec::new(),
        beats: vec![false; minutes.len()],
        load,
    }
}

/// Ten minutes: an idle block of five, then one with a busy minute. Two virtual CPUs.
fn ten_minutes() -> History {
    history(&[
        (0.6, 10.0),
        (0.6, 10.0),
        (0.6, 10.0),
        (0.6, 10.0),
        (0.6, 10.0),
        (0.0, 0.0),
        (60.0, 1000.0),
        (0.0, 0.0),
        (0.0, 0.0),
        (0.0, 0.0),
    ])
}

fn cloudwatch<'a>(machine: &'a Machine, history: &'a History, sampling: Sampling) -> CloudWatch<'a> {
    // An hour later everything is published.
    let now = (history.span.end + 60) * 60;
    CloudWatch { machine, history, faults: &[], sampling, now, random: Random::of(1, "test", "cloudwatch") }
}

fn machine(monitoring: Monitoring) -> Machine {
    Machine { monitoring, ..Machine::new("t3.medium", 2) }
}

fn measure(metric: Metric, statistic: Statistic, minutes: i64) -> Measure {
    Measure { metric, statistic, period: SignedDuration::from_mins(minutes) }
}

/// The values of the only series within two days of midnight, after a check that each datapoint is aligned.
fn values(cloudwatch: &CloudWatch<'_>, measure: &Measure) -> Vec<f64> {
    let at = |minute: i64| Timestamp::from_second(minute * 60).expect("in range");
    let window = window(at(MIDNIGHT), at(MIDNIGHT + DAYS), at(MIDNIGHT + 2 * DAYS));
    let series = cloudwatch.series(measure, &window);
    assert_eq!(series.len(), 1, "one series");
    assert_eq!(series[0].status, SeriesStatus::Complete);
    let period = measure.period.as_secs();
    assert!(series[0].points.iter().all(|point| point.at.as_second() % period == 0), "{:?}", series[0].points);
    series[0].points.iter().map(|point| (point.value * 1e6).round() / 1e6).collect()
}

#[track_caller]
fn check(
    monitoring: Monitoring,
    sampling: Sampling,
    metric: &Metric,
    statistic: Statistic,
    minutes: i64,
    expected: &[f64],
) {
    let (machine, history) = (machine(monitoring), ten_minutes());
    let answered = values(&cloudwatch(&machine, &history, sampling), &measure(metric.clone(), statistic, minutes));
    assert_eq!(answered, expected);
}

#[test]
fn basic_monitoring_as_documented_keeps_the_busiest_minute() {
    let check = |statistic, minutes, expected: &[f64]| {
        check(Monitoring::Basic, Sampling::Documented, &Metric::CPU, statistic, minutes, expected);
    };
    check(Statistic::Max, 5, &[0.5, 50.0]);
    check(Statistic::Average, 5, &[0.5, 10.0]);
    check(Statistic::Max, 60, &[50.0]);
    check(Statistic::Average, 60, &[5.25]);
    check(Statistic::Max, 1440, &[50.0]);
    check(Statistic::Average, 1440, &[5.25]);
}

#[test]
fn basic_monitoring_with_one_sample_dilutes_the_busiest_minute() {
    let check = |statistic, minutes, expected: &[f64]| {
        check(Monitoring::Basic, Sampling::Diluted, &Metric::CPU, statistic, minutes, expected);
    };
    check(Statistic::Max, 5, &[0.5, 10.0]);
    check(Statistic::Average, 5, &[0.5, 10.0]);
    check(Statistic::Max, 60, &[10.0]);
    check(Statistic::Average, 60, &[5.25]);
    check(Statistic::Max, 1440, &[10.0]);
}

#[test]
fn detailed_monitoring_has_a_datapoint_a_minute_in_any_case() {
    for sampling in [Sampling::Documented, Sampling::Diluted] {
        let check = |statistic, minutes, expected: &[f64]| {
            check(Monitoring::Detailed, sampling, &Metric::CPU, statistic, minutes, expected);
        };
        check(Statistic::Max, 1, &[0.5, 0.5, 0.5, 0.5, 0.5, 0.0, 50.0, 0.0, 0.0, 0.0]);
        check(Statistic::Max, 5, &[0.5, 50.0]);
        check(Statistic::Average, 60, &[5.25]);
    }
}

#[test]
fn bytes_add_up_to_the_same_sum_in_every_way() {
    for monitoring in [Monitoring::Basic, Monitoring::Detailed] {
        for sampling in [Sampling::Documented, Sampling::Diluted] {
            let check = |minutes, expected: &[f64]| {
                check(monitoring, sampling, &Metric::NETWORK_IN, Statistic::Sum, minutes, expected);
            };
            check(5, &[50.0, 1000.0]);
            check(60, &[1050.0]);
            check(1440, &[1050.0]);
        }
    }
}

#[test]
fn periods_are_aligned_to_the_clock_and_not_to_the_first_minute() {
    let (machine, mut history) = (machine(Monitoring::Basic), ten_minutes());
    history.span = MIDNIGHT + 57..MIDNIGHT + 67;
    let cloudwatch = cloudwatch(&machine, &history, Sampling::Documented);
    // Minutes 57 to 59, 60 to 64 and 65 to 66; the busy minute is the 63rd.
    assert_eq!(values(&cloudwatch, &measure(Metric::CPU, Statistic::Max, 5)), [0.5, 50.0, 0.0]);
    assert_eq!(values(&cloudwatch, &measure(Metric::NETWORK_IN, Statistic::Sum, 60)), [30.0, 1020.0]);
}

#[test]
fn a_machine_that_is_stopped_has_no_datapoints() {
    let (machine, mut history) = (machine(Monitoring::Basic), ten_minutes());
    history.running[..5].fill(false);
    let cloudwatch = cloudwatch(&machine, &history, Sampling::Documented);
    assert_eq!(values(&cloudwatch, &measure(Metric::CPU, Statistic::Max, 5)), [50.0]);
}

#[test]
fn what_is_not_published_yet_is_missing() {
    let (machine, history) = (machine(Monitoring::Basic), ten_minutes());
    let at_the_end = |sampling| CloudWatch { now: history.span.end * 60, ..cloudwatch(&machine, &history, sampling) };
    let busiest = measure(Metric::CPU, Statistic::Max, 5);
    // One sample of five minutes is still on its way; of five samples the first three are there.
    assert_eq!(values(&at_the_end(Sampling::Diluted), &busiest), [0.5]);
    assert_eq!(values(&at_the_end(Sampling::Documented), &busiest), [0.5, 50.0]);
}

#[test]
fn a_gap_is_missing_and_nothing_else() {
    let (machine, history) = (machine(Monitoring::Basic), ten_minutes());
    let faults = [Fault::Gap(Scope::Only(Metric::CPU), 5, 0)];
    let cloudwatch = CloudWatch { faults: &faults, ..cloudwatch(&machine, &history, Sampling::Documented) };
    assert_eq!(values(&cloudwatch, &measure(Metric::CPU, Statistic::Max, 5)), [0.5]);
    assert_eq!(values(&cloudwatch, &measure(Metric::NETWORK_IN, Statistic::Sum, 5)), [50.0, 1000.0]);
}

#[test]
fn metrics_that_a_machine_has_not_have_no_datapoints() {
    let xen = Machine { hypervisor: Hypervisor::Xen, ..machine(Monitoring::Basic) };
    let history = ten_minutes();
    let cloudwatch = cloudwatch(&xen, &history, Sampling::Documented);
    for metric in [Metric::EBS_READS, Metric::EBS_WRITES, Metric::DISK_READS, Metric::DISK_WRITES] {
        assert_eq!(values(&cloudwatch, &measure(metric, Statistic::Sum, 5)), [0.0; 0]);
    }
}

#[test]
fn each_gpu_has_a_series_of_its_own_where_the_agent_runs() {
    let mut history = ten_minutes();
    let busy = |busy| vec![GpuSample { busy, ..GpuSample::default() }; 10];
    history.gpus = vec![busy(0.0), busy(80.0)];
    let window = window(Timestamp::MIN, Timestamp::MAX, Timestamp::MAX);
    let answer = |machine: &Machine| {
        let series = cloudwatch(machine, &history, Sampling::Documented)
            .series(&measure(Metric::GPU, Statistic::Max, 5), &window);
        series.iter().map(|series| series.points[0].value).collect::<Vec<_>>()
    };
    let machine = Machine::new("g5.12xlarge", 48).gpus(2);
    assert_eq!(answer(&machine), [0.0; 0]);
    assert_eq!(answer(&machine.with(traces::Companion::CloudWatchAgent)), [0.0, 80.0]);
}

/// What a policy looks at: CloudWatch is asked from the beginning to the end.
fn window(from: Timestamp, until: Timestamp, open_until: Timestamp) -> Window {
    Window { from, lookback_from: from, fresh_from: from, until, open_until }
}
