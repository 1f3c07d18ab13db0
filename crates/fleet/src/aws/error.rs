//! From the SDK's errors to ours.

use aws_sdk_ec2::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};

use super::deadline::is_out_of_time;
use crate::ApiError;

/// Names what went wrong: by the service's own code where it answered, else by what did not work.
#[must_use]
pub fn api_error<E, R>(operation: &'static str, error: &SdkError<E, R>) -> ApiError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    if is_out_of_time(error) {
        return ApiError::out_of_time(operation);
    }
    let code = match error {
        SdkError::ServiceError(_) => error.code().unwrap_or(ApiError::BAD_ANSWER),
        SdkError::TimeoutError(_) => ApiError::TIMEOUT,
        SdkError::DispatchFailure(failure) if failure.is_timeout() => ApiError::TIMEOUT,
        SdkError::DispatchFailure(_) => ApiError::NO_CONNECTION,
        _ => ApiError::BAD_ANSWER,
    };
    match error.message() {
        Some(message) => ApiError::new(operation, code, message),
        None => ApiError::new(operation, code, &causes(error)),
    }
}

/// The chain of causes without their `Debug` half, which would repeat headers and bodies.
fn causes<E, R>(error: &SdkError<E, R>) -> String
where
    E: std::error::Error + 'static,
    R: std::fmt::Debug,
{
    let with_debug = DisplayErrorContext(error).to_string();
    with_debug.split(" (").next().unwrap_or_default().to_owned()
}
