//! Messages of a queue: one that fails does not hold up the others, and comes again alone.

use crate::support::{FakeFleet, now, settings};
use idleness::Mode;
use scheduler::{Answer, Failure, Report, answer, finish, run};
use serde_json::{Value, json};

fn message(id: &str, body: &str) -> Value {
    json!({"messageId": id, "eventSource": "aws:sqs", "body": body})
}

fn alarm(instance: &str) -> String {
    include_str!("../../../events/scheduler/alarm-eventbridge.json").replace("i-0123456789abcdef0", instance)
}

async fn handled(fleet: &FakeFleet, event: Value) -> Result<Answer, Failure> {
    let handle = async |event: &Value| -> Result<Report, Failure> {
        finish(run(event, fleet, &settings(Mode::Enforce), now()).await, "request")
    };
    answer(event, handle).await
}

fn id(number: usize) -> String {
    format!("i-{number:017x}")
}

/// Ten alarms of ten idle instances.
fn fleet() -> FakeFleet {
    let mut fleet = FakeFleet::default();
    (0..10).for_each(|number| fleet.add(&id(number), 0.0));
    fleet
}

fn batch(bodies: impl IntoIterator<Item = String>) -> Value {
    let messages = bodies.into_iter().zip(0..).map(|(body, number)| message(&format!("m-{number}"), &body));
    json!({"Records": messages.collect::<Vec<_>>()})
}

fn stopped(fleet: &FakeFleet) -> usize {
    fleet.calls().iter().filter(|call| call.starts_with("stop ")).count()
}

#[tokio::test(flavor = "current_thread")]
async fn of_ten_with_one_bad_that_one_comes_again() {
    for bad in
        ["", "no JSON", "{}", "[]", "null", r#"{"Type":"Notification"}"#, r#"{"AlarmName":"a"}"#, r#"{"Records":[]}"#]
    {
        let fleet = fleet();
        let bodies = (0..10).map(|number| if number == 3 { bad.to_owned() } else { alarm(&id(number)) });
        let answer = handled(&fleet, batch(bodies)).await.expect("a batch has an answer");
        assert_eq!(json!(answer), json!({"batchItemFailures": [{"itemIdentifier": "m-3"}]}), "{bad}");
        assert_eq!(stopped(&fleet), 5, "of ten, half may be stopped within the hour, each by its own message");
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_message_whose_action_failed_comes_again() {
    let mut fleet = fleet();
    fleet.refuse_stop(&id(1), "UnsupportedOperation");
    let answer = handled(&fleet, batch([alarm(&id(0)), alarm(&id(1)), alarm(&id(2))])).await.expect("is a batch");
    assert_eq!(json!(answer), json!({"batchItemFailures": [{"itemIdentifier": "m-1"}]}));
}

#[tokio::test(flavor = "current_thread")]
async fn where_nothing_failed_nothing_comes_again() {
    let answer =
        handled(&fleet(), batch([alarm(&id(0)), r#"{"action":"start"}"#.to_owned()])).await.expect("is a batch");
    assert_eq!(json!(answer), json!({"batchItemFailures": []}));
}

#[tokio::test(flavor = "current_thread")]
async fn what_is_no_batch_is_one_event() {
    let mut mixed = batch([alarm(&id(0)), alarm(&id(1))]);
    mixed["Records"][1]["eventSource"] = "aws:sns".into();
    let mut nameless = batch([alarm(&id(0))]);
    nameless["Records"][0]["messageId"] = Value::Null;
    for event in [mixed, nameless, json!({"Records": []}), json!({"Records": {"eventSource": "aws:sqs"}})] {
        let fleet = fleet();
        let failure = handled(&fleet, event.clone()).await.expect_err("makes no sense");
        assert_eq!(lambda_runtime::Diagnostic::from(failure).error_type, "malformed-event", "{event}");
        assert!(fleet.calls().is_empty());
    }
    let Ok(Answer::Report(report)) = handled(&fleet(), json!({"action": "sweep"})).await else {
        panic!("is one event")
    };
    assert_eq!(report.summary.considered, 10);
}
