//! Random measurements of a random case: most of them complete and low, so that many instances are idle.

use idleness::{Datapoint, Dimensions, Hardware, Measure, Presence, Series, SeriesStatus, Signal, Unit};
use jiff::{SignedDuration, Timestamp};
use proptest::{
    collection::vec,
    prelude::*,
    sample::{Index, select},
};

use super::cases::Case;

/// A series, in few words: values are shares of what the signal's limit would be, were the series alone.
#[derive(Clone, Debug)]
struct Brief {
    status: SeriesStatus,
    base: f64,
    /// Some of the newest and oldest datapoints are missing.
    newest_missing: usize,
    oldest_kept: Index,
    gaps: Vec<Index>,
    peaks: Vec<(Index, f64)>,
    /// Seconds since the start of each period.
    late: i64,
}

fn any_brief() -> impl Strategy<Value = Brief> {
    let status = prop_oneof![
        60 => Just(SeriesStatus::Complete),
        1 => select(vec![SeriesStatus::PartialData, SeriesStatus::Unanswered, SeriesStatus::Absent]),
    ];
    let base = prop_oneof![3 => Just(0.0), 6 => 0.0..0.4_f64, 1 => 0.4..1.1_f64];
    let newest_missing = prop_oneof![6 => Just(1_usize), 6 => Just(0), 3 => Just(2), 1 => 3..5_usize];
    let peak = prop_oneof![30 => 1.01..20.0_f64, 30 => 0.0..0.9_f64, 1 => select(vec![f64::NAN, f64::INFINITY, -1.0])];
    let peaks = prop_oneof![3 => Just(0..1_usize), 2 => Just(0..9)];
    let peaks = peaks.prop_flat_map(move |count| vec((any::<Index>(), peak.clone()), count));
    let gaps = prop_oneof![9 => Just(0..1_usize), 1 => Just(0..4)];
    let gaps = gaps.prop_flat_map(|count| vec(any::<Index>(), count));
    let late = prop_oneof![9 => Just(0_i64), 1 => 0..60_i64];
    let oldest_kept = any::<Index>();
    (status, base, newest_missing, oldest_kept, gaps, peaks, late).prop_map(
        |(status, base, newest_missing, oldest_kept, gaps, peaks, late)| Brief {
            status,
            base,
            newest_missing,
            oldest_kept,
            gaps,
            peaks,
            late,
        },
    )
}

pub fn any_measurements(case: &Case) -> impl Strategy<Value = Vec<(Measure, Series)>> + use<> {
    let (policy, now, vcpus) = (case.policy().clone(), case.now, case.instance.vcpus.unwrap_or(2));
    let is_needed = |signal: &Signal| signal.hardware == Hardware::Any || case.instance.instance_type.is_accelerated();
    let wanted: Vec<(Measure, f64, SignedDuration, bool)> = policy
        .signals
        .iter()
        .filter(|signal| is_needed(signal))
        .flat_map(|signal| {
            let optional = signal.presence == Presence::Optional;
            let limit = raw_limit(signal, vcpus);
            signal.measures().map(move |measure| (measure, limit, policy.lookback, optional)).collect::<Vec<_>>()
        })
        .collect();
    let strategies: Vec<_> = wanted
        .into_iter()
        .map(|(measure, limit, lookback, optional)| {
            let absent = if optional { 8 } else { 1 };
            let most = if measure.metric.dimensions == Dimensions::Discovered { 4 } else { 2 };
            let briefs = prop_oneof![absent => Just(0..1_usize), 12 => Just(1..2), 4 => Just(1..most)];
            briefs.prop_flat_map(|count| vec(any_brief(), count)).prop_map(move |briefs| {
                let series =
                    briefs.into_iter().map(|brief| (measure.clone(), spell(&brief, &measure, limit, lookback, now)));
                series.collect::<Vec<_>>()
            })
        })
        .collect();
    strategies.prop_map(|series| series.into_iter().flatten().collect())
}

/// The value of a datapoint that is at the signal's limit. Where the limit is zero, anything above it is above.
fn raw_limit(signal: &Signal, vcpus: u32) -> f64 {
    let seconds = signal.period.as_secs_f64();
    let limit = match signal.unit {
        Unit::BytesPerSecond | Unit::OperationsPerSecond => signal.limit * seconds,
        Unit::BytesPerDay => signal.limit * seconds / 86_400.0,
        Unit::Vcpus => signal.limit * 100.0 / f64::from(vcpus),
        _ => signal.limit,
    };
    limit / f64::from(u32::try_from(signal.metrics.len()).expect("few"))
}

/// The series, over the lookback, a period or two before it and the one still running.
fn spell(brief: &Brief, measure: &Measure, limit: f64, lookback: SignedDuration, now: Timestamp) -> Series {
    let period = measure.period.as_secs();
    let running = now.as_second() / period * period;
    let count = usize::try_from(lookback.as_secs() / period).expect("positive") + 3;
    let mut values: Vec<Option<f64>> = vec![Some(brief.base * limit); count];
    for (index, share) in &brief.peaks {
        *index.get_mut(&mut values) = Some(if limit == 0.0 { *share } else { share * limit });
    }
    for index in &brief.gaps {
        *index.get_mut(&mut values) = None;
    }
    values.iter_mut().rev().take(brief.newest_missing).for_each(|value| *value = None);
    // Mostly, all of the oldest are there.
    let oldest_missing = brief.oldest_kept.index(count * 10).saturating_sub(count * 9);
    values.iter_mut().take(oldest_missing).for_each(|value| *value = None);
    let points = values.into_iter().rev().zip(0..).filter_map(|(value, ago)| {
        let at = Timestamp::from_second(running - ago * period + brief.late).expect("in range");
        Some(Datapoint { at, value: value? })
    });
    Series { status: brief.status, points: points.collect() }
}
