//! What an answer about datapoints proves, and what it does not.

use std::collections::BTreeMap;

use crate::support::{
    Answer, Endpoint, Pointed as _,
    cloudwatch::{self, metric_data, queries},
    gpu_instance, id, instance, now, plain,
};
use fleet::{ApiError, ReadFleet};
use idleness::{Evidence, Instance, InstanceId, Measure, Metric, Part, Policy, Series, SeriesStatus, Statistic};
use jiff::SignedDuration;
use serde_json::{Value, json};

/// What `dev-box` finds out about one instance.
async fn measured(endpoint: &Endpoint) -> Result<BTreeMap<InstanceId, Evidence>, ApiError> {
    endpoint.fleet().await.evidence(&[(&instance(0), &plain())], Part::Whole, now()).await
}

/// The one series of the CPU's utilization, from an answer with these results.
async fn cpu(results: Value) -> Series {
    let endpoint = Endpoint::always(cloudwatch::answer(&json!({"MetricDataResults": results})));
    let evidence = measured(&endpoint).await.expect("is answered");
    let measure = Measure { metric: Metric::CPU, statistic: Statistic::Max, period: SignedDuration::from_mins(5) };
    let [series] = evidence[&id(0)].series(&measure) else { panic!("expected one series in {evidence:?}") };
    series.clone()
}

const UNANSWERED: Series = Series { status: SeriesStatus::Unanswered, points: Vec::new() };

#[tokio::test]
async fn a_metric_that_the_answer_does_not_mention_is_absent() {
    assert_eq!(cpu(json!([])).await, UNANSWERED);
    assert_eq!(cpu(json!([{"Id": "q1", "StatusCode": "Complete"}])).await, UNANSWERED);
}

#[tokio::test]
async fn each_status_is_told_as_it_is_and_an_unknown_one_is_no_proof() {
    let statuses = [
        ("Complete", SeriesStatus::Complete),
        ("PartialData", SeriesStatus::PartialData),
        ("InternalError", SeriesStatus::InternalError),
        ("Forbidden", SeriesStatus::Forbidden),
        ("Splendid", SeriesStatus::Unanswered),
        ("", SeriesStatus::Unanswered),
    ];
    for (status, expected) in statuses {
        assert_eq!(cpu(json!([{"Id": "q0", "StatusCode": status}])).await.status, expected, "{status}");
    }
    assert_eq!(cpu(json!([{"Id": "q0", "Timestamps": [], "Values": []}])).await.status, SeriesStatus::Unanswered);
}

#[tokio::test]
async fn a_result_that_nobody_asked_for_is_passed_over() {
    let times = json!(["2026-11-21T19:00:00Z"]);
    for id in ["q5", "q", "q-1", "x0", "0", "", "q99999999999999999999"] {
        let result = json!({"Id": id, "StatusCode": "Complete", "Timestamps": times, "Values": [0.5]});
        assert_eq!(cpu(json!([result])).await, UNANSWERED, "{id}");
    }
    assert_eq!(cpu(json!([{"StatusCode": "Complete", "Timestamps": times, "Values": [0.5]}])).await, UNANSWERED);
}

#[tokio::test]
async fn a_time_without_a_value_is_no_datapoint_and_neither_is_a_value_without_a_time() {
    let times = json!(["2026-11-21T19:00:00Z", "2026-11-21T19:05:00Z"]);
    for (times, values) in [(times.clone(), json!([0.5])), (json!([times[0]]), json!([0.5, 0.75]))] {
        let result = json!({"Id": "q0", "StatusCode": "Complete", "Timestamps": times, "Values": values});
        let points = cpu(json!([result])).await.points;
        assert_eq!(points.iter().map(|point| point.value).collect::<Vec<_>>(), [0.5]);
    }
}

#[tokio::test]
async fn an_answer_that_makes_no_sense_is_an_error() {
    for answer in cloudwatch::nonsense() {
        let read = measured(&Endpoint::always(answer)).await;
        assert_eq!(read.expect_err("is no answer").code, ApiError::BAD_ANSWER);
    }
}

#[tokio::test]
async fn pages_that_go_in_a_circle_end_in_an_error() {
    let endpoint = Endpoint::start(|call| {
        let next = if call.body["NextToken"] == "a" { "b" } else { "a" };
        metric_data(call, Some(next), |_| ("PartialData", vec![0.5]))
    });
    let error = measured(&endpoint).await.expect_err("must not loop");
    assert_eq!((error.operation, error.code.as_str()), ("cloudwatch:GetMetricData", ApiError::BAD_ANSWER));
    assert_eq!(endpoint.calls().len(), 3);
}

#[tokio::test]
async fn one_call_that_is_refused_fails_the_whole_reading() {
    let endpoint = Endpoint::start(|call| match queries(call).len() {
        500 => metric_data(call, None, |_| ("Complete", vec![0.5; 12])),
        _ => cloudwatch::error(403, "AccessDenied", None),
    });
    let (instances, policy): (Vec<Instance>, _) = ((0..101).map(instance).collect(), plain());
    let subjects: Vec<_> = instances.iter().map(|instance| (instance, &policy)).collect();
    let error =
        endpoint.fleet().await.evidence(&subjects, Part::Whole, now()).await.expect_err("a part is not returned");
    assert_eq!(error.to_string(), "cloudwatch:GetMetricData failed: AccessDenied: no");
}

#[tokio::test]
async fn about_no_instance_nothing_is_asked() {
    let endpoint = Endpoint::in_turn([]);
    assert!(endpoint.fleet().await.evidence(&[], Part::Whole, now()).await.expect("needs no answer").is_empty());
    assert!(endpoint.calls().is_empty());
}

#[tokio::test]
async fn of_an_instance_whose_metrics_have_no_series_nothing_is_known_but_that_it_was_asked_for() {
    let gpu_alone = Policy { signals: vec![plain().signals[3].clone()], ..plain() };
    let endpoint = Endpoint::always(cloudwatch::answer(&json!({"Metrics": []})));
    let evidence = endpoint
        .fleet()
        .await
        .evidence(&[(&gpu_instance(0), &gpu_alone)], Part::Whole, now())
        .await
        .expect("is listed");
    let mut asked = Evidence::none();
    for measure in gpu_alone.signals[0].measures() {
        asked.note_asked(measure);
    }
    assert_eq!(evidence, [(id(0), asked)].into_iter().collect());
    assert_eq!(endpoint.calls_of("GetMetricData").len(), 0, "there is nothing to measure");
}

#[tokio::test]
async fn an_answer_that_was_cut_is_an_error() {
    let times = ["2026-11-21T19:00:00Z"];
    let result = json!({"Id": "q0", "StatusCode": "Complete", "Timestamps": times, "Values": [0.5]});
    let Answer::Body(_, _, body) = cloudwatch::answer(&json!({"MetricDataResults": [result], "Messages": []})) else {
        unreachable!("it has a body")
    };
    for length in 0..body.len() {
        let read = measured(&Endpoint::always(cloudwatch::answer_with_bytes(body[..length].to_vec()))).await;
        assert!(read.is_err(), "{length} bytes of {} were read as {read:?}", body.len());
    }
    assert!(measured(&Endpoint::always(cloudwatch::answer_with_bytes(body))).await.is_ok());
}

#[tokio::test]
async fn an_answer_without_the_list_is_an_error() {
    let read = measured(&Endpoint::always(cloudwatch::answer(&json!({})))).await;
    assert!(read.is_err(), "was read as {read:?}");
}
