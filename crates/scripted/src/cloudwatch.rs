//! CloudWatch's wire format as JSON, with times as texts.

use ciborium::Value as Cbor;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::{Answer, Call};

const CBOR: &str = "content-type: application/cbor";

/// An answer with these fields; lists named `Timestamps` are times.
#[must_use]
pub fn answer(body: &Value) -> Answer {
    answer_with_bytes(bytes(&to_wire(body)))
}

/// An answer whose body may be anything.
#[must_use]
pub fn answer_with_bytes(body: Vec<u8>) -> Answer {
    Answer::Body(200, CBOR.to_owned(), body)
}

/// An error as the protocol has it; `query_code` is the code for those who knew the service by its older protocol.
#[must_use]
pub fn error(status: u16, code: &str, query_code: Option<&str>) -> Answer {
    let body = json!({"__type": format!("com.amazonaws.cloudwatch#{code}"), "message": "no"});
    let query_code = query_code.map(|code| format!("\r\nx-amzn-query-error: {code};Sender")).unwrap_or_default();
    Answer::Body(status, format!("{CBOR}{query_code}"), bytes(&to_wire(&body)))
}

/// Bodies that are no answer of any operation.
#[must_use]
pub fn nonsense() -> Vec<Answer> {
    let mut cut = bytes(&to_wire(&json!({"MetricDataResults": [], "Metrics": [], "MetricAlarms": [], "Messages": []})));
    cut.pop();
    let html = b"<html><body>Sign in</body></html>".to_vec();
    let bodies = [
        Vec::new(),
        html,
        cut,
        bytes(&Cbor::Text("OK".to_owned())),
        bytes(&Cbor::Array(Vec::new())),
        bytes(&Cbor::Null),
    ];
    bodies.into_iter().map(answer_with_bytes).collect()
}

/// An answer of `GetMetricData`: for each query of the call its status and values, one a period from the call's start.
#[must_use]
pub fn metric_data(call: &Call, next: Option<&str>, result: impl Fn(&Value) -> (&'static str, Vec<f64>)) -> Answer {
    let start = at(call.body["StartTime"].as_str().expect("the call has a start"));
    let results: Vec<Value> = queries(call)
        .iter()
        .map(|query| {
            let (status, values) = result(query);
            let period = SignedDuration::from_secs(query["MetricStat"]["Period"].as_i64().expect("is a number"));
            let times = (0..values.len()).map(|index| start + period * i32::try_from(index).expect("is small"));
            let times: Vec<String> = times.map(|time| time.to_string()).collect();
            json!({"Id": query["Id"], "StatusCode": status, "Timestamps": times, "Values": values})
        })
        .collect();
    answer(&with_token(json!({"MetricDataResults": results, "Messages": []}), next))
}

/// The queries of a `GetMetricData` call.
#[must_use]
pub fn queries(call: &Call) -> &[Value] {
    call.body["MetricDataQueries"].as_array().expect("the call has queries")
}

/// The value of a query's dimension `InstanceId`.
#[must_use]
pub fn instance_of(query: &Value) -> &str {
    let dimensions = query["MetricStat"]["Metric"]["Dimensions"].as_array().expect("a query has dimensions");
    let instance = dimensions.iter().find(|dimension| dimension["Name"] == "InstanceId");
    instance.and_then(|instance| instance["Value"].as_str()).expect("every query is about an instance")
}

/// The same answer, and where it goes on.
#[must_use]
pub fn with_token(mut body: Value, next: Option<&str>) -> Value {
    if let Some(token) = next {
        body["NextToken"] = json!(token);
    }
    body
}

/// A body as JSON.
#[must_use]
pub fn from_wire(cbor: &Cbor) -> Value {
    match cbor {
        Cbor::Tag(1, seconds) => {
            let seconds: f64 = seconds.deserialized().expect("a time is a number");
            let since_epoch = SignedDuration::try_from_secs_f64(seconds).expect("is in range");
            json!((Timestamp::UNIX_EPOCH + since_epoch).to_string())
        }
        Cbor::Array(items) => items.iter().map(from_wire).collect(),
        Cbor::Map(entries) => {
            let entries =
                entries.iter().map(|(key, value)| (key.as_text().unwrap_or_default().to_owned(), from_wire(value)));
            Value::Object(entries.collect::<Map<_, _>>())
        }
        plain => plain.deserialized().expect("the adapter sends what JSON has, too"),
    }
}

fn to_wire(value: &Value) -> Cbor {
    let time = |text: &Value| {
        let time = at(text.as_str().expect("a time is a text here"));
        Cbor::Tag(1, Box::new(Cbor::Float(time.as_duration().as_secs_f64())))
    };
    match value {
        Value::Array(items) => Cbor::Array(items.iter().map(to_wire).collect()),
        Value::Object(entries) => {
            let entry = |(key, value): (&String, &Value)| {
                let value = match (key.as_str(), value) {
                    ("Timestamps", Value::Array(times)) => Cbor::Array(times.iter().map(time).collect()),
                    _ => to_wire(value),
                };
                (Cbor::Text(key.clone()), value)
            };
            Cbor::Map(entries.iter().map(entry).collect())
        }
        plain => Cbor::serialized(plain).expect("a test's JSON is CBOR, too"),
    }
}

fn bytes(cbor: &Cbor) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(cbor, &mut bytes).expect("a test's CBOR can be written");
    bytes
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("a test's time is valid")
}
