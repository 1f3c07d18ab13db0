//! How clients talk to AWS: by what Lambda says in the environment, and by nothing else. The SDK's own chains also ask files and
//! other services, whose clients and parsers would be a tenth of each binary.

use std::time::Duration;

use aws_config::{
    BehaviorVersion, Region, environment::EnvironmentVariableCredentialsProvider, retry::RetryConfig,
    timeout::TimeoutConfig,
};
use aws_sdk_ec2::config::SharedCredentialsProvider;
use aws_types::{
    sdk_config::Builder,
    service_config::{LoadServiceConfig, ServiceConfigKey},
};
use settings::Environment;

use super::{AwsFleet, LONGEST_ATTEMPT, LONGEST_CALL, trust};

impl AwsFleet {
    /// A configuration with the credentials and the Region of the environment, TLS by `ring`, bounded retries with backoff and jitter, and
    /// time-outs by which the handful of calls that one alarm needs stay below the function's own two minutes even if each of
    /// them hangs. Endpoints are AWS's, unless the variables say otherwise by which all SDKs are told:
    /// <https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html>.
    #[must_use]
    pub fn defaults(environment: &Environment) -> Builder {
        let is_true = |variable| environment.text(variable).map(|text| text.eq_ignore_ascii_case("true"));
        let region = environment.text("AWS_REGION").or_else(|| environment.text("AWS_DEFAULT_REGION"));
        let mut builder = Builder::default()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(region.map(|region| Region::new(region.to_owned())))
            .credentials_provider(SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new()))
            .http_client(trust::http_client(environment))
            .retry_config(RetryConfig::standard().with_max_attempts(4))
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(Duration::from_secs(3))
                    .operation_attempt_timeout(LONGEST_ATTEMPT)
                    .operation_timeout(LONGEST_CALL)
                    .build(),
            );
        builder
            .set_use_fips(is_true("AWS_USE_FIPS_ENDPOINT"))
            .set_use_dual_stack(is_true("AWS_USE_DUALSTACK_ENDPOINT"));
        if is_true("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") != Some(true) {
            builder.set_endpoint_url(environment.text("AWS_ENDPOINT_URL").map(str::to_owned));
            builder.set_service_config(Some(Endpoints(environment.clone())));
        }
        builder
    }
}

/// What the environment says of each service alone: `AWS_ENDPOINT_URL_CLOUDWATCH`, say.
#[derive(Debug)]
struct Endpoints(Environment);

impl LoadServiceConfig for Endpoints {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        let service = key.service_id().to_ascii_uppercase().replace([' ', '-'], "_");
        self.0.text(&format!("{}_{service}", key.env())).map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_says_where_and_how_aws_is_called() {
        let config = AwsFleet::defaults(&Environment::from_iter([
            ("AWS_REGION", "eu-west-1"),
            ("AWS_DEFAULT_REGION", "us-east-1"),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:2"),
            ("AWS_USE_FIPS_ENDPOINT", "True"),
            ("AWS_USE_DUALSTACK_ENDPOINT", "false"),
        ]))
        .build();
        assert_eq!(config.region().map(Region::as_ref), Some("eu-west-1"));
        assert_eq!((config.use_fips(), config.use_dual_stack()), (Some(true), Some(false)));
        assert_eq!(config.endpoint_url(), Some("http://127.0.0.1:1"));
        let of_service = |id| {
            let key =
                ServiceConfigKey::builder().service_id(id).env("AWS_ENDPOINT_URL").profile("endpoint_url").build();
            config.service_config().and_then(|services| services.load_config(key.expect("is whole")))
        };
        assert_eq!(of_service("Secrets Manager").as_deref(), Some("http://127.0.0.1:2"));
        assert_eq!(of_service("EC2"), None);
    }

    #[test]
    fn endpoints_can_be_ignored() {
        let variables = [("AWS_ENDPOINT_URL", "http://127.0.0.1:1"), ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")];
        let config = AwsFleet::defaults(&Environment::from_iter(variables)).build();
        assert!(config.endpoint_url().is_none() && config.service_config().is_none());
    }

    #[test]
    fn nothing_said_is_nothing_set() {
        let config = AwsFleet::defaults(&Environment::default()).build();
        assert_eq!((config.region(), config.endpoint_url(), config.use_fips()), (None, None, None));
    }
}
