//! Read → compare → change, at a pace that leaves CloudWatch's limits to others, too.

use std::time::Duration;

use fleet::{ApiError, KeepAlarms, ReadFleet};
use settings::InvalidSetting;

use crate::{
    changes::{Changes, changes},
    clock::Clock,
    report::{Failed, Report},
    settings::Settings,
    wanted::wanted,
};

/// CloudWatch takes three calls a second for each of `PutMetricAlarm` and `DeleteAlarms`, of the whole account.
const BETWEEN_CALLS: Duration = Duration::from_millis(400);
/// The most names that one call deletes.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DeleteAlarms.html>
const NAMES_PER_CALL: usize = 100;
/// A run that still made alarms when the stack went would show within this time: it makes one every `BETWEEN_CALLS`.
const QUIET: Duration = Duration::from_secs(3);

/// Why nothing could be compared. Nothing was changed, or not all that should have been.
#[derive(Debug, thiserror::Error)]
pub enum Halt {
    /// The fleet or the alarms could not be read.
    #[error("failed to read")]
    Unseen(#[from] ApiError),
    /// What the alarms should look for makes no sense.
    #[error("failed to read the settings")]
    Settings(#[source] InvalidSetting),
    /// Alarms are left.
    #[error("{left} alarms are left, {name} first{because}")]
    Left {
        /// How many.
        left: usize,
        /// The first one's name.
        name: String,
        /// Why, where CloudWatch said so.
        because: String,
    },
}

impl Halt {
    /// A stable code for logs and error types.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unseen(_) => "unseen-fleet",
            Self::Settings(_) => "bad-setting",
            Self::Left { .. } => "alarms-left",
        }
    }
}

/// Makes the alarms those that should be there, as far as the time allows.
///
/// # Errors
/// The fleet, the alarms or the settings could not be read: nothing was changed. A change that failed is in the report.
pub async fn keep(
    cloud: &(impl ReadFleet + KeepAlarms),
    settings: &Settings,
    clock: &impl Clock,
    until: Duration,
) -> Result<Report, Halt> {
    let rules = settings.rules.as_ref().map_err(|error| Halt::Settings(error.clone()))?;
    let instances = cloud.opted_in().await?;
    let there = cloud.kept_alarms(&settings.naming.prefix).await?;
    let wanted = wanted(&instances, rules, &settings.naming);
    let Changes { put, remove, unchanged } = changes(wanted, there, &settings.naming);
    let mut report = Report { unchanged, ..Report::default() };
    let mut pace = Pace::new(clock, until);
    // What costs money without a use goes first.
    remove_all(cloud, &remove, &mut pace, &mut report).await;
    for (done, alarm) in put.iter().enumerate() {
        if !pace.goes_on().await {
            report.left += put.len() - done;
            break;
        }
        match cloud.put_alarm(alarm).await {
            Ok(()) => report.put.push(alarm.name.clone()),
            Err(error) => {
                report.failed.push(Failed::new(&alarm.name, &error));
                if refuses_all(&error) {
                    report.left += put.len() - done - 1;
                    break;
                }
            }
        }
    }
    Ok(report)
}

/// Takes all alarms away, until none is left and none comes.
///
/// # Errors
/// The alarms could not be read, or some are left when the time is over.
pub async fn remove(
    cloud: &impl KeepAlarms,
    settings: &Settings,
    clock: &impl Clock,
    until: Duration,
) -> Result<Report, Halt> {
    let mut report = Report::default();
    let mut pace = Pace::new(clock, until);
    let mut was_quiet = false;
    loop {
        let there = cloud.kept_alarms(&settings.naming.prefix).await?;
        let ours: Vec<String> =
            there.into_iter().map(|kept| kept.name).filter(|name| settings.naming.owns(name)).collect();
        let Some(first) = ours.first() else {
            if was_quiet {
                return Ok(report);
            }
            was_quiet = true;
            clock.wait_until(clock.now() + QUIET).await;
            continue;
        };
        was_quiet = false;
        let failed_before = report.failed.len();
        report.left = 0;
        remove_all(cloud, &ours, &mut pace, &mut report).await;
        let failed = &report.failed[failed_before..];
        if report.left > 0 || !failed.is_empty() {
            let because = failed.first().map(|failed| format!(": {}", failed.message)).unwrap_or_default();
            return Err(Halt::Left { left: ours.len(), name: first.clone(), because });
        }
    }
}

async fn remove_all(cloud: &impl KeepAlarms, names: &[String], pace: &mut Pace<'_, impl Clock>, report: &mut Report) {
    for (done, names_of_call) in names.chunks(NAMES_PER_CALL).enumerate() {
        if !pace.goes_on().await {
            report.left += names.len() - done * NAMES_PER_CALL;
            break;
        }
        match cloud.remove_alarms(names_of_call).await {
            Ok(()) => report.removed.extend(names_of_call.iter().cloned()),
            Err(error) => {
                let first = names_of_call.first().map(String::as_str).unwrap_or_default();
                report.failed.push(Failed::new(first, &error));
            }
        }
    }
}

/// Whether CloudWatch would refuse any other alarm as well: the account may have no more, or the role may not make them.
fn refuses_all(error: &ApiError) -> bool {
    error.is_about_everybody()
        || matches!(
            error.code.as_str(),
            "LimitExceeded" | "LimitExceededFault" | "AccessDenied" | "AccessDeniedException"
        )
}

/// The time between calls, and when there is none left.
struct Pace<'a, C> {
    clock: &'a C,
    next: Duration,
    until: Duration,
}

impl<'a, C: Clock> Pace<'a, C> {
    fn new(clock: &'a C, until: Duration) -> Self {
        Self { clock, next: clock.now(), until }
    }

    /// Waits until the next call may be made; false if that is too late.
    async fn goes_on(&mut self) -> bool {
        if self.next >= self.until {
            return false;
        }
        self.clock.wait_until(self.next).await;
        let now = self.clock.now();
        self.next = now + BETWEEN_CALLS;
        now < self.until
    }
}
