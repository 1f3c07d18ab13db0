//! When an instance may be stopped, said once more and more plainly. It reads what a policy says, and shares no arithmetic with
//! the crate that decides. It may allow what is kept all the same; what it does not allow, must be kept.

use std::collections::BTreeMap;

use idleness::{
    Hardware, InstanceState, Market, Measure, Percent, Policy, Presence, RootDevice, Series, SeriesStatus, Signal,
    Statistic, StopProtection, Unit,
};
use jiff::Timestamp;

use super::Case;

/// Far more than any rounding, far less than any limit.
const ROUNDING: f64 = 1e-9;

/// The values of one series, by period: 0 is the last complete one, those before are negative, the one still running is 1.
type Values = BTreeMap<i64, Vec<f64>>;

impl Case {
    pub(super) fn may_stop(&self) -> bool {
        let Self { instance, rules, now, sessions, .. } = self;
        let policy = rules.policies.default_policy();
        let uptime = instance.launched_at.map(|launched_at| now.duration_since(launched_at));
        let meant: Vec<&Signal> = policy.signals.iter().filter(|signal| self.is_meant(signal)).collect();
        instance.tags.get("doze") == Some("on")
            && instance.tags.get("aws:autoscaling:groupName").is_none()
            && instance.tags.get("doze:schedule").is_none()
            && ["doze:keep-until", "doze:stop-at"].into_iter().all(|key| self.is_past(key))
            && (rules.grace.is_zero() || instance.tags.get("doze:stop-at").is_some())
            && instance.state == InstanceState::Running
            && matches!(instance.market, Market::OnDemand | Market::SpotPersistent)
            && instance.root_device != RootDevice::InstanceStore
            && instance.stop_protection != StopProtection::On
            && uptime.is_some_and(|uptime| uptime >= policy.minimum_uptime)
            && (!policy.heeds_sessions || *sessions == Some(0))
            && meant.iter().all(|signal| self.is_silent(signal) || self.is_at_rest(signal))
            && meant.iter().any(|signal| !self.is_silent(signal))
    }

    fn is_past(&self, key: &str) -> bool {
        let tag = self.instance.tags.get(key).map(|text| text.parse::<Timestamp>().expect("was written by `tags`"));
        tag.is_none_or(|at| at <= self.now)
    }

    fn is_meant(&self, signal: &Signal) -> bool {
        let has_hardware = signal.hardware == Hardware::Any || self.instance.instance_type.as_str() == "g5.xlarge";
        let is_countable = signal.unit != Unit::Vcpus || self.instance.vcpus.is_some();
        has_hardware && (is_countable || signal.presence == Presence::Required)
    }

    /// Series by metric.
    fn series(&self, signal: &Signal) -> Vec<Vec<&Series>> {
        let of = |measure: Measure| self.measured.iter().filter(move |(own, _)| *own == measure);
        signal.measures().map(|measure| of(measure).map(|(_, series)| series).collect()).collect()
    }

    /// Periods before the last complete one, which is 0; the one still running is 1.
    fn position(&self, signal: &Signal, at: Timestamp) -> i64 {
        let period = signal.period.as_secs();
        at.as_second().div_euclid(period) - self.now.as_second().div_euclid(period) + 1
    }

    /// The values within the window, by period.
    fn values(&self, signal: &Signal, series: &Series) -> Values {
        let mut values: Values = BTreeMap::new();
        for point in &series.points {
            let position = self.position(signal, point.at);
            if (-periods(self.rules.policies.default_policy(), signal)..=1).contains(&position) {
                values.entry(position).or_default().push(point.value);
            }
        }
        values
    }

    fn is_silent(&self, signal: &Signal) -> bool {
        let says_nothing = |series: &Series| {
            matches!(series.status, SeriesStatus::Complete | SeriesStatus::Absent)
                && self.values(signal, series).is_empty()
        };
        signal.presence == Presence::Optional && self.series(signal).into_iter().flatten().all(says_nothing)
    }

    fn is_at_rest(&self, signal: &Signal) -> bool {
        let policy = self.rules.policies.default_policy();
        let metrics = self.series(signal);
        let values: Vec<Vec<Values>> =
            metrics.iter().map(|series| series.iter().map(|series| self.values(signal, series)).collect()).collect();
        let all = || values.iter().flatten();
        let is_sound = metrics.iter().all(|series| !series.is_empty())
            && metrics.iter().flatten().all(|series| series.status == SeriesStatus::Complete)
            && all().flat_map(BTreeMap::values).flatten().all(|value| value.is_finite() && *value >= 0.0)
            && (signal.unit != Unit::Vcpus || self.instance.vcpus.is_some());
        let oldest = 1 - periods(policy, signal);
        let complete: Vec<i64> = (oldest..=0).filter(|at| all().all(|series| series.contains_key(at))).collect();
        let count = i64::try_from(complete.len()).expect("few");
        let share = |percent: Percent| i64::from(u8::from(percent));
        let is_covered = count * 100 >= share(policy.coverage) * periods(policy, signal) && count > 0;
        let limit = signal.limit * (1.0 + ROUNDING);
        let above: Vec<i64> = (oldest - 1..=1).filter(|at| self.observed(signal, &values, *at) > limit).collect();
        let is_above_now = complete.last().is_some_and(|newest| above.iter().any(|at| at >= newest));
        let few_are_above = i64::try_from(above.len()).expect("few") * 100 <= share(signal.allowed_above) * count;
        is_sound && is_covered && complete.last().is_some_and(|newest| *newest >= -1) && few_are_above && !is_above_now
    }

    /// What is known of one period alone, in the signal's unit.
    fn observed(&self, signal: &Signal, values: &[Vec<Values>], at: i64) -> f64 {
        let of_series = |series: &Values| series.get(&at).into_iter().flatten().copied().fold(0.0, f64::max);
        let of_metric = |series: &Vec<_>| match signal.statistic {
            Statistic::Sum => series.iter().map(of_series).sum::<f64>(),
            Statistic::Max | Statistic::Average => series.iter().map(of_series).fold(0.0, f64::max),
        };
        let sum: f64 = values.iter().map(of_metric).sum();
        let seconds = signal.period.as_secs_f64();
        match signal.unit {
            Unit::BytesPerSecond | Unit::OperationsPerSecond => sum / seconds,
            Unit::BytesPerDay => sum / seconds * 86_400.0,
            Unit::Vcpus => sum / 100.0 * f64::from(self.instance.vcpus.unwrap_or_default()),
            _ => sum,
        }
    }
}

/// How many periods it takes to cover the lookback.
fn periods(policy: &Policy, signal: &Signal) -> i64 {
    (policy.lookback.as_secs() + signal.period.as_secs() - 1) / signal.period.as_secs()
}
