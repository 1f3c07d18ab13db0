//! `GetMetricData` as the SDK for Rust asks: by `rpc-v2-cbor`.

use std::convert::Infallible;

use minicbor::{Decoder, Encoder, data::Tag, decode, encode};

use super::metrics::{Measured, Query, Question};
use crate::cbor::{fields, figure, items, length, time, written};

/// The answer to a call.
///
/// # Errors
/// The body is no such call.
pub(crate) fn metric_data(body: &[u8]) -> Result<Measured, decode::Error> {
    let mut question = Question::default();
    fields(&mut Decoder::new(body), |decoder, name| {
        match name {
            "StartTime" => question.start = time(decoder)?,
            "EndTime" => question.end = time(decoder)?,
            "MetricDataQueries" => items(decoder, |decoder| {
                question.queries.push(query(decoder)?);
                Ok(())
            })?,
            _ => decoder.skip()?,
        }
        Ok(())
    })?;
    let body = written(answer(&question, Vec::with_capacity(256 * question.queries.len())));
    Ok(question.answered(body))
}

fn query<'b>(decoder: &mut Decoder<'b>) -> Result<Query<'b>, decode::Error> {
    let mut query = Query::default();
    fields(decoder, |decoder, name| match name {
        "Id" => {
            query.id = decoder.str()?;
            Ok(())
        }
        "MetricStat" => fields(decoder, |decoder, name| match name {
            "Period" => {
                query.period = figure(decoder)?;
                Ok(())
            }
            "Metric" => fields(decoder, |decoder, name| {
                match name {
                    "MetricName" => query.metric = decoder.str()?,
                    "Dimensions" => query.instance = instance(decoder)?,
                    _ => decoder.skip()?,
                }
                Ok(())
            }),
            _ => decoder.skip(),
        }),
        _ => decoder.skip(),
    })?;
    Ok(query)
}

/// The value of the only dimension.
fn instance<'b>(decoder: &mut Decoder<'b>) -> Result<&'b str, decode::Error> {
    let mut instance = "";
    items(decoder, |decoder| {
        fields(decoder, |decoder, name| {
            if name == "Value" {
                instance = decoder.str()?;
                return Ok(());
            }
            decoder.skip()
        })
    })?;
    Ok(instance)
}

fn answer(question: &Question<'_>, body: Vec<u8>) -> Result<Vec<u8>, encode::Error<Infallible>> {
    let mut encoder = Encoder::new(body);
    encoder.map(2)?.str("Messages")?.array(0)?.str("MetricDataResults")?.array(length(question.queries.len()))?;
    for query in &question.queries {
        let (times, value) = question.points(query);
        encoder.map(5)?.str("Id")?.str(query.id)?.str("Label")?.str(query.metric)?;
        encoder.str("StatusCode")?.str("Complete")?;
        encoder.str("Timestamps")?.array(length(times.len()))?;
        for time in &times {
            encoder.tag(Tag::new(1))?.f64(*time)?;
        }
        encoder.str("Values")?.array(length(times.len()))?;
        for _ in &times {
            encoder.f64(value)?;
        }
    }
    Ok(encoder.into_writer())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::fleet::id;

    /// A call about the first two instances, over five minutes, in the way of who does not know how long a map gets.
    fn call() -> Vec<u8> {
        let mut encoder = Encoder::new(Vec::new());
        encoder.begin_map().unwrap().str("StartTime").unwrap().tag(Tag::new(1)).unwrap().i64(1_700_000_100).unwrap();
        encoder.str("EndTime").unwrap().tag(Tag::new(1)).unwrap().f64(1_700_000_400.0).unwrap();
        encoder.str("MetricDataQueries").unwrap().begin_array().unwrap();
        for number in 0..2 {
            encoder.map(2).unwrap().str("Id").unwrap().str(&format!("q{number}")).unwrap();
            encoder.str("MetricStat").unwrap().map(2).unwrap().str("Period").unwrap().u32(60).unwrap();
            encoder.str("Metric").unwrap().map(2).unwrap().str("MetricName").unwrap().str("CPUUtilization").unwrap();
            encoder.str("Dimensions").unwrap().array(1).unwrap().map(2).unwrap();
            encoder.str("Name").unwrap().str("InstanceId").unwrap().str("Value").unwrap().str(&id(number)).unwrap();
        }
        encoder.end().unwrap().end().unwrap();
        encoder.into_writer()
    }

    #[test]
    fn each_query_gets_one_datapoint_a_period() {
        let measured = metric_data(&call()).unwrap();
        assert_eq!((measured.metrics, measured.datapoints), (2, 10));
        let mut values = Vec::new();
        fields(&mut Decoder::new(&measured.body), |decoder, name| match name {
            "MetricDataResults" => items(decoder, |decoder| {
                fields(decoder, |decoder, name| match name {
                    "Values" => items(decoder, |decoder| {
                        values.push(figure(decoder)?);
                        Ok(())
                    }),
                    _ => decoder.skip(),
                })
            }),
            _ => decoder.skip(),
        })
        .unwrap();
        assert_eq!(values, [[0.4; 5], [37.5; 5]].concat());
    }

    #[test]
    fn what_is_no_call_is_an_error() {
        for body in [&b""[..], b"\x80", b"<html>", &call()[..40]] {
            assert!(metric_data(body).is_err(), "{body:?}");
        }
    }
}
