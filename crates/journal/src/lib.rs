#![doc = include_str!("../README.md")]

mod metrics;

use std::{
    error::Error,
    io::{self, Write},
    process::ExitCode,
    time::{Duration, SystemTime},
};

use jiff::Timestamp;
use serde::Serialize;
use tracing::level_filters::LevelFilter;

pub use metrics::{Metrics, Unit};

/// How much an entry matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// For a closer look.
    Debug,
    /// What happened.
    Info,
    /// What somebody should look at.
    Error,
}

/// Starts the log. `level` is the value of `AWS_LAMBDA_LOG_LEVEL`, which Lambda sets and checks; without one it is `INFO`.
pub fn start(level: Option<&str>) {
    let level = match level {
        // The one level of Lambda's that `tracing` has no name for.
        Some("FATAL") => LevelFilter::ERROR,
        Some(level) => level.parse().unwrap_or(LevelFilter::INFO),
        None => LevelFilter::INFO,
    };
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_span_list(false)
        .with_max_level(level)
        .with_writer(io::stdout)
        .init();
    std::panic::set_hook(Box::new(|panic| {
        let at = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(at, "{}", panic.payload_as_str().unwrap_or("panic without a message"));
    }));
}

/// Logs why the function cannot start. The status makes Lambda report a failed start.
pub fn failed_to_start(error: &dyn Error) -> ExitCode {
    tracing::error!("failed to start: {}", chain(error));
    ExitCode::FAILURE
}

/// The status for a function whose event loop ended: logs the error, if it ended with one.
pub fn ended(result: Result<(), Box<dyn Error + Send + Sync>>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("failed to serve: {}", chain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

/// An error with all its causes, on one line.
#[must_use]
pub fn chain(error: &dyn Error) -> String {
    let causes = std::iter::successors(Some(error), |error: &&dyn Error| (*error).source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// The time, in whole seconds: it ends up in tags and reports that people read. Functions read it once an invocation and
/// pass it on.
#[must_use]
pub fn now() -> Timestamp {
    let now = precise_now();
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

/// The time until an invocation's deadline, in milliseconds since the epoch as Lambda gives it. `None` where that is over
/// already, which is no deadline at all: `cargo lambda watch` sends one of the year 1970.
#[must_use]
pub fn time_until(deadline: u64) -> Option<Duration> {
    Duration::from_millis(deadline).checked_sub(since_epoch()).filter(|left| !left.is_zero())
}

// Not by `Timestamp`, with which `hello`, that needs no other time, would be 190 KB larger.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
fn since_epoch() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
fn precise_now() -> Timestamp {
    Timestamp::now()
}

/// Writes one line: `timestamp`, `level` and `message`, and beside them the fields of `body`.
///
/// # Errors
/// `body` is not a JSON object, or standard output is closed.
pub fn write(level: Level, message: &str, body: &impl Serialize) -> io::Result<()> {
    if LevelFilter::current() < level.filter() {
        return Ok(());
    }
    write_to(&mut io::stdout().lock(), precise_now(), level, message, body)
}

impl Level {
    const fn filter(self) -> LevelFilter {
        match self {
            Self::Debug => LevelFilter::DEBUG,
            Self::Info => LevelFilter::INFO,
            Self::Error => LevelFilter::ERROR,
        }
    }
}

#[derive(Serialize)]
struct Line<'a, T> {
    timestamp: Timestamp,
    level: Level,
    message: &'a str,
    #[serde(flatten)]
    body: &'a T,
}

fn write_to(out: &mut impl Write, at: Timestamp, level: Level, message: &str, body: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(&Line { timestamp: at, level, message, body })?;
    line.push(b'\n');
    // One call, so that no other line can come between.
    out.write_all(&line)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn an_entry_is_one_line_of_json_whatever_its_text() {
        let mut out = Vec::new();
        let hostile = "a\nb\r\u{2028}\u{0}\"<script>";
        write_to(&mut out, Timestamp::UNIX_EPOCH, Level::Info, hostile, &json!({"name": hostile}))
            .expect("is an object");
        assert!(out.ends_with(b"\n") && !out[..out.len() - 1].contains(&b'\n'), "{}", out.escape_ascii());
        let parsed: Value = serde_json::from_slice(&out).expect("is JSON");
        assert_eq!(
            parsed,
            json!({"timestamp": "1970-01-01T00:00:00Z", "level": "INFO", "message": hostile, "name": hostile})
        );
    }

    #[test]
    fn a_deadline_of_long_ago_is_none() {
        assert_eq!((time_until(0), time_until(600_000)), (None, None));
        let in_an_hour = u64::try_from(since_epoch().as_millis()).expect("is soon") + 3_600_000;
        let left = time_until(in_an_hour).expect("is to come");
        assert!(left <= Duration::from_hours(1) && left > Duration::from_mins(59), "{left:?}");
    }

    #[test]
    fn what_is_no_object_is_an_error_and_leaves_no_half_line() {
        let mut out = Vec::new();
        assert!(write_to(&mut out, Timestamp::UNIX_EPOCH, Level::Error, "x", &[1, 2]).is_err());
        assert!(out.is_empty());
    }
}
