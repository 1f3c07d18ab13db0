//! The end of the function's time. A call that could not be seen through any more is not begun, so that what was done can
//! still be reported.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use aws_sdk_ec2::{
    config::{ConfigBag, Intercept, RuntimeComponents, interceptors::BeforeTransmitInterceptorContextRef},
    error::BoxError,
};

use super::{LONGEST_ATTEMPT, LONGEST_CALL};

/// When no further attempt, and no further change, is begun.
#[derive(Clone, Copy, Debug)]
struct Ends {
    attempts: Instant,
    changes: Instant,
}

/// The time that is left, shared by the clients of all services.
#[derive(Clone, Debug, Default)]
pub(super) struct Deadline(Arc<Mutex<Option<Ends>>>);

/// Why a call was not made.
#[derive(Debug, thiserror::Error)]
#[error("no time is left")]
pub(super) struct OutOfTime;

impl Deadline {
    /// Everything is to be over by then. Where that is so soon that one call could take all of it, calls are begun all the
    /// same, and as many as half of the time allows.
    pub(super) fn set(&self, left: Option<Duration>) {
        let now = Instant::now();
        let ends = left.map(|left| {
            let until = |longest: Duration| now + left.saturating_sub(longest.min(left / 2));
            // A change is noted before it is made: two calls.
            Ends { attempts: until(LONGEST_ATTEMPT), changes: until(LONGEST_CALL * 2) }
        });
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = ends;
    }

    pub(super) fn allows_change(&self) -> bool {
        self.allows_change_in(Duration::ZERO)
    }

    /// Whether a change may still be begun after such a wait.
    pub(super) fn allows_change_in(&self, wait: Duration) -> bool {
        self.get().is_none_or(|ends| Instant::now() + wait < ends.changes)
    }

    fn allows_attempt(&self) -> bool {
        self.get().is_none_or(|ends| Instant::now() < ends.attempts)
    }

    fn get(&self) -> Option<Ends> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Intercept for Deadline {
    fn name(&self) -> &'static str {
        "Deadline"
    }

    fn read_before_attempt(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if self.allows_attempt() { Ok(()) } else { Err(OutOfTime.into()) }
    }
}

/// Whether it is for lack of time that a call failed.
pub(super) fn is_out_of_time(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source()).any(<dyn std::error::Error>::is::<OutOfTime>)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_and_its_note_are_seen_through() {
        let deadline = Deadline::default();
        let allows = |seconds| deadline.allows_change_in(Duration::from_secs(seconds));
        deadline.set(Some(Duration::from_mins(1)));
        assert_eq!((allows(29), allows(31)), (true, false), "two calls of fifteen seconds");
        deadline.set(Some(Duration::from_secs(20)));
        assert_eq!((allows(9), allows(11)), (true, false), "half of the time");
        deadline.set(None);
        assert!(allows(3600), "there is no end");
    }
}
