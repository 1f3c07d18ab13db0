//! What was measured, as it came. The arithmetic from datapoints to findings is `finding`'s.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::metric::Measure;

/// One value of a metric: its period starts at `at`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Datapoint {
    /// Start of the period.
    pub at: Timestamp,
    /// The value, in the metric's own unit.
    pub value: f64,
}

/// What CloudWatch said about one requested series
/// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDataResult.html>), and what else keeps a
/// series from being proof.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SeriesStatus {
    /// All datapoints of the window were returned.
    Complete,
    /// Some were not.
    PartialData,
    /// CloudWatch failed to compute the result.
    InternalError,
    /// The role may not read the metric.
    Forbidden,
    /// The answer did not mention the series, or gave a status unknown to us.
    #[default]
    Unanswered,
    /// There is no such series.
    Absent,
    /// A value was negative, infinite or not a number.
    InvalidValue,
    /// The newest datapoints are missing: whatever came before, nobody knows what goes on now.
    Stale,
    /// The unit needs the number of virtual CPUs, and EC2 did not tell it.
    UnknownVcpus,
}

/// The datapoints of one series.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// How complete they are.
    pub status: SeriesStatus,
    /// The datapoints, in any order.
    #[serde(with = "points_in_brief")]
    pub points: Vec<Datapoint>,
}

/// Everything measured about one instance.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// One entry for each measure that was asked for, and in it each of its series.
    measured: Vec<Measured>,
    /// How many sessions of AWS Systems Manager are open. `None` if that was not read.
    sessions: Option<u32>,
}

/// All series of one measure. A metric of the CloudWatch agent has one for each GPU, say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Measured {
    measure: Measure,
    series: Vec<Series>,
}

impl Evidence {
    /// No evidence of anything.
    #[must_use]
    pub const fn none() -> Self {
        Self { measured: Vec::new(), sessions: None }
    }

    /// Whether there is no series of any measure.
    pub(crate) fn is_empty(&self) -> bool {
        self.measured.iter().all(|measured| measured.series.is_empty())
    }

    /// Nothing yet about these measures, which were asked for.
    #[must_use]
    pub fn of_asked(measures: impl ExactSizeIterator<Item = Measure>) -> Self {
        // No room for more: of most instances of a fleet, one measure is asked for.
        let mut evidence = Self { measured: Vec::with_capacity(measures.len()), sessions: None };
        measures.for_each(|measure| evidence.note_asked(measure));
        evidence
    }

    /// Notes that a measure was asked for, whether or not there is a series of it.
    pub fn note_asked(&mut self, measure: Measure) {
        if !self.was_asked(&measure) {
            self.measured.push(Measured { measure, series: Vec::new() });
        }
    }

    /// Whether a measure was asked for.
    pub(crate) fn was_asked(&self, measure: &Measure) -> bool {
        self.measured.iter().any(|measured| measured.measure == *measure)
    }

    /// Adds a series of a measure.
    pub fn add(&mut self, measure: Measure, series: Series) {
        match self.measured.iter_mut().find(|measured| measured.measure == measure) {
            Some(measured) => {
                // Most measures have one.
                measured.series.reserve_exact(1);
                measured.series.push(series);
            }
            None => self.measured.push(Measured { measure, series: vec![series] }),
        }
    }

    /// Adds everything that another part of the policy's signals measured.
    pub fn extend(&mut self, other: Self) {
        for Measured { measure, series } in other.measured {
            self.note_asked(measure.clone());
            for series in series {
                self.add(measure.clone(), series);
            }
        }
        self.sessions = other.sessions.or(self.sessions);
    }

    /// The series of a measure; none if nothing was found, or nothing was asked.
    #[must_use]
    pub fn series(&self, measure: &Measure) -> &[Series] {
        self.measured.iter().find(|measured| measured.measure == *measure).map_or(&[], |measured| &measured.series)
    }

    /// The same evidence, and this many open sessions.
    #[must_use]
    pub fn with_sessions(self, sessions: u32) -> Self {
        Self { sessions: Some(sessions), ..self }
    }

    /// How many sessions are open. `None` if that was not read.
    #[must_use]
    pub const fn sessions(&self) -> Option<u32> {
        self.sessions
    }
}

impl FromIterator<(Measure, Series)> for Evidence {
    fn from_iter<T: IntoIterator<Item = (Measure, Series)>>(series: T) -> Self {
        let mut evidence = Self::default();
        series.into_iter().for_each(|(measure, series)| evidence.add(measure, series));
        evidence
    }
}

/// Datapoints as a log line holds thousands of them: the first one's second, then pairs of seconds since then and value. JSON
/// has no numbers for what is not finite, so these are texts.
mod points_in_brief {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    use super::Datapoint;

    #[derive(Serialize, Deserialize)]
    struct Brief {
        from: i64,
        points: Vec<(i64, Value)>,
    }

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Value {
        Finite(f64),
        Other(String),
    }

    pub(super) fn serialize<S: Serializer>(points: &[Datapoint], serializer: S) -> Result<S::Ok, S::Error> {
        let from = points.first().map_or(0, |point| point.at.as_second());
        let brief = |point: &Datapoint| (point.at.as_second() - from, Value::of(point.value));
        Brief { from, points: points.iter().map(brief).collect() }.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Datapoint>, D::Error> {
        let Brief { from, points } = Brief::deserialize(deserializer)?;
        let point = |(seconds, value): (i64, Value)| {
            let at = from.checked_add(seconds).and_then(|second| Timestamp::from_second(second).ok());
            Ok(Datapoint { at: at.ok_or_else(|| D::Error::custom("a time out of range"))?, value: value.read()? })
        };
        points.into_iter().map(point).collect()
    }

    impl Value {
        fn of(value: f64) -> Self {
            if value.is_finite() { Self::Finite(value) } else { Self::Other(value.to_string()) }
        }

        fn read<E: Error>(self) -> Result<f64, E> {
            match self {
                Self::Finite(value) => Ok(value),
                Self::Other(text) => text.parse().map_err(|_| E::custom("expected a number")),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::metric::{Metric, Statistic};

    #[test]
    fn evidence_survives_the_log() {
        let point = |second, value| Datapoint { at: Timestamp::from_second(second).expect("in range"), value };
        let points =
            vec![point(1_700_000_000, 0.1 + 0.2), point(1_700_000_300, f64::INFINITY), point(1_699_999_700, 1e-300)];
        let measure = Measure { metric: Metric::GPU, statistic: Statistic::Max, period: SignedDuration::from_mins(5) };
        let mut evidence = Evidence::default().with_sessions(2);
        evidence.add(measure.clone(), Series { status: SeriesStatus::PartialData, points });
        evidence.add(measure, Series::default());
        let json = serde_json::to_string(&evidence).expect("serializes");
        assert_eq!(serde_json::from_str::<Evidence>(&json).ok(), Some(evidence));
        assert!(
            json.contains(r#""from":1700000000,"points":[[0,0.30000000000000004],[300,"inf"],[-300,1e-300]]"#),
            "{json}"
        );
    }

    #[test]
    fn a_damaged_line_is_an_error() {
        for points in [r#"{"from":9223372036854775807,"points":[[1,0]]}"#, r#"{"from":0,"points":[[0,"much"]]}"#] {
            let json = format!(r#"{{"status":"complete","points":{points}}}"#);
            assert!(serde_json::from_str::<Series>(&json).is_err(), "{json}");
        }
    }
}
