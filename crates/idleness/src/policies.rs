//! The policies that can be chosen by name: the presets, and those of the user. How the user's are written is `custom`'s.

use std::collections::BTreeMap;

use crate::{
    custom::{Distinct, PolicyFields},
    policy::Policy,
};

/// The policies that can be chosen by name, and the one that counts where none is chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct Policies {
    by_name: BTreeMap<String, Policy>,
    default: String,
}

impl Default for Policies {
    /// The presets, `dev-box` first among them.
    fn default() -> Self {
        Self::only(Policy::dev_box()).and(Policy::presets())
    }
}

impl Policies {
    /// One policy, which is the default.
    #[must_use]
    pub fn only(policy: Policy) -> Self {
        let default = policy.name.to_string();
        Self { by_name: BTreeMap::from([(default.clone(), policy)]), default }
    }

    /// The presets and the custom policies of a JSON object, name → fields:
    ///
    /// ```json
    /// {"dev-box": {"lookback_minutes": 120},
    ///  "render": {"based_on": "dev-box", "minimum_uptime_minutes": 60, "coverage_percent": 95, "sessions": true,
    ///             "signals": {"network": null,
    ///                         "memory": {"limit": 20},
    ///                         "jobs": {"metrics": [{"namespace": "Render", "name": "QueuedJobs"}], "statistic": "max",
    ///                                  "period_minutes": 5, "limit": 0, "unit": "count",
    ///                                  "allowed_percent_above": 0, "optional": false, "hardware": "any"}}}}
    /// ```
    ///
    /// Whatever a policy does not name is that of the preset it is called like, or is `based_on`, or else of `dev-box`. The
    /// same holds for the fields of a signal; `null` takes a signal out. A signal of the user's own names its `metrics` and
    /// `limit`.
    ///
    /// # Errors
    /// The text is no such object, or describes a policy that makes no sense; the error says which, and where.
    pub fn parse(json: &str) -> Result<Self, InvalidPolicies> {
        let mut deserializer = serde_json::Deserializer::from_str(json);
        let Distinct(fields) = serde_path_to_error::deserialize::<_, Distinct<PolicyFields>>(&mut deserializer)
            .map_err(|error| InvalidPolicies::at(&error.path().to_string(), "", error.inner().to_string()))?;
        deserializer.end().map_err(|error| InvalidPolicies::at(".", "", error.to_string()))?;
        let custom: Vec<Policy> =
            fields.into_iter().map(|(name, fields)| fields.build(name)).collect::<Result<_, _>>()?;
        Ok(Self::default().and(custom))
    }

    /// The same policies with another default.
    ///
    /// # Errors
    /// None of them has that name.
    pub fn with_default(self, name: &str) -> Result<Self, UnknownPolicy> {
        if self.by_name.contains_key(name) {
            return Ok(Self { default: name.to_owned(), ..self });
        }
        let names: Vec<_> = self.by_name.keys().map(|name| format!("`{name}`")).collect();
        Err(UnknownPolicy { known: names.join(", ") })
    }

    /// The policy of that name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Policy> {
        self.by_name.get(name)
    }

    /// The policy where none is chosen.
    #[must_use]
    pub fn default_policy(&self) -> &Policy {
        &self.by_name[&self.default]
    }

    fn and(mut self, policies: impl IntoIterator<Item = Policy>) -> Self {
        self.by_name.extend(policies.into_iter().map(|policy| (policy.name.to_string(), policy)));
        self
    }
}

/// No policy has the name that was asked for.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected one of {known}")]
pub struct UnknownPolicy {
    known: String,
}

/// A text that describes no policies.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("at {at}: {problem}")]
pub struct InvalidPolicies {
    at: String,
    problem: String,
}

impl InvalidPolicies {
    pub(crate) fn at(place: &str, field: &str, problem: impl Into<String>) -> Self {
        Self { at: format!("{}{field}", place.escape_debug()), problem: problem.into() }
    }
}
