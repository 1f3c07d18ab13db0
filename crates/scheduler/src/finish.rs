//! The end of a run: its lines in the log, and what Lambda is told.

use jiff::Timestamp;
use journal::Level;
use lambda_runtime::Diagnostic;
use serde::Serialize;

use crate::{
    metrics::metrics,
    report::{Notification, Report},
    run::{Run, RunError},
};

/// What Lambda is told of an invocation that failed, so that it retries the event and its failure destination sees it.
#[derive(Debug)]
pub struct Failure(Diagnostic);

impl From<Failure> for Diagnostic {
    fn from(failure: Failure) -> Self {
        failure.0
    }
}

#[derive(Serialize)]
struct Line<'a, T> {
    request_id: &'a str,
    #[serde(flatten)]
    body: T,
}

/// What became of the message about a run. In a field of its own, since the line has a `message` besides.
#[derive(Serialize)]
struct Told<'a> {
    notification: &'a Notification,
}

/// Writes the run into the log. That comes before anybody is told of it: whatever becomes of the telling, the log has it.
pub fn record(run: &Result<Run, RunError>, request_id: &str) {
    for entry in run.iter().flat_map(Run::entries) {
        log(entry.level(), entry.message(), request_id, &entry);
    }
}

/// Writes into the log what CloudWatch is to count of the run.
pub fn count(run: &Result<Run, RunError>, function: &str, now: Timestamp) {
    for metrics in metrics(run, function, now) {
        // A log that cannot be written must not undo what was done.
        let _: Result<(), std::io::Error> = metrics.write();
    }
}

/// Writes into the log how the run ended, and turns it into the function's answer.
///
/// # Errors
/// The run failed, or one of its actions did: then the report is in the log.
pub fn finish(run: Result<Run, RunError>, request_id: &str) -> Result<Report, Failure> {
    match run {
        Ok(run) => {
            if let Some(notification) = &run.report.notification {
                let is_sent = *notification == Notification::Sent;
                let level = if is_sent { Level::Info } else { Level::Error };
                log(level, "notification", request_id, &Told { notification });
            }
            answer(run.report)
        }
        Err(error) => {
            let diagnostic = Diagnostic { error_type: error.code().to_owned(), error_message: journal::chain(&error) };
            log(Level::Error, "run failed", request_id, &diagnostic);
            Err(Failure(diagnostic))
        }
    }
}

fn answer(report: Report) -> Result<Report, Failure> {
    let Some(failure) = report.first_failure() else { return Ok(report) };
    let first = serde_json::to_string(failure).unwrap_or_default();
    Err(Failure(Diagnostic {
        error_type: "action-failed".to_owned(),
        error_message: format!("{} actions failed; the first: {first}", report.summary.failed),
    }))
}

/// A log that cannot be written must not undo what was done.
fn log(level: Level, message: &str, request_id: &str, body: &impl Serialize) {
    let _: Result<(), std::io::Error> = journal::write(level, message, &Line { request_id, body });
}
