//! An independent, slower statement of what a stop must be able to show. It reads the policy's figures, and shares no
//! arithmetic with what it is compared with.

use std::collections::BTreeMap;

use idleness::{
    Hardware, InstanceState, InstanceType, Market, Measure, Metric, Policy, Presence, RootDevice, Series, SeriesStatus,
    Signal, Statistic, StopProtection, Unit,
};

use super::cases::{Case, Window};

pub fn is_proven_idle(case: &Case) -> bool {
    case.instance.state == InstanceState::Running
        && nobody_asks_to_keep(case)
        && !matches!(case.instance.market, Market::SpotOneTime | Market::SpotUnknown)
        && case.instance.root_device != RootDevice::InstanceStore
        && case.instance.stop_protection != StopProtection::On
        && uptime_seconds(case).is_some_and(|uptime| uptime >= case.policy().minimum_uptime.as_secs())
        && measurements_prove_it(case)
        && (!case.policy().heeds_sessions || case.sessions == Some(0))
        && grace_is_over(case)
}

fn nobody_asks_to_keep(case: &Case) -> bool {
    let wanted = &case.tags;
    let is_open = |windows: &Vec<Window>| windows.iter().any(|window| is_open(window, case.now.as_second()));
    wanted.opted_in
        && wanted.keeping.is_none()
        && wanted.keep_until.is_none_or(|until| until <= case.now)
        && !wanted.schedule.as_ref().is_some_and(is_open)
}

pub fn is_open(window: &Window, now: i64) -> bool {
    let Window { days: (first, last), opens, closes, zone: (_, ahead) } = window;
    let local_minute = (now + ahead * 60).div_euclid(60);
    let [opens, mut closes] = [i64::from(*opens), i64::from(*closes)];
    if closes < opens {
        closes += 1440;
    }
    [0, 1].into_iter().any(|days_ago| {
        let day = local_minute.div_euclid(1440) - days_ago;
        // 1970-01-01 was a Thursday.
        let weekday = (day + 3).rem_euclid(7);
        let days_after_first = (weekday - i64::from(*first)).rem_euclid(7);
        let is_its_day = days_after_first <= (i64::from(*last) - i64::from(*first)).rem_euclid(7);
        let minute = local_minute - day * 1440;
        is_its_day && opens <= minute && minute < closes
    })
}

fn uptime_seconds(case: &Case) -> Option<i64> {
    Some(case.now.as_second() - case.instance.launched_at?.as_second())
}

fn grace_is_over(case: &Case) -> bool {
    let now = case.now.as_second();
    let grace = case.rules.grace.as_secs();
    match case.tags.stop_at.map(jiff::Timestamp::as_second) {
        Some(stop_at) if now < stop_at => false,
        Some(stop_at) if grace > 0 => {
            let was_up = uptime_seconds(case).is_some_and(|uptime| now - uptime <= stop_at - grace);
            was_up && now - stop_at < 24 * 3600
        }
        Some(_) => true,
        None => grace == 0,
    }
}

fn measurements_prove_it(case: &Case) -> bool {
    let has_gpu = case.instance.instance_type == InstanceType::from_name("g5.xlarge");
    let counts_cores = |signal: &Signal| signal.unit == Unit::Vcpus && signal.presence == Presence::Optional;
    let is_uncountable = |signal: &Signal| counts_cores(signal) && case.instance.vcpus.is_none();
    let is_meant = |signal: &&Signal| (signal.hardware == Hardware::Any || has_gpu) && !is_uncountable(signal);
    let policy = case.policy();
    let proofs: Vec<Proof> =
        policy.signals.iter().filter(is_meant).map(|signal| Heard::of(signal, policy, case).proof()).collect();
    !proofs.contains(&Proof::None) && proofs.contains(&Proof::Idle)
}

#[derive(PartialEq)]
enum Proof {
    Idle,
    /// The signal is optional, and silent.
    Silence,
    None,
}

/// What one series says about the periods of the lookback, counted back from the last complete one: 0, -1, -2, … The
/// period still running is 1.
type Voice = BTreeMap<i64, f64>;

/// Everything that was heard of one signal, metric by metric.
struct Heard<'a> {
    signal: &'a Signal,
    policy: &'a Policy,
    case: &'a Case,
    periods: i64,
    statuses: Vec<SeriesStatus>,
    metrics: Vec<Vec<Voice>>,
}

