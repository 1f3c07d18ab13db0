//! Metrics in the log, for CloudWatch to take out of it: the embedded metric format.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::io;

use jiff::Timestamp;
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Value, json};

use crate::{Level, write};

/// Where the metrics appear in CloudWatch.
const NAMESPACE: &str = "Doze";
/// The dimension that all of them have.
const FUNCTION: &str = "FunctionName";

/// What a value is counted in, by CloudWatch's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Unit {
    /// Instances, stops, runs.
    Count,
    /// Anything that CloudWatch has no name for, such as money.
    None,
}

/// Values with the same dimensions, of one function at one time.
#[derive(Clone, Debug, PartialEq)]
pub struct Metrics {
    at: Timestamp,
    /// Each with its value, `FunctionName` first. Every new value of one is a new metric, which costs money: never an id.
    dimensions: Vec<(&'static str, String)>,
    values: Vec<(&'static str, Unit, f64)>,
}

impl Metrics {
    /// No values yet.
    #[must_use]
    pub fn new(function: &str, at: Timestamp) -> Self {
        Self { at, dimensions: vec![(FUNCTION, function.to_owned())], values: Vec::new() }
    }

    /// The same with one more dimension.
    #[must_use]
    pub fn by(mut self, dimension: &'static str, value: impl Into<String>) -> Self {
        self.dimensions.push((dimension, value.into()));
        self
    }

    /// The same with one more number of things.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "nobody has 2^52 instances")]
    pub fn count(self, name: &'static str, count: usize) -> Self {
        self.value(name, Unit::Count, count as f64)
    }

    /// The same with one more value.
    #[must_use]
    pub fn value(mut self, name: &'static str, unit: Unit, value: f64) -> Self {
        self.values.push((name, unit, value));
        self
    }

    /// Writes them into the log, as one line.
    ///
    /// # Errors
    /// Standard output is closed.
    pub fn write(&self) -> io::Result<()> {
        write(Level::Info, "metrics", self)
    }
}

impl Serialize for Metrics {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let names: Vec<&str> = self.dimensions.iter().map(|(name, _)| *name).collect();
        let values: Vec<Value> =
            self.values.iter().map(|(name, unit, _)| json!({"Name": name, "Unit": unit})).collect();
        let directive = json!({"Namespace": NAMESPACE, "Dimensions": [names], "Metrics": values});
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("_aws", &json!({"Timestamp": self.at.as_millisecond(), "CloudWatchMetrics": [directive]}))?;
        for (name, value) in &self.dimensions {
            map.serialize_entry(name, value)?;
        }
        for (name, _, value) in &self.values {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_embedded_metric_format() {
        let metrics = Metrics::new("doze-scheduler", Timestamp::UNIX_EPOCH).by("Verdict", "stop").count("Decisions", 3);
        let metrics = metrics.value("SavedPerHour", Unit::None, 0.25);
        assert_eq!(
            serde_json::to_value(&metrics).expect("is JSON"),
            json!({
                "_aws": {"Timestamp": 0, "CloudWatchMetrics": [{
                    "Namespace": "Doze",
                    "Dimensions": [["FunctionName", "Verdict"]],
                    "Metrics": [{"Name": "Decisions", "Unit": "Count"}, {"Name": "SavedPerHour", "Unit": "None"}],
                }]},
                "FunctionName": "doze-scheduler", "Verdict": "stop", "Decisions": 3.0, "SavedPerHour": 0.25,
            })
        );
    }
}
