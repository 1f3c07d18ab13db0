//! The alarms that Doze keeps: what is made, what counts as made by Doze, and what is taken away.

use crate::support::{Answer, Call, Endpoint, Pointed as _, cloudwatch};
use fleet::{ApiError, IdleAlarm, KeepAlarms, KeptAlarm};
use serde_json::{Value, json};

fn alarm() -> IdleAlarm {
    IdleAlarm {
        name: "doze-idle-auto-i-00000000000000001".to_owned(),
        description: "a hint".to_owned(),
        instance: "i-00000000000000001".to_owned(),
        namespace: "AWS/EC2".to_owned(),
        metric: "CPUUtilization".to_owned(),
        statistic: "Maximum".to_owned(),
        period_seconds: 300,
        periods: 12,
        datapoints: 11,
        threshold: 5.0,
        action: "arn:aws:lambda:eu-west-1:111122223333:function:doze-scheduler".to_owned(),
    }
}

/// The alarm as CloudWatch takes it, and shows it.
fn wire() -> Value {
    let alarm = alarm();
    json!({
        "AlarmName": alarm.name, "AlarmDescription": alarm.description,
        "Namespace": "AWS/EC2", "MetricName": "CPUUtilization",
        "Dimensions": [{"Name": "InstanceId", "Value": alarm.instance}],
        "Statistic": "Maximum", "Period": 300, "EvaluationPeriods": 12, "DatapointsToAlarm": 11,
        "ComparisonOperator": "LessThanOrEqualToThreshold", "Threshold": 5.0, "TreatMissingData": "missing",
        "AlarmActions": [alarm.action],
    })
}

fn page(alarms: &[Value], next: Option<&str>) -> Answer {
    cloudwatch::answer(&cloudwatch::with_token(json!({"MetricAlarms": alarms}), next))
}

/// The same alarm with other fields; `null` takes one away.
fn with(fields: &Value) -> Value {
    let mut alarm = wire();
    for (name, value) in fields.as_object().expect("is an object") {
        alarm[name] = value.clone();
    }
    let present = alarm.as_object().expect("is an object").iter().filter(|(_, value)| !value.is_null());
    present.map(|(name, value)| (name.clone(), value.clone())).collect()
}

async fn shown(fields: &Value) -> Option<IdleAlarm> {
    let endpoint = Endpoint::in_turn([page(&[with(fields)], None)]);
    let mut kept = endpoint.fleet().await.kept_alarms("doze-").await.expect("is read");
    kept.pop().expect("there is one").alarm
}

#[tokio::test]
async fn an_alarm_is_put_with_all_that_it_is_and_nothing_else() {
    let endpoint = Endpoint::always(cloudwatch::answer(&json!({})));
    endpoint.fleet().await.put_alarm(&alarm()).await.expect("is put");
    let calls = endpoint.calls_of("PutMetricAlarm");
    assert_eq!((calls.len(), &calls[0].body), (1, &wire()));
}

#[tokio::test]
async fn what_was_put_is_read_as_it_was() {
    assert_eq!(shown(&json!({})).await, Some(alarm()));
    // CloudWatch leaves out what is as it is by default, and adds fields of its own.
    for fields in [
        json!({"TreatMissingData": null}),
        json!({"OKActions": [], "InsufficientDataActions": []}),
        json!({"StateValue": "ALARM", "ActionsEnabled": false}),
    ] {
        assert_eq!(shown(&fields).await, Some(alarm()), "{fields}");
    }
    let all = shown(&json!({"DatapointsToAlarm": null})).await.expect("is one of Doze's");
    assert_eq!(all.datapoints, 12);
}

