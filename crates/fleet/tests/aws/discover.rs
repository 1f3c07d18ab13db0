//! Which series are listed, how often, and that what is listed is measured.

use crate::support::{
    Answer, Call, Endpoint, Pointed as _,
    cloudwatch::{self, metric_data, queries},
    gpu_instance, id, instance, now, plain,
};
use fleet::{ApiError, ReadFleet};
use idleness::{Evidence, Instance, Measure, Metric, Part, Policy, Series, SeriesStatus, Statistic};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

const GPU_METRIC: &str = "nvidia_smi_utilization_gpu";

/// A series of one GPU, as the CloudWatch agent publishes it.
fn gpu(instance: usize, index: usize) -> Value {
    json!([
        {"Name": "InstanceId", "Value": id(instance).as_str()},
        {"Name": "name", "Value": "NVIDIA A10G"},
        {"Name": "index", "Value": index.to_string()},
        {"Name": "arch", "Value": "Ampere"},
    ])
}

/// An answer of `ListMetrics`: the dimensions of each series.
fn listed(series: impl IntoIterator<Item = Value>, next: Option<&str>) -> Answer {
    let metric = |dimensions| json!({"Namespace": "CWAgent", "MetricName": GPU_METRIC, "Dimensions": dimensions});
    let metrics: Vec<Value> = series.into_iter().map(metric).collect();
    cloudwatch::answer(&cloudwatch::with_token(json!({"Metrics": metrics}), next))
}

/// An endpoint that lists by `list`, and measures every series as idle.
fn endpoint(list: impl Fn(&Call) -> Answer + Send + Sync + 'static) -> Endpoint {
    Endpoint::start(move |call| match call.operation.as_str() {
        "ListMetrics" => list(call),
        _ => metric_data(call, None, |_| ("Complete", vec![0.0; 12])),
    })
}

/// The dimensions of all queries about GPUs.
fn asked_gpus(endpoint: &Endpoint) -> Vec<Value> {
    let calls = endpoint.calls_of("GetMetricData");
    let metrics = calls.iter().flat_map(queries).map(|query| &query["MetricStat"]["Metric"]);
    metrics.filter(|metric| metric["MetricName"] == GPU_METRIC).map(|metric| metric["Dimensions"].clone()).collect()
}

fn gpu_series(evidence: &Evidence) -> &[Series] {
    let period = SignedDuration::from_mins(5);
    evidence.series(&Measure { metric: Metric::GPU, statistic: Statistic::Max, period })
}

/// `dev-box` with another lookback.
fn dev_box(lookback: SignedDuration) -> Policy {
    Policy { lookback, ..plain() }
}

/// The questions that were put to list the series of these instances.
async fn listings(subjects: &[(&Instance, &Policy)]) -> Vec<Value> {
    let endpoint = endpoint(|_| listed([], None));
    endpoint.fleet().await.evidence(subjects, Part::Whole, now()).await.expect("is measured");
    let mut listings: Vec<Value> = endpoint.calls_of("ListMetrics").into_iter().map(|call| call.body).collect();
    listings.sort_by_key(Value::to_string);
    listings
}

#[tokio::test]
async fn the_metric_of_one_instance_is_listed_for_it_alone() {
    let listings = listings(&[(&gpu_instance(3), &plain())]).await;
    let dimensions = json!([{"Name": "InstanceId", "Value": id(3).as_str()}]);
    let recent =
        json!({"Namespace": "CWAgent", "MetricName": GPU_METRIC, "Dimensions": dimensions, "RecentlyActive": "PT3H"});
    assert_eq!(listings, [recent]);
}

#[tokio::test]
async fn the_metric_of_several_instances_is_listed_once() {
    let (first, second, third, policy) = (gpu_instance(1), gpu_instance(2), gpu_instance(3), plain());
    let listings = listings(&[(&first, &policy), (&second, &policy), (&instance(9), &policy), (&third, &policy)]).await;
    let dimensions = json!([{"Name": "InstanceId"}]);
    let recent =
        json!({"Namespace": "CWAgent", "MetricName": GPU_METRIC, "Dimensions": dimensions, "RecentlyActive": "PT3H"});
    assert_eq!(listings, [recent]);
}