impl<'a> Heard<'a> {
    fn of(signal: &'a Signal, policy: &'a Policy, case: &'a Case) -> Self {
        // The whole lookback is looked at: the oldest period may begin before it.
        let periods = (policy.lookback.as_secs() + signal.period.as_secs() - 1) / signal.period.as_secs();
        let is_its = |measure: &Measure, metric: &Metric| {
            measure.metric == *metric && measure.statistic == signal.statistic && measure.period == signal.period
        };
        let mut heard = Self { signal, policy, case, periods, statuses: Vec::new(), metrics: Vec::new() };
        for metric in &signal.metrics {
            let its: Vec<&Series> =
                case.measured.iter().filter(|(measure, _)| is_its(measure, metric)).map(|(_, series)| series).collect();
            heard.statuses.extend(its.iter().map(|series| series.status));
            heard.metrics.push(its.into_iter().map(|series| heard.voice(series)).collect());
        }
        heard
    }

    /// The larger value counts where there are two for one period; a value that cannot be stays one.
    fn voice(&self, series: &Series) -> Voice {
        let period = self.signal.period.as_secs();
        let running = self.case.now.as_second() / period;
        let mut voice = Voice::new();
        for point in &series.points {
            let position = point.at.as_second().div_euclid(period) - running + 1;
            let known = voice.get(&position).copied().unwrap_or(0.0_f64);
            let is_sound = point.value.is_finite() && point.value >= 0.0;
            let value = if is_sound && !known.is_nan() { known.max(point.value) } else { f64::NAN };
            // One period more than the lookback, for the newest may be on its way.
            if (-self.periods..=1).contains(&position) {
                voice.insert(position, value);
            }
        }
        voice
    }

    fn voices(&self) -> impl Iterator<Item = &Voice> {
        self.metrics.iter().flatten()
    }

    fn proof(&self) -> Proof {
        let is_missing = |status: &SeriesStatus| matches!(status, SeriesStatus::Complete | SeriesStatus::Absent);
        let is_silent = self.voices().all(BTreeMap::is_empty) && self.statuses.iter().all(is_missing);
        if is_silent && self.signal.presence == Presence::Optional {
            return Proof::Silence;
        }
        let is_known = self.metrics.iter().all(|voices| !voices.is_empty())
            && self.statuses.iter().all(|status| *status == SeriesStatus::Complete)
            && self.voices().flat_map(BTreeMap::values).all(|value| value.is_finite())
            && (self.signal.unit != Unit::Vcpus || self.case.instance.vcpus.is_some());
        if is_known && self.is_at_rest() { Proof::Idle } else { Proof::None }
    }

    fn is_at_rest(&self) -> bool {
        let oldest = -self.periods;
        let complete: Vec<i64> = (oldest..=0).filter(|at| self.voices().all(|voice| voice.contains_key(at))).collect();
        let Some(newest_complete) = complete.last() else { return false };
        let in_lookback = complete.iter().filter(|at| **at > oldest).count();
        let known = i64::try_from(in_lookback).expect("few");
        let is_covered = known * 100 >= self.periods * i64::from(u8::from(self.policy.coverage));

        // What is above by no more than rounding is not above.
        let above: Vec<i64> = (oldest..=1).filter(|at| self.value(*at) > self.signal.limit * (1.0 + 1e-9)).collect();
        let allowed = known * i64::from(u8::from(self.signal.allowed_above)) / 100;
        let is_at_work_now = above.iter().any(|at| at >= newest_complete);
        let few_are_above = i64::try_from(above.len()).expect("few") <= allowed;
        is_covered && *newest_complete >= -1 && few_are_above && !is_at_work_now
    }

    /// The signal's value in one period, in its unit.
    fn value(&self, at: i64) -> f64 {
        let of_metric = |voices: &Vec<Voice>| -> f64 {
            let values = voices.iter().filter_map(|voice| voice.get(&at).copied());
            match self.signal.statistic {
                Statistic::Sum => values.sum(),
                Statistic::Max | Statistic::Average => values.fold(0.0, f64::max),
            }
        };
        let sum: f64 = self.metrics.iter().map(of_metric).sum();
        match self.signal.unit {
            Unit::BytesPerSecond | Unit::OperationsPerSecond => sum / self.signal.period.as_secs_f64(),
            Unit::BytesPerDay => sum / self.signal.period.as_secs_f64() * 86_400.0,
            Unit::Vcpus => sum * f64::from(self.case.instance.vcpus.unwrap_or(0)) / 100.0,
            _ => sum,
        }
    }
}
