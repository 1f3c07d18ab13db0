//! How many metric queries fit into one `GetMetricData` call.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html>

/// The most queries one call takes.
pub const QUERIES_PER_CALL: usize = 500;
/// The most datapoints one call returns.
pub const DATAPOINTS_PER_CALL: usize = 100_800;

/// How many queries of so many datapoints each one call takes: both limits hold, and it is at least one.
#[must_use]
pub fn queries_per_call(points: usize) -> usize {
    (DATAPOINTS_PER_CALL / points.max(1)).clamp(1, QUERIES_PER_CALL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_lookback_is_bounded_by_queries_and_a_long_one_by_datapoints() {
        // One hour and 14 days in periods of five minutes, each with the period still running; and ten years.
        for (points, queries) in [(13, 500), (4033, 24), (1_051_201, 1), (0, 500), (201, 500), (202, 499)] {
            assert_eq!(queries_per_call(points), queries, "{points} datapoints");
        }
    }
}
