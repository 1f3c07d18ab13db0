//! What is not tried again at once: a start that capacity refused.

use aws_sdk_ec2::{
    config::{
        interceptors::InterceptorContext,
        retry::{ClassifyRetry, RetryAction},
    },
    error::ProvideErrorMetadata,
    operation::start_instances::StartInstancesError,
};

use crate::ApiError;

/// EC2 answers a lack of capacity with the status 500, which the SDK takes for a failure of a moment. More calls within
/// seconds would find no capacity either, and use up the few that the account has for starts.
#[derive(Debug)]
pub(super) struct NoCapacity;

impl ClassifyRetry for NoCapacity {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let error = context.output_or_error().and_then(Result::err).and_then(|error| error.as_operation_error());
        let code = error.and_then(|error| error.downcast_ref::<StartInstancesError>()).and_then(|error| error.code());
        match code {
            Some(code) if ApiError::code_is_about_capacity(code) => RetryAction::RetryForbidden,
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "no capacity"
    }
}
