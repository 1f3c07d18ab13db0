//! Carrying out a plan: the one place that changes anything. Which instances, was decided before.

use std::collections::{BTreeMap, BTreeSet};

use fleet::{Action, ApiError, ChangeFleet, Outcome, OutcomeResult, ReadFleet, Refused};
use idleness::{InstanceId, InstanceState, Reason, STOP_AT_TAG, STOPPED_AT_TAG, STOPPED_BECAUSE_TAG};
use jiff::Timestamp;

/// What came of one round of stops.
pub(crate) struct Round {
    /// At least one outcome for each instance.
    pub(crate) outcomes: Vec<Outcome>,
    /// The instances that were refused for what they are, and run on: others may go in their place.
    pub(crate) refused: BTreeSet<InstanceId>,
}

/// Stops the instances. Each stop is noted on its instance first, and an instance that cannot be noted is not stopped:
/// the cap is counted from these notes, and must hold even if this process ends between two calls. `noted_before` are the
/// instances that carry the note of an earlier stop within the hour.
pub(crate) async fn stop(
    fleet: &(impl ReadFleet + ChangeFleet),
    stops: &[InstanceId],
    noted_before: &BTreeSet<InstanceId>,
    now: Timestamp,
) -> Round {
    if stops.is_empty() {
        return Round { outcomes: Vec::new(), refused: BTreeSet::new() };
    }
    let stopped_at = now.to_string();
    let tags = [(STOPPED_AT_TAG, stopped_at.as_str()), (STOPPED_BECAUSE_TAG, Reason::Idle.as_str())];
    let unnoted = fleet.tag(stops, &tags).await;
    let is_noted = |id: &&InstanceId| !unnoted.iter().any(|refused| refused.instance == **id);
    let to_stop: Vec<InstanceId> = stops.iter().filter(is_noted).cloned().collect();
    let mut outcomes = if to_stop.is_empty() { Vec::new() } else { fleet.stop(&to_stop).await };
    settle(fleet, &mut outcomes).await;

    let mut refused: BTreeSet<InstanceId> =
        outcomes.iter().filter(|outcome| runs_on(outcome)).map(|outcome| outcome.instance.clone()).collect();
    outcomes.extend(take_back_notes(fleet, refused.difference(noted_before).cloned().collect()).await);
    refused.extend(unnoted.iter().filter(|r| is_refusal(&r.error.code)).map(|r| r.instance.clone()));
    outcomes.extend(unnoted.into_iter().map(|r| Outcome::failed(r.instance, Action::Stop, &r.error)));
    Round { outcomes, refused }
}

/// Announces stops, each for its time.
pub(crate) async fn announce(
    fleet: &impl ChangeFleet,
    announcements: &BTreeMap<Timestamp, Vec<InstanceId>>,
) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for (stop_at, ids) in announcements {
        let refused = fleet.tag(ids, &[(STOP_AT_TAG, stop_at.to_string().as_str())]).await;
        outcomes.extend(each(ids, Action::Announce, &refused));
    }
    outcomes
}

/// Withdraws announcements that no longer hold.
pub(crate) async fn withdraw(fleet: &impl ChangeFleet, ids: &[InstanceId]) -> Vec<Outcome> {
    let refused = if ids.is_empty() { Vec::new() } else { fleet.untag(ids, &[STOP_AT_TAG]).await };
    each(ids, Action::Withdraw, &refused).collect()
}

/// One outcome an id: refused, or done.
fn each(ids: &[InstanceId], action: Action, refused: &[Refused]) -> impl Iterator<Item = Outcome> {
    ids.iter().map(move |id| match refused.iter().find(|refused| refused.instance == *id) {
        Some(Refused { error, .. }) => Outcome::failed(id.clone(), action, error),
        None => Outcome::done(id.clone(), action),
    })
}

/// Looks again at the instances whose stop failed, and reports their true state. The last error says little: an attempt
/// before it may have taken effect. What cannot be seen stays failed.
async fn settle(fleet: &impl ReadFleet, outcomes: &mut [Outcome]) {
    let failed: Vec<InstanceId> =
        outcomes.iter().filter(|outcome| outcome.is_failed()).map(|outcome| outcome.instance.clone()).collect();
    if failed.is_empty() {
        return;
    }
    let Ok(instances) = fleet.instances(&failed).await else { return };
    for outcome in outcomes.iter_mut().filter(|outcome| outcome.is_failed()) {
        let seen = instances.iter().find(|instance| instance.id == outcome.instance).map(|instance| instance.state);
        outcome.to = seen.or(outcome.to);
        if matches!(seen, Some(InstanceState::Stopping | InstanceState::Stopped)) {
            // Refused for its state: somebody else was faster, perhaps another invocation of ours, whose note this then is.
            // Otherwise the call took effect and its answer was lost.
            let was_refused = code(outcome).is_some_and(ApiError::code_is_about_single_ids);
            outcome.result = if was_refused { OutcomeResult::Already } else { OutcomeResult::Done };
        }
    }
}

/// Takes the note off instances whose stop was refused and that were seen to run on. In every other case it stays: one stop
/// too many counts towards the cap, never one too few.
async fn take_back_notes(fleet: &impl ChangeFleet, ids: Vec<InstanceId>) -> Vec<Outcome> {
    if ids.is_empty() {
        return Vec::new();
    }
    let still_noted = fleet.untag(&ids, &[STOPPED_AT_TAG, STOPPED_BECAUSE_TAG]).await;
    still_noted.into_iter().map(|refused| Outcome::failed(refused.instance, Action::Untag, &refused.error)).collect()
}

/// Whether the stop was refused for what the instance is, and the instance was seen running afterwards.
fn runs_on(outcome: &Outcome) -> bool {
    outcome.to == Some(InstanceState::Running) && code(outcome).is_some_and(is_refusal)
}

/// Whether the error is about the instance. Throttling is not, and neither is a denial: it is about the role, more often
/// than not, and would be the same for the next instance.
fn is_refusal(code: &str) -> bool {
    ApiError::code_is_about_single_ids(code) && code != "UnauthorizedOperation"
}

fn code(outcome: &Outcome) -> Option<&str> {
    match &outcome.result {
        OutcomeResult::Failed { code, .. } => Some(code),
        OutcomeResult::Done | OutcomeResult::Already => None,
    }
}
