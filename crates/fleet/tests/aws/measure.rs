//! Datapoints: which calls are made for which policies, and how their answers become evidence.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use crate::support::{
    Answer, Call, Endpoint, Pointed as _, at,
    cloudwatch::{self, instance_of, metric_data, queries},
    id, instance, now, plain,
};
use fleet::ReadFleet;
use futures_util::future::try_join_all;
use idleness::{Evidence, Instance, Measure, Metric, Part, Policy, Series, SeriesStatus, Signal, Statistic};
use jiff::SignedDuration;
use serde_json::{Value, json};

fn instances(count: usize) -> Vec<Instance> {
    (0..count).map(instance).collect()
}

fn subjects<'a>(instances: &'a [Instance], policy: &'a Policy) -> Vec<(&'a Instance, &'a Policy)> {
    instances.iter().map(|instance| (instance, policy)).collect()
}

/// Answers every query with no datapoint.
fn silence(call: &Call) -> Answer {
    metric_data(call, None, |_| ("Complete", Vec::new()))
}

/// The one series of what `dev-box` measures.
fn series(evidence: &Evidence, metric: Metric, statistic: Statistic) -> &Series {
    let [series] = evidence.series(&Measure { metric, statistic, period: SignedDuration::from_mins(5) }) else {
        panic!("expected one series in {evidence:?}")
    };
    series
}

fn cpu(evidence: &Evidence) -> &Series {
    series(evidence, Metric::CPU, Statistic::Max)
}

/// How many queries each call had, the largest first.
fn sizes(endpoint: &Endpoint) -> Vec<usize> {
    let mut sizes: Vec<_> = endpoint.calls().iter().map(|call| queries(call).len()).collect();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    sizes
}

/// Start, end, and the metrics of each call with their periods, by start.
fn windows(endpoint: &Endpoint) -> Vec<(Value, Value, Vec<String>)> {
    let metric = |query: &Value| {
        let stat = &query["MetricStat"];
        format!("{} {}", stat["Metric"]["MetricName"].as_str().expect("has a name"), stat["Period"])
    };
    let window = |call: Call| {
        (call.body["StartTime"].clone(), call.body["EndTime"].clone(), queries(&call).iter().map(metric).collect())
    };
    let mut windows: Vec<_> = endpoint.calls().into_iter().map(window).collect();
    windows.sort_by_key(|(start, end, _)| (start.to_string(), end.to_string()));
    windows
}

fn window(start: &str, end: &str, metrics: &[&str]) -> (Value, Value, Vec<String>) {
    (json!(start), json!(end), metrics.iter().map(|metric| (*metric).to_owned()).collect())
}

#[tokio::test]
async fn metrics_are_asked_for_in_full_batches_never_one_call_an_instance() {
    let endpoint = Endpoint::start(|call| metric_data(call, None, |_| ("Complete", vec![0.5; 12])));
    let (instances, policy) = (instances(250), plain());
    let evidence =
        endpoint.fleet().await.evidence(&subjects(&instances, &policy), Part::Whole, now()).await.expect("is measured");
    assert_eq!(evidence.len(), 250);
    let series = series(&evidence[&id(249)], Metric::EBS_WRITES, Statistic::Sum);
    assert_eq!((series.status, series.points.len()), (SeriesStatus::Complete, 12));
    assert_eq!(sizes(&endpoint), [500, 500, 250], "250 instances with 5 metrics each, 500 queries a call");
}

/// The first part is one metric of each, the rest is asked for alone; together they are the whole, and nothing twice.
#[tokio::test]
async fn a_part_asks_for_its_own_metrics_alone() {
    let endpoint = Endpoint::start(|call| metric_data(call, None, |_| ("Complete", vec![0.5; 12])));
    let (instances, policy) = (instances(250), plain());
    let (subjects, fleet) = (subjects(&instances, &policy), endpoint.fleet().await);
    let first = fleet.evidence(&subjects, Part::First, now()).await.expect("is measured");
    assert_eq!(sizes(&endpoint), [250]);
    let rest = fleet.evidence(&subjects, Part::Rest, now()).await.expect("is measured");
    assert_eq!(sizes(&endpoint), [500, 500, 250]);
    let whole = fleet.evidence(&subjects, Part::Whole, now()).await.expect("is measured");
    let mut both = first[&id(0)].clone();
    both.extend(rest[&id(0)].clone());
    assert_eq!(both, whole[&id(0)]);
    assert!(series(&both, Metric::CPU, Statistic::Max).points.len() == 12 && first[&id(0)] != both);
}