#[tokio::test]
async fn a_long_lookback_lists_what_was_silent_lately_too_each_metric_once() {
    let listings = listings(&[(&gpu_instance(0), &Policy::compute_optimizer())]).await;
    let dimensions = json!([{"Name": "InstanceId", "Value": id(0).as_str()}]);
    let listing = |name: &str| json!({"Namespace": "CWAgent", "MetricName": name, "Dimensions": dimensions});
    assert_eq!(listings, [listing(GPU_METRIC), listing("nvidia_smi_utilization_memory")]);
}

#[tokio::test]
async fn only_where_no_lookback_exceeds_three_hours_is_the_list_narrowed_to_them() {
    let three_hours = dev_box(SignedDuration::from_hours(3));
    let more = dev_box(SignedDuration::from_mins(181));
    let (first, second) = (gpu_instance(1), gpu_instance(2));
    let recently = async |one: &Policy, other: &Policy| {
        let listings = listings(&[(&first, one), (&second, other)]).await;
        assert_eq!(listings.len(), 1, "{listings:?}");
        listings[0]["RecentlyActive"].clone()
    };
    assert_eq!(recently(&three_hours, &plain()).await, "PT3H");
    assert_eq!(recently(&more, &more).await, Value::Null);
    assert_eq!(recently(&more, &three_hours).await, Value::Null);
    assert_eq!(recently(&three_hours, &more).await, Value::Null);
}

#[tokio::test]
async fn of_ordinary_instances_nothing_is_listed() {
    for policy in Policy::presets() {
        let listings = listings(&[(&instance(0), &policy), (&instance(1), &policy)]).await;
        assert!(listings.is_empty(), "{}: {listings:?}", policy.name);
    }
}

#[tokio::test]
async fn each_listed_series_is_measured_with_all_its_dimensions() {
    let endpoint = endpoint(|_| listed((0..8).map(|index| gpu(0, index)), None));
    let subjects = [(&gpu_instance(0), &plain())];
    let evidence = endpoint.fleet().await.evidence(&subjects, Part::Whole, now()).await.expect("is measured");
    assert_eq!(asked_gpus(&endpoint), (0..8).map(|index| gpu(0, index)).collect::<Vec<_>>());
    assert_eq!(endpoint.calls_of("GetMetricData").len(), 1, "with the other metrics of the same window");
    let series = gpu_series(&evidence[&id(0)]);
    assert_eq!(series.len(), 8, "one series a GPU");
    assert!(series.iter().all(|series| series.status == SeriesStatus::Complete && series.points.len() == 12));
}

#[tokio::test]
async fn each_series_keeps_its_own_datapoints() {
    let endpoint = Endpoint::start(|call| match call.operation.as_str() {
        "ListMetrics" => listed([gpu(2, 0), gpu(1, 0), gpu(2, 1)], None),
        _ => metric_data(call, None, |query| {
            let dimensions = &query["MetricStat"]["Metric"]["Dimensions"];
            match dimensions {
                dimensions if *dimensions == gpu(1, 0) => ("Complete", vec![10.0]),
                dimensions if *dimensions == gpu(2, 0) => ("Complete", vec![20.0]),
                dimensions if *dimensions == gpu(2, 1) => ("PartialData", vec![21.0]),
                _ => ("Complete", Vec::new()),
            }
        }),
    });
    let (first, second, policy) = (gpu_instance(1), gpu_instance(2), plain());
    let subjects = [(&first, &policy), (&second, &policy)];
    let evidence = endpoint.fleet().await.evidence(&subjects, Part::Whole, now()).await.expect("is measured");
    let values = |number: usize| -> Vec<(SeriesStatus, f64)> {
        let series = gpu_series(&evidence[&id(number)]).iter();
        series.map(|series| (series.status, series.points[0].value)).collect()
    };
    assert_eq!(values(1), [(SeriesStatus::Complete, 10.0)]);
    assert_eq!(values(2), [(SeriesStatus::Complete, 20.0), (SeriesStatus::PartialData, 21.0)]);
}

#[tokio::test]
async fn all_pages_of_the_list_are_read_and_an_empty_one_is_no_end() {
    let endpoint = endpoint(|call| match call.body["NextToken"].as_str() {
        None => listed([gpu(0, 0)], Some("two")),
        Some("two") => listed([], Some("three")),
        _ => listed([gpu(0, 1), gpu(0, 2)], None),
    });
    let subjects = [(&gpu_instance(0), &plain())];
    let evidence = endpoint.fleet().await.evidence(&subjects, Part::Whole, now()).await.expect("is measured");
    assert_eq!(gpu_series(&evidence[&id(0)]).len(), 3);
    let calls = endpoint.calls_of("ListMetrics");
    let tokens: Vec<_> = calls.iter().map(|call| call.body["NextToken"].as_str()).collect();
    assert_eq!(tokens, [None, Some("two"), Some("three")]);
    let first = cloudwatch::with_token(calls[0].body.clone(), Some("three"));
    assert_eq!(calls[2].body, first, "every page is asked for by the same question");
}

