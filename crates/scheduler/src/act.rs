//! Carrying out stops: the one place that changes anything. Which, was decided before.

use std::collections::BTreeSet;

use fleet::{Action, ApiError, ChangeFleet, Outcome, OutcomeResult, ReadFleet};
use idleness::{InstanceId, InstanceState, Reason, STOPPED_AT_TAG, STOPPED_BECAUSE_TAG};
use jiff::Timestamp;

/// Stops the instances. Each stop is noted on its instance first, and an instance that cannot be noted is not stopped:
/// the cap is counted from these notes, and must hold even if this process ends between two calls.
pub(crate) async fn act(fleet: &(impl ReadFleet + ChangeFleet), stops: &[InstanceId], now: Timestamp) -> Vec<Outcome> {
    if stops.is_empty() {
        return Vec::new();
    }
    let stopped_at = now.to_string();
    let tags = [(STOPPED_AT_TAG, stopped_at.as_str()), (STOPPED_BECAUSE_TAG, Reason::Idle.as_str())];
    let unnoted = fleet.tag(stops, &tags).await;
    let is_noted = |id: &&InstanceId| !unnoted.iter().any(|refused| refused.instance == **id);
    let to_stop: Vec<InstanceId> = stops.iter().filter(is_noted).cloned().collect();
    let mut outcomes = if to_stop.is_empty() { Vec::new() } else { fleet.stop(&to_stop).await };
    settle(fleet, &mut outcomes).await;
    outcomes.extend(take_back_notes(fleet, &outcomes).await);
    outcomes.extend(unnoted.into_iter().map(|refused| Outcome::failed(refused.instance, Action::Stop, &refused.error)));
    outcomes
}

/// The instances whose stop was refused for what they are: trying again would not help, and others may go in their place.
/// Throttling is no such refusal.
pub(crate) fn refused(outcomes: &[Outcome]) -> BTreeSet<InstanceId> {
    let is_refused = |outcome: &&Outcome| code(outcome).is_some_and(ApiError::code_is_about_single_ids);
    outcomes.iter().filter(is_refused).map(|outcome| outcome.instance.clone()).collect()
}

/// Takes the note off the instances whose stop was clearly refused. Where the effect is unclear the note stays: one stop too
/// many counts towards the cap, never one too few.
async fn take_back_notes(fleet: &impl ChangeFleet, outcomes: &[Outcome]) -> Vec<Outcome> {
    let refused = outcomes.iter().filter(|outcome| outcome.is_failed() && !effect_is_unknown(outcome));
    let ids: Vec<InstanceId> = refused.map(|outcome| outcome.instance.clone()).collect();
    if ids.is_empty() {
        return Vec::new();
    }
    let still_noted = fleet.untag(&ids, &[STOPPED_AT_TAG, STOPPED_BECAUSE_TAG]).await;
    still_noted.into_iter().map(|refused| Outcome::failed(refused.instance, Action::Untag, &refused.error)).collect()
}

/// Looks again at the instances whose stop ended without a clear answer, and reports their true state. What cannot be
/// seen stays failed.
async fn settle(fleet: &impl ReadFleet, outcomes: &mut [Outcome]) {
    let unclear: Vec<InstanceId> =
        outcomes.iter().filter(|outcome| is_unclear(outcome)).map(|outcome| outcome.instance.clone()).collect();
    if unclear.is_empty() {
        return;
    }
    let Ok(instances) = fleet.instances(&unclear).await else { return };
    for outcome in outcomes.iter_mut().filter(|outcome| is_unclear(outcome)) {
        let seen = instances.iter().find(|instance| instance.id == outcome.instance).map(|instance| instance.state);
        outcome.to = seen.or(outcome.to);
        if matches!(seen, Some(InstanceState::Stopping | InstanceState::Stopped)) {
            // Refused for its state: somebody else was faster, perhaps another invocation of ours, whose note this then is.
            // Otherwise the call took effect and its answer was lost.
            let was_refused = code(outcome) == Some(INCORRECT_STATE);
            outcome.result = if was_refused { OutcomeResult::Already } else { OutcomeResult::Done };
        }
    }
}

const INCORRECT_STATE: &str = "IncorrectInstanceState";

fn is_unclear(outcome: &Outcome) -> bool {
    code(outcome) == Some(INCORRECT_STATE) || effect_is_unknown(outcome)
}

fn effect_is_unknown(outcome: &Outcome) -> bool {
    code(outcome).is_some_and(ApiError::code_leaves_effect_unknown)
}

fn code(outcome: &Outcome) -> Option<&str> {
    match &outcome.result {
        OutcomeResult::Failed { code, .. } => Some(code),
        OutcomeResult::Done | OutcomeResult::Already => None,
    }
}
