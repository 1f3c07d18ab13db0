//! The binary: starts the log and serves.

use std::process::ExitCode;

use settings::Environment;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    journal::start(Environment::of_process().text("AWS_LAMBDA_LOG_LEVEL"));
    journal::ended(web::serve(async |request: &web::Request, _| hello::respond(request)).await)
}
