//! A failed AWS call, in words that may be logged.

/// A call that failed after the SDK's own retries.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{operation} failed: {code}: {message}")]
pub struct ApiError {
    /// The API operation, as IAM names it: `ec2:StopInstances`.
    pub operation: &'static str,
    /// The service's error code, or one of our own: `Timeout`, `NoConnection`, `BadAnswer`, `deadline`.
    pub code: String,
    /// The service's message, without the encoded part.
    pub message: String,
}

impl ApiError {
    /// The answer never came, so that the effect is unknown.
    pub const TIMEOUT: &str = "Timeout";
    /// The connection could not be made, or broke.
    pub const NO_CONNECTION: &str = "NoConnection";
    /// An answer came that makes no sense.
    pub const BAD_ANSWER: &str = "BadAnswer";
    /// The call was not made, since the function's time is over: the next run makes it.
    pub const DEADLINE: &str = "deadline";

    /// An action that was not begun, for lack of time.
    #[must_use]
    pub fn out_of_time(operation: &'static str) -> Self {
        Self::new(operation, Self::DEADLINE, "no time is left; the next run does it")
    }

    /// An error whose message is cut before IAM's encoded authorization message: that text is long, names the caller's
    /// policies once decoded, and belongs into no log.
    pub fn new(operation: &'static str, code: impl Into<String>, message: &str) -> Self {
        const ENCODED: &str = "Encoded authorization failure message";
        let readable = message.split(ENCODED).next().unwrap_or_default().trim();
        Self { operation, code: code.into(), message: readable.to_owned() }
    }

    /// Whether EC2 refused for what the instance is, or is not to be touched. Never true of throttling and of failures of EC2's
    /// own, which say nothing of the instance.
    /// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>
    #[must_use]
    pub fn is_about_single_ids(&self) -> bool {
        Self::code_is_about_single_ids(&self.code)
    }

    /// Whether the same call would fail for any ids, so that dividing them only costs calls: EC2 is throttling or failing, did
    /// not answer, or knows the caller not. Any other refusal may be about some of the ids, whatever its code: EC2 has many.
    #[must_use]
    pub fn is_about_everybody(&self) -> bool {
        matches!(
            self.code.as_str(),
            Self::TIMEOUT
                | Self::NO_CONNECTION
                | Self::BAD_ANSWER
                | Self::DEADLINE
                | "AuthFailure"
                | "Blocked"
                | "InternalError"
                | "InternalFailure"
                | "OptInRequired"
                | "PendingVerification"
                | "RequestExpired"
                | "RequestLimitExceeded"
                | "ServiceUnavailable"
                | "Throttling"
                | "ThrottlingException"
                | "UnauthorizedOperation"
                | "Unavailable"
        )
    }

    /// Whether EC2 has no capacity for what was asked, or none that the account may have: nobody's fault, and over some time
    /// later.
    /// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>
    #[must_use]
    pub fn is_about_capacity(&self) -> bool {
        Self::code_is_about_capacity(&self.code)
    }

    /// The same of an error's code.
    #[must_use]
    pub fn code_is_about_capacity(code: &str) -> bool {
        matches!(
            code,
            "InsufficientInstanceCapacity"
                | "InsufficientHostCapacity"
                | "InsufficientCapacityOnHost"
                | "InsufficientCapacity"
                | "ReservationCapacityExceeded"
        ) || Self::code_is_about_quota(code)
    }

    /// Whether the account may have no more of it, by an error's code.
    #[must_use]
    pub fn code_is_about_quota(code: &str) -> bool {
        matches!(code, "VcpuLimitExceeded" | "InstanceLimitExceeded" | "MaxSpotInstanceCountExceeded")
    }

    /// The same as `is_about_single_ids`, of an error's code.
    #[must_use]
    pub fn code_is_about_single_ids(code: &str) -> bool {
        matches!(
            code,
            "InvalidInstanceID.NotFound"
                | "InvalidInstanceID.Malformed"
                | "IncorrectInstanceState"
                | "OperationNotPermitted"
                | "UnsupportedOperation"
                | "UnauthorizedOperation"
                | "TagLimitExceeded"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoded_authorization_message_is_cut() {
        let message = "You are not authorized to perform this operation. User: arn:aws:sts::1:assumed-role/r/s is not \
                       authorized to perform: ec2:StopInstances on resource: arn:aws:ec2:eu-west-1:1:instance/i-0abc1234. \
                       Encoded authorization failure message: 4GIOHlTkIaWHQD0Q0m6XSnuUMCm";
        let error = ApiError::new("ec2:StopInstances", "UnauthorizedOperation", message);
        assert!(error.message.ends_with("instance/i-0abc1234."), "{}", error.message);
        assert!(!error.to_string().contains("4GIOH"));
    }

    #[test]
    fn throttling_is_nobodys_fault() {
        for code in ["RequestLimitExceeded", "Throttling", "ServiceUnavailable", ApiError::TIMEOUT] {
            assert!(!ApiError::new("ec2:StopInstances", code, "").is_about_single_ids(), "{code}");
        }
    }
}
