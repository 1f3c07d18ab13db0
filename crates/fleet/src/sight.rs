//! What is seen of the fleet: instances and measurements, read in the order in which they are needed.

use std::{
    collections::{BTreeMap, BTreeSet},
    pin::pin,
};

use futures_util::TryStreamExt as _;
use idleness::{
    Census, Decision, Evidence, Explanation, Instance, InstanceId, InstanceState, Part, Reason, Record, Rules, Verdict,
    can_be_counted, decide, explain, in_order, needs_evidence, needs_sessions, starting_after,
};
use jiff::Timestamp;

use crate::{
    ApiError, Detail, ReadFleet,
    detail::{Counted, Selection},
    survey::{Seen, survey},
};

/// The instances that somebody looks at. `None` stands for all opted-in ones.
pub type Scope = Option<BTreeSet<InstanceId>>;

/// How much is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// What decisions depend on: measurements of running instances that nothing else protects.
    Needed,
    /// All that the gates look at, of every instance: who asks wants to see all of it.
    Everything,
    /// No measurements, and only the stopped instances: whether one is to be started depends on no measurement.
    Stopped,
}

/// What is known of the instances that somebody looks at.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sight {
    instances: BTreeMap<InstanceId, Instance>,
    evidence: BTreeMap<InstanceId, Evidence>,
    /// Those of which nobody needs to know more than that they are kept.
    counted: Vec<Counted>,
    not_found: Vec<InstanceId>,
    /// Opted-in instances that it is not about, but that others of the fleet depend on.
    others: BTreeMap<InstanceId, Instance>,
    /// Whether all opted-in instances are among those of this sight.
    sees_fleet: bool,
    /// Of which instances EC2 was asked about stop protection.
    asked_for_protection: BTreeSet<InstanceId>,
}

impl Sight {
    /// Describes the instances, and reads about them what the depth asks for.
    ///
    /// # Errors
    /// The instances could not be described, or not be measured.
    pub async fn of(
        fleet: &impl ReadFleet,
        scope: &Scope,
        depth: Depth,
        rules: &Rules,
        now: Timestamp,
    ) -> Result<Self, ApiError> {
        let mut sight = Self::describe(fleet, scope).await?;
        if depth == Depth::Stopped {
            sight.narrow(|instance| instance.state == InstanceState::Stopped);
        }
        sight.measure(fleet, depth, rules, now).await?;
        Ok(sight)
    }

    /// The whole fleet, and what decisions depend on. It takes fewer measurements than to measure each instance at once, but longer;
    /// and holds on to as many details as asked for.
    ///
    /// # Errors
    /// The instances could not be described, or not be measured.
    pub async fn of_fleet(
        fleet: &impl ReadFleet,
        detail: Detail,
        rules: &Rules,
        now: Timestamp,
    ) -> Result<Self, ApiError> {
        let mut sight = Self { sees_fleet: true, ..Self::default() };
        let (mut seen, mut selection) = (pin!(survey(fleet, rules, now)), Selection::new(detail));
        while let Some(page) = seen.try_next().await? {
            for seen in page {
                sight.add(seen, &mut selection, rules, now);
            }
        }
        sight.read_sessions(fleet, Depth::Needed, rules, now).await;
        Ok(sight)
    }

    /// Adds an instance, and lets go of the details of those that need not be seen in detail any more.
    fn add(&mut self, Seen { instance, evidence }: Seen, selection: &mut Selection, rules: &Rules, now: Timestamp) {
        let is_measured = evidence != Evidence::none();
        let decision = (is_measured && !needs_sessions(&instance, &evidence, rules, now))
            .then(|| decide(&instance, &evidence, rules, now))
            .filter(|decision| can_be_counted(&instance, decision, now));
        if is_measured {
            self.evidence.insert(instance.id.clone(), evidence);
        }
        self.instances.insert(instance.id.clone(), instance);
        for (id, reason) in decision.iter().flat_map(|decision| selection.add(decision)) {
            self.evidence.remove(&id);
            self.counted.extend(self.instances.remove(&id).map(|instance| Counted::new(&instance, reason)));
        }
    }

    /// The instances, none of them measured.
    ///
    /// # Errors
    /// They could not be described.
    pub async fn unmeasured(fleet: &impl ReadFleet, scope: &Scope) -> Result<Self, ApiError> {
        Self::describe(fleet, scope).await
    }

