//! What alarms lead to: the alarms of a name, the children of a composite alarm, and the contributors of one over many
//! time series.

use crate::support::{Answer, Call, Endpoint, Pointed as _, cloudwatch, id};
use fleet::{Alarm, ApiError, ReadAlarms, Watches};
use serde_json::{Value, json};

const DESCRIBE: &str = "cloudwatch:DescribeAlarms";
const CONTRIBUTORS: &str = "cloudwatch:DescribeAlarmContributors";

fn names<const N: usize>(names: [&str; N]) -> Vec<String> {
    names.map(str::to_owned).to_vec()
}

/// An answer of `DescribeAlarms`: metric alarms, composite alarms, and where it goes on.
fn alarms(metric: &Value, composite: &Value, next: Option<&str>) -> Answer {
    cloudwatch::answer(&cloudwatch::with_token(json!({"MetricAlarms": metric, "CompositeAlarms": composite}), next))
}

fn contributors(attributes: &[Value], next: Option<&str>) -> Answer {
    let contributor = |(index, attributes): (usize, &Value)| json!({"ContributorId": format!("{index:x}"), "ContributorAttributes": attributes, "StateReason": "too low"});
    let contributors: Vec<Value> = attributes.iter().enumerate().map(contributor).collect();
    cloudwatch::answer(&cloudwatch::with_token(json!({"AlarmContributors": contributors}), next))
}

fn metric(instance: &str) -> Value {
    let dimensions = json!([{"Name": "InstanceId", "Value": instance}]);
    let metric = json!({"Namespace": "AWS/EC2", "MetricName": "CPUUtilization", "Dimensions": dimensions});
    json!({"Id": "m1", "MetricStat": {"Metric": metric, "Period": 300, "Stat": "Average"}, "ReturnData": false})
}

fn expression(expression: &str) -> Value {
    json!({"Id": "e1", "Expression": expression, "ReturnData": true})
}

fn instances<const N: usize>(ids: [&str; N]) -> Watches {
    Watches::Instances(ids.map(str::to_owned).into())
}

/// Reads a metric alarm with these fields, and compares what it watches.
async fn check(fields: Value, expected: Watches) {
    let mut alarm = fields.clone();
    alarm["AlarmName"] = json!("idle");
    let endpoint = Endpoint::in_turn([alarms(&json!([alarm]), &json!([]), None)]);
    let read = endpoint.fleet().await.alarms(&names(["idle"])).await.expect("is read");
    assert_eq!(read, [Alarm { name: "idle".to_owned(), watches: expected }], "{fields}");
}

