//! The passing of time within a run.
#![expect(async_fn_in_trait, reason = "the function runs on one thread, so no caller needs the futures to be `Send`")]

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// What tells how long a run has taken, and waits.
pub trait Clock {
    /// The time since the run began.
    fn now(&self) -> Duration;

    /// Waits until that time since the run began, if it is not over.
    async fn wait_until(&self, time: Duration);
}

/// The machine's clock.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch {
    began: Instant,
}

impl Stopwatch {
    /// The run begins now.
    #[must_use]
    pub fn start() -> Self {
        Self { began: Instant::now() }
    }
}

impl Clock for Stopwatch {
    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    async fn wait_until(&self, time: Duration) {
        sleep_until(self.began + time).await;
    }
}