#[tokio::test]
async fn a_long_lookback_is_packed_by_its_datapoints() {
    let endpoint = Endpoint::start(silence);
    let (instances, policy) = (instances(50), Policy::gcp());
    endpoint.fleet().await.evidence(&subjects(&instances, &policy), Part::Whole, now()).await.expect("is measured");
    assert_eq!(sizes(&endpoint), [74, 74, 2], "14 days have 1,344 quarters of an hour, and the one still running");
    for call in endpoint.calls() {
        assert_eq!(call.body["StartTime"], "2026-11-07T19:45:00Z");
        assert_eq!(call.body["EndTime"], "2026-11-21T20:15:00Z");
    }
}

#[tokio::test]
async fn a_query_names_metric_instance_period_and_statistic() {
    let endpoint = Endpoint::start(silence);
    let (instances, policy) = (instances(1), plain());
    endpoint.fleet().await.evidence(&subjects(&instances, &policy), Part::Whole, now()).await.expect("is measured");
    let calls = endpoint.calls();
    assert_eq!((calls.len(), calls[0].operation.as_str()), (1, "GetMetricData"), "nothing needs to be listed");
    let query = |id: &str, name: &str, statistic: &str| {
        let dimensions = json!([{"Name": "InstanceId", "Value": "i-00000000000000000"}]);
        let metric = json!({"Namespace": "AWS/EC2", "MetricName": name, "Dimensions": dimensions});
        json!({"Id": id, "MetricStat": {"Metric": metric, "Period": 300, "Stat": statistic}, "ReturnData": true})
    };
    let queries = [
        query("q0", "CPUUtilization", "Maximum"),
        query("q1", "NetworkIn", "Sum"),
        query("q2", "NetworkOut", "Sum"),
        query("q3", "EBSReadOps", "Sum"),
        query("q4", "EBSWriteOps", "Sum"),
    ];
    let asked = json!({
        "MetricDataQueries": queries,
        // An hour, and the period still running.
        "StartTime": "2026-11-21T18:55:00Z",
        "EndTime": "2026-11-21T20:05:00Z",
        "ScanBy": "TimestampAscending",
    });
    assert_eq!(calls[0].body, asked);
}

#[tokio::test]
async fn each_period_has_its_own_window_and_days_are_those_of_utc() {
    let endpoint = Endpoint::start(silence);
    let (instances, policy) = (instances(1), Policy::compute_optimizer());
    endpoint.fleet().await.evidence(&subjects(&instances, &policy), Part::Whole, now()).await.expect("is measured");
    assert_eq!(
        windows(&endpoint),
        [
            window("2026-11-06T00:00:00Z", "2026-11-22T00:00:00Z", &["NetworkIn 86400", "NetworkOut 86400"]),
            window("2026-11-07T19:00:00Z", "2026-11-21T21:00:00Z", &["CPUUtilization 3600"]),
        ]
    );
}

#[tokio::test]
async fn instances_share_calls_with_those_of_the_same_window_alone() {
    let endpoint = Endpoint::start(silence);
    let instances = instances(4);
    let (dev_box, cost_explorer) = (plain(), Policy::cost_explorer());
    let same_window = Policy { name: "laptop".into(), signals: vec![dev_box.signals[0].clone()], ..plain() };
    let policies = [&dev_box, &cost_explorer, &same_window, &cost_explorer];
    let subjects: Vec<_> = instances.iter().zip(policies).collect();
    let evidence = endpoint.fleet().await.evidence(&subjects, Part::Whole, now()).await.expect("is measured");
    assert_eq!(evidence.len(), 4);
    let cpu = "CPUUtilization 3600";
    let of_dev_box = ["CPUUtilization 300", "NetworkIn 300", "NetworkOut 300", "EBSReadOps 300", "EBSWriteOps 300"];
    let of_both: Vec<&str> = of_dev_box.into_iter().chain(["CPUUtilization 300"]).collect();
    assert_eq!(
        windows(&endpoint),
        [
            window("2026-11-07T19:00:00Z", "2026-11-21T21:00:00Z", &[cpu, cpu]),
            window("2026-11-21T18:55:00Z", "2026-11-21T20:05:00Z", &of_both),
        ]
    );
}

