//! Carrying out a plan: the one place that changes anything. Which instances, was decided before.

use std::collections::{BTreeMap, BTreeSet};

use fleet::{Action, ApiError, ChangeFleet, IDS_PER_BATCH, Outcome, OutcomeResult, ReadFleet, Refused};
use idleness::{
    InstanceId, InstanceState, Reason, START_OWED_SINCE_TAG, START_TRIED_AT_TAG, STOP_AT_TAG, STOPPED_AT_TAG,
    STOPPED_BECAUSE_TAG,
};
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
/// instances that carry the note of an earlier stop within the hour. What there is no time for, is left as it is: each batch is
/// noted just before it is stopped.
pub(crate) async fn stop(
    fleet: &(impl ReadFleet + ChangeFleet),
    stops: &[InstanceId],
    noted_before: &BTreeSet<InstanceId>,
    now: Timestamp,
) -> Round {
    let stopped_at = now.to_string();
    let tags = [(STOPPED_AT_TAG, stopped_at.as_str()), (STOPPED_BECAUSE_TAG, Reason::Idle.as_str())];
    let (mut outcomes, mut unnoted, mut left) = (Vec::new(), Vec::new(), Vec::new());
    for batch in stops.chunks(IDS_PER_BATCH) {
        if !fleet.has_time() {
            left.extend(batch.iter().map(|id| Outcome::left(id.clone(), Action::Stop)));
            continue;
        }
        let refused = fleet.tag(batch, &tags).await;
        let is_noted = |id: &&InstanceId| !refused.iter().any(|refused| refused.instance == **id);
        let to_stop: Vec<InstanceId> = batch.iter().filter(is_noted).cloned().collect();
        if !to_stop.is_empty() {
            outcomes.extend(fleet.stop(&to_stop).await);
        }
        unnoted.extend(refused);
    }
    see_again(fleet, &mut outcomes).await;

    let ids = |is_meant: fn(&Outcome) -> bool| -> BTreeSet<InstanceId> {
        outcomes.iter().filter(|outcome| is_meant(outcome)).map(|outcome| outcome.instance.clone()).collect()
    };
    let (unstopped, mut refused) = (ids(was_not_stopped), ids(runs_on));
    outcomes.extend(take_back_notes(fleet, unstopped.difference(noted_before).cloned().collect()).await);
    refused.extend(unnoted.iter().filter(|r| is_refusal(&r.error.code)).map(|r| r.instance.clone()));
    outcomes.extend(unnoted.into_iter().map(|r| Outcome::failed(r.instance, Action::Stop, &r.error)));
    outcomes.extend(left);
    Round { outcomes, refused }
}

/// An instance that is to start.
pub(crate) struct Start {
    pub(crate) instance: InstanceId,
    /// Whether EC2 refused it before.
    pub(crate) is_owed: bool,
    /// Whether it carries the note since when.
    pub(crate) is_noted: bool,
}

/// Starts the instances. One that is refused, for lack of capacity or otherwise, is noted as owed, for a later run; and each
/// further try is noted before it is made, so that the next one waits even if this process ends here.
pub(crate) async fn start(fleet: &(impl ReadFleet + ChangeFleet), starts: &[Start], now: Timestamp) -> Vec<Outcome> {
    if starts.is_empty() {
        return Vec::new();
    }
    let select = |is_wanted: &dyn Fn(&&Start) -> bool| -> Vec<InstanceId> {
        starts.iter().filter(is_wanted).map(|start| start.instance.clone()).collect()
    };
    if !fleet.has_time() {
        return starts.iter().map(|start| Outcome::left(start.instance.clone(), Action::Start)).collect();
    }
    let tried_before = select(&|start| start.is_owed);
    let mut outcomes = note_try(fleet, &select(&|start| start.is_owed && start.is_noted), false, now).await;
    outcomes.extend(note_try(fleet, &select(&|start| start.is_owed && !start.is_noted), true, now).await);
    let mut started = fleet.start(&select(&|_| true)).await;
    see_again(fleet, &mut started).await;

    // One that failed is noted, too: it is not tried, and told of, every few minutes.
    let newly_owed: Vec<InstanceId> = started
        .iter()
        .filter(|outcome| matches!(outcome.result, OutcomeResult::Owed { .. } | OutcomeResult::Failed { .. }))
        .map(|outcome| outcome.instance.clone())
        .filter(|id| !tried_before.contains(id))
        .collect();
    outcomes.extend(started);
    outcomes.extend(note_try(fleet, &newly_owed, true, now).await);
    outcomes
}

/// Notes a try on instances whose start is owed, and since when, unless that is noted. Returns the failures.
async fn note_try(fleet: &impl ChangeFleet, ids: &[InstanceId], is_first: bool, now: Timestamp) -> Vec<Outcome> {
    if ids.is_empty() {
        return Vec::new();
    }
    let now = now.to_string();
    let tags = [(START_TRIED_AT_TAG, now.as_str()), (START_OWED_SINCE_TAG, now.as_str())];
    let refused = fleet.tag(ids, &tags[..if is_first { 2 } else { 1 }]).await;
    refused.into_iter().map(|refused| Outcome::failed(refused.instance, Action::Owe, &refused.error)).collect()
}