#[tokio::test]
async fn series_of_other_instances_are_passed_over() {
    let of_nobody = json!([{"Name": "index", "Value": "0"}]);
    let of_all = json!([{"Name": "InstanceId"}]);
    let other_case = json!([{"Name": "instanceid", "Value": id(0).as_str()}]);
    let endpoint = endpoint(move |_| {
        let strangers = [gpu(7, 0), of_nobody.clone(), of_all.clone(), other_case.clone(), json!([])];
        listed(strangers.into_iter().chain([gpu(0, 0)]), None)
    });
    let subjects = [(&gpu_instance(0), &plain())];
    let evidence = endpoint.fleet().await.evidence(&subjects, Part::Whole, now()).await.expect("is measured");
    assert_eq!(asked_gpus(&endpoint), [gpu(0, 0)]);
    assert_eq!(evidence.keys().collect::<Vec<_>>(), [&id(0)]);
}

#[tokio::test]
async fn an_ordinary_instance_gets_no_gpu_whatever_is_listed() {
    let endpoint = endpoint(|_| listed([gpu(0, 0), gpu(1, 0)], None));
    let (ordinary, accelerated, policy) = (instance(0), gpu_instance(1), plain());
    let subjects = [(&ordinary, &policy), (&accelerated, &policy)];
    let evidence = endpoint.fleet().await.evidence(&subjects, Part::Whole, now()).await.expect("is measured");
    assert_eq!(asked_gpus(&endpoint), [gpu(1, 0)]);
    assert!(gpu_series(&evidence[&id(0)]).is_empty());
}

#[tokio::test]
async fn without_a_listed_series_there_is_none_and_the_other_metrics_are_measured() {
    let endpoint = endpoint(|_| listed([], None));
    let subjects = [(&gpu_instance(0), &plain())];
    let evidence = endpoint.fleet().await.evidence(&subjects, Part::Whole, now()).await.expect("is measured");
    assert!(gpu_series(&evidence[&id(0)]).is_empty());
    assert!(asked_gpus(&endpoint).is_empty());
    let names = ["CPUUtilization", "NetworkIn", "NetworkOut", "EBSReadOps", "EBSWriteOps"];
    let calls = endpoint.calls_of("GetMetricData");
    let asked: Vec<_> = queries(&calls[0]).iter().map(|query| &query["MetricStat"]["Metric"]["MetricName"]).collect();
    assert_eq!(asked, names);
}

/// The error of a reading whose list fails. Nothing must have been measured: what was not listed could be at work.
async fn error_of(list: impl Fn(&Call) -> Answer + Send + Sync + 'static) -> (ApiError, usize) {
    let endpoint = endpoint(list);
    let read =
        endpoint.fleet().await.evidence(&[(&gpu_instance(0), &plain())], Part::Whole, Timestamp::UNIX_EPOCH).await;
    assert!(endpoint.calls_of("GetMetricData").is_empty());
    (read.expect_err("the list failed"), endpoint.calls_of("ListMetrics").len())
}

#[tokio::test]
async fn a_list_that_goes_in_a_circle_ends_in_an_error() {
    let (error, calls) = error_of(|call| {
        let next = if call.body["NextToken"] == "a" { "b" } else { "a" };
        listed([gpu(0, 0)], Some(next))
    })
    .await;
    assert_eq!((error.operation, error.code.as_str(), calls), ("cloudwatch:ListMetrics", ApiError::BAD_ANSWER, 3));
}

#[tokio::test]
async fn a_list_that_is_refused_or_makes_no_sense_is_an_error() {
    let (error, calls) = error_of(|_| cloudwatch::error(403, "AccessDenied", None)).await;
    assert_eq!((error.to_string().as_str(), calls), ("cloudwatch:ListMetrics failed: AccessDenied: no", 1));
    for answer in cloudwatch::nonsense() {
        let (error, _) = error_of(move |_| answer.clone()).await;
        assert_eq!(error.code, ApiError::BAD_ANSWER);
    }
}
