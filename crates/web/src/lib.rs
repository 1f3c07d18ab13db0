#![doc = include_str!("../README.md")]

mod admission;
mod answer;

use std::time::Duration;

use admission::admit;
pub use answer::{Answer, refuse_all_but};
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpResponse;
pub use lambda_http::{Request, RequestExt, http};
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::value::RawValue;

/// What an answer leaves of the function's time, for the way back.
const RESERVE: Duration = Duration::from_secs(1);

/// Serves API Gateway events (HTTP API, payload format 2.0) with `respond`, one at a time, until the process ends. `respond` is
/// told how long an answer may take, where Lambda says.
///
/// # Errors
/// The Runtime API cannot be reached.
pub async fn serve(respond: impl AsyncFn(&Request, Option<Duration>) -> Answer) -> Result<(), lambda_runtime::Error> {
    // As text: an event that is no request is to be refused here, and every other one to be read once. By way of a `Value`, an answer of `hello`
    // takes 223,000 instructions instead of 189,000.
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Box<RawValue>>| {
        let time = journal::time_until(event.context.deadline);
        let time = time.map(|time| time.saturating_sub(RESERVE.min(time / 2)));
        Ok::<_, std::convert::Infallible>(
            answer(event.payload.get(), async |request| respond(request, time).await).await,
        )
    }))
    .await
}

/// The answer to one event, which is JSON, in the shape API Gateway expects.
#[must_use]
pub async fn answer(event: &str, respond: impl AsyncFn(&Request) -> Answer) -> ApiGatewayV2httpResponse {
    match admit(event) {
        // In a box, since a handler that calls AWS is a future of very many futures.
        Ok(request) => Box::pin(respond(&request)).await.into_response(),
        Err(refusal) => Answer::text(refusal.status(), format!("{refusal}\n")).into_response(),
    }
}
