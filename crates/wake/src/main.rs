//! The binary: settings and log once per start, clients when they are first needed, then one answer per request.

use std::process::ExitCode;

use capability::{Keys, SecretKeys};
use fleet::AwsFleet;
use settings::Environment;
use wake::{Settings, Sources};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let environment = Environment::of_process();
    journal::start(environment.text("AWS_LAMBDA_LOG_LEVEL"));
    let settings = match Settings::read(&environment) {
        Ok(settings) => settings,
        Err(error) => return journal::failed_to_start(&error),
    };
    let config = AwsFleet::defaults(&environment).build();
    let keys = settings.link_key.as_deref().map(|arn| Keys::new(SecretKeys::new(&config, arn)));
    let sources = Sources { fleet: AwsFleet::new(&config), keys };
    let respond = async |request: &web::Request, time| {
        sources.fleet.finish_within(time);
        wake::respond(request, &sources, &settings, journal::now()).await
    };
    journal::ended(web::serve(respond).await)
}
