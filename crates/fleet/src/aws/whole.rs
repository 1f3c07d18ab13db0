//! EC2's answers, read to their end. The SDK reads XML that ends too early as far as it goes, and the body of an answer
//! without fields not at all.

use aws_sdk_ec2::{
    config::{ConfigBag, Intercept, RuntimeComponents, interceptors::AfterDeserializationInterceptorContextRef},
    error::BoxError,
};

#[derive(Debug)]
pub(super) struct WholeAnswers;

impl Intercept for WholeAnswers {
    fn name(&self) -> &'static str {
        "WholeAnswers"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response();
        let body = response.body().bytes().unwrap_or_default();
        if response.status().is_success() && !ends_with_its_root(body) {
            return Err("the answer ends too early".into());
        }
        Ok(())
    }
}

/// Whether the end of the root element is the last of the text: all of EC2's are called after their operation.
fn ends_with_its_root(body: &[u8]) -> bool {
    let body = body.trim_ascii_end();
    body.ends_with(b"Response>") || body.ends_with(b"Response/>")
}
