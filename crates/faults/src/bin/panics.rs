//! A function that panics where its event says so, on the runtime and with the log of Doze's own: no event is known that makes one of
//! these panic.

use std::{convert::Infallible, process::ExitCode};

use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    journal::start(None);
    let handle = async |event: LambdaEvent<Value>| -> Result<Value, Infallible> {
        if let Some(words) = event.payload["panic"].as_str() {
            panic!("{words}");
        }
        Ok(event.payload)
    };
    journal::ended(lambda_runtime::run(service_fn(handle)).await)
}
