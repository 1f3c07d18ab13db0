//! The end of the function's time.

use std::time::{Duration, Instant};

use crate::support::{Answer, Endpoint, Pointed as _, ec2, id, instance, now, plain};
use fleet::{ApiError, ChangeFleet, ReadFleet};
use idleness::Part;

#[tokio::test]
async fn without_time_no_service_is_called() {
    let endpoint = Endpoint::always(ec2::instances([], None));
    let fleet = endpoint.fleet().await;
    fleet.finish_within(Some(Duration::ZERO));
    assert!(!fleet.has_time());
    let error = fleet.opted_in().await.expect_err("no time");
    assert_eq!((error.code.as_str(), error.operation), (ApiError::DEADLINE, "ec2:DescribeInstances"));
    let (machine, policy) = (instance(1), plain());
    let error = fleet.evidence(&[(&machine, &policy)], Part::Whole, now()).await.expect_err("no time");
    assert_eq!(error.code, ApiError::DEADLINE);
    assert!(fleet.sessions(&[id(1)]).await.is_empty());
    let outcomes = fleet.stop(&[id(1)]).await;
    assert_eq!(outcomes[0].failure_code(), Some(ApiError::DEADLINE));
    assert_eq!(fleet.tag(&[id(1)], &[("doze:stop-at", "x")]).await[0].error.code, ApiError::DEADLINE);
    assert_eq!(endpoint.calls().len(), 0);

    fleet.finish_within(None);
    assert!(fleet.has_time() && fleet.opted_in().await.is_ok());
    assert_eq!(endpoint.calls().len(), 1);
}

/// Each attempt of a call that is throttled is a call that may be too late.
#[tokio::test]
async fn a_throttled_call_is_not_tried_again_after_the_end() {
    let endpoint = Endpoint::always(Answer::ec2_error(503, "RequestLimitExceeded", "slow down"));
    let fleet = endpoint.fleet().await;
    let (limit, began) = (Duration::from_millis(200), Instant::now());
    fleet.finish_within(Some(limit));
    let error = loop {
        assert!(endpoint.calls().len() < 50, "it goes on");
        let error = fleet.opted_in().await.expect_err("is throttled");
        if error.code == ApiError::DEADLINE {
            break error;
        }
    };
    assert_eq!(error.operation, "ec2:DescribeInstances");
    assert!(began.elapsed() >= limit / 2, "half of the time is used all the same");
    let calls = endpoint.calls().len();
    assert!(fleet.opted_in().await.is_err());
    assert_eq!(endpoint.calls().len(), calls, "and then nothing is sent");
}

#[tokio::test]
async fn changes_end_before_calls_do() {
    let endpoint = Endpoint::always(ec2::instances([], None));
    let fleet = endpoint.fleet().await;
    for (seconds, has_time) in [(120, true), (40, true), (10, true), (0, false)] {
        fleet.finish_within(Some(Duration::from_secs(seconds)));
        assert_eq!(fleet.has_time(), has_time, "{seconds} seconds");
    }
    fleet.finish_within(Some(Duration::from_millis(2)));
    std::thread::sleep(Duration::from_millis(2));
    assert!(!fleet.has_time());
}
