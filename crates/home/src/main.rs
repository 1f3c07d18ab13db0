//! The binary: reads the settings, starts the log and serves.

use std::process::ExitCode;

use home::Settings;
use settings::Environment;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let environment = Environment::of_process();
    journal::start(environment.text("AWS_LAMBDA_LOG_LEVEL"));
    let settings = match Settings::read(&environment) {
        Ok(settings) => settings,
        Err(error) => return journal::failed_to_start(&error),
    };
    journal::ended(web::serve(|request| home::respond(request, settings)).await)
}
