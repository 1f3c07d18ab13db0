//! How long an answer is waited for.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use fleet::{ApiError, AwsFleet, ChangeFleet, ReadFleet};
use scripted::Unreachable;

use crate::support::{Answer, Endpoint, Pointed as _, config_for, ec2, id};

/// Longer than any call may take.
const FOREVER: Duration = Duration::from_mins(2);

/// One attempt without an end would take the whole time, and attempts without an end of all of them would each take theirs.
#[tokio::test]
async fn a_call_that_hangs_is_tried_again_and_then_given_up() {
    let endpoint = Endpoint::always(Answer::Late(FOREVER, Box::new(ec2::instances([], None))));
    let outcomes = endpoint.fleet().await.stop(&[id(1)]).await;
    assert_eq!(outcomes[0].failure_code(), Some(ApiError::TIMEOUT));
    let calls = endpoint.calls().len();
    assert!((2..=3).contains(&calls), "{calls} attempts of six seconds in fifteen");
}

#[tokio::test]
async fn a_connection_that_is_not_made_is_given_up_before_its_attempt_is() {
    let nobody = Unreachable::new();
    let config = config_for(&nobody.address()).retry_config(RetryConfig::disabled()).build();
    let error = AwsFleet::new(&config).opted_in().await.expect_err("nobody answers");
    // Later the call would be ended for its throughput, and later still with its attempt.
    assert_eq!(
        (error.code.as_str(), error.message.as_str()),
        (ApiError::TIMEOUT, "dispatch failure: timeout: client error")
    );
}
