//! One decision with everything it was made from, as one line of the log holds it: whoever has the line can decide again.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    decision::{Decision, Rules, decide},
    evidence::Evidence,
    explanation::{Explanation, explain},
    instance::Instance,
    order::Turn,
    plan::Place,
    policies::Policies,
    policy::Policy,
};

/// A decision and what it was made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// When it was made.
    pub at: Timestamp,
    /// The decision.
    #[serde(flatten)]
    pub decision: Decision,
    /// The instance, with the tags that a gate reads.
    pub facts: Instance,
    /// The policy that counted.
    pub policy: Policy,
    /// The grace between announcement and stop.
    pub grace: SignedDuration,
    /// What was measured.
    pub measured: Evidence,
    /// The place under the cap, where that overruled a stop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// What other instances made of the decision, where it is about a start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<Turn>,
}

impl Record {
    /// The record of a decision.
    #[must_use]
    pub fn new(decision: Decision, instance: &Instance, evidence: &Evidence, rules: &Rules, at: Timestamp) -> Self {
        Self {
            at,
            place: Place::of(&decision),
            turn: Turn::of(&decision),
            decision,
            facts: instance.without_foreign_tags(),
            policy: rules.policy_of(instance).clone(),
            grace: rules.grace,
            measured: evidence.clone(),
        }
    }

    /// Decides again, from what is in the record alone.
    #[must_use]
    pub fn decide_again(&self) -> Decision {
        let decision = decide(&self.facts, &self.measured, &self.rules(), self.at);
        let decision = self.place.map_or(decision.clone(), |place| place.allow(decision));
        self.turn.as_ref().map_or(decision.clone(), |turn| turn.apply(decision))
    }

    /// The decision in words, gate by gate.
    #[must_use]
    pub fn explain(&self) -> Explanation {
        explain(&self.facts, &self.measured, &self.rules(), &self.decide_again(), self.at)
    }

    fn rules(&self) -> Rules {
        Rules { policies: Policies::only(self.policy.clone()), grace: self.grace }
    }
}
