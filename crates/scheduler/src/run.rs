//! One run, top to bottom: parse → scope → read → decide → plan → act → report.

use std::collections::{BTreeMap, BTreeSet};

use fleet::{ApiError, ChangeFleet, Outcome, ReadFleet};
use idleness::{
    Census, Decision, Evidence, Instance, InstanceId, Mode, Plan, Verdict, decide, needs_evidence, plan,
    was_stopped_within_the_hour,
};
use jiff::Timestamp;
use serde_json::Value;

use crate::{
    act::{Round, act},
    event::{Refusal, Target, parse},
    report::Report,
    settings::Settings,
};

/// Why a run came to no report.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The event was refused; no call was made.
    #[error("failed to read the event")]
    Refused(#[from] Refusal),
    /// The fleet or its measurements could not be read; nothing was changed.
    #[error("failed to see the fleet")]
    Unseen(#[from] ApiError),
}

impl RunError {
    /// A stable code for logs and error types: the refusal's, or `unseen-fleet`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.code(),
            Self::Unseen(_) => "unseen-fleet",
        }
    }
}

/// Takes one event the whole way. In `dry-run` the last step is left out.
///
/// # Errors
/// The event was refused, or the fleet could not be seen. A failed action is no error here, but an outcome.
pub async fn run(
    event: &Value,
    fleet: &(impl ReadFleet + ChangeFleet),
    settings: &Settings,
    now: Timestamp,
) -> Result<Report, RunError> {
    let request = parse(event)?;
    let instances = read_instances(fleet, &request.target).await?;
    let evidence = read_evidence(fleet, &instances, settings, now).await?;
    let decisions = decide_all(&request.target, &instances, &evidence, settings, now);
    let census = read_census(fleet, &request.target, &instances, &decisions, now).await?;
    let plan_without = |refused: &BTreeSet<InstanceId>| plan(decisions.clone(), settings.caps, census, refused);
    let (plan, outcomes) = match settings.mode {
        Mode::DryRun => (plan_without(&BTreeSet::new()), Vec::new()),
        Mode::Enforce => enforce(fleet, plan_without, &noted_before(&instances, now), now).await,
    };
    Ok(Report::new(settings.mode, request.trigger, now, plan, outcomes))
}

/// How often the places of refused stops are handed on within one run. The next run tries again.
const HAND_ONS: usize = 3;

/// Carries the plan out, and hands the places of stops that were refused on to the next instances under the cap.
async fn enforce(
    fleet: &(impl ReadFleet + ChangeFleet),
    plan_without: impl Fn(&BTreeSet<InstanceId>) -> Plan,
    noted_before: &BTreeSet<InstanceId>,
    now: Timestamp,
) -> (Plan, Vec<Outcome>) {
    let mut plan = plan_without(&BTreeSet::new());
    let Round { mut outcomes, mut refused } = act(fleet, &plan.stops, noted_before, now).await;
    for _ in 0..HAND_ONS {
        let next_plan = plan_without(&refused);
        let next: Vec<_> = next_plan.stops.iter().filter(|id| !plan.stops.contains(id)).cloned().collect();
        if next.is_empty() {
            break;
        }
        let round = act(fleet, &next, noted_before, now).await;
        outcomes.extend(round.outcomes);
        refused.extend(round.refused);
        plan = next_plan;
    }
    (plan, outcomes)
}

/// The instances that carry the note of a stop within the hour, which must not be lost with the note of a refused one.
fn noted_before(instances: &[Instance], now: Timestamp) -> BTreeSet<InstanceId> {
    let noted = instances.iter().filter(|instance| was_stopped_within_the_hour(instance, now));
    noted.map(|instance| instance.id.clone()).collect()
}

async fn read_instances(fleet: &impl ReadFleet, target: &Target) -> Result<Vec<Instance>, ApiError> {
    match target {
        Target::Nothing => Ok(Vec::new()),
        Target::Fleet => fleet.opted_in().await,
        Target::Instances(ids) => {
            let mut instances = fleet.instances(&ids.iter().cloned().collect::<Vec<_>>()).await?;
            // Whatever else an answer may hold, the event did not name it.
            instances.retain(|instance| ids.contains(&instance.id));
            Ok(instances)
        }
    }
}

async fn read_evidence(
    fleet: &impl ReadFleet,
    instances: &[Instance],
    settings: &Settings,
    now: Timestamp,
) -> Result<BTreeMap<InstanceId, Evidence>, ApiError> {
    let open = instances.iter().filter(|instance| needs_evidence(instance, &settings.policy, now));
    let ids: Vec<InstanceId> = open.map(|instance| instance.id.clone()).collect();
    if ids.is_empty() { Ok(BTreeMap::new()) } else { fleet.evidence(&ids, &settings.policy, now).await }
}

fn decide_all(
    target: &Target,
    instances: &[Instance],
    evidence: &BTreeMap<InstanceId, Evidence>,
    settings: &Settings,
    now: Timestamp,
) -> Vec<Decision> {
    let nothing = Evidence::default();
    // By id, so that an instance which moved from one page of the answer to the next is decided about once.
    let by_id: BTreeMap<&InstanceId, &Instance> = instances.iter().map(|instance| (&instance.id, instance)).collect();
    let decided = by_id
        .values()
        .map(|instance| decide(instance, evidence.get(&instance.id).unwrap_or(&nothing), &settings.policy, now));
    let named = if let Target::Instances(ids) = target { ids } else { &BTreeSet::new() };
    let not_found = named.iter().filter(|id| !by_id.contains_key(id)).cloned().map(Decision::not_found);
    decided.chain(not_found).collect()
}

/// What the caps need to know of the whole fleet. A sweep has just read it; an alarm reads it only where something would
/// be stopped.
async fn read_census(
    fleet: &impl ReadFleet,
    target: &Target,
    instances: &[Instance],
    decisions: &[Decision],
    now: Timestamp,
) -> Result<Census, ApiError> {
    if *target == Target::Fleet {
        return Ok(Census::take(instances, now));
    }
    if decisions.iter().all(|decision| decision.verdict == Verdict::Keep) {
        return Ok(Census::default());
    }
    Ok(Census::take(&fleet.opted_in().await?, now))
}
