//! Carrying out what was asked for. Nothing here stops anything, and everything may be asked for twice.

use fleet::{ApiError, ChangeFleet, Outcome, OutcomeResult, ReadFleet, Refused};
use idleness::{
    Instance, InstanceId, InstanceState, KEEP_UNTIL_TAG, Mode, START_OWED_SINCE_TAG, Verdict, never_starts, requested,
    starts_after_others, unreadable_tag,
};
use jiff::{SignedDuration, Timestamp};
use pages::Problem;
use serde::Serialize;
use web::http::StatusCode;

use crate::{Settings, failed, tags::KeptUntil, unseen};

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Ending {
    /// It was done.
    Done,
    /// It was so before.
    Already,
    /// The start is owed: the scheduler does it as soon as it can be done.
    Owed,
    /// Doze is in dry-run: nothing was changed.
    DryRun,
}

/// What was done, the state reached, and what comes next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Done {
    pub(crate) ending: Ending,
    pub(crate) state: InstanceState,
    pub(crate) keep_until: Option<Timestamp>,
    pub(crate) next: String,
}

/// What came of a start.
enum Started {
    /// The instance is in this state, or was before.
    Reached { ending: Ending, state: InstanceState },
    /// The start is owed: why, and what becomes of it.
    Owed { next: String },
}

/// Starts the instance, and holds it awake for a while.
pub(crate) async fn start(
    fleet: &(impl ReadFleet + ChangeFleet),
    instance: &Instance,
    settings: &Settings,
    now: Timestamp,
) -> Result<Done, Problem> {
    if settings.mode == Mode::DryRun {
        return Ok(dry_run(instance, now, "start it"));
    }
    if instance.state == InstanceState::Stopping {
        check_readable(instance, "it is still stopping")?;
    }
    let others = others(fleet, instance).await?;
    let keep_until = hold(fleet, instance, settings.hold, now).await?;
    let started = match instance.state {
        InstanceState::Stopped => start_stopped(fleet, instance, &others, settings.hold, now).await?,
        InstanceState::Stopping => {
            owe(fleet, instance, now).await?;
            Started::Owed { next: "It is still stopping. Doze starts it as soon as it has stopped.".to_owned() }
        }
        state => Started::Reached { ending: Ending::Already, state },
    };
    Ok(match started {
        Started::Reached { ending, state } => Done { ending, state, keep_until, next: reached(state, keep_until) },
        Started::Owed { next } => Done { ending: Ending::Owed, state: instance.state, keep_until, next },
    })
}

/// Keeps the instance awake for so many hours from now. An earlier wish for longer stays.
pub(crate) async fn keep_awake(
    fleet: &impl ChangeFleet,
    instance: &Instance,
    hours: u32,
    settings: &Settings,
    now: Timestamp,
) -> Result<Done, Problem> {
    if settings.mode == Mode::DryRun {
        return Ok(dry_run(instance, now, "keep it awake"));
    }
    let wished = now.saturating_add(SignedDuration::from_hours(i64::from(hours))).unwrap_or(now);
    let until = match KeptUntil::of(instance, now) {
        KeptUntil::Instant(until) if wished <= until => until,
        // It keeps the instance awake until somebody mends it, which may be longer than what is asked for.
        KeptUntil::Unreadable => {
            let message = "its tag doze:keep-until cannot be read, which keeps it awake until somebody mends the tag";
            return Err(Problem::new(StatusCode::CONFLICT, "bad-tag", message));
        }
        KeptUntil::Nothing | KeptUntil::Instant(_) => {
            tag(fleet, &instance.id, &[(KEEP_UNTIL_TAG, &wished.to_string())]).await?;
            wished
        }
    };
    let next = match instance.state {
        InstanceState::Stopped | InstanceState::Stopping => {
            format!("It is {}. Once it is started, it is not stopped before {until}.", instance.state.as_str())
        }
        state => reached(state, Some(until)),
    };
    Ok(Done { ending: Ending::Done, state: instance.state, keep_until: Some(until), next })
}