#[tokio::test]
async fn what_doze_could_not_have_made_is_known_by_name_alone() {
    for fields in [
        json!({"AlarmActions": []}),
        json!({"AlarmActions": [alarm().action, "arn:aws:automate:eu-west-1:ec2:stop"]}),
        json!({"OKActions": ["arn:aws:sns:eu-west-1:111122223333:all"]}),
        json!({"InsufficientDataActions": ["arn:aws:automate:eu-west-1:ec2:terminate"]}),
        json!({"TreatMissingData": "breaching"}),
        json!({"ComparisonOperator": "GreaterThanThreshold"}),
        json!({"Dimensions": [{"Name": "AutoScalingGroupName", "Value": "web"}]}),
        json!({"Dimensions": []}),
        json!({"MetricName": null, "Namespace": null, "Metrics": []}),
        json!({"Statistic": null, "ExtendedStatistic": "p99"}),
    ] {
        assert_eq!(shown(&fields).await, None, "{fields}");
    }
}

#[tokio::test]
async fn all_pages_of_the_prefix_are_read() {
    let other = json!({"AlarmName": "doze-idle-auto-2"});
    let endpoint =
        Endpoint::in_turn([page(&[wire()], Some("more")), page(&[], Some("and more")), page(&[other], None)]);
    let kept = endpoint.fleet().await.kept_alarms("doze-idle-auto-").await.expect("is read");
    let expected = [
        KeptAlarm { name: alarm().name, alarm: Some(alarm()) },
        KeptAlarm { name: "doze-idle-auto-2".to_owned(), alarm: None },
    ];
    assert_eq!(kept, expected);
    let calls = endpoint.calls();
    let asked = |call: &Call| (call.body["AlarmNamePrefix"].clone(), call.body["AlarmTypes"].clone());
    assert!(calls.iter().all(|call| asked(call) == (json!("doze-idle-auto-"), json!(["MetricAlarm"]))), "{calls:?}");
    let tokens: Vec<_> = calls.iter().map(|call| call.body["NextToken"].clone()).collect();
    assert_eq!(tokens, [json!(null), json!("more"), json!("and more")]);
}

#[tokio::test]
async fn a_part_of_them_is_never_taken_for_all() {
    let endpoint = Endpoint::in_turn([page(&[wire()], Some("more")), cloudwatch::error(403, "AccessDenied", None)]);
    let error = endpoint.fleet().await.kept_alarms("doze-").await.expect_err("the second page is refused");
    assert_eq!((error.operation, error.code.as_str()), ("cloudwatch:DescribeAlarms", "AccessDenied"));
    let endpoint = Endpoint::always(page(&[wire()], Some("the same")));
    let error = endpoint.fleet().await.kept_alarms("doze-").await.expect_err("the pages go in a circle");
    assert_eq!(error.code, ApiError::BAD_ANSWER);
}

#[tokio::test]
async fn alarms_are_taken_away_by_name_and_those_that_are_gone_are_no_error() {
    let names = ["doze-a".to_owned(), "doze-b".to_owned()];
    let endpoint = Endpoint::always(cloudwatch::answer(&json!({})));
    endpoint.fleet().await.remove_alarms(&names).await.expect("they go");
    assert_eq!(endpoint.calls_of("DeleteAlarms")[0].body, json!({"AlarmNames": names}));
    let endpoint = Endpoint::always(cloudwatch::error(404, "ResourceNotFound", Some("ResourceNotFound")));
    endpoint.fleet().await.remove_alarms(&names).await.expect("they are gone");
    let endpoint = Endpoint::always(cloudwatch::error(403, "AccessDenied", None));
    let error = endpoint.fleet().await.remove_alarms(&names).await.expect_err("it is refused");
    assert_eq!((error.operation, error.code.as_str()), ("cloudwatch:DeleteAlarms", "AccessDenied"));
}

#[tokio::test]
async fn the_limit_on_alarms_is_named() {
    let endpoint = Endpoint::always(cloudwatch::error(400, "LimitExceededFault", Some("LimitExceeded")));
    let error = endpoint.fleet().await.put_alarm(&alarm()).await.expect_err("there are too many");
    assert_eq!((error.operation, error.code.as_str()), ("cloudwatch:PutMetricAlarm", "LimitExceeded"));
}
