//! What CloudWatch is asked, and what it knows, whatever the wire. The two wires go straight from bytes to bytes: a call has 500
//! queries, and what the endpoint takes for them would be counted as the time of who asks.

use super::fleet::{measures, number};

/// A call.
#[derive(Debug, Default)]
pub(crate) struct Question<'b> {
    pub(crate) queries: Vec<Query<'b>>,
    /// In seconds since 1970.
    pub(crate) start: f64,
    pub(crate) end: f64,
}

/// One series of it.
#[derive(Debug, Default)]
pub(crate) struct Query<'b> {
    pub(crate) id: &'b str,
    pub(crate) metric: &'b str,
    pub(crate) instance: &'b str,
    /// In seconds.
    pub(crate) period: f64,
    pub(crate) statistics: Vec<&'b str>,
}

/// An answer, and what it costs.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Measured {
    /// The body.
    pub(crate) body: Vec<u8>,
    /// For how many metrics it was asked.
    pub(crate) metrics: usize,
    /// How many datapoints it returns.
    pub(crate) datapoints: usize,
}

impl Question<'_> {
    /// When the periods of a query start, and what each of them measures.
    pub(crate) fn points(&self, query: &Query<'_>) -> (Vec<f64>, f64) {
        let (start, end, period) = (self.start, self.end, query.period.max(1.0));
        let times = std::iter::successors(Some(start), |time| Some(time + period));
        let value = number(query.instance).map_or(0.0, |number| measures(query.metric, number));
        (times.take_while(|time| time + period <= end).collect(), value)
    }

    /// An answer to all of it.
    pub(crate) fn answered(&self, body: Vec<u8>) -> Measured {
        let datapoints = self.queries.iter().map(|query| self.points(query).0.len()).sum();
        Measured { body, metrics: self.queries.len(), datapoints }
    }
}
