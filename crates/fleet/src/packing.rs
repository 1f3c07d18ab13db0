//! How many metric queries fit into one `GetMetricData` call.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html>

use idleness::Policy;

/// The most queries one call takes.
pub const QUERIES_PER_CALL: usize = 500;
/// The most datapoints one call returns.
pub const DATAPOINTS_PER_CALL: usize = 100_800;

/// How many queries of this policy one call takes: both limits hold, and it is at least one.
#[must_use]
pub fn queries_per_call(policy: &Policy) -> usize {
    // One more than expected: the period still running is asked for, too.
    let points = policy.expected_points() + 1;
    (DATAPOINTS_PER_CALL / points).clamp(1, QUERIES_PER_CALL)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn a_short_lookback_is_bounded_by_queries_and_a_long_one_by_datapoints() {
        assert_eq!(queries_per_call(&Policy::dev_box()), 500);
        let fortnight = Policy { lookback: SignedDuration::from_hours(14 * 24), ..Policy::dev_box() };
        assert_eq!(fortnight.expected_points(), 4032);
        assert_eq!(queries_per_call(&fortnight), 24);
        let absurd = Policy { lookback: SignedDuration::from_hours(24 * 3650), ..Policy::dev_box() };
        assert_eq!(queries_per_call(&absurd), 1);
    }
}
