//! EC2's own pace of starts, as far as one process can keep to it: a call that EC2 throttles is tried again, and only makes more.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How many calls of `StartInstances` the full bucket of an account and Region holds, and how long one more takes to come.
/// <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html>
const AT_ONCE: u32 = 5;
const ONE_MORE: Duration = Duration::from_millis(500);

/// When EC2's bucket is full again, as far as the calls of this process go.
#[derive(Clone, Debug, Default)]
pub(super) struct Pace(Arc<Mutex<Option<Instant>>>);

impl Pace {
    /// Takes one call from the bucket; returns how long to wait before it is made. `None`, and nothing is taken, if there is no
    /// time for such a wait.
    pub(super) fn take(&self, now: Instant, has_time: impl FnOnce(Duration) -> bool) -> Option<Duration> {
        let mut full_at = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (wait, then_full_at) = taken(*full_at, now);
        has_time(wait).then(|| {
            *full_at = Some(then_full_at);
            wait
        })
    }
}

/// How long to wait for one call, and when the bucket is full after it.
fn taken(full_at: Option<Instant>, now: Instant) -> (Duration, Instant) {
    let full_at = full_at.map_or(now, |full_at| full_at.max(now)) + ONE_MORE;
    (full_at.duration_since(now).saturating_sub(ONE_MORE * AT_ONCE), full_at)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The waits, in milliseconds, of calls that are asked for at these moments.
    fn waits(moments: &[u64]) -> Vec<u128> {
        let (pace, began) = (Pace::default(), Instant::now());
        let take =
            |moment: &u64| pace.take(began + Duration::from_millis(*moment), |_| true).expect("has time").as_millis();
        moments.iter().map(take).collect()
    }

    #[test]
    fn five_go_at_once_and_two_more_a_second() {
        assert_eq!(waits(&[0; 9]), [0, 0, 0, 0, 0, 500, 1000, 1500, 2000]);
    }

    #[test]
    fn calls_that_keep_the_pace_by_themselves_do_not_wait() {
        let moments: Vec<u64> = (0..100).map(|call| call * 500).collect();
        assert!(waits(&moments).iter().all(|wait| *wait == 0));
    }

    #[test]
    fn the_bucket_fills_again_but_never_over_its_brim() {
        assert_eq!(waits(&[0, 0, 0, 0, 0, 1000, 1000, 1000]), [0, 0, 0, 0, 0, 0, 0, 500]);
        assert_eq!(
            waits(&[0, 3_600_000, 3_600_000, 3_600_000, 3_600_000, 3_600_000, 3_600_000]),
            [0, 0, 0, 0, 0, 0, 500]
        );
    }

    #[test]
    fn its_clones_share_the_bucket() {
        let (pace, now) = (Pace::default(), Instant::now());
        for _ in 0..AT_ONCE {
            assert_eq!(pace.clone().take(now, |_| true), Some(Duration::ZERO));
        }
        assert_eq!(pace.take(now, |_| true), Some(ONE_MORE));
    }

    #[test]
    fn what_is_not_made_takes_nothing() {
        let (pace, now) = (Pace::default(), Instant::now());
        for _ in 0..20 {
            assert_eq!(pace.take(now, |_| false), None);
        }
        assert_eq!(pace.take(now, |wait| wait.is_zero()), Some(Duration::ZERO));
    }
}