/// Makes sure that the instance is not stopped for a while: the alarm that had it stopped may still stand. An instance that
/// cannot be held is not started, since it could be stopped again under somebody's hands.
async fn hold(
    fleet: &impl ChangeFleet,
    instance: &Instance,
    hold: SignedDuration,
    now: Timestamp,
) -> Result<Option<Timestamp>, Problem> {
    let wished = now.saturating_add(hold).unwrap_or(now);
    match KeptUntil::of(instance, now) {
        KeptUntil::Instant(until) if wished <= until => Ok(Some(until)),
        // It keeps the instance awake by itself, and is not ours to replace.
        KeptUntil::Unreadable => Ok(None),
        _ if hold.is_zero() => Ok(None),
        _ => {
            tag(fleet, &instance.id, &[(KEEP_UNTIL_TAG, &wished.to_string())]).await?;
            Ok(Some(wished))
        }
    }
}

/// The same for those that start first, all at once. Returns those that could not be held, and are not started.
async fn hold_all(
    fleet: &impl ChangeFleet,
    instances: &[&Instance],
    hold: SignedDuration,
    now: Timestamp,
) -> Vec<InstanceId> {
    let wished = now.saturating_add(hold).unwrap_or(now);
    let lacks_hold = |instance: &&&Instance| match KeptUntil::of(instance, now) {
        KeptUntil::Nothing => true,
        KeptUntil::Instant(until) => until < wished,
        KeptUntil::Unreadable => false,
    };
    let ids: Vec<InstanceId> = instances.iter().filter(lacks_hold).map(|instance| instance.id.clone()).collect();
    if ids.is_empty() || hold.is_zero() {
        return Vec::new();
    }
    let refused = fleet.tag(&ids, &[(KEEP_UNTIL_TAG, &wished.to_string())]).await;
    refused.into_iter().map(|Refused { instance, .. }| instance).collect()
}

/// The others of the fleet, where the instance starts after some of them. A tag that nothing can follow is refused: a start that is
/// owed would be waited for in vain.
async fn others(fleet: &impl ReadFleet, instance: &Instance) -> Result<Vec<Instance>, Problem> {
    if instance.state != InstanceState::Stopped || !starts_after_others(instance) {
        return Ok(Vec::new());
    }
    let mut others = fleet.opted_in().await.map_err(|error| unseen(&error))?;
    others.retain(|other| other.id != instance.id);
    match never_starts(instance, others.iter().chain([instance])) {
        Some(why) => Err(Problem::new(StatusCode::CONFLICT, "bad-tag", format!("it cannot be started: {why}"))),
        None => Ok(others),
    }
}

/// Starts a stopped instance, after those of the others that start before it.
async fn start_stopped(
    fleet: &(impl ReadFleet + ChangeFleet),
    instance: &Instance,
    others: &[Instance],
    hold_for: SignedDuration,
    now: Timestamp,
) -> Result<Started, Problem> {
    let decisions = requested(instance, others.iter().chain([instance]));
    let mut starts: Vec<InstanceId> =
        decisions.iter().filter(|d| d.verdict == Verdict::Start).map(|d| d.instance.clone()).collect();
    if !starts.contains(&instance.id) {
        check_readable(instance, "it has to wait for others")?;
        // Noted first: whatever becomes of the others, the scheduler knows what somebody waits for.
        owe(fleet, instance, now).await?;
    }
    let first: Vec<&Instance> = others.iter().filter(|other| starts.contains(&other.id)).collect();
    let unheld = hold_all(fleet, &first, hold_for, now).await;
    starts.retain(|id| !unheld.contains(id));
    let outcomes = if starts.is_empty() { Vec::new() } else { fleet.start(&starts).await };
    for outcome in outcomes.iter().filter(|outcome| outcome.instance != instance.id && outcome.is_failed()) {
        tracing::error!(instance = outcome.instance.as_str(), "an instance that starts first could not be started");
    }
    let first_ones_start = outcomes.iter().any(|o| matches!(o.result, OutcomeResult::Done | OutcomeResult::Already));
    if let Some(outcome) = outcomes.into_iter().find(|outcome| outcome.instance == instance.id) {
        return ended(fleet, instance, outcome, now).await;
    }
    let waits = decisions.into_iter().find(|decision| decision.instance == instance.id);
    let why = waits.and_then(|decision| decision.detail).unwrap_or_default();
    let then = if first_ones_start {
        "Doze has started that, and starts it in its turn"
    } else {
        "Doze starts it once that has changed"
    };
    Ok(Started::Owed { next: format!("It has to wait: {why}. {then}.") })
}

