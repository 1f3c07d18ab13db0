//! `hello` with AWS's runtime crate and nothing else.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda_runtime::run(service_fn(async |_: LambdaEvent<Value>| {
        let headers = json!({"content-type": "text/plain"});
        Ok::<_, Error>(json!({"statusCode": 200, "headers": headers, "body": "Hello from Lambda!"}))
    }))
    .await
}
