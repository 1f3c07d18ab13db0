//! Policies as the user writes them, in JSON: which fields there are, what they start from, and what makes no sense.

use std::{borrow::Cow, collections::BTreeMap, fmt, marker::PhantomData};

use jiff::SignedDuration;
use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Visitor},
};

use crate::{
    metric::{Dimensions, Metric, Statistic, Unit},
    percent::Percent,
    policies::InvalidPolicies,
    policy::{Hardware, Policy, Presence, Signal, points},
};

/// The most datapoints a signal may have, and all of a policy's signals together: enough for 14 days in quarters of an hour,
/// few enough for the limits of CloudWatch and for a log line that holds them all.
const POINTS_PER_SIGNAL: usize = 1440;
const POINTS_PER_POLICY: usize = 6000;
/// How many datapoints a signal has at most where its period is chosen for it: `dev-box` with its eight metrics fits then.
const POINTS_OF_FITTING_PERIOD: usize = 720;
/// CloudWatch keeps datapoints of five minutes for 63 days; a window may begin up to two days before the lookback.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html>
const LONGEST_LOOKBACK: SignedDuration = SignedDuration::from_hours(60 * 24);
/// Beyond 15 days CloudWatch has datapoints of five minutes alone; a window may begin up to a day before the lookback.
const MINUTES_ARE_KEPT: SignedDuration = SignedDuration::from_hours(14 * 24);
/// The periods that are tried, in minutes, where a lookback grows too long for the period of a signal.
const PERIODS: [i64; 6] = [1, 5, 15, 60, 360, 1440];

/// The fields of a policy.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PolicyFields {
    based_on: Option<String>,
    lookback_minutes: Option<u32>,
    minimum_uptime_minutes: Option<u32>,
    coverage_percent: Option<Percent>,
    sessions: Option<bool>,
    #[serde(default)]
    signals: Distinct<Option<SignalFields>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignalFields {
    metrics: Option<Vec<Metric>>,
    statistic: Option<Statistic>,
    period_minutes: Option<u32>,
    limit: Option<f64>,
    unit: Option<Unit>,
    allowed_percent_above: Option<Percent>,
    optional: Option<bool>,
    hardware: Option<Hardware>,
}

/// A JSON object that names nothing twice: of two policies of one name, the user meant both.
pub(crate) struct Distinct<T>(pub(crate) BTreeMap<String, T>);

impl<T> Default for Distinct<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Distinct<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Entries(PhantomData))
    }
}

struct Entries<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
    type Value = Distinct<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = BTreeMap::new();
        while let Some((name, value)) = map.next_entry::<String, T>()? {
            if entries.contains_key(&name) {
                return Err(A::Error::custom(format!("{name:?} is there twice")));
            }
            entries.insert(name, value);
        }
        Ok(Distinct(entries))
    }
}

impl PolicyFields {
    /// The policy of that name: the base with these fields.
    pub(crate) fn build(self, name: String) -> Result<Policy, InvalidPolicies> {
        let base = self.based_on.as_deref().unwrap_or(if is_preset(&name) { &name } else { "dev-box" });
        let base =
            preset(base).ok_or_else(|| InvalidPolicies::at(&name, ".based_on", "expected the name of a preset"))?;
        let lookback = self.lookback_minutes.map_or(base.lookback, minutes);
        let fit =
            |signal: Signal| if lookback == base.lookback { signal } else { signal.with_fitting_period(lookback) };
        let signals = base.signals.into_iter().map(fit).collect();
        let mut policy = Policy {
            name: Cow::Owned(name),
            lookback,
            minimum_uptime: self.minimum_uptime_minutes.map_or(base.minimum_uptime, minutes),
            coverage: self.coverage_percent.unwrap_or(base.coverage),
            heeds_sessions: self.sessions.unwrap_or(base.heeds_sessions),
            signals,
        };
        for (signal, fields) in self.signals.0 {
            policy.change_signal(signal, fields)?;
        }
        match policy.problem() {
            Some((field, problem)) => Err(InvalidPolicies::at(&policy.name, field, problem)),
            None => Ok(policy),
        }
    }
}

impl Policy {
    /// Changes a signal, adds one, or takes one out.
    fn change_signal(&mut self, name: String, fields: Option<SignalFields>) -> Result<(), InvalidPolicies> {
        let at = format!("{}.signals.{name}", self.name);
        let position = self.signals.iter().position(|known| known.name == name);
        match (fields, position) {
            (Some(fields), Some(position)) => {
                self.signals[position] = fields.build(&self.signals[position], self.lookback, &at)?;
            }
            (Some(fields), None) => {
                let base = fields
                    .base_of_new(name)
                    .ok_or_else(|| InvalidPolicies::at(&at, "", "a signal of your own needs `metrics` and `limit`"))?;
                self.signals.push(fields.build(&base.with_fitting_period(self.lookback), self.lookback, &at)?);
            }
            (None, Some(position)) => drop(self.signals.remove(position)),
            (None, None) => return Err(InvalidPolicies::at(&at, "", "there is no such signal to take out")),
        }
        Ok(())
    }

