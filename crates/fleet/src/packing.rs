//! How many metric queries fit into one `GetMetricData` call, and how many instances fill calls to the last query.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html>

use std::collections::BTreeMap;

use idleness::{Dimensions, Instance, Part, Policy, Signal, Window};
use jiff::Timestamp;

/// The most queries one call takes.
pub const QUERIES_PER_CALL: usize = 500;
/// The most datapoints one call returns.
pub const DATAPOINTS_PER_CALL: usize = 100_800;

/// How many queries of so many datapoints each one call takes: both limits hold, and it is at least one.
#[must_use]
pub fn queries_per_call(points: usize) -> usize {
    (DATAPOINTS_PER_CALL / points.max(1)).clamp(1, QUERIES_PER_CALL)
}

/// What queries must have in common to share a call: the time that they look at, and how many datapoints each returns at most.
pub(crate) type CallKind = (Window, usize);

/// The kind of call that asks for a measure of the signal.
pub(crate) fn call_kind(policy: &Policy, signal: &Signal, now: Timestamp) -> CallKind {
    // Two more than expected: the period before the lookback is asked for, and the one still running.
    (policy.window(signal, now), policy.expected_points(signal) + 2)
}

/// How many queries of which kind are made about one instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Load(BTreeMap<CallKind, usize>);

impl Load {
    /// That of a part of the policy's signals; `None` if there is none, or if nobody can tell before the series of the instance are
    /// listed.
    pub(crate) fn of(instance: &Instance, policy: &Policy, part: Part, now: Timestamp) -> Option<Self> {
        let mut queries: BTreeMap<CallKind, usize> = BTreeMap::new();
        for (signal, measure) in policy.measures(part, instance) {
            if measure.metric.dimensions == Dimensions::Discovered {
                return None;
            }
            *queries.entry(call_kind(policy, signal, now)).or_default() += 1;
        }
        (!queries.is_empty()).then_some(Self(queries))
    }

    /// The fewest instances of this load that fill calls of each kind to the last query; `None` if they are more than `most`.
    pub(crate) fn instances_that_fill_calls(&self, most: usize) -> Option<usize> {
        let fill = |(kind, queries): (&CallKind, &usize)| {
            let per_call = queries_per_call(kind.1);
            per_call / common_divisor(per_call, *queries)
        };
        let together = |a: usize, b: usize| a / common_divisor(a, b) * b;
        // Both factors are 500 at most, so that nothing overflows before it is too many.
        self.0.iter().map(fill).try_fold(1, |all, one| Some(together(all, one)).filter(|all| *all <= most))
    }
}

/// The greatest number that divides both, of which neither is zero.
const fn common_divisor(a: usize, b: usize) -> usize {
    let (mut a, mut b) = (a, b);
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use idleness::Dimensions::{Discovered, InstanceId};

    use super::*;
    use crate::detail::tests::instance;

    fn now() -> Timestamp {
        "2026-11-21T20:03:17Z".parse().expect("is valid")
    }

    /// The fewest instances that fill calls, if they ask for so many metrics of such datapoints each.
    fn enough(kinds: &[(usize, usize)]) -> Option<usize> {
        let policy = Policy::dev_box();
        let window = policy.window(&policy.signals[0], now());
        let queries = kinds.iter().map(|(points, queries)| ((window, *points), *queries)).collect();
        Load(queries).instances_that_fill_calls(1000)
    }

    #[test]
    fn so_many_instances_fill_calls_to_the_last_query() {
        // 500 queries a call, and of two weeks in five minutes 24.
        for (kinds, instances) in [
            (&[(14, 1)][..], Some(500)),
            (&[(14, 5)], Some(100)),
            (&[(14, 7)], Some(500)),
            (&[(14, 500)], Some(1)),
            (&[(14, 1000)], Some(1)),
            (&[(4034, 1)], Some(24)),
            (&[(4034, 5)], Some(24)),
            (&[(4034, 6)], Some(4)),
            (&[(14, 5), (4034, 6)], Some(100)),
            (&[(14, 1), (4034, 5)], None),
            (&[(1_051_201, 3)], Some(1)),
        ] {
            assert_eq!(enough(kinds), instances, "{kinds:?}");
            let Some(instances) = instances else { continue };
            for (points, queries) in kinds {
                assert_eq!(instances * queries % queries_per_call(*points), 0, "{kinds:?}");
            }
        }
    }

    #[test]
    fn nobody_can_tell_how_many_series_are_to_be_listed() {
        let (instance, mut policy) = (Instance { vcpus: Some(2), ..instance("i-0abc1234") }, Policy::dev_box());
        let load = |policy: &Policy, part| Load::of(&instance, policy, part, now());
        assert_eq!(load(&policy, Part::First).and_then(|load| load.instances_that_fill_calls(1000)), Some(500));
        assert_eq!(load(&policy, Part::Rest).and_then(|load| load.instances_that_fill_calls(1000)), Some(100));
        for (dimensions, is_known) in [(InstanceId, true), (Discovered, false)] {
            policy.signals[3].metrics[0].dimensions = dimensions;
            assert_eq!(load(&policy, Part::Rest).is_some(), is_known);
        }
        policy.signals.clear();
        assert_eq!(load(&policy, Part::Whole), None);
    }

    #[test]
    fn a_short_lookback_is_bounded_by_queries_and_a_long_one_by_datapoints() {
        // One hour and 14 days in periods of five minutes, each with the period still running; and ten years.
        for (points, queries) in [(13, 500), (4033, 24), (1_051_201, 1), (0, 500), (201, 500), (202, 499)] {
            assert_eq!(queries_per_call(points), queries, "{points} datapoints");
        }
    }
}
