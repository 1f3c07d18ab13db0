//! Whatever JSON comes in, parsing ends in a request or in a refusal, and an instance that is named is a valid id.

use proptest::prelude::*;
use scheduler::{Target, parse};
use serde_json::{Map, Value, json};

/// Keys and texts that mean something to the parser, so that random documents get past its first checks.
const WORDS: &[&str] = &[
    "source",
    "aws.cloudwatch",
    "aws.events",
    "alarmData",
    "alarmName",
    "state",
    "value",
    "ALARM",
    "OK",
    "configuration",
    "metrics",
    "metricStat",
    "metric",
    "dimensions",
    "InstanceId",
    "i-0123456789abcdef0",
    "i-0123456789ABCDEF0",
    "detail",
    "detail-type",
    "CloudWatch Alarm State Change",
    "Scheduled Event",
    "Records",
    "Sns",
    "Message",
    "action",
    "sweep",
    "explain",
    "instance",
    "instance-id",
    "aws.ec2",
    "EC2 Instance State-change Notification",
    "expression",
    "SELECT MAX(CPUUtilization) FROM \"AWS/EC2\" GROUP BY InstanceId",
    "alarmContributor",
    "attributes",
    "muteDetail",
    "alarmRule",
    "time",
    "",
    "\n",
    "\u{0}",
    "<script>",
];

fn any_word() -> impl Strategy<Value = String> {
    prop_oneof![9 => proptest::sample::select(WORDS).prop_map(str::to_owned), 1 => any::<String>()]
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any_word().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 60, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::vec((any_word(), inner), 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// A valid alarm with one random value put somewhere into it.
fn any_damaged_alarm() -> impl Strategy<Value = Value> {
    let places = [
        "/alarmData",
        "/alarmData/alarmName",
        "/alarmData/state",
        "/alarmData/state/value",
        "/alarmData/configuration",
        "/alarmData/configuration/metrics",
        "/alarmData/configuration/metrics/0",
        "/alarmData/configuration/metrics/0/metricStat/metric/dimensions",
        "/alarmData/configuration/metrics/0/metricStat/metric/dimensions/InstanceId",
        "/time",
        "/accountId",
    ];
    (proptest::sample::select(places.to_vec()), any_json()).prop_map(|(place, value)| {
        let mut event: Value =
            serde_json::from_str(include_str!("../../../events/scheduler/alarm-direct.json")).expect("is JSON");
        *event.pointer_mut(place).expect("is there") = value;
        event
    })
}

fn check(event: &Value) {
    match parse(event) {
        Ok(request) => {
            if let Target::Named { instances, lookups } = request.target {
                assert!(!instances.is_empty() || !lookups.is_empty());
                for id in instances {
                    assert_eq!(id.as_str().parse(), Ok(id.clone()));
                }
            }
        }
        Err(refusal) => {
            let message = refusal.to_string();
            assert!(!message.is_empty() && message.len() < 4000, "{} bytes", message.len());
            assert!(!message.contains('\n'), "{message:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn any_document_is_read_or_refused(event in any_json()) {
        check(&event);
    }

    #[test]
    fn any_damaged_alarm_is_read_or_refused(event in any_damaged_alarm()) {
        check(&event);
    }

    #[test]
    fn any_sns_message_is_read_or_refused(message in any_json(), raw in any::<String>()) {
        for message in [message.to_string(), raw] {
            check(&json!({"Records": [{"Sns": {"Message": message}}]}));
        }
    }
}

#[test]
fn a_huge_text_does_not_flood_the_message() {
    let huge = "x".repeat(1_000_000);
    for event in [
        json!({huge.as_str(): 1}),
        json!({"action": huge}),
        json!({"detail-type": huge, "source": huge}),
        json!({"Records": [{"Sns": {"Message": huge}}]}),
        json!({"alarmData": {"state": {"value": huge}}}),
        json!({"alarmData": huge}),
    ] {
        check(&event);
    }
}

#[test]
fn a_state_is_read_from_an_object_alone() {
    let event: Value =
        serde_json::from_str(include_str!("../../../events/scheduler/alarm-direct.json")).expect("is JSON");
    for state in [json!(["ALARM"]), json!("ALARM"), json!([{"value": "ALARM"}]), json!({"value": ["ALARM"]}), json!({})]
    {
        let mut event = event.clone();
        event["alarmData"]["state"] = state;
        let refusal = parse(&event).expect_err("no state can be read");
        assert!(["bad-state", "malformed-event"].contains(&refusal.code()), "{refusal:?}");
    }
}
