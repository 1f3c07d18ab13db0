//! What a run did: the function's answer, and its line in the log.

use fleet::ApiError;
use jiff::Timestamp;
use journal::Metrics;
use serde::Serialize;

/// What a run did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// How many alarms were as they should be.
    pub unchanged: usize,
    /// The alarms made, by name.
    pub put: Vec<String>,
    /// The alarms taken away, by name.
    pub removed: Vec<String>,
    /// What could not be done. The next run tries again.
    pub failed: Vec<Failed>,
    /// How many changes were left to the next run, for want of time or because CloudWatch refuses all of them.
    pub left: usize,
}

impl Report {
    /// What CloudWatch counts of the run: calls that failed, which make no run fail. An alarm watches their number.
    #[must_use]
    pub fn metrics(&self, function: &str, at: Timestamp) -> Option<Metrics> {
        let refused = self.failed.len();
        (refused > 0).then(|| Metrics::new(function, at).count("RefusedAlarms", refused))
    }
}

/// A change that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failed {
    /// The alarm's name; of alarms that were to go together, the first one's.
    pub alarm: String,
    /// CloudWatch's error code, or one of `ApiError`'s own.
    pub code: String,
    /// What went wrong.
    pub message: String,
}

impl Failed {
    pub(crate) fn new(alarm: &str, error: &ApiError) -> Self {
        Self { alarm: alarm.to_owned(), code: error.code.clone(), message: error.to_string() }
    }
}
