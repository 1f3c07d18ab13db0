//! One run, top to bottom: parse → scope → read → decide → plan → act → report.

use std::collections::BTreeSet;

use fleet::{ApiError, ChangeFleet, Depth, Detail, Outcome, ReadAlarms, ReadFleet, Scope, Sight};
use idleness::{
    Census, Decision, Instance, InstanceId, InstanceState, Mode, Plan, Reason, Rules, Savings, Verdict, is_start_owed,
    is_start_settled, plan, was_stopped_within_the_hour,
};
use jiff::Timestamp;
use serde_json::Value;

use crate::{
    act::{Round, Start, announce, settle, start, stop, withdraw},
    event::{Purpose, Refusal, Request, Target, TriggerKind, parse},
    report::{KEEPS_LISTED, Report},
    resolve::{Unresolved, resolve},
    settings::Settings,
};

/// Why a run came to no report.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The event was refused; nothing was changed.
    #[error("failed to read the event")]
    Refused(#[from] Refusal),
    /// The fleet, its measurements or the alarm's instances could not be read; nothing was changed.
    #[error("failed to see the fleet")]
    Unseen(#[from] ApiError),
}

impl RunError {
    /// A stable code for logs and error types: the refusal's, `deadline` where time ran out, or `unseen-fleet`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.code(),
            Self::Unseen(error) if error.code == ApiError::DEADLINE => ApiError::DEADLINE,
            Self::Unseen(_) => "unseen-fleet",
        }
    }
}

impl From<Unresolved> for RunError {
    fn from(unresolved: Unresolved) -> Self {
        match unresolved {
            Unresolved::Refused(refusal) => Self::Refused(refusal),
            Unresolved::Unseen(error) => Self::Unseen(error),
        }
    }
}

/// A run that came to its end: the report, and what it was made from.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// What the run saw, decided and did.
    pub report: Report,
    /// The decisions, those included that the report does not list, but for those of a large fleet that are only counted.
    pub(crate) decisions: Vec<Decision>,
    /// What they were made from.
    pub(crate) sight: Sight,
    /// The rules they were made by.
    pub(crate) rules: Rules,
    /// What the run was for.
    pub(crate) purpose: Purpose,
}

/// Takes one event the whole way. In `dry-run`, and where only an explanation was asked for, the step *act* is left out.
///
/// # Errors
/// The event was refused, or the fleet could not be seen. A failed action is no error here, but an outcome.
pub async fn run(
    event: &Value,
    fleet: &(impl ReadFleet + ReadAlarms + ChangeFleet),
    settings: &Settings,
    now: Timestamp,
) -> Result<Run, RunError> {
    let Request { trigger, target, purpose } = parse(event)?;
    let scope = scope(fleet, &target).await?;
    let mut sight = match (purpose, &scope) {
        (Purpose::Act, None) => Sight::of_fleet(fleet, detail(settings), &settings.rules, now).await?,
        _ => Sight::of(fleet, &scope, depth(purpose), &settings.rules, now).await?,
    };
    let started = trigger.kind == TriggerKind::StateChange && sight.fleet().any(is_running);
    // The caps count all stops of the hour, and starts have an order. A sweep has just read the fleet.
    if !sight.sees_fleet() && (started || sight.asks_for_change(&settings.rules, now)) {
        sight.read_fleet(fleet).await?;
    }
    if started {
        sight.add_those_after_running();
    }
    let census = sight.census(now);
    let mut planner = Planner { fleet, settings, sight, census, is_about_fleet: scope.is_none(), now };
    let plan = planner.plan(&BTreeSet::new()).await?;
    let (plan, outcomes) = match (settings.mode, purpose) {
        (Mode::DryRun, _) | (_, Purpose::Explain) => (plan, Vec::new()),
        (Mode::Enforce, Purpose::Act | Purpose::Start) => planner.enforce(plan).await,
    };
    let Planner { sight, .. } = planner;
    let explanation = match purpose {
        Purpose::Explain => plan.decisions.iter().find_map(|decision| sight.explain(decision, &settings.rules, now)),
        Purpose::Act | Purpose::Start => None,
    };
    let savings = sight.sees_fleet().then(|| Savings::of(sight.fleet(), &settings.prices));
    let counted = sight.counted();
    let report = Report { savings, explanation, ..Report::new(settings.mode, trigger, now, &plan, &counted, outcomes) };
    Ok(Run { report, decisions: plan.decisions, sight, rules: settings.rules.clone(), purpose })
}

async fn scope(fleet: &impl ReadAlarms, target: &Target) -> Result<Scope, RunError> {
    Ok(match target {
        Target::Fleet => None,
        Target::Nothing => Some(BTreeSet::new()),
        Target::Named { instances, lookups } if lookups.is_empty() => Some(instances.clone()),
        Target::Named { instances, lookups } => Some(&resolve(fleet, lookups).await? | instances),
    })
}

/// How much is read of the instances that an event names. Most are not in use, or no alarm would have gone off.
const fn depth(purpose: Purpose) -> Depth {
    match purpose {
        Purpose::Act => Depth::Needed,
        Purpose::Start => Depth::Stopped,
        Purpose::Explain => Depth::Everything,
    }
}