/// Takes the notes about owed starts off instances where they no longer hold.
pub(crate) async fn settle(fleet: &impl ChangeFleet, ids: &[InstanceId]) -> Vec<Outcome> {
    change(fleet, ids, Action::Settle, async || fleet.untag(ids, &[START_OWED_SINCE_TAG, START_TRIED_AT_TAG]).await)
        .await
}

/// Announces stops, each for its time.
pub(crate) async fn announce(
    fleet: &impl ChangeFleet,
    announcements: &BTreeMap<Timestamp, Vec<InstanceId>>,
) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for (stop_at, ids) in announcements {
        let tag = async || fleet.tag(ids, &[(STOP_AT_TAG, stop_at.to_string().as_str())]).await;
        outcomes.extend(change(fleet, ids, Action::Announce, tag).await);
    }
    outcomes
}

/// Withdraws announcements that no longer hold.
pub(crate) async fn withdraw(fleet: &impl ChangeFleet, ids: &[InstanceId]) -> Vec<Outcome> {
    change(fleet, ids, Action::Withdraw, async || fleet.untag(ids, &[STOP_AT_TAG]).await).await
}

/// Changes the tags of the instances, if there are any, and if there is time. One outcome an id.
async fn change(
    fleet: &impl ChangeFleet,
    ids: &[InstanceId],
    action: Action,
    tags: impl AsyncFnOnce() -> Vec<Refused>,
) -> Vec<Outcome> {
    if !fleet.has_time() {
        return ids.iter().map(|id| Outcome::left(id.clone(), action)).collect();
    }
    let refused = if ids.is_empty() { Vec::new() } else { tags().await };
    let outcome = |id: &InstanceId| match refused.iter().find(|refused| refused.instance == *id) {
        Some(Refused { error, .. }) => Outcome::failed(id.clone(), action, error),
        None => Outcome::done(id.clone(), action),
    };
    ids.iter().map(outcome).collect()
}

/// Looks again at the instances whose stop or start failed, and reports their true state. The last error says little: an attempt
/// before it may have taken effect. What cannot be seen stays failed.
async fn see_again(fleet: &impl ReadFleet, outcomes: &mut [Outcome]) {
    let failed: Vec<InstanceId> =
        outcomes.iter().filter(|outcome| outcome.is_failed()).map(|outcome| outcome.instance.clone()).collect();
    if failed.is_empty() {
        return;
    }
    let Ok(instances) = fleet.instances(&failed).await else { return };
    for outcome in outcomes.iter_mut().filter(|outcome| outcome.is_failed()) {
        let seen = instances.iter().find(|instance| instance.id == outcome.instance).map(|instance| instance.state);
        outcome.to = seen.or(outcome.to);
        if seen.is_some_and(|state| is_reached(outcome.action, state)) {
            // Refused for its state: somebody else was faster, perhaps another invocation of ours, whose note this then is.
            // Otherwise the call took effect and its answer was lost.
            let was_refused = code(outcome).is_some_and(ApiError::code_is_about_single_ids);
            outcome.result = if was_refused { OutcomeResult::Already } else { OutcomeResult::Done };
        }
    }
}

/// Whether the state is what the action was to lead to, or on the way there.
const fn is_reached(action: Action, state: InstanceState) -> bool {
    match action {
        Action::Start => matches!(state, InstanceState::Pending | InstanceState::Running),
        _ => matches!(state, InstanceState::Stopping | InstanceState::Stopped),
    }
}

/// Takes the note off instances whose stop was refused and that were seen to run on: it would make a later stop by a person
/// look like Doze's. In every other case it stays: one stop too many counts towards the cap, never one too few.
async fn take_back_notes(fleet: &impl ChangeFleet, ids: Vec<InstanceId>) -> Vec<Outcome> {
    if ids.is_empty() {
        return Vec::new();
    }
    let still_noted = fleet.untag(&ids, &[STOPPED_AT_TAG, STOPPED_BECAUSE_TAG]).await;
    still_noted.into_iter().map(|refused| Outcome::failed(refused.instance, Action::Untag, &refused.error)).collect()
}

/// Whether EC2 said no, to the instance or to the caller, and the instance was seen running afterwards. A failure of EC2's own,
/// or an answer that never came, may have been about a stop.
fn was_not_stopped(outcome: &Outcome) -> bool {
    let said_no = |code| ApiError::code_is_about_single_ids(code) || code == "RequestLimitExceeded";
    outcome.to == Some(InstanceState::Running) && code(outcome).is_some_and(said_no)
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
        OutcomeResult::Done | OutcomeResult::Already | OutcomeResult::Owed { .. } => None,
    }
}
