//! What a run sees of the fleet: instances and measurements, read in the order in which they are needed.

use std::collections::{BTreeMap, BTreeSet};

use fleet::{ApiError, ReadFleet};
use idleness::{
    Decision, Evidence, Explanation, Instance, InstanceId, Record, Rules, decide, explain, needs_evidence,
    needs_sessions,
};
use jiff::Timestamp;

use crate::event::Purpose;

/// The instances that a run is about. `None` stands for all opted-in ones.
pub(crate) type Scope = Option<BTreeSet<InstanceId>>;

/// What is known of the instances that a run is about.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Sight {
    instances: BTreeMap<InstanceId, Instance>,
    evidence: BTreeMap<InstanceId, Evidence>,
    not_found: Vec<InstanceId>,
    /// Of which instances EC2 was asked about stop protection.
    asked_for_protection: BTreeSet<InstanceId>,
}

impl Sight {
    /// Describes the instances, and measures those about which measurements decide; for an explanation, all of them.
    pub(crate) async fn of(
        fleet: &impl ReadFleet,
        scope: &Scope,
        purpose: Purpose,
        rules: &Rules,
        now: Timestamp,
    ) -> Result<Self, ApiError> {
        let mut sight = Self::describe(fleet, scope).await?;
        let subjects: Vec<_> = sight
            .instances
            .values()
            .filter(|instance| purpose == Purpose::Explain || needs_evidence(instance, rules, now))
            .map(|instance| (instance, rules.policy_of(instance)))
            .collect();
        if !subjects.is_empty() {
            sight.evidence = fleet.evidence(&subjects, now).await?;
        }
        sight.read_sessions(fleet, purpose, rules, now).await;
        if purpose == Purpose::Explain {
            let ids: Vec<InstanceId> = sight.instances.keys().cloned().collect();
            sight.read_protection(fleet, &ids).await;
        }
        Ok(sight)
    }

    async fn describe(fleet: &impl ReadFleet, scope: &Scope) -> Result<Self, ApiError> {
        let Some(ids) = scope else {
            // By id, so that an instance which moved from one page of the answer to the next is decided about once.
            let instances =
                fleet.opted_in().await?.into_iter().map(|instance| (instance.id.clone(), instance)).collect();
            return Ok(Self { instances, ..Self::default() });
        };
        if ids.is_empty() {
            return Ok(Self::default());
        }
        let described = fleet.instances(&ids.iter().cloned().collect::<Vec<_>>()).await?;
        // Whatever else an answer may hold, the event did not name it.
        let named = described.into_iter().filter(|instance| ids.contains(&instance.id));
        let instances: BTreeMap<_, _> = named.map(|instance| (instance.id.clone(), instance)).collect();
        let not_found = ids.iter().filter(|id| !instances.contains_key(id)).cloned().collect();
        Ok(Self { instances, not_found, ..Self::default() })
    }

    /// Reads the sessions of the instances about which they decide.
    async fn read_sessions(&mut self, fleet: &impl ReadFleet, purpose: Purpose, rules: &Rules, now: Timestamp) {
        let matters = |instance: &&Instance| {
            let is_asked = purpose == Purpose::Explain && rules.policy_of(instance).heeds_sessions;
            is_asked || needs_sessions(instance, self.evidence_of(&instance.id), rules, now)
        };
        let ids: Vec<InstanceId> =
            self.instances.values().filter(matters).map(|instance| instance.id.clone()).collect();
        if ids.is_empty() {
            return;
        }
        for (id, sessions) in fleet.sessions(&ids).await.into_iter().filter(|(id, _)| ids.contains(id)) {
            let evidence = self.evidence.remove(&id).unwrap_or_default();
            self.evidence.insert(id, evidence.with_sessions(sessions));
        }
    }

    /// Asks about the stop protection of those instances of which it has not been asked. Whether there was any.
    pub(crate) async fn read_protection(&mut self, fleet: &impl ReadFleet, ids: &[InstanceId]) -> bool {
        let is_new = |id: &&InstanceId| self.instances.contains_key(id) && !self.asked_for_protection.contains(id);
        let new: Vec<InstanceId> = ids.iter().filter(is_new).cloned().collect();
        if new.is_empty() {
            return false;
        }
        for (id, stop_protection) in fleet.stop_protection(&new).await {
            if let Some(instance) = self.instances.get_mut(&id) {
                instance.stop_protection = stop_protection;
            }
        }
        self.asked_for_protection.extend(new);
        true
    }

    /// One decision an instance.
    pub(crate) fn decide(&self, rules: &Rules, now: Timestamp) -> Vec<Decision> {
        let decided =
            self.instances.values().map(|instance| decide(instance, self.evidence_of(&instance.id), rules, now));
        decided.chain(self.not_found.iter().cloned().map(Decision::not_found)).collect()
    }

    pub(crate) fn instances(&self) -> impl Iterator<Item = &Instance> {
        self.instances.values()
    }

    /// The record of a decision; `None` about an instance that was not seen.
    pub(crate) fn record(&self, decision: &Decision, rules: &Rules, now: Timestamp) -> Option<Record> {
        let instance = self.instances.get(&decision.instance)?;
        Some(Record::new(decision.clone(), instance, self.evidence_of(&instance.id), rules, now))
    }

    /// The decision in words; `None` about an instance that was not seen.
    pub(crate) fn explain(&self, decision: &Decision, rules: &Rules, now: Timestamp) -> Option<Explanation> {
        let instance = self.instances.get(&decision.instance)?;
        Some(explain(instance, self.evidence_of(&instance.id), rules, decision, now))
    }

    fn evidence_of(&self, id: &InstanceId) -> &Evidence {
        const NOTHING: &Evidence = &Evidence::none();
        self.evidence.get(id).unwrap_or(NOTHING)
    }
}
