//! The adapter to EC2, CloudWatch and Systems Manager. It translates, pages, packs and bounds; it decides nothing.

mod alarms;
mod arriving;
mod change;
mod config;
mod deadline;
mod describe;
mod discover;
mod error;
mod keep;
mod measure;
mod pace;
mod pages;
mod patience;
mod read;
mod roots;
mod trust;
mod whole;

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use aws_config::SdkConfig;
use aws_sdk_ec2::config::SharedHttpClient;
pub use error::api_error;
use tokio::sync::Semaphore;

/// The fleet of the account and Region that the function runs in.
#[derive(Clone, Debug)]
pub struct AwsFleet {
    config: SdkConfig,
    clients: Arc<Clients>,
    deadline: deadline::Deadline,
    starts: pace::Pace,
    /// A call that measures takes one of these, whoever asked for it: a sweep asks for many groups of instances at once.
    measuring: Arc<Semaphore>,
}

/// Each client is made when it is first needed: the first one reads the machine's root certificates, and most pages of `home` and
/// `wake` call nothing.
#[derive(Debug, Default)]
struct Clients {
    ec2: OnceLock<aws_sdk_ec2::Client>,
    cloudwatch: OnceLock<aws_sdk_cloudwatch::Client>,
    ssm: OnceLock<aws_sdk_ssm::Client>,
}

/// How long one attempt of a call may take, and a call with all its attempts.
const LONGEST_ATTEMPT: Duration = Duration::from_secs(6);
const LONGEST_CALL: Duration = Duration::from_secs(15);

/// Each call at once is a connection of its own; where there are more calls than this, more at once gain nothing.
const CALLS_AT_ONCE: usize = 8;

impl AwsFleet {
    /// The fleet as clients of this configuration see it, which share the pool of its HTTP client: without one of its own, no instance
    /// can be read. Nothing is sent.
    #[must_use]
    pub fn new(config: &SdkConfig) -> Self {
        Self {
            config: config.clone(),
            clients: Arc::default(),
            deadline: deadline::Deadline::default(),
            starts: pace::Pace::default(),
            measuring: Arc::new(Semaphore::new(CALLS_AT_ONCE)),
        }
    }

    /// Makes the clients that every run of a function needs, so that its first event does not wait for them: a function may be
    /// started ahead of one. Nothing is sent.
    pub fn prepare(&self) {
        self.ec2();
        self.cloudwatch();
    }

    fn ec2(&self) -> &aws_sdk_ec2::Client {
        self.clients.ec2.get_or_init(|| {
            let http_client = self.config.http_client().map(arriving::Arriving).map(SharedHttpClient::new);
            let mut builder = aws_sdk_ec2::config::Builder::from(&self.config);
            builder.set_http_client(http_client);
            aws_sdk_ec2::Client::from_conf(
                builder
                    .interceptor(whole::WholeAnswers)
                    .interceptor(self.deadline.clone())
                    .retry_classifier(patience::NoCapacity)
                    .build(),
            )
        })
    }

    fn cloudwatch(&self) -> &aws_sdk_cloudwatch::Client {
        self.clients.cloudwatch.get_or_init(|| {
            aws_sdk_cloudwatch::Client::from_conf(
                aws_sdk_cloudwatch::config::Builder::from(&self.config).interceptor(self.deadline.clone()).build(),
            )
        })
    }

    fn ssm(&self) -> &aws_sdk_ssm::Client {
        self.clients.ssm.get_or_init(|| {
            aws_sdk_ssm::Client::from_conf(
                aws_sdk_ssm::config::Builder::from(&self.config).interceptor(self.deadline.clone()).build(),
            )
        })
    }

    /// From now on, everything is over within that time, until this is called again: a call that could not be seen through is
    /// not made, or not tried again, and fails with the code `deadline`. `None`: there is no end.
    pub fn finish_within(&self, time: Option<Duration>) {
        self.deadline.set(time);
    }
}
