//! The binary: settings, log and the clients of every run once per start, then one run per event.
// The compiler computes the layout of one future with all that it waits for in it, and gives up at a depth of 128.
#![recursion_limit = "256"]

use std::{process::ExitCode, time::Duration};

use capability::{Keys, SecretKeys};
use fleet::AwsFleet;
use lambda_runtime::{LambdaEvent, service_fn};
use scheduler::{Answer, Failure, LONGEST_TELLING, Notifier, Settings, Topic, answer, count, finish, record, run};
use serde_json::Value;
use settings::Environment;

/// What a run leaves of the function's time: for telling people of it, and for the log.
const RESERVE: Duration = LONGEST_TELLING.saturating_add(Duration::from_secs(2));

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let environment = Environment::of_process();
    journal::start(environment.text("AWS_LAMBDA_LOG_LEVEL"));
    let settings = match Settings::read(&environment) {
        Ok(settings) => settings,
        Err(error) => return journal::failed_to_start(&error),
    };
    let config = AwsFleet::defaults(&environment).build();
    let fleet = AwsFleet::new(&config);
    fleet.prepare();
    let links = settings.links.clone().map(|links| (Keys::new(SecretKeys::new(&config, &links.key)), links));
    let notifier = settings.topic.as_deref().map(|arn| Notifier::new(Topic::new(&config, arn), links));
    let handle = async |LambdaEvent { payload, context }: LambdaEvent<Value>| -> Result<Answer, Failure> {
        let time = journal::time_until(context.deadline);
        fleet.finish_within(time.map(|time| time.saturating_sub(RESERVE.min(time / 2))));
        answer(payload, async |event: &Value| {
            let mut run = run(event, &fleet, &settings, journal::now()).await;
            record(&run, &context.request_id);
            count(&run, &context.env_config.function_name, journal::now());
            if let (Ok(run), Some(notifier)) = (&mut run, &notifier) {
                notifier.tell(run).await;
            }
            finish(run, &context.request_id)
        })
        .await
    };
    journal::ended(lambda_runtime::run(service_fn(handle)).await)
}