#[tokio::test]
async fn each_instance_gets_its_own_series_at_their_own_times() {
    // The value tells instance and metric: no two are alike.
    let value = |instance: &str, metric: &str| {
        let number: u32 = instance.trim_start_matches("i-").parse().expect("a test's id has no letters");
        f64::from(number) + f64::from(u32::try_from(metric.len()).expect("is short")) / 100.0
    };
    let endpoint = Endpoint::start(move |call| {
        metric_data(call, None, |query| {
            let metric = query["MetricStat"]["Metric"]["MetricName"].as_str().expect("has a name");
            ("Complete", vec![value(instance_of(query), metric), 0.25])
        })
    });
    let instances: Vec<Instance> = [3, 1, 2].map(instance).into();
    let (dev_box, gcp) = (plain(), Policy::gcp());
    let subjects: Vec<_> = instances.iter().zip([&dev_box, &gcp, &dev_box]).collect();
    let evidence = endpoint.fleet().await.evidence(&subjects, Part::Whole, now()).await.expect("is measured");
    for number in [2, 3] {
        let id = id(number);
        for (metric, statistic) in [(Metric::CPU, Statistic::Max), (Metric::EBS_READS, Statistic::Sum)] {
            let expected = value(id.as_str(), &metric.name);
            let points = &series(&evidence[&id], metric, statistic).points;
            assert_eq!(points.iter().map(|point| point.value).collect::<Vec<_>>(), [expected, 0.25]);
            let times: Vec<_> = points.iter().map(|point| point.at).collect();
            assert_eq!(times, [at("2026-11-21T18:55:00Z"), at("2026-11-21T19:00:00Z")]);
        }
    }
    let sent =
        Measure { metric: Metric::NETWORK_OUT, statistic: Statistic::Sum, period: SignedDuration::from_mins(15) };
    let [series] = evidence[&id(1)].series(&sent) else { panic!("expected one series in {evidence:?}") };
    assert_eq!(series.points[0].value.to_string(), value(id(1).as_str(), "NetworkOut").to_string());
    assert_eq!(series.points[1].at, at("2026-11-07T20:00:00Z"));
    assert!(evidence[&id(1)].series(&Measure { metric: Metric::EBS_READS, ..sent }).is_empty(), "nobody asked for it");
}

#[tokio::test]
async fn the_pages_of_one_answer_are_put_together_and_the_last_status_counts() {
    let endpoint = Endpoint::start(|call| match call.body["NextToken"].as_str() {
        None => metric_data(call, Some("more"), |_| ("PartialData", vec![1.0; 3])),
        Some(_) => metric_data(call, None, |query| match query["Id"].as_str() {
            Some("q0") => ("Complete", vec![2.0; 9]),
            _ => ("Forbidden", Vec::new()),
        }),
    });
    let (instances, policy) = (instances(1), plain());
    let evidence =
        endpoint.fleet().await.evidence(&subjects(&instances, &policy), Part::Whole, now()).await.expect("is measured");
    let cpu = cpu(&evidence[&id(0)]);
    assert_eq!((cpu.status, cpu.points.len()), (SeriesStatus::Complete, 12));
    let network = series(&evidence[&id(0)], Metric::NETWORK_IN, Statistic::Sum);
    assert_eq!((network.status, network.points.len()), (SeriesStatus::Forbidden, 3));
    let calls = endpoint.calls();
    assert_eq!(calls.len(), 2);
    let first = cloudwatch::with_token(calls[0].body.clone(), Some("more"));
    assert_eq!(calls[1].body, first, "every page is asked for by the same question");
}

#[tokio::test]
async fn a_measure_that_two_signals_share_is_asked_for_once() {
    let endpoint = Endpoint::start(|call| metric_data(call, None, |_| ("Complete", vec![1.0; 12])));
    let mut policy = plain();
    let received = Signal { name: "received".into(), metrics: vec![Metric::NETWORK_IN], ..policy.signals[1].clone() };
    policy.signals.push(received);
    let evidence =
        endpoint.fleet().await.evidence(&[(&instance(0), &policy)], Part::Whole, now()).await.expect("is measured");
    let network_in =
        Measure { metric: Metric::NETWORK_IN, statistic: Statistic::Sum, period: SignedDuration::from_mins(5) };
    assert_eq!(evidence[&id(0)].series(&network_in).len(), 1);
    assert_eq!(sizes(&endpoint), [5]);
}

/// A sweep asks about many groups at once, and shares the limit among them.
#[tokio::test]
async fn only_so_many_calls_measure_at_once() {
    static OPEN: AtomicUsize = AtomicUsize::new(0);
    static MOST: AtomicUsize = AtomicUsize::new(0);
    let endpoint = Endpoint::start(|call| {
        MOST.fetch_max(OPEN.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        thread::sleep(Duration::from_millis(20));
        OPEN.fetch_sub(1, Ordering::SeqCst);
        silence(call)
    });
    let policy = Policy { lookback: SignedDuration::from_hours(14 * 24), ..Policy::dev_box() };
    let (fleet, instances) = (endpoint.fleet().await, instances(100));
    let subjects = subjects(&instances, &policy);
    let groups = [0; 4].map(|_| fleet.evidence(&subjects, Part::First, now()));
    try_join_all(groups).await.expect("is measured");
    // Each instance has 4,034 datapoints, and 24 of them make a call.
    assert_eq!(endpoint.calls().len(), 4 * 5);
    let most = MOST.load(Ordering::SeqCst);
    assert!((2..=8).contains(&most), "{most} calls at once");
}
