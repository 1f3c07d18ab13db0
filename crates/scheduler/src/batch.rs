//! Messages of an SQS queue: each holds an event of its own, and one that fails does not hold up the others.
//!
//! A queue takes what an EventBridge rule or an SNS topic puts into it, with or without raw delivery, or what a person sends.
//! <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::report::Report;

/// The answer to an invocation.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// To one event.
    Report(Box<Report>),
    /// To the messages of a queue.
    Batch {
        /// Those that failed, and are to come again. The queue forgets the others.
        #[serde(rename = "batchItemFailures")]
        failures: Vec<FailedMessage>,
    },
}

/// A message that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FailedMessage {
    /// The id by which the queue knows it.
    #[serde(rename = "itemIdentifier")]
    pub id: String,
}

#[derive(Deserialize)]
struct Record {
    #[serde(rename = "messageId")]
    message_id: String,
    body: String,
}

/// Handles one event, or the messages of a queue one after the other: each sees the stops of those before it.
///
/// # Errors
/// The one event failed. Of a queue's messages those that did are in the answer.
pub async fn answer<E>(event: Value, mut handle: impl AsyncFnMut(&Value) -> Result<Report, E>) -> Result<Answer, E> {
    let Some(records) = records(&event) else {
        return handle(&event).await.map(|report| Answer::Report(Box::new(report)));
    };
    let mut failures = Vec::new();
    for Record { message_id, body } in records {
        if handle(&event_of(&body)).await.is_err() {
            failures.push(FailedMessage { id: message_id });
        }
    }
    Ok(Answer::Batch { failures })
}

/// The messages of a queue, if the event is a batch of these.
fn records(event: &Value) -> Option<Vec<Record>> {
    let is_of_queue = |record: &Value| record.get("eventSource").and_then(Value::as_str) == Some("aws:sqs");
    let records = event.get("Records")?.as_array().filter(|records| records.iter().all(is_of_queue))?;
    let records = records.iter().map(Record::deserialize).collect::<Result<Vec<_>, _>>().ok()?;
    (!records.is_empty()).then_some(records)
}

/// The event in a message's body. A text that is no JSON stays one, which is refused like any event that makes no sense.
fn event_of(body: &str) -> Value {
    let Ok(document) = serde_json::from_str::<Value>(body) else { return Value::String(body.to_owned()) };
    if document.get("Type").is_some_and(|kind| kind == "Notification") {
        return json!({"Records": [{"Sns": document}]});
    }
    // Raw delivery leaves SNS's envelope away.
    if document.get("AlarmName").is_some() {
        return json!({"Records": [{"Sns": {"Message": body}}]});
    }
    document
}