    /// What makes no sense about the policy as a whole, and in which field.
    fn problem(&self) -> Option<(&'static str, String)> {
        let expected = |field, problem: &str| Some((field, problem.to_owned()));
        if !is_name(&self.name) {
            return expected("", NAME);
        }
        if self.lookback < minutes(5) || self.lookback > LONGEST_LOOKBACK {
            return expected(".lookback_minutes", "expected 5 minutes to 60 days, in minutes");
        }
        if self.coverage == Percent::NONE {
            return expected(".coverage_percent", "expected 1 to 100: missing data proves nothing");
        }
        if self.signals.is_empty() {
            return expected(".signals", "a policy without signals proves nothing");
        }
        let points: usize = self.signals.iter().map(|signal| self.expected_points(signal) * signal.metrics.len()).sum();
        (points > POINTS_PER_POLICY).then(|| {
            let most = format!("at most {POINTS_PER_POLICY}");
            (".signals", format!("{points} datapoints an instance, {most}: choose longer periods"))
        })
    }
}

impl SignalFields {
    /// What a signal that the base has not starts from: a signal known by its name, or one of the user's own.
    fn base_of_new(&self, name: String) -> Option<Signal> {
        Signal::named(&name).or_else(|| {
            self.metrics.as_ref()?;
            Some(Signal {
                name: Cow::Owned(name),
                metrics: Vec::new(),
                statistic: Statistic::Max,
                period: minutes(5),
                limit: self.limit?,
                unit: Unit::Count,
                allowed_above: Percent::NONE,
                presence: Presence::Required,
                hardware: Hardware::Any,
            })
        })
    }

    /// The base with these fields.
    fn build(self, base: &Signal, lookback: SignedDuration, at: &str) -> Result<Signal, InvalidPolicies> {
        let signal = Signal {
            name: base.name.clone(),
            metrics: self.metrics.unwrap_or_else(|| base.metrics.clone()),
            statistic: self.statistic.unwrap_or(base.statistic),
            period: self.period_minutes.map_or(base.period, minutes),
            limit: self.limit.unwrap_or(base.limit),
            unit: self.unit.unwrap_or(base.unit),
            allowed_above: self.allowed_percent_above.unwrap_or(base.allowed_above),
            presence: match self.optional {
                Some(true) => Presence::Optional,
                Some(false) => Presence::Required,
                None => base.presence,
            },
            hardware: self.hardware.unwrap_or(base.hardware),
        };
        match signal.problem(lookback) {
            Some((field, problem)) => Err(InvalidPolicies::at(at, field, problem)),
            None => Ok(signal),
        }
    }
}

impl Signal {
    /// The signal with its period, or with the shortest longer one in which the lookback has few enough datapoints.
    fn with_fitting_period(self, lookback: SignedDuration) -> Self {
        let longer = PERIODS.into_iter().map(SignedDuration::from_mins).filter(|longer| *longer > self.period);
        let fits = |candidate: &SignedDuration| points(lookback, *candidate) <= POINTS_OF_FITTING_PERIOD;
        let period = std::iter::once(self.period).chain(longer).find(fits).unwrap_or(self.period).min(lookback);
        Self { period, ..self }
    }

    /// What makes no sense about the signal, and in which field.
    fn problem(&self, lookback: SignedDuration) -> Option<(&'static str, String)> {
        let expected = |field, problem: &str| Some((field, problem.to_owned()));
        if !is_name(&self.name) {
            return expected("", NAME);
        }
        // JSON has no number that is not finite.
        if self.limit < 0.0 {
            return expected(".limit", "expected a number, zero or more");
        }
        if !self.unit.is_of_metrics() {
            let units =
                "expected `percent`, `vcpus`, `bytes-per-second`, `bytes-per-day`, `operations-per-second` or `count`";
            return expected(".unit", units);
        }
        if self.unit.is_rate() != (self.statistic == Statistic::Sum) && self.unit != Unit::Count {
            return expected(".statistic", "expected `sum` for a rate, and `max` or `average` for anything else");
        }
        if self.metrics.is_empty() || !self.metrics.iter().all(Metric::has_names) {
            return expected(".metrics", "expected one metric or more, each with a `namespace` and a `name`");
        }
        let is_discovered = |metric: &Metric| metric.dimensions == Dimensions::Discovered;
        if lookback > MINUTES_ARE_KEPT && self.metrics.iter().any(is_discovered) {
            return expected(
                ".metrics",
                "expected a lookback of two weeks at most: CloudWatch lists no older dimensions",
            );
        }
        if self.allowed_above == Percent::ALL {
            return expected(".allowed_percent_above", "expected 0 to 99: with all of them above, nothing is idle");
        }
        if self.period < minutes(1) || self.period > lookback {
            return expected(".period_minutes", "expected 1 minute or more, and no more than the lookback");
        }
        if lookback > MINUTES_ARE_KEPT && self.period.as_mins() % 5 != 0 {
            return expected(
                ".period_minutes",
                "expected a multiple of 5: CloudWatch keeps single minutes for two weeks",
            );
        }
        let points = points(lookback, self.period);
        (points > POINTS_PER_SIGNAL).then(|| {
            (".period_minutes", format!("{points} datapoints, at most {POINTS_PER_SIGNAL}: choose a longer period"))
        })
    }
}

impl Metric {
    /// Whether CloudWatch could have a metric of these names.
    fn has_names(&self) -> bool {
        is_name(&self.namespace) && is_name(&self.name)
    }
}

const NAME: &str = "expected a name of at most 255 characters on one line, without spaces around it";

/// Whether a text can stand in a report, a log line and a metric's identity.
fn is_name(text: &str) -> bool {
    (1..=255).contains(&text.len()) && text.trim() == text && !text.contains(char::is_control)
}

fn preset(name: &str) -> Option<Policy> {
    Policy::presets().into_iter().find(|preset| preset.name == name)
}

fn is_preset(name: &str) -> bool {
    preset(name).is_some()
}

const fn minutes(minutes: u32) -> SignedDuration {
    SignedDuration::from_mins(minutes as i64)
}