/// An endpoint whose pages point at each other.
fn circle(page: impl Fn(&'static str) -> Answer + Send + Sync + 'static) -> Endpoint {
    Endpoint::start(move |call: &Call| page(if call.body["NextToken"] == "a" { "b" } else { "a" }))
}

#[tokio::test]
async fn alarms_of_both_kinds_are_asked_for_by_name() {
    let endpoint =
        Endpoint::in_turn([alarms(&json!([]), &json!([{"AlarmName": "all", "AlarmRule": "ALARM(a)"}]), None)]);
    let read = endpoint.fleet().await.alarms(&names(["all", "gone"])).await.expect("is read");
    assert_eq!(
        read,
        [Alarm { name: "all".to_owned(), watches: Watches::Alarms }],
        "an unknown name is absent, and no error"
    );
    let calls = endpoint.calls();
    assert_eq!((calls.len(), calls[0].operation.as_str()), (1, "DescribeAlarms"));
    let asked =
        json!({"AlarmNames": ["all", "gone"], "AlarmTypes": ["MetricAlarm", "CompositeAlarm"], "MaxRecords": 100});
    assert_eq!(calls[0].body, asked);
}

#[tokio::test]
async fn one_call_takes_a_hundred_names() {
    let endpoint = Endpoint::always(alarms(&json!([]), &json!([]), None));
    let fleet = endpoint.fleet().await;
    let names: Vec<String> = (0..250).map(|number| format!("alarm-{number}")).collect();
    assert!(fleet.alarms(&names).await.expect("is read").is_empty());
    let asked: Vec<Value> = endpoint.calls().into_iter().map(|call| call.body["AlarmNames"].clone()).collect();
    assert_eq!(asked, [json!(names[..100]), json!(names[100..200]), json!(names[200..])]);
    assert!(fleet.alarms(&[]).await.expect("needs no answer").is_empty());
    assert_eq!(endpoint.calls().len(), 3, "about nothing, nothing is asked: without names CloudWatch tells all alarms");
}

#[tokio::test]
async fn all_pages_of_alarms_are_read_and_an_empty_one_is_no_end() {
    let endpoint = Endpoint::in_turn([
        alarms(&json!([{"AlarmName": "a"}]), &json!([]), Some("two")),
        alarms(&json!([]), &json!([]), Some("three")),
        alarms(&json!([{"AlarmName": "b"}]), &json!([{"AlarmName": "c"}]), None),
    ]);
    let read = endpoint.fleet().await.alarms(&names(["a", "b", "c"])).await.expect("is read");
    assert_eq!(read.into_iter().map(|alarm| alarm.name).collect::<Vec<_>>(), ["a", "b", "c"]);
    let calls = endpoint.calls();
    assert_eq!(
        calls.iter().map(|call| &call.body["NextToken"]).collect::<Vec<_>>(),
        [&json!(null), &json!("two"), &json!("three")]
    );
    assert!(calls.iter().all(|call| call.body["AlarmNames"] == json!(["a", "b", "c"])));
}

#[tokio::test]
async fn an_alarm_on_one_metric_watches_the_instance_of_its_dimension() {
    let group = json!({"Name": "AutoScalingGroupName", "Value": "web"});
    let one = json!({"Name": "InstanceId", "Value": "i-1"});
    check(json!({"MetricName": "CPUUtilization", "Dimensions": [group, one]}), instances(["i-1"])).await;
    check(json!({"MetricName": "CPUUtilization", "Dimensions": [group]}), instances([])).await;
    check(json!({"MetricName": "CPUUtilization", "Dimensions": []}), instances([])).await;
    check(json!({"MetricName": "Requests", "Dimensions": [{"Name": "instanceid", "Value": "i-1"}]}), instances([]))
        .await;
    check(json!({}), instances([])).await;
}

#[tokio::test]
async fn an_alarm_on_metric_math_watches_the_instances_of_all_its_metrics() {
    let math = expression("m1 + SELECTED");
    check(json!({"Metrics": [metric("i-1"), metric("i-2"), math]}), instances(["i-1", "i-2"])).await;
    check(json!({"Metrics": [metric("i-1"), metric("i-1"), math]}), instances(["i-1"])).await;
    check(json!({"Metrics": [math]}), instances([])).await;
}

#[tokio::test]
async fn an_alarm_on_a_query_watches_its_contributors() {
    let queries = [
        "SELECT AVG(CPUUtilization) FROM SCHEMA(\"AWS/EC2\", InstanceId) GROUP BY InstanceId",
        "select avg(CPUUtilization) from SCHEMA(\"AWS/EC2\", InstanceId) group by InstanceId",
        "\n  Select\n  MAX(CPUUtilization) FROM \"AWS/EC2\" GROUP BY InstanceId",
    ];
    for query in queries {
        check(json!({"Metrics": [expression(query)]}), Watches::Contributors).await;
        check(json!({"Metrics": [metric("i-1"), expression(query)]}), Watches::Contributors).await;
    }
}

#[tokio::test]
async fn an_alarm_without_a_name_is_left_out() {
    let nameless = json!([{"MetricName": "CPUUtilization"}]);
    let endpoint = Endpoint::always(alarms(&nameless, &json!([{"AlarmRule": "ALARM(a)"}]), None));
    let fleet = endpoint.fleet().await;
    assert!(fleet.alarms(&names(["a"])).await.expect("is read").is_empty());
    assert!(fleet.children("a").await.expect("is read").is_empty());
}

#[tokio::test]
async fn children_are_asked_for_by_their_parent_and_nothing_else() {
    let endpoint = Endpoint::in_turn([
        alarms(&json!([{"AlarmName": "cpu"}]), &json!([{"AlarmName": "nested"}]), Some("two")),
        alarms(&json!([]), &json!([]), Some("three")),
        alarms(&json!([{"AlarmName": "network"}]), &json!([]), None),
    ]);
    assert_eq!(endpoint.fleet().await.children("all").await.expect("is read"), ["cpu", "nested", "network"]);
    let calls = endpoint.calls();
    assert!(calls.iter().all(|call| call.operation == "DescribeAlarms"));
    let asked =
        |token: Option<&str>| cloudwatch::with_token(json!({"ChildrenOfAlarmName": "all", "MaxRecords": 100}), token);
    let expected = [asked(None), asked(Some("two")), asked(Some("three"))];
    assert_eq!(calls.into_iter().map(|call| call.body).collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn contributors_are_read_page_by_page() {
    let (first, second) = (id(1).to_string(), id(2).to_string());
    let endpoint = Endpoint::in_turn([
        contributors(
            &[json!({"InstanceId": first, "ImageId": "ami-1"}), json!({"ImageId": "ami-2"}), json!({})],
            Some("two"),
        ),
        contributors(&[], Some("three")),
        contributors(&[json!({"InstanceId": second}), json!({"InstanceId": first})], None),
    ]);
    assert_eq!(endpoint.fleet().await.contributors("fleet").await.expect("is read"), [first, second].into());
    let calls = endpoint.calls();
    assert!(calls.iter().all(|call| call.operation == "DescribeAlarmContributors"));
    let asked = |token: Option<&str>| cloudwatch::with_token(json!({"AlarmName": "fleet"}), token);
    let expected = [asked(None), asked(Some("two")), asked(Some("three"))];
    assert_eq!(calls.into_iter().map(|call| call.body).collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn pages_that_go_in_a_circle_end_in_an_error() {
    let empty = |next| alarms(&json!([]), &json!([]), Some(next));
    let endpoint = circle(empty);
    let error = endpoint.fleet().await.alarms(&names(["a"])).await.expect_err("must not loop");
    assert_eq!((error.code.as_str(), error.operation, endpoint.calls().len()), (ApiError::BAD_ANSWER, DESCRIBE, 3));

    let endpoint = circle(empty);
    let error = endpoint.fleet().await.children("a").await.expect_err("must not loop");
    assert_eq!((error.code.as_str(), error.operation, endpoint.calls().len()), (ApiError::BAD_ANSWER, DESCRIBE, 3));

    let endpoint = circle(|next| contributors(&[], Some(next)));
    let error = endpoint.fleet().await.contributors("a").await.expect_err("must not loop");
    assert_eq!((error.code.as_str(), error.operation, endpoint.calls().len()), (ApiError::BAD_ANSWER, CONTRIBUTORS, 3));
}

#[tokio::test]
async fn an_error_comes_through_by_its_code() {
    let refusals = [
        (cloudwatch::error(404, "ResourceNotFound", None), "ResourceNotFound"),
        (cloudwatch::error(404, "ResourceNotFoundException", None), "ResourceNotFoundException"),
        (cloudwatch::error(404, "ResourceNotFoundException", Some("ResourceNotFound")), "ResourceNotFound"),
        (cloudwatch::error(400, "ValidationError", Some("ValidationError")), "ValidationError"),
        (cloudwatch::error(403, "AccessDenied", None), "AccessDenied"),
    ];
    for (answer, code) in refusals {
        let endpoint = Endpoint::always(answer);
        let fleet = endpoint.fleet().await;
        let error = fleet.alarms(&names(["a"])).await.expect_err("is refused");
        assert_eq!(error.to_string(), format!("{DESCRIBE} failed: {code}: no"));
        let error = fleet.children("a").await.expect_err("is refused");
        assert_eq!(error.to_string(), format!("{DESCRIBE} failed: {code}: no"));
        let error = fleet.contributors("a").await.expect_err("is refused");
        assert_eq!(error.to_string(), format!("{CONTRIBUTORS} failed: {code}: no"));
        assert_eq!(endpoint.calls().len(), 3, "a refusal is not retried");
    }
}

#[tokio::test]
async fn an_answer_that_makes_no_sense_is_an_error() {
    for answer in cloudwatch::nonsense() {
        let fleet = Endpoint::always(answer).fleet().await;
        let read = fleet.alarms(&names(["a"])).await;
        assert_eq!(read.expect_err("is no answer").code, ApiError::BAD_ANSWER);
        let read = fleet.children("a").await;
        assert_eq!(read.expect_err("is no answer").code, ApiError::BAD_ANSWER);
        let read = fleet.contributors("a").await;
        assert_eq!(read.expect_err("is no answer").code, ApiError::BAD_ANSWER);
    }
}

#[tokio::test]
async fn an_answer_without_the_lists_names_nobody() {
    let fleet = Endpoint::always(cloudwatch::answer(&json!({}))).fleet().await;
    assert!(fleet.alarms(&names(["a"])).await.unwrap_or_default().is_empty());
    assert!(fleet.children("a").await.unwrap_or_default().is_empty());
    assert!(fleet.contributors("a").await.unwrap_or_default().is_empty());
}

#[tokio::test]
async fn if_a_later_page_fails_the_earlier_ones_are_not_returned() {
    let refused = || cloudwatch::error(400, "InvalidNextToken", None);
    let first = || alarms(&json!([{"AlarmName": "a"}]), &json!([]), Some("two"));
    let endpoint = Endpoint::in_turn([first(), refused()]);
    assert!(endpoint.fleet().await.alarms(&names(["a"])).await.is_err());
    let endpoint = Endpoint::in_turn([first(), refused()]);
    assert!(endpoint.fleet().await.children("a").await.is_err());
    let endpoint = Endpoint::in_turn([contributors(&[json!({"InstanceId": id(0).as_str()})], Some("two")), refused()]);
    assert!(endpoint.fleet().await.contributors("a").await.is_err());
}
