//! What is saved by the instances that are asleep right now.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::{
    instance::{Instance, InstanceState},
    starting::was_stopped_by_doze,
    wishes::Wishes,
};

/// What an hour of an instance costs, in USD, by type. Only its owner knows: discounts and savings plans are in no list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prices(BTreeMap<String, f64>);

/// A text that tells no prices.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPrices {
    /// It is no JSON object of numbers.
    #[error("expected a JSON object, type to USD an hour, such as {{\"m7i.large\":0.1008}}: {0}")]
    Json(String),
    /// A price is below zero.
    #[error("at {0}: expected a price of 0 or more")]
    Negative(String),
}

impl Prices {
    /// The prices of a JSON object, type to USD an hour: `{"m7i.large":0.1008}`.
    ///
    /// # Errors
    /// The text is no such object, or a price is below zero.
    pub fn parse(json: &str) -> Result<Self, InvalidPrices> {
        let prices: BTreeMap<String, f64> =
            serde_json::from_str(json).map_err(|error| InvalidPrices::Json(error.to_string()))?;
        match prices.iter().find(|(_, price)| **price < 0.0) {
            Some((name, _)) => Err(InvalidPrices::Negative(name.clone())),
            None => Ok(Self(prices)),
        }
    }
}

/// What the instances that Doze has stopped, and that sleep right now, do not cost.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Savings {
    /// How many they are.
    pub asleep: usize,
    /// What they would cost together, in USD an hour, as far as the prices of their types are known.
    pub usd_per_hour: f64,
    /// The types among them that have no price.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub unpriced: BTreeSet<String>,
}

impl Savings {
    /// Counts those of the instances that sleep because Doze stopped them last.
    #[must_use]
    pub fn of<'a>(instances: impl IntoIterator<Item = &'a Instance>, prices: &Prices) -> Self {
        let mut savings = Self::default();
        for instance in instances.into_iter().filter(|instance| is_asleep(instance)) {
            savings.asleep += 1;
            match prices.0.get(instance.instance_type.as_str()) {
                Some(price) => savings.usd_per_hour += price,
                None => {
                    savings.unpriced.insert(instance.instance_type.as_str().to_owned());
                }
            }
        }
        savings
    }
}

fn is_asleep(instance: &Instance) -> bool {
    instance.state == InstanceState::Stopped
        && Wishes::read_but_policy(&instance.tags).is_ok_and(|wishes| was_stopped_by_doze(instance, &wishes))
}