/// What came of the start of the instance itself.
async fn ended(
    fleet: &(impl ReadFleet + ChangeFleet),
    instance: &Instance,
    outcome: Outcome,
    now: Timestamp,
) -> Result<Started, Problem> {
    let state = outcome.to.unwrap_or(InstanceState::Pending);
    match outcome.result {
        OutcomeResult::Done => Ok(Started::Reached { ending: Ending::Done, state }),
        OutcomeResult::Already => Ok(Started::Reached { ending: Ending::Already, state }),
        OutcomeResult::Owed { code, .. } => {
            let lack = if ApiError::code_is_about_quota(&code) {
                "The account may run no more instances now"
            } else {
                "EC2 has no capacity for it now"
            };
            check_readable(instance, lack)?;
            owe(fleet, instance, now).await?;
            let next = format!("{lack}. Doze tries again by itself.");
            Ok(Started::Owed { next })
        }
        OutcomeResult::Failed { code, message } => {
            let error = ApiError::new("ec2:StartInstances", code, &message);
            seen_again(fleet, instance, error).await
        }
    }
}

/// The last error says little: somebody else may have been faster, or the answer was lost.
async fn seen_again(fleet: &impl ReadFleet, instance: &Instance, error: ApiError) -> Result<Started, Problem> {
    let seen = fleet.instances(std::slice::from_ref(&instance.id)).await.map_err(|error| unseen(&error))?;
    let state = seen.iter().find(|seen| seen.id == instance.id).map(|seen| seen.state);
    match state {
        Some(state @ (InstanceState::Pending | InstanceState::Running)) => {
            Ok(Started::Reached { ending: Ending::Already, state })
        }
        _ => Err(failed(&error)),
    }
}

/// Whether Doze can start the instance later by itself. With a tag that it cannot read, it does not.
fn check_readable(instance: &Instance, why: &str) -> Result<(), Problem> {
    match unreadable_tag(instance) {
        Some(bad) => {
            let message = format!("{why}, and Doze does not start it later by itself: {bad}");
            Err(Problem::new(StatusCode::CONFLICT, "bad-tag", message))
        }
        None => Ok(()),
    }
}

/// Notes that the start is owed; the scheduler does the rest. A note from before is renewed: it may be about a start that has
/// come true since, or that was given up.
async fn owe(fleet: &impl ChangeFleet, instance: &Instance, now: Timestamp) -> Result<(), Problem> {
    tag(fleet, &instance.id, &[(START_OWED_SINCE_TAG, &now.to_string())]).await
}

async fn tag(fleet: &impl ChangeFleet, id: &InstanceId, tags: &[(&str, &str)]) -> Result<(), Problem> {
    match fleet.tag(std::slice::from_ref(id), tags).await.into_iter().next() {
        Some(Refused { error, .. }) => Err(failed(&error)),
        None => Ok(()),
    }
}

fn reached(state: InstanceState, keep_until: Option<Timestamp>) -> String {
    let held = keep_until.map(|until| format!(", and is not stopped before {until}")).unwrap_or_default();
    match state {
        InstanceState::Running => format!("It runs{held}."),
        _ => format!("It is starting{held}. Its page shows when it runs, and where to connect."),
    }
}

fn dry_run(instance: &Instance, now: Timestamp, what: &str) -> Done {
    let keep_until = match KeptUntil::of(instance, now) {
        KeptUntil::Instant(until) => Some(until),
        KeptUntil::Nothing | KeptUntil::Unreadable => None,
    };
    let next = format!("Nothing was changed: Doze is in dry-run here, and would otherwise {what}.");
    Done { ending: Ending::DryRun, state: instance.state, keep_until, next }
}
