//! What was asked for.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

/// The calls that came in, and what they cost.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tally {
    /// How often each operation was called.
    pub calls: BTreeMap<String, usize>,
    /// For how many metrics `GetMetricData` was asked, or how often `GetMetricStatistics` was called.
    pub metrics: usize,
    /// How many datapoints were returned.
    pub datapoints: usize,
    /// How many connections were opened.
    pub connections: usize,
    /// How long answers were in the making, without the time that they were held back for.
    pub busy: Duration,
}

impl Tally {
    /// All calls.
    #[must_use]
    pub(crate) fn total(&self) -> usize {
        self.calls.values().sum()
    }

    /// How often an operation was called.
    #[must_use]
    pub(crate) fn of(&self, operation: &str) -> usize {
        self.calls.get(operation).copied().unwrap_or_default()
    }

    /// The calls that read metrics.
    #[must_use]
    pub(crate) fn of_metrics(&self) -> usize {
        self.of("GetMetricData") + self.of("GetMetricStatistics")
    }
}