    /// Reads about the instances what the depth asks for.
    ///
    /// # Errors
    /// They could not be measured.
    pub async fn measure(
        &mut self,
        fleet: &impl ReadFleet,
        depth: Depth,
        rules: &Rules,
        now: Timestamp,
    ) -> Result<(), ApiError> {
        self.evidence.clear();
        match depth {
            Depth::Everything => self.read_evidence(fleet, |_| true, rules, now).await?,
            Depth::Needed => {
                self.read_evidence(fleet, |instance| needs_evidence(instance, rules, now), rules, now).await?;
            }
            Depth::Stopped => {}
        }
        self.read_sessions(fleet, depth, rules, now).await;
        if depth == Depth::Everything {
            // Of others it may not be asked, and they are not stopped anyway.
            let opted_in = self.instances.values().filter(|instance| instance.tags.opted_in());
            let ids: Vec<InstanceId> = opted_in.map(|instance| instance.id.clone()).collect();
            self.read_protection(fleet, &ids).await;
        }
        Ok(())
    }

    async fn describe(fleet: &impl ReadFleet, scope: &Scope) -> Result<Self, ApiError> {
        let Some(ids) = scope else {
            // By id, so that an instance which moved from one page of the answer to the next is decided about once.
            let instances =
                fleet.opted_in().await?.into_iter().map(|instance| (instance.id.clone(), instance)).collect();
            return Ok(Self { instances, sees_fleet: true, ..Self::default() });
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

    /// Whether all opted-in instances are in sight.
    #[must_use]
    pub const fn sees_fleet(&self) -> bool {
        self.sees_fleet
    }

    /// Narrows what it is about to some of the instances. The others stay in sight.
    pub fn narrow(&mut self, is_meant: impl Fn(&Instance) -> bool) {
        let (meant, others): (_, BTreeMap<_, _>) =
            std::mem::take(&mut self.instances).into_iter().partition(|(_, instance)| is_meant(instance));
        self.instances = meant;
        self.others.extend(others);
    }

    /// Reads the whole fleet, unless it has been read.
    ///
    /// # Errors
    /// It could not be described.
    pub async fn read_fleet(&mut self, fleet: &impl ReadFleet) -> Result<(), ApiError> {
        if self.sees_fleet {
            return Ok(());
        }
        let all = fleet.opted_in().await?.into_iter();
        let others = all.filter(|instance| !self.instances.contains_key(&instance.id));
        self.others = others.map(|instance| (instance.id.clone(), instance)).collect();
        self.sees_fleet = true;
        Ok(())
    }

    /// Makes it about those stopped instances, too, that start after one of its running ones.
    pub fn add_those_after_running(&mut self) {
        let running = self.instances.values().filter(|instance| instance.state == InstanceState::Running);
        let after: BTreeSet<InstanceId> =
            running.flat_map(|instance| starting_after(&instance.id, self.fleet())).collect();
        for id in after {
            if let Some(instance) = self.others.remove(&id) {
                if instance.state == InstanceState::Stopped {
                    self.instances.insert(id, instance);
                } else {
                    self.others.insert(id, instance);
                }
            }
        }
    }

    /// Reads what the policies ask for, of those instances that need it.
    async fn read_evidence(
        &mut self,
        fleet: &impl ReadFleet,
        is_needed: impl Fn(&Instance) -> bool,
        rules: &Rules,
        now: Timestamp,
    ) -> Result<(), ApiError> {
        let needed = self.instances.values().filter(|instance| is_needed(instance));
        let subjects: Vec<_> = needed.map(|instance| (instance, rules.policy_of(instance))).collect();
        if !subjects.is_empty() {
            self.evidence = fleet.evidence(&subjects, Part::Whole, now).await?;
        }
        Ok(())
    }

    /// Reads the sessions of the instances about which they decide.
    async fn read_sessions(&mut self, fleet: &impl ReadFleet, depth: Depth, rules: &Rules, now: Timestamp) {
        let matters = |instance: &&Instance| {
            let is_asked = depth == Depth::Everything && rules.policy_of(instance).heeds_sessions;
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

    /// Asks about the stop protection of those of the instances that were not looked at again before, and looks once more at them:
    /// while the others were measured, somebody may have asked to keep one awake. The look comes last, since stop protection
    /// costs a call each. What was measured of an instance that is to be measured by something else now, proves nothing; and
    /// one that is not there any more, is not found. Whether there was any.
    ///
    /// # Errors
    /// They could not be described.
    pub async fn look_again(
        &mut self,
        fleet: &impl ReadFleet,
        ids: &[InstanceId],
        rules: &Rules,
    ) -> Result<bool, ApiError> {
        let is_new = |id: &&InstanceId| self.instances.contains_key(id) && !self.asked_for_protection.contains(id);
        let new: Vec<InstanceId> = ids.iter().filter(is_new).cloned().collect();
        if !self.read_protection(fleet, &new).await {
            return Ok(false);
        }
        let mut seen_again: BTreeMap<InstanceId, Instance> =
            fleet.instances(&new).await?.into_iter().map(|instance| (instance.id.clone(), instance)).collect();
        for id in new {
            let Some(before) = self.instances.remove(&id) else { continue };
            let Some(seen) = seen_again.remove(&id) else {
                self.not_found.push(id);
                continue;
            };
            if !rules.measure_alike(&before, &seen) {
                self.evidence.remove(&id);
            }
            self.instances.insert(id, Instance { stop_protection: before.stop_protection, ..seen });
        }
        Ok(true)
    }

    /// Asks about the stop protection of those instances of which it has not been asked. Whether there was any.
    pub async fn read_protection(&mut self, fleet: &impl ReadFleet, ids: &[InstanceId]) -> bool {
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

    /// One decision an instance, but for those that are only counted.
    #[must_use]
    pub fn decide(&self, rules: &Rules, now: Timestamp) -> Vec<Decision> {
        self.decisions(rules, now).collect()
    }

    /// Whether any decision is to change something.
    #[must_use]
    pub fn asks_for_change(&self, rules: &Rules, now: Timestamp) -> bool {
        self.decisions(rules, now).any(|decision| decision.verdict != Verdict::Keep)
    }

    fn decisions(&self, rules: &Rules, now: Timestamp) -> impl Iterator<Item = Decision> {
        let decided =
            self.instances.values().map(move |instance| decide(instance, self.evidence_of(&instance.id), rules, now));
        decided.chain(self.not_found.iter().cloned().map(Decision::not_found))
    }

    /// One decision an instance, with the starts in the order that the rest of the fleet asks for, as far as it was read.
    #[must_use]
    pub fn decide_in_order(&self, rules: &Rules, now: Timestamp) -> Vec<Decision> {
        let stopped = self.others.values().filter(|other| other.state == InstanceState::Stopped);
        let others = stopped.map(|other| decide(other, self.evidence_of(&other.id), rules, now));
        let all = self.decide(rules, now).into_iter().chain(others).collect();
        let ordered = self.in_order(all).into_iter();
        ordered.filter(|decision| !self.others.contains_key(&decision.instance)).collect()
    }

    /// The decisions, with the starts in the order that the fleet asks for, as far as it was read.
    #[must_use]
    pub fn in_order(&self, decisions: Vec<Decision>) -> Vec<Decision> {
        let has_starts = decisions.iter().any(|decision| decision.verdict == Verdict::Start);
        let counted = self.counted.iter().filter(|_| has_starts).map(Counted::as_instance).collect::<Vec<_>>();
        in_order(decisions, self.fleet().chain(&counted))
    }

    /// How many instances are kept that have no decision here, by reason.
    #[must_use]
    pub fn counted(&self) -> BTreeMap<Reason, usize> {
        let mut counts = BTreeMap::new();
        for Counted { reason, .. } in &self.counted {
            *counts.entry(*reason).or_default() += 1;
        }
        counts
    }

    /// What the caps need to know of the fleet, as far as it was read.
    #[must_use]
    pub fn census(&self, now: Timestamp) -> Census {
        let census = Census::take(self.fleet(), now);
        Census { running: census.running + self.counted.len(), ..census }
    }

    /// The instances that it is about.
    pub fn instances(&self) -> impl Iterator<Item = &Instance> {
        self.instances.values()
    }

    /// The opted-in instances that were seen, but for those that are only counted.
    pub fn fleet(&self) -> impl Iterator<Item = &Instance> {
        self.instances.values().chain(self.others.values()).filter(|instance| instance.tags.opted_in())
    }

    /// One of the instances that were seen, unless it is only counted.
    #[must_use]
    pub fn instance(&self, id: &InstanceId) -> Option<&Instance> {
        self.instances.get(id).or_else(|| self.others.get(id))
    }

    /// The record of a decision; `None` about an instance that was not seen.
    #[must_use]
    pub fn record(&self, decision: &Decision, rules: &Rules, now: Timestamp) -> Option<Record> {
        let instance = self.instance(&decision.instance)?;
        Some(Record::new(decision.clone(), instance, self.evidence_of(&instance.id), rules, now))
    }

    /// The decision in words; `None` about an instance that was not seen.
    #[must_use]
    pub fn explain(&self, decision: &Decision, rules: &Rules, now: Timestamp) -> Option<Explanation> {
        let instance = self.instances.get(&decision.instance)?;
        Some(explain(instance, self.evidence_of(&instance.id), rules, decision, now))
    }

    fn evidence_of(&self, id: &InstanceId) -> &Evidence {
        const NOTHING: &Evidence = &Evidence::none();
        self.evidence.get(id).unwrap_or(NOTHING)
    }
}
