//! `GetMetricData` and `GetMetricStatistics` as boto3 asks: by JSON.

use std::fmt::Write as _;

use serde::Deserialize;

use super::metrics::{Measured, Query, Question};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Data<'b> {
    #[serde(borrow)]
    metric_data_queries: Vec<DataQuery<'b>>,
    start_time: f64,
    end_time: f64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DataQuery<'b> {
    id: &'b str,
    #[serde(borrow)]
    metric_stat: Stat<'b>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Stat<'b> {
    #[serde(borrow)]
    metric: Metric<'b>,
    period: f64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Metric<'b> {
    metric_name: &'b str,
    #[serde(borrow)]
    dimensions: Vec<Dimension<'b>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Dimension<'b> {
    value: &'b str,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OneMetric<'b> {
    #[serde(borrow, flatten)]
    metric: Metric<'b>,
    period: f64,
    start_time: f64,
    end_time: f64,
    statistics: Vec<&'b str>,
}

/// The answer to `GetMetricData`.
///
/// # Errors
/// The body is no such call.
pub(crate) fn metric_data(body: &[u8]) -> serde_json::Result<Measured> {
    let Data { metric_data_queries, start_time: start, end_time: end } = serde_json::from_slice(body)?;
    let query = |DataQuery { id, metric_stat: Stat { metric, period } }| metric.query(id, period, Vec::new());
    let question = Question { queries: metric_data_queries.into_iter().map(query).collect(), start, end };
    let mut json = String::with_capacity(512 * question.queries.len());
    json += r#"{"Messages":[],"MetricDataResults":["#;
    for (index, query) in question.queries.iter().enumerate() {
        let (times, value) = question.points(query);
        let comma = if index == 0 { "" } else { "," };
        let _ = write!(
            json,
            r#"{comma}{{"Id":"{}","Label":"{}","StatusCode":"Complete","Timestamps":{times:?},"Values":{:?}}}"#,
            query.id,
            query.metric,
            vec![value; times.len()]
        );
    }
    json += "]}";
    Ok(question.answered(json.into_bytes()))
}

/// The answer to `GetMetricStatistics`.
///
/// # Errors
/// The body is no such call.
pub(crate) fn metric_statistics(body: &[u8]) -> serde_json::Result<Measured> {
    let OneMetric { metric, period, start_time: start, end_time: end, statistics } = serde_json::from_slice(body)?;
    let question = Question { queries: vec![metric.query("", period, statistics)], start, end };
    let query = &question.queries[0];
    let (times, value) = question.points(query);
    let statistics: Vec<String> = query.statistics.iter().map(|name| format!(r#""{name}":{value:?}"#)).collect();
    let statistics = statistics.join(",");
    let point = |time: &f64| format!(r#"{{"Timestamp":{time:?},"Unit":"None",{statistics}}}"#);
    let points: Vec<String> = times.iter().map(point).collect();
    let json = format!(r#"{{"Label":"{}","Datapoints":[{}]}}"#, query.metric, points.join(","));
    Ok(question.answered(json.into_bytes()))
}

impl<'b> Metric<'b> {
    fn query(self, id: &'b str, period: f64, statistics: Vec<&'b str>) -> Query<'b> {
        let instance = self.dimensions.first().map(|dimension| dimension.value).unwrap_or_default();
        Query { id, metric: self.metric_name, instance, period, statistics }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::endpoint::fleet::id;

    fn answer(measured: &Measured) -> Value {
        serde_json::from_slice(&measured.body).unwrap()
    }

    fn dimensions(number: usize) -> Value {
        json!([{"Name": "InstanceId", "Value": id(number)}])
    }

    #[test]
    fn each_query_gets_one_datapoint_a_period() {
        let query = |number: usize| {
            let metric =
                json!({"Namespace": "AWS/EC2", "MetricName": "CPUUtilization", "Dimensions": dimensions(number)});
            json!({"Id": format!("q{number}"), "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Maximum"}})
        };
        let call = json!({"MetricDataQueries": [query(0), query(1)], "StartTime": 60, "EndTime": 180});
        let measured = metric_data(call.to_string().as_bytes()).unwrap();
        assert_eq!((measured.metrics, measured.datapoints), (2, 4));
        let results = &answer(&measured)["MetricDataResults"];
        assert_eq!((&results[0]["Id"], &results[0]["Timestamps"]), (&json!("q0"), &json!([60.0, 120.0])));
        assert_eq!([&results[0]["Values"], &results[1]["Values"]], [&json!([0.4, 0.4]), &json!([37.5, 37.5])]);
    }

    #[test]
    fn each_statistic_has_its_value() {
        let call = json!({"Namespace": "AWS/EC2", "MetricName": "CPUUtilization", "Dimensions": dimensions(0), "Period": 60,
            "StartTime": 60, "EndTime": 120, "Statistics": ["Average", "Maximum"]});
        let measured = metric_statistics(call.to_string().as_bytes()).unwrap();
        let point = json!({"Timestamp": 60.0, "Unit": "None", "Average": 0.4, "Maximum": 0.4});
        assert_eq!(answer(&measured), json!({"Label": "CPUUtilization", "Datapoints": [point]}));
    }

    #[test]
    fn what_is_no_call_is_an_error() {
        assert!(metric_data(b"{}").is_err());
        assert!(metric_statistics(b"<html>").is_err());
    }
}
