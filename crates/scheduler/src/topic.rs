//! `Publish` by an SNS topic.

use std::sync::OnceLock;

use aws_config::SdkConfig;
use fleet::{ApiError, api_error};

use crate::{digest::Message, notify::Publish};

const PUBLISH: &str = "sns:Publish";

/// A topic of SNS.
#[derive(Clone, Debug)]
pub struct Topic {
    config: SdkConfig,
    /// Made when it is first needed: most runs have nothing to tell.
    client: OnceLock<aws_sdk_sns::Client>,
    arn: String,
}

impl Topic {
    /// The topic of this ARN. Nothing is sent.
    #[must_use]
    pub fn new(config: &SdkConfig, arn: &str) -> Self {
        Self { config: config.clone(), client: OnceLock::new(), arn: arn.to_owned() }
    }
}

impl Publish for Topic {
    async fn publish(&self, message: &Message) -> Result<(), ApiError> {
        let client = self.client.get_or_init(|| aws_sdk_sns::Client::new(&self.config));
        let call = client.publish().topic_arn(&self.arn).subject(&message.subject).message(&message.body);
        call.send().await.map(drop).map_err(|error| api_error(PUBLISH, &error))
    }
}
