//! What the tests ask about, and the adapter under test, pointed to a scripted endpoint.
#![allow(missing_docs, unreachable_pub, reason = "a module of tests, not an interface")]

use aws_config::SdkConfig;
use aws_sdk_ec2::config::{Credentials, SharedCredentialsProvider};
use aws_types::sdk_config::Builder;
use fleet::AwsFleet;
use idleness::{
    Instance, InstanceId, InstanceState, InstanceType, Market, Policies, Policy, RootDevice, StopProtection, Tags,
    Transition,
};
use jiff::Timestamp;
pub use scripted::{Answer, Call, Endpoint, cloudwatch, ec2};
use settings::Environment;

pub fn id(number: usize) -> InstanceId {
    format!("i-{number:017x}").parse().expect("a test's id is valid")
}

/// `dev-box` as a policy of three signals and round figures. Those of `dev-box` itself are the benchmark's, and may change.
pub fn plain() -> Policy {
    let json = r#"{"dev-box": {"signals": {"vcpus": null, "network": {"limit": 2048}, "gpu-memory-used": null}}}"#;
    Policies::parse(json).expect("is a policy").default_policy().clone()
}

pub fn ids(count: usize) -> Vec<InstanceId> {
    (0..count).map(id).collect()
}

/// A Saturday evening, UTC.
pub fn now() -> Timestamp {
    at("2026-11-21T20:03:17Z")
}

pub fn at(text: &str) -> Timestamp {
    text.parse().expect("a test's time is valid")
}

/// A running instance without accelerators.
pub fn instance(number: usize) -> Instance {
    Instance {
        id: id(number),
        state: InstanceState::Running,
        launched_at: Some(at("2026-10-21T08:00:00Z")),
        instance_type: InstanceType::from_name("m7g.large"),
        vcpus: Some(2),
        root_device: RootDevice::Ebs,
        market: Market::OnDemand,
        stop_protection: StopProtection::Unread,
        transition: Transition::default(),
        tags: Tags::from_iter([("doze", "on")]),
    }
}

/// A running instance with eight GPUs.
pub fn gpu_instance(number: usize) -> Instance {
    Instance { instance_type: InstanceType::from_name("g5.48xlarge"), ..instance(number) }
}

/// How any client gets to the endpoint.
pub fn config(endpoint: &Endpoint) -> SdkConfig {
    config_for(endpoint.address()).build()
}

/// The functions' own configuration, but for the account and the address.
pub fn config_for(address: &str) -> Builder {
    let credentials = Credentials::new("test", "test", None, None, "test");
    AwsFleet::defaults(&Environment::from_iter([("AWS_REGION", "eu-west-1"), ("AWS_ENDPOINT_URL", address)]))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
}

/// The adapter under test.
pub trait Pointed {
    /// Pointed to this endpoint.
    async fn fleet(&self) -> AwsFleet;
}

impl Pointed for Endpoint {
    async fn fleet(&self) -> AwsFleet {
        AwsFleet::new(&config(self))
    }
}