fn is_running(instance: &Instance) -> bool {
    instance.state == InstanceState::Running
}

/// How often a plan is made anew because stop protection turned up in it, and how often the places of refused stops are
/// handed on, within one run. The next run tries again.
const ROUNDS: usize = 3;

/// Of how many instances of a whole fleet more is needed than a count: of as many keeps as the report and the log list, beside the stops
/// that are planned, or were and have been refused; and of those that are looked at in all rounds of all plans.
const fn detail(settings: &Settings) -> Detail {
    let stops = settings.caps.stops;
    let tried = stops.saturating_mul(1 + ROUNDS);
    let looked_at = tried.saturating_mul(1 + ROUNDS);
    Detail { first: KEEPS_LISTED.saturating_add(tried), least_active: looked_at }
}

/// How many notes about owed starts one run takes off: each is an outcome that the report lists.
const SETTLED_PER_RUN: usize = 1000;

/// Everything a plan is made from.
struct Planner<'a, F> {
    fleet: &'a F,
    settings: &'a Settings,
    sight: Sight,
    census: Census,
    /// Whether the run is about all opted-in instances.
    is_about_fleet: bool,
    now: Timestamp,
}

impl<F: ReadFleet + ChangeFleet> Planner<'_, F> {
    /// The plan without the stops that were refused before. Those that it would stop are looked at once more, now that
    /// everything has been measured, and their stop protection is read, which costs a call each; then it is made again.
    async fn plan(&mut self, refused: &BTreeSet<InstanceId>) -> Result<Plan, ApiError> {
        let mut plan = self.plan_by_sight(refused);
        for _ in 0..ROUNDS {
            if !self.sight.look_again(self.fleet, &plan.stops, &self.settings.rules).await? {
                break;
            }
            // Before the next one is made: a plan holds a decision for each instance that is seen in detail.
            drop(plan);
            plan = self.plan_by_sight(refused);
        }
        Ok(plan)
    }

    fn plan_by_sight(&self, refused: &BTreeSet<InstanceId>) -> Plan {
        let decisions = self.sight.in_order(self.sight.decide(&self.settings.rules, self.now));
        plan(decisions, self.settings.caps, self.census, refused)
    }

    /// Carries the plan out, and hands the places of stops that were refused on to the next instances under the cap.
    async fn enforce(&mut self, mut plan: Plan) -> (Plan, Vec<Outcome>) {
        let noted_before = self.noted_before();
        let Round { mut outcomes, mut refused } = stop(self.fleet, &plan.stops, &noted_before, self.now).await;
        for _ in 0..ROUNDS {
            if refused.is_empty() {
                break;
            }
            // Who cannot be looked at is left to the next run.
            let Ok(next_plan) = self.plan(&refused).await else { break };
            let next: Vec<_> = next_plan.stops.iter().filter(|id| !plan.stops.contains(id)).cloned().collect();
            if next.is_empty() {
                break;
            }
            let round = stop(self.fleet, &next, &noted_before, self.now).await;
            outcomes.extend(round.outcomes);
            refused.extend(round.refused);
            plan = next_plan;
        }
        // An announcement that no longer holds must not be there for a later run. Starts come last: their pace may take long.
        outcomes.extend(withdraw(self.fleet, &plan.withdrawals).await);
        outcomes.extend(announce(self.fleet, &plan.announcements).await);
        outcomes.extend(settle(self.fleet, &self.settled()).await);
        outcomes.extend(start(self.fleet, &self.starts(&plan), self.now).await);
        (plan, outcomes)
    }

    /// The starts of a plan, with what is noted of those that are owed.
    fn starts(&self, plan: &Plan) -> Vec<Start> {
        let starts = plan.decisions.iter().filter(|decision| decision.verdict == Verdict::Start);
        let start = |decision: &Decision| Start {
            instance: decision.instance.clone(),
            is_owed: decision.reason == Reason::StartOwed,
            is_noted: self.sight.instance(&decision.instance).is_some_and(is_start_owed),
        };
        starts.map(start).collect()
    }

    /// The instances that carry notes about an owed start which nobody waits for any more. A run that is about the fleet cleans up
    /// for all of it; where many come up at once, each of their notices is about its own.
    fn settled(&self) -> Vec<InstanceId> {
        let is_settled = |instance: &&Instance| is_start_settled(instance, self.now);
        let ids = |instances: &mut dyn Iterator<Item = &Instance>| {
            instances.filter(is_settled).map(|instance| instance.id.clone()).take(SETTLED_PER_RUN).collect()
        };
        if self.is_about_fleet { ids(&mut self.sight.fleet()) } else { ids(&mut self.sight.instances()) }
    }

    /// The instances that carry the note of a stop within the hour, which must not be lost with the note of a refused one.
    fn noted_before(&self) -> BTreeSet<InstanceId> {
        let noted = |instance: &&Instance| was_stopped_within_the_hour(instance, self.now);
        self.sight.instances().filter(noted).map(|instance| instance.id.clone()).collect()
    }
}
