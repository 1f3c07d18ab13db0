//! The scheduler's code as the SDK, the runtime and cargo would have it by default: the chain of credentials, TLS by `aws-lc`, a thread
//! for each processor, and a release build without any setting.
// As in the scheduler itself.
#![recursion_limit = "256"]

use std::process::ExitCode;

use aws_config::BehaviorVersion;
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};
use fleet::AwsFleet;
use lambda_runtime::{LambdaEvent, service_fn};
use scheduler::{Answer, Failure, Settings, answer, finish, record, run};
use serde_json::Value;
use settings::Environment;

#[tokio::main]
async fn main() -> ExitCode {
    let environment = Environment::of_process();
    journal::start(environment.text("AWS_LAMBDA_LOG_LEVEL"));
    let settings = match Settings::read(&environment) {
        Ok(settings) => settings,
        Err(error) => return journal::failed_to_start(&error),
    };
    // The client that the SDK makes where it is given none, which the fleet reads along with.
    let http_client = Builder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc)).build_https();
    let fleet = AwsFleet::new(&aws_config::defaults(BehaviorVersion::latest()).http_client(http_client).load().await);
    let handle = async |LambdaEvent { payload, context }: LambdaEvent<Value>| -> Result<Answer, Failure> {
        answer(payload, async |event: &Value| {
            let run = run(event, &fleet, &settings, journal::now()).await;
            record(&run, &context.request_id);
            finish(run, &context.request_id)
        })
        .await
    };
    journal::ended(lambda_runtime::run(service_fn(handle)).await)
}
