//! The binary: settings, log and the clients of every run once per start, then one run per event.

use std::{process::ExitCode, time::Duration};

use alarms::{
    Halt, Mailbox, NotDelivered, Order, Refusal, Report, Request, RequestType, Settings, Stopwatch, keep, remove,
};
use fleet::AwsFleet;
use journal::Level;
use lambda_runtime::{Context, Diagnostic, LambdaEvent, service_fn};
use serde::Serialize;
use serde_json::Value;
use settings::Environment;

/// What a run leaves of the function's time, for its last call, the reply and the log.
const RESERVE: Duration = Duration::from_secs(45);

/// The function's time where nobody says how long it is.
const LONGEST_RUN: Duration = Duration::from_mins(4);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let environment = Environment::of_process();
    journal::start(environment.text("AWS_LAMBDA_LOG_LEVEL"));
    let settings = match Settings::read(&environment) {
        Ok(settings) => settings,
        Err(error) => return journal::failed_to_start(&error),
    };
    let (cloud, mailbox) = (AwsFleet::new(&AwsFleet::defaults(&environment).build()), Mailbox::open());
    cloud.prepare();
    let handle = async |event: LambdaEvent<Value>| -> Result<Report, Failure> {
        let ending = answer(&event, &cloud, &mailbox, &settings).await;
        record(&ending, &event.context);
        ending
    };
    journal::ended(lambda_runtime::run(service_fn(handle)).await)
}

async fn answer(
    event: &LambdaEvent<Value>,
    cloud: &AwsFleet,
    mailbox: &Mailbox,
    settings: &Settings,
) -> Result<Report, Failure> {
    let (clock, until) = (&Stopwatch::start(), time_left(&event.context));
    match Request::parse(&event.payload)? {
        Request::Keep => Ok(keep(cloud, settings, clock, until).await?),
        Request::Remove => Ok(remove(cloud, settings, clock, until).await?),
        Request::Deployment(order) => {
            let ending = match order.request_type {
                RequestType::Create | RequestType::Update => keep(cloud, settings, clock, until).await,
                RequestType::Delete => remove(cloud, settings, clock, until).await,
            };
            tell(mailbox, &order, &ending, settings).await?;
            Ok(ending?)
        }
    }
}

/// A deployment does not fail for single alarms: the next run makes them, and the sweep looks at all instances anyway.
async fn tell(
    mailbox: &Mailbox,
    order: &Order,
    ending: &Result<Report, Halt>,
    settings: &Settings,
) -> Result<(), NotDelivered> {
    let reason = ending.as_ref().err().map(|halt| journal::chain(halt));
    let reply = order.reply(&settings.naming.prefix, reason.as_deref().map_or(Ok(()), Err));
    mailbox.send(order, &reply).await
}

fn time_left(context: &Context) -> Duration {
    journal::time_until(context.deadline).unwrap_or(LONGEST_RUN).saturating_sub(RESERVE)
}

/// What Lambda is told of an invocation that failed.
#[derive(Debug)]
struct Failure {
    code: &'static str,
    message: String,
}

impl From<Failure> for Diagnostic {
    fn from(failure: Failure) -> Self {
        Self { error_type: failure.code.to_owned(), error_message: failure.message }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self { code: "bad-event", message: journal::chain(&refusal) }
    }
}

impl From<Halt> for Failure {
    fn from(halt: Halt) -> Self {
        Self { code: halt.code(), message: journal::chain(&halt) }
    }
}

impl From<NotDelivered> for Failure {
    fn from(error: NotDelivered) -> Self {
        Self { code: "not-delivered", message: journal::chain(&error) }
    }
}

#[derive(Serialize)]
struct Line<'a, T> {
    request_id: &'a str,
    #[serde(flatten)]
    body: T,
}

/// A log that cannot be written must not undo what was done.
fn record(ending: &Result<Report, Failure>, context: &Context) {
    let request_id = &context.request_id;
    let _: Result<(), std::io::Error> = match ending {
        Ok(body) => {
            let level = if body.failed.is_empty() { Level::Info } else { Level::Error };
            journal::write(level, "report", &Line { request_id, body })
        }
        Err(Failure { code, message }) => {
            let body = Diagnostic { error_type: (*code).to_owned(), error_message: message.clone() };
            journal::write(Level::Error, "run failed", &Line { request_id, body })
        }
    };
    if let Ok(report) = ending
        && let Some(metrics) = report.metrics(&context.env_config.function_name, journal::now())
    {
        let _: Result<(), std::io::Error> = metrics.write();
    }
}
