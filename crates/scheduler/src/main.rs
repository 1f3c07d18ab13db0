//! The binary: settings, log and clients once per start, then one run per event.

use std::process::ExitCode;

use fleet::AwsFleet;
use lambda_runtime::{LambdaEvent, service_fn};
use scheduler::{Failure, Report, Settings, finish, run};
use serde_json::Value;
use settings::Environment;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let environment = Environment::of_process();
    journal::start(environment.text("AWS_LAMBDA_LOG_LEVEL"));
    let settings = match Settings::read(&environment) {
        Ok(settings) => settings,
        Err(error) => return journal::failed_to_start(&error),
    };
    let fleet = AwsFleet::connect().await;
    let handle = async |event: LambdaEvent<Value>| -> Result<Report, Failure> {
        let run = run(&event.payload, &fleet, &settings, journal::now()).await;
        finish(run, &event.context.request_id)
    };
    journal::ended(lambda_runtime::run(service_fn(handle)).await)
}
