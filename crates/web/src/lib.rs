#![doc = include_str!("../README.md")]

mod admission;
mod answer;

use admission::admit;
pub use answer::{Answer, refuse_all_but};
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpResponse;
pub use lambda_http::{Request, RequestExt, http};
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;

/// Serves API Gateway events (HTTP API, payload format 2.0) with `respond`, one at a time, until the process ends.
///
/// # Errors
/// The Runtime API cannot be reached.
pub async fn serve(respond: impl AsyncFn(&Request) -> Answer) -> Result<(), lambda_runtime::Error> {
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        Ok::<_, std::convert::Infallible>(answer(event.payload, &respond).await)
    }))
    .await
}

/// The answer to one event, in the shape API Gateway expects.
#[must_use]
pub async fn answer(event: Value, respond: impl AsyncFn(&Request) -> Answer) -> ApiGatewayV2httpResponse {
    match admit(event) {
        // In a box, since a handler that calls AWS is a future of very many futures.
        Ok(request) => Box::pin(respond(&request)).await.into_response(),
        Err(refusal) => Answer::text(refusal.status(), format!("{refusal}\n")).into_response(),
    }
}
